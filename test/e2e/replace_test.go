package e2e

import (
	"context"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/oracle/oci-go-sdk/v65/vault"

	"github.com/keyturn/keyturn/test/ociemu"
	"github.com/keyturn/keyturn/test/tenancy"
)

// limitCodes are OCI's codes for a limit that is reached, whichever it is.
var limitCodes = []struct {
	status int
	code   string
}{{400, "LimitExceeded"}, {400, "QuotaExceeded"}, {400, "IdcsConversionError"}, {409, "ApiKeyLimitExceeded"},
	{409, "Conflict"}}

// keepsOld checks at every change that the old credential exists.
func keepsOld(t *testing.T, s *tenancy.Deployment, c *tenancy.Case) {
	t.Helper()
	reported := false
	s.OnChange(func(v ociemu.View) {
		if !reported && !v.Holds(string(c.Kind), c.User, c.OldID, c.Old.Value) {
			reported = true
			t.Errorf("the old %s was deleted", c.Kind)
		}
	})
}

// The limit may be the tenancy's or a quota, and deleting the user's credential doesn't help then. Only the list shows
// that the user has no free slot.
func TestReplaceDeletesNothingOnlyBecauseALimitIsReached(t *testing.T) {
	t.Parallel()
	for i, limit := range limitCodes {
		for j, kind := range []tenancy.Kind{tenancy.APIKey, tenancy.AuthToken, tenancy.CustomerSecretKey} {
			if !runsCase(t, i+j, 3) {
				continue
			}
			t.Run(limit.code+", "+string(kind), func(t *testing.T) {
				t.Parallel()
				others := 0
				if kind == tenancy.APIKey { // two credentials and a free slot
					others = j + 1
				}
				s := newTenancy(t, calm)
				c := s.Add(tenancy.Want{Kind: kind, Bundle: (i+j)%2 == 0, Bystander: others})
				keepsOld(t, s, c)
				s.Inject(ociemu.Fault{Operation: creates[kind], Times: -1, Do: ociemu.Answer(limit.status, limit.code)})
				if err := s.Close(t.Context(), c.Problem, c.Comment("replace:yes")); err != nil {
					t.Fatal(err)
				}
				for range 3 {
					if _, err := s.Invoke(t.Context(), s.Events()[0]); err != nil {
						t.Fatal(err)
					}
					swept(t, s)
					s.Forward(20 * time.Minute)
				}
				if ids := c.IDs(); !slices.Contains(ids, c.OldID) || len(ids) != 1+others {
					t.Errorf("the user has %v", ids)
				}
				// A conflict may end at any time: it is no limit, and no reason to give up.
				if p := s.Problem(c.Problem); p.Status != "OPEN" && limit.code != "Conflict" || len(s.Mails()) == 0 {
					t.Errorf("after an hour the problem is %s, with %d mails", p.Status, len(s.Mails()))
				}
			})
		}
	}
}

// Another delivery's create may have taken the slot. The limit ends, and the rotation continues.
func TestATemporaryLimitIsNoRefusal(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w tenancy.Want) {
		s := newTenancy(t, calm)
		c := s.Add(w)
		judgeCases(t, s, c)
		f := s.Inject(ociemu.Fault{Operation: creates[w.Kind], Times: -1, Do: ociemu.Answer(400, "LimitExceeded")})
		if err := s.Close(t.Context(), c.Problem, c.Comment()); err != nil {
			t.Fatal(err)
		}
		s.Forward(10 * time.Minute)
		swept(t, s)
		closedAllAlong(t, s, c)
		f.Remove()
		s.Forward(10 * time.Minute)
		finish(t, s)
		onceRotated(t, s, c)
	})
}

// full gives the case a secret that accepts no more versions. current is its CURRENT version.
func full(t *testing.T, s *tenancy.Deployment, c *tenancy.Case, current int64) {
	t.Helper()
	for key := range c.Secrets {
		content := c.Old.Value
		if key == "accesskey_secret_ocid" {
			content = c.OldID
		}
		id := s.AddSecret(ociemu.SecretSeed{Name: "full-" + key, Versions: 30, Content: []byte(content),
			FreeformTags: map[string]string{"keyturn-user": c.User, "keyturn-kind": string(c.Kind)}})
		if current != 30 {
			edit(t, s, id, vault.UpdateSecretDetails{CurrentVersionNumber: &current})
		}
		c.Secrets[key] = id
	}
}

