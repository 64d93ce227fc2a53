package e2e

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oracle/oci-go-sdk/v65/common"
	"github.com/oracle/oci-go-sdk/v65/vault"

	"github.com/keyturn/keyturn/test/ociemu"
	"github.com/keyturn/keyturn/test/tenancy"
)

// lowerBase32 returns the first n bytes of the text's hash, encoded as in version names and marks.
func lowerBase32(text string, n int) string {
	sum := sha256.Sum256([]byte(text))
	return strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(sum[:n]))
}

// rotationOf is the id of the rotation of a credential.
func rotationOf(kind tenancy.Kind, user, old string) string {
	return lowerBase32(string(kind)+"\n"+user+"\n"+old, 10)
}

// markFor is the description of a credential that a rotation created for the secret.
func markFor(rotation, secret string) string {
	return "made [keyturn " + rotation + "/maker/" + lowerBase32(secret, 5) + "]"
}

const longAgo = "2020-01-01T00:00:00Z"

// journal is forged metadata of a secret.
func journal(part string, fields map[string]any) map[string]any {
	text, err := json.Marshal(map[string]any{part: fields})
	if err != nil {
		panic(err)
	}
	return map[string]any{"keyturn": string(text)}
}

// pending is a PENDING version.
func pending(name string, content []byte) vault.SecretContentDetails {
	return vault.Base64SecretContentDetails{Name: &name, Stage: vault.SecretContentDetailsStagePending,
		Content: common.String(base64.StdEncoding.EncodeToString(content))}
}

func edit(t *testing.T, s *tenancy.Deployment, id string, d vault.UpdateSecretDetails) {
	t.Helper()
	if err := s.EditSecret(t.Context(), id, d); err != nil {
		t.Fatal(err)
	}
}

// boundSecret adds a secret with tags that bind it to the user.
func boundSecret(s *tenancy.Deployment, user string, kind tenancy.Kind) string {
	return s.AddSecret(ociemu.SecretSeed{Name: "mine", FreeformTags: map[string]string{"keyturn-user": user,
		"keyturn-kind": string(kind)}})
}

// unordered checks that the sweep creates and deletes nothing.
func unordered(t *testing.T, s *tenancy.Deployment) {
	t.Helper()
	for range 2 {
		swept(t, s)
		s.Forward(time.Hour)
	}
	for _, call := range s.Calls() {
		if call.Caller.Kind == "function" && call.Effect < 300 &&
			slices.Contains([]string{"UploadApiKey", "CreateAuthToken", "CreateCustomerSecretKey",
				"CreateOrResetUIPassword",
				"DeleteApiKey", "DeleteAuthToken", "DeleteCustomerSecretKey"}, call.Operation) {
			t.Errorf("no rotation was ordered, and the sweep called %s", call.Operation)
		}
	}
}

