package command

import (
	"slices"
	"strings"
	"testing"

	"github.com/oracle/oci-go-sdk/v65/vault"

	"github.com/keyturn/keyturn/test/ociemu"
	"github.com/keyturn/keyturn/test/tenancy"
)

func TestAnUndoThatTheFunctionsWouldWorkAgainstIsRefused(t *testing.T) {
	t.Parallel()
	s := newTenancy(t, tenancy.Options{Emulator: ociemu.Calm()})
	sh := shell(t, s.Emulator, s.Operator)
	for _, c := range []struct {
		name string
		want tenancy.Want
		set  func(c *tenancy.Case)
		says string
	}{
		{"nothing was rotated", tenancy.Want{Kind: tenancy.APIKey}, func(*tenancy.Case) {}, "no overlap is running"},
		{"the old one is deleted", tenancy.Want{Kind: tenancy.APIKey}, func(c *tenancy.Case) {
			closeWith(t, s, c, "grace:0")
		}, "is deleted"},
		{"a password", tenancy.Want{Kind: tenancy.Password}, func(c *tenancy.Case) { closeWith(t, s, c) },
			"no longer valid"},
		{"an operator deleted the old one", tenancy.Want{Kind: tenancy.AuthToken}, func(c *tenancy.Case) {
			closeWith(t, s, c, "grace:48h")
			must(t, c.Delete(t.Context(), c.OldID))
		}, "is deleted"},
		{"the deletion has begun", tenancy.Want{Kind: tenancy.AuthToken}, func(c *tenancy.Case) {
			f := s.Inject(ociemu.Fault{Operation: "DeleteAuthToken", Times: -1,
				Do: ociemu.Answer(404, "NotAuthorizedOrNotFound")})
			closeWith(t, s, c, "grace:0")
			f.Remove()
		}, "deletion of the old auth token began"},
		{"a rotation is half-way", tenancy.Want{Kind: tenancy.APIKey}, func(c *tenancy.Case) {
			closeWith(t, s, c, "grace:48h")
			next := c.AddProblem(newest(c))
			s.KillAt("UploadApiKey", 0)
			must(t, s.Close(t.Context(), next, c.Comment()))
		}, "half-way"},
		{"somebody wrote to the secret", tenancy.Want{Kind: tenancy.APIKey}, func(c *tenancy.Case) {
			closeWith(t, s, c, "grace:48h")
			must(t, s.PutSecret(t.Context(), anySecret(c), []byte(c.Old.Value)))
		}, "became CURRENT after the rotation"},
		{"the version before held something else", tenancy.Want{Kind: tenancy.AuthToken}, func(c *tenancy.Case) {
			must(t, s.PutSecret(t.Context(), anySecret(c), []byte("Keyturn has not rotated this credential yet.")))
			closeWith(t, s, c, "grace:48h")
		}, "is refused"},
		{"the metadata was wiped", tenancy.Want{Kind: tenancy.APIKey}, func(c *tenancy.Case) {
			closeWith(t, s, c, "grace:48h")
			s.WipeMetadata(anySecret(c))
		}, "no overlap is running"},
		{"one half of a pair has another journal", tenancy.Want{Kind: tenancy.CustomerSecretKey},
			func(c *tenancy.Case) {
				closeWith(t, s, c, "grace:48h")
				s.WipeMetadata(c.Secrets["secretkey_secret_ocid"])
			}, "journal"},
		{"one half of a pair is bound to another user", tenancy.Want{Kind: tenancy.CustomerSecretKey},
			func(c *tenancy.Case) {
				closeWith(t, s, c, "grace:48h")
				must(t, s.Tag(t.Context(), c.Secrets["secretkey_secret_ocid"], map[string]string{
					"keyturn-user": s.Operator.UserID}))
			}, "isn't bound to the same user"},
		{"one half of a pair is to be deleted", tenancy.Want{Kind: tenancy.CustomerSecretKey}, func(c *tenancy.Case) {
			closeWith(t, s, c, "grace:48h")
			must(t, s.DeleteSecret(t.Context(), c.Secrets["secretkey_secret_ocid"]))
		}, "deletion"},
		{"not bound", tenancy.Want{Kind: tenancy.APIKey}, func(c *tenancy.Case) {
			closeWith(t, s, c, "grace:48h")
			must(t, s.EditSecret(t.Context(), anySecret(c),
				vault.UpdateSecretDetails{FreeformTags: map[string]string{}}))
		}, "not bound"},
		{"two old ones", tenancy.Want{Kind: tenancy.APIKey}, func(c *tenancy.Case) {
			closeWith(t, s, c, "grace:48h")
			must(t, s.Close(t.Context(), c.AddProblem(newest(c)), c.Comment("grace:48h")))
		}, "old API keys that still exist"},
	} {
		t.Run(c.name, func(t *testing.T) {
			k := s.Add(c.want)
			c.set(k)
			id := k.Secrets["accesskey_secret_ocid"]
			if id == "" {
				id = anySecret(k)
			}
			before, ids := current(s, k), k.IDs()
			r := run(t, sh, 1, "", "undo", id, "--yes")
			if !strings.Contains(r.Stderr, c.says) {
				t.Errorf("it doesn't say %q:\n%s", c.says, r.Stderr)
			}
			noValues(t, r, k.Old.Value)
			if now := current(s, k); now != before || !slices.Equal(k.IDs(), ids) {
				t.Errorf("it changed %s to %s, and %v to %v", before, now, ids, k.IDs())
			}
		})
	}
}