func TestReplaceDeletesNothingIfTheSecretAcceptsNoVersion(t *testing.T) {
	t.Parallel()
	for i, kind := range []tenancy.Kind{tenancy.APIKey, tenancy.AuthToken, tenancy.CustomerSecretKey} {
		others := map[tenancy.Kind]int{tenancy.APIKey: 2, tenancy.AuthToken: 1, tenancy.CustomerSecretKey: 1}[kind]
		states := map[string]int64{"as it is": 30, "rolled back a little": 28, "rolled back to an early version": 2}
		for j, name := range slices.Sorted(maps.Keys(states)) {
			if !runsCase(t, i+j, 3) {
				continue
			}
			current := states[name]
			t.Run(string(kind)+", "+name, func(t *testing.T) {
				t.Parallel()
				s := newTenancy(t, calm)
				c := s.Add(tenancy.Want{Kind: kind, Bundle: kind == tenancy.AuthToken, Bystander: others})
				full(t, s, c, current)
				keepsOld(t, s, c)
				a := closeProblem(t, s, c, c.Comment("replace:yes"))
				if a.Outcome != "refused" || a.Changed || !a.Reopened {
					t.Errorf("the answer is %+v", a)
				}
				eventually(t, s)
			})
		}
	}
}

// A process that is killed between the deletion and the create has left a journal, unless an operator wipes it.
func TestReplaceCreatesASuccessorThoughTheJournalIsWiped(t *testing.T) {
	t.Parallel()
	for kind, others := range map[tenancy.Kind]int{tenancy.APIKey: 2, tenancy.AuthToken: 1,
		tenancy.CustomerSecretKey: 1} {
		for _, wiped := range []bool{false, true} {
			t.Run(string(kind)+map[bool]string{true: ", wiped", false: ", kept"}[wiped], func(t *testing.T) {
				t.Parallel()
				s := newTenancy(t, calm)
				c := s.Add(tenancy.Want{Kind: kind, Bundle: kind == tenancy.CustomerSecretKey, Bystander: others})
				s.KillAt(deletes[kind], 0)
				if err := s.Close(t.Context(), c.Problem, c.Comment("replace:yes")); err != nil {
					t.Fatal(err)
				}
				if slices.Contains(c.IDs(), c.OldID) {
					t.Fatal("the setup failed: the old one exists")
				}
				for _, id := range c.Secrets {
					if wiped {
						edit(t, s, id, vault.UpdateSecretDetails{Metadata: map[string]any{}})
					}
				}
				eventually(t, s)
				stored, err := c.Stored()
				if err == nil && len(c.IDs()) == 1+others && c.Try(stored) == 200 {
					return
				}
				// Without the journal an operator has to order the rest; it never counts as done.
				if last := s.Mails()[len(s.Mails())-1]; !wiped || s.Problem(c.Problem).Status != "OPEN" {
					t.Errorf("the user has %v, the problem is %s, the last mail: %s\n%.400s", c.IDs(),
						s.Problem(c.Problem).Status, last.Title, last.Body)
				}
			})
		}
	}
}

// An operator fills the slot of the deleted credential.
func TestTheMailNamesWhatFillsTheSlotThatReplaceFreed(t *testing.T) {
	t.Parallel()
	for kind, others := range map[tenancy.Kind]int{tenancy.APIKey: 2, tenancy.AuthToken: 1,
		tenancy.CustomerSecretKey: 1} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			s := newTenancy(t, calm)
			c := s.Add(tenancy.Want{Kind: kind, Bystander: others})
			wait := duringCall(t, s, ociemu.After, func(k ociemu.Call) bool {
				return k.Operation == deletes[kind]
			}, func(context.Context, int) { c.AddCredential() })
			if err := s.Close(t.Context(), c.Problem, c.Comment("replace:yes")); err != nil {
				t.Fatal(err)
			}
			if !wait() {
				t.Fatal("nothing was deleted")
			}
			eventually(t, s)
			if n := len(c.IDs()); n != 1+others || len(s.Mails()) == 0 {
				t.Errorf("the user has %d credentials, and %d mails were sent", n, len(s.Mails()))
			}
			for _, id := range c.IDs()[others:] { // free the slots
				if !slices.Contains(c.Bystander, id) {
					if err := c.Delete(t.Context(), id); err != nil {
						t.Fatal(err)
					}
				}
			}
			if err := s.Close(t.Context(), c.Problem, c.Comment("replace:yes")); err != nil {
				t.Fatal(err)
			}
			eventually(t, s)
			successorOnly(t, c)
		})
	}
}