// A user who may write one secret, its tags and its metadata can't make the sweep rotate: no problem was closed.
func TestAForgedJournalStartsNothing(t *testing.T) {
	t.Parallel()
	for name, forge := range map[string]func(t *testing.T, s *tenancy.Deployment, victim *tenancy.Case,
		secret string) vault.UpdateSecretDetails{
		"an overlap that is over": func(_ *testing.T, _ *tenancy.Deployment, c *tenancy.Case,
			id string) vault.UpdateSecretDetails {
			return vault.UpdateSecretDetails{
				Metadata: journal("retire", map[string]any{"credential": c.OldID, "after": longAgo,
					"secrets": map[string]string{"private-key": id, "auth-token": id, "bundle": id}})}
		},
		"an overlap with an open problem": func(_ *testing.T, _ *tenancy.Deployment, c *tenancy.Case,
			id string) vault.UpdateSecretDetails {
			return vault.UpdateSecretDetails{Metadata: journal("retire", map[string]any{"credential": c.OldID,
				"after": longAgo, "problem": c.Problem,
				"secrets": map[string]string{"private-key": id, "auth-token": id, "bundle": id}})}
		},
		"an announcement": func(_ *testing.T, _ *tenancy.Deployment, c *tenancy.Case,
			id string) vault.UpdateSecretDetails {
			return vault.UpdateSecretDetails{Metadata: journal("staged",
				map[string]any{"version": "keyturn-" + rotationOf(c.Kind, c.User, c.OldID) + "-1",
					"phase": "intent", "given_up": true, "old": c.OldID, "maker": "m", "at": longAgo,
					"problem": c.Problem,
					"secrets": map[string]string{"private-key": id, "auth-token": id, "bundle": id}})}
		},
		"a staged version": func(t *testing.T, s *tenancy.Deployment, c *tenancy.Case,
			id string) vault.UpdateSecretDetails {
			name := "keyturn-" + rotationOf(c.Kind, c.User, c.OldID) + "-1"
			return vault.UpdateSecretDetails{SecretContent: pending(name, []byte("theirs")),
				Metadata: journal("staged", map[string]any{"version": name, "phase": "staged", "old": c.OldID,
					"credential": "ocid1.credential.oc1..aaaatheirs", "maker": "m", "at": longAgo,
					"secrets": map[string]string{"private-key": id, "auth-token": id, "bundle": id}})}
		},
		"a problem that is closed, but another user's": func(t *testing.T, s *tenancy.Deployment, c *tenancy.Case,
			id string) vault.UpdateSecretDetails {
			other := s.Add(tenancy.Want{Kind: c.Kind})
			closeProblem(t, s, other, other.Comment())
			s.ResetCalls()
			return vault.UpdateSecretDetails{Metadata: journal("retire", map[string]any{"credential": c.OldID,
				"after": longAgo, "problem": other.Problem,
				"secrets": map[string]string{"private-key": id, "auth-token": id, "bundle": id}})}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, kind := range []tenancy.Kind{tenancy.APIKey, tenancy.AuthToken} {
				s := newTenancy(t, calm)
				victim := s.Add(tenancy.Want{Kind: kind, NoSecret: true})
				id := boundSecret(s, victim.User, kind)
				edit(t, s, id, forge(t, s, victim, id))
				unordered(t, s)
				if ids := victim.IDs(); !slices.Equal(ids, []string{victim.OldID}) || s.Secret(id).CurrentVersion != 1 {
					t.Errorf("%s: the user has %v, and CURRENT of the secret is version %d", kind, ids,
						s.Secret(id).CurrentVersion)
				}
			}
		})
	}
}

// A forged version that looks like a rotation's staged key pair never becomes a key of the user, neither by the sweep
// nor by a later order.
func TestAForgedKeyPairIsNeverUploaded(t *testing.T) {
	t.Parallel()
	for _, ordered := range []bool{false, true} {
		for _, written := range []string{longAgo, "now"} {
			t.Run(fmt.Sprintf("ordered %v, journal of %s", ordered, written), func(t *testing.T) {
				t.Parallel()
				s := newTenancy(t, calm)
				c := s.Add(tenancy.Want{Kind: tenancy.APIKey})
				mine, private := s.AddAPIKey(s.AddUser("stranger"))
				id := c.Secrets["api_secret_ocid"]
				name := "keyturn-" + rotationOf(c.Kind, c.User, c.OldID) + "-1"
				at := written
				if at == "now" {
					at = time.Now().UTC().Format(time.RFC3339)
				}
				edit(t, s, id, vault.UpdateSecretDetails{SecretContent: pending(name, private),
					Metadata: journal("staged", map[string]any{"version": name,
						"phase": "staged", "old": c.OldID, "credential": mine, "maker": "m", "at": at,
						"problem": c.Problem,
						"secrets": map[string]string{"private-key": id}})})
				if ordered {
					if err := s.Close(t.Context(), c.Problem, c.Comment()); err != nil {
						t.Fatal(err)
					}
				}
				eventually(t, s)
				if status := s.TryAPIKey(c.User, private); status == 200 {
					t.Error("a stranger's private key signs for the user")
				}
				if string(s.Secret(id).Current()) == string(private) {
					t.Error("a stranger's private key is CURRENT")
				}
				if ids := c.IDs(); ordered == slices.Contains(ids, c.OldID) || len(ids) != 1 {
					t.Errorf("the user has %v", ids)
				}
			})
		}
	}
}

// forgeAttempts writes two versions into the case's secret with the names of the rotation's last attempts.
func forgeAttempts(t *testing.T, s *tenancy.Deployment, c *tenancy.Case, phase string) {
	t.Helper()
	stranger := s.AddUser("stranger")
	rotation := rotationOf(c.Kind, c.User, c.OldID)
	for _, n := range []string{"999999", "1000000"} {
		name := "keyturn-" + rotation + "-" + n
		_, key := s.AddAPIKey(stranger)
		for _, id := range c.Secrets {
			edit(t, s, id, vault.UpdateSecretDetails{SecretContent: pending(name, key),
				Metadata: journal("staged", map[string]any{
					"version": "keyturn-" + rotation + "-999999", "phase": phase, "old": c.OldID, "maker": "m",
					"at": longAgo, "problem": c.Problem})})
		}
	}
}

func TestAForgedAttemptEndsOnlyItsOwnRotation(t *testing.T) {
	t.Parallel()
	for _, phase := range []string{"staged", "undone", "intent", "never heard of"} {
		for _, kind := range []tenancy.Kind{tenancy.APIKey, tenancy.AuthToken} {
			t.Run(phase+", "+string(kind), func(t *testing.T) {
				t.Parallel()
				s := newTenancy(t, calm)
				bad, good := s.Add(tenancy.Want{Kind: kind}), s.Add(tenancy.Want{Kind: tenancy.AuthToken})
				forgeAttempts(t, s, bad, phase)
				dropEvents(s)
				for _, c := range []*tenancy.Case{bad, good} {
					if err := s.Close(t.Context(), c.Problem, c.Comment()); err != nil {
						t.Fatal(err)
					}
				}
				for range 3 {
					if r, err := s.Sweep(t.Context()); err != nil || r.Status == 504 {
						t.Errorf("a sweep is answered %d %s (%v)", r.Status, r.Body, err)
					}
					s.Forward(20 * time.Minute)
				}
				if strings.Contains(s.Printed.String(), "goroutine ") {
					t.Error("the log has a stack trace")
				}
				rotated(t, s, good)
				if c := bad; !slices.Contains(c.IDs(), c.OldID) &&
					!works(s, c, string(s.Secret(slices.Collect(maps.Values(c.Secrets))[0]).Current())) {
					t.Error("the old credential of the forged case is gone, and CURRENT holds none that works")
				}
				if len(s.Mails()) == 0 {
					t.Error("there was no mail")
				}
			})
		}
	}
}

// A refusal opens the problem again. That cancels the order, whatever the journal says.
func TestARefusedRotationWaitsForAnotherClosure(t *testing.T) {
	t.Parallel()
	for _, refusal := range []struct {
		name      string
		kind      tenancy.Kind
		operation string
		skip      int
	}{
		{"the upload", tenancy.APIKey, "UploadApiKey", 0},
		{"the create", tenancy.AuthToken, "CreateAuthToken", 0},
		{"the promotion", tenancy.AuthToken, "UpdateSecret", 1},
		{"the second half's version", tenancy.CustomerSecretKey, "UpdateSecret", 1},
	} {
		t.Run(refusal.name+" of an "+string(refusal.kind), func(t *testing.T) {
			t.Parallel()
			s := newTenancy(t, calm)
			c := s.Add(tenancy.Want{Kind: refusal.kind})
			f := s.Inject(ociemu.Fault{Operation: refusal.operation, Skip: refusal.skip, Times: -1,
				Do:    ociemu.Answer(404, "NotAuthorizedOrNotFound"),
				Match: func(k ociemu.Call) bool { return !k.Caller.Operator }})
			if a := closeProblem(t, s, c, c.Comment()); a.Outcome != "refused" || !a.Reopened {
				t.Fatalf("the answer is %+v", a)
			}
			mails := len(s.Mails())
			for range 3 {
				s.Forward(20 * time.Minute)
				swept(t, s)
			}
			if n := len(s.Mails()) - mails; n > 1 {
				t.Errorf("three sweeps sent %d more mails about one refusal", n)
			}
			f.Remove()
			before, current := c.IDs(), map[string]int64{}
			for _, id := range c.Secrets {
				current[id] = s.Secret(id).CurrentVersion
			}
			swept(t, s)
			if _, err := s.Invoke(t.Context(), s.Events()[0]); err != nil {
				t.Fatal(err)
			}
			for id, n := range current {
				if now := s.Secret(id).CurrentVersion; now != n {
					t.Errorf("the problem was not closed again, and CURRENT went from %d to %d", n, now)
				}
			}
			if !slices.Contains(c.IDs(), c.OldID) {
				t.Errorf("the problem was not closed again, and the old one is gone: %v became %v", before, c.IDs())
			}
			if p := s.Problem(c.Problem); p.Status != "OPEN" {
				t.Errorf("the problem is %s", p.Status)
			}
			if a := closeProblem(t, s, c, c.Comment()); a.Outcome != "rotated" {
				t.Fatalf("closed again, the answer is %+v", a)
			}
			successorOnly(t, c)
		})
	}
}
