package e2e

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oracle/oci-go-sdk/v65/common"
	"github.com/oracle/oci-go-sdk/v65/vault"

	"github.com/keyturn/keyturn/test/ociemu"
	"github.com/keyturn/keyturn/test/tenancy"
)

// If OCI accepts no second PENDING version, that of an undone attempt must not block the next attempt.
func TestAfterAnUndoneAttemptTheNextOneSucceeds(t *testing.T) {
	t.Parallel()
	for i, second := range []ociemu.SecondPendingAnswer{ociemu.SecondPendingDeprecates, ociemu.SecondPendingRefused,
		ociemu.SecondPendingKeeps} {
		for j, kind := range []tenancy.Kind{tenancy.APIKey, tenancy.AuthToken, tenancy.CustomerSecretKey} {
			if !runsCase(t, i+j, 3) {
				continue
			}
			bundle := (i+j)%2 == 1
			t.Run(string(second)+", "+string(kind), func(t *testing.T) {
				t.Parallel()
				o := ociemu.Calm()
				o.Answers.SecondPending = second
				s := newTenancy(t, tenancy.Options{Emulator: o})
				c := s.Add(tenancy.Want{Kind: kind, Bundle: bundle})
				// an operator makes a version CURRENT that does not work
				if second != ociemu.SecondPendingRefused {
					judgeCases(t, s, c)
				}
				s.SetCreatedOffset(-31 * time.Minute) // several refusals count
				answer := ociemu.Answer(401, "NotAuthenticated")
				if kind == tenancy.CustomerSecretKey {
					answer = ociemu.Answer(403, "SignatureDoesNotMatch")
				}
				f := s.Inject(ociemu.Fault{Operation: proofs[kind], Times: -1, Match: proves(c), Do: answer})
				if a := closeProblem(t, s, c, c.Comment()); a.Outcome != "refused" ||
					!strings.Contains(a.Reason, "taken back") {
					t.Fatalf("the answer is %+v", a)
				}
				if ids := c.IDs(); !slices.Equal(ids, []string{c.OldID}) {
					t.Errorf("the user has %v", ids)
				}
				f.Remove()
				s.SetCreatedOffset(0)
				if err := s.Close(t.Context(), c.Problem, c.Comment()); err != nil {
					t.Fatal(err)
				}
				if second == ociemu.SecondPendingRefused {
					unblocked(t, s, c)
				}
				successorOnly(t, c)
			})
		}
	}
}

// unblocked does what the mail advises for a secret that accepts no change because of an unwanted PENDING version. Only
// an operator can remove that version.
func unblocked(t *testing.T, s *tenancy.Deployment, c *tenancy.Case) {
	t.Helper()
	s.Forward(40 * time.Minute)
	if _, err := s.Invoke(t.Context(), s.Events()[len(s.Events())-1]); err != nil {
		t.Fatal(err)
	}
	if a := lastAnswer(t, s); a.Outcome != "refused" || !a.Reopened ||
		!strings.Contains(a.Remedy, "--current-version-number") {
		t.Fatalf("the answer is %+v", a)
	}
	for _, id := range c.Secrets {
		for _, v := range s.Secret(id).Versions {
			if slices.Contains(v.Stages, "PENDING") {
				edit(t, s, id, vault.UpdateSecretDetails{CurrentVersionNumber: common.Int64(v.Number)})
				edit(t, s, id, vault.UpdateSecretDetails{CurrentVersionNumber: common.Int64(1)})
			}
		}
	}
	if err := s.Close(t.Context(), c.Problem, c.Comment()); err != nil {
		t.Fatal(err)
	}
}

// One refusal doesn't prove that a credential is bad, because OCI may refuse the first use of a new one.
func TestOneRefusalOfALateProofUndoesNothing(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w tenancy.Want) {
		for _, age := range []time.Duration{5 * time.Minute, 29 * time.Minute, time.Hour} {
			s := newTenancy(t, tenancy.Options{}) // the first use is refused
			c := s.Add(w)
			judgeCases(t, s, c)
			s.SetCreatedOffset(-age)
			killDuringProof(s, c)
			if err := s.Close(t.Context(), c.Problem, c.Comment()); err != nil {
				t.Fatal(err)
			}
			s.SetCreatedOffset(0)
			if _, err := s.Invoke(t.Context(), s.Events()[0]); err != nil {
				t.Fatal(err)
			}
			closedAllAlong(t, s, c)
			if s.Replies()[len(s.Replies())-1].Status != 200 {
				finish(t, s)
			}
			onceRotated(t, s, c)
		}
	})
}

func TestTheMailOfAPartialPromotionReportsAChange(t *testing.T) {
	t.Parallel()
	s := newTenancy(t, calm)
	c := s.Add(tenancy.Want{Kind: tenancy.CustomerSecretKey})
	killDuringProof(s, c)
	if err := s.Close(t.Context(), c.Problem, c.Comment()); err != nil {
		t.Fatal(err)
	}
	half := func() (n int) {
		for _, id := range c.Secrets {
			if s.Secret(id).CurrentVersion > 1 {
				n++
			}
		}
		return n
	}
	f := s.Inject(ociemu.Fault{Operation: "UpdateSecret", Times: -1, Do: ociemu.Answer(404, "NotAuthorizedOrNotFound"),
		Match: func(k ociemu.Call) bool { return !k.Caller.Operator && half() > 0 }})
	for range 2 {
		if _, err := s.Invoke(t.Context(), s.Events()[0]); err != nil {
			t.Fatal(err)
		}
	}
	if half() != 1 {
		t.Fatalf("the setup failed: %d secrets have the new half", half())
	}
	mails := s.Mails()
	if len(mails) == 0 {
		t.Fatal("no mail")
	}
	for _, m := range mails {
		if strings.Contains(m.Body, "Nothing was changed") {
			t.Errorf("half of the pair is CURRENT, and the mail %q says that nothing was changed", m.Title)
		}
	}
	if c.Try(c.Old) != 200 {
		t.Error("the old one was deleted")
	}
	f.Remove()
	if err := s.Close(t.Context(), c.Problem, c.Comment()); err != nil {
		t.Fatal(err)
	}
	eventually(t, s)
	successorOnly(t, c)
}

// An operator stores another credential after a process was killed and before the next delivery.
func TestAnOperatorsValueIsNotOverwritten(t *testing.T) {
	t.Parallel()
	for _, at := range []string{"UploadApiKey", "GetUser", "UpdateSecret"} {
		t.Run("killed at "+at, func(t *testing.T) {
			t.Parallel()
			for _, order := range []string{"delivery", "sweep"} {
				s := newTenancy(t, calm)
				c := s.Add(tenancy.Want{Kind: tenancy.APIKey})
				if at == "GetUser" {
					killDuringProof(s, c)
				} else {
					s.KillAt(at, 0)
				}
				if err := s.Close(t.Context(), c.Problem, c.Comment()); err != nil {
					t.Fatal(err)
				}
				own := c.AddCredential()
				if err := s.PutSecret(t.Context(), c.Secrets["api_secret_ocid"], []byte(own.Value)); err != nil {
					t.Fatal(err)
				}
				if order == "sweep" {
					s.Forward(20 * time.Minute)
					swept(t, s)
				} else if _, err := s.Invoke(t.Context(), s.Events()[0]); err != nil {
					t.Fatal(err)
				}
				eventually(t, s)
				if got := string(s.Secret(c.Secrets["api_secret_ocid"]).Current()); got != own.Value &&
					slices.Contains(c.IDs(), own.ID) {
					t.Errorf("%s: the key that an operator made CURRENT exists, and CURRENT has another", order)
				}
				if !slices.Contains(c.IDs(), c.OldID) {
					t.Errorf("%s: the old key was deleted", order)
				}
			}
		})
	}
}

// The journal and the content say what a secret is for. A comment that contradicts them is refused.
func TestABundleStaysABundle(t *testing.T) {
	t.Parallel()
	for kind, key := range map[tenancy.Kind]string{tenancy.APIKey: "api_secret_ocid",
		tenancy.AuthToken: "auth_secret_ocid"} {
		for name, comment := range map[string]func(id string) string{
			"the next closure names no secret":           func(string) string { return "rotate:yes" },
			"the next closure has the key of a bare one": func(id string) string { return key + ":" + id },
		} {
			for _, wiped := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s, %s, wiped %v", kind, name, wiped), func(t *testing.T) {
					t.Parallel()
					s := newTenancy(t, calm)
					c := s.Add(tenancy.Want{Kind: kind, Bundle: true})
					first := closeProblem(t, s, c, c.Comment())
					if first.Outcome != "rotated" {
						t.Fatalf("the answer is %+v", first)
					}
					id := c.Secrets["bundle_secret_ocid"]
					if wiped {
						edit(t, s, id, vault.UpdateSecretDetails{Metadata: map[string]any{}})
					}
					next := c.AddProblem(first.NewID)
					if err := s.Close(t.Context(), next, comment(id)); err != nil {
						t.Fatal(err)
					}
					if !json.Valid(s.Secret(id).Current()) {
						t.Errorf("%s: the secret held one JSON document, and holds something else",
							lastAnswer(t, s).Outcome)
					}
					if _, err := c.Stored(); err != nil || len(c.IDs()) != 1 {
						t.Errorf("the user has %v (%v)", c.IDs(), err)
					}
				})
			}
		}
	}
}

// The tag of the role also says what a secret is for.
func TestASecretTaggedAsBundleTakesNoPlainKey(t *testing.T) {
	t.Parallel()
	s := newTenancy(t, calm)
	c := s.Add(tenancy.Want{Kind: tenancy.APIKey})
	edit(t, s, c.Secrets["api_secret_ocid"], vault.UpdateSecretDetails{FreeformTags: map[string]string{"team": "web",
		"keyturn-user": c.User, "keyturn-kind": string(c.Kind), "keyturn-role": "bundle"}})
	s.ResetCalls()
	refused(t, s, c, closeProblem(t, s, c, c.Comment()), "bundle")
}

// Credentials of protected users are never deleted, not even those with Keyturn's mark and without a stored value.
func TestTheSweepDeletesNothingOfAProtectedUser(t *testing.T) {
	t.Parallel()
	for _, kind := range []tenancy.Kind{tenancy.AuthToken, tenancy.CustomerSecretKey} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			s := newTenancy(t, tenancy.Options{Emulator: ociemu.Calm(),
				Config: []string{"protected_users=break-glass*"}})
			c := s.Add(tenancy.Want{Kind: kind, Bundle: true, UserName: "break-glass@example.com"})
			description := markFor(rotationOf(kind, c.User, c.OldID), c.Secrets["bundle_secret_ocid"])
			s.SetCreatedOffset(-time.Hour)
			var id string
			if kind == tenancy.AuthToken {
				id, _ = s.AddAuthToken(c.User, description)
			} else {
				id, _ = s.AddCustomerSecretKey(c.User, description)
			}
			s.SetCreatedOffset(0)
			for range 2 {
				swept(t, s)
				s.Forward(time.Hour)
			}
			if !slices.Contains(c.IDs(), id) {
				t.Error("the sweep deleted a credential of a protected user")
			}
		})
	}
}

// A secret whose CURRENT version is an early one can also be full.
func TestTheSweepRemovesOldVersionsOfARolledBackSecret(t *testing.T) {
	t.Parallel()
	for _, current := range []int64{1, 2, 20, 28} {
		t.Run(fmt.Sprint("to version ", current), func(t *testing.T) {
			t.Parallel()
			s := newTenancy(t, calm)
			c := s.Add(tenancy.Want{Kind: tenancy.APIKey})
			id := s.AddSecret(ociemu.SecretSeed{Name: "crowded", Versions: 29, Content: []byte(c.Old.Value),
				FreeformTags: map[string]string{"keyturn-user": c.User, "keyturn-kind": string(c.Kind)}})
			edit(t, s, id, vault.UpdateSecretDetails{CurrentVersionNumber: common.Int64(current)})
			d := swept(t, s)
			left := 0
			for _, v := range s.Secret(id).Versions {
				if v.Deletion.IsZero() {
					left++
				} else if slices.Contains(v.Stages, "CURRENT") || slices.Contains(v.Stages, "PREVIOUS") {
					t.Errorf("version %d (%v) goes", v.Number, v.Stages)
				}
			}
			if left > 20 || s.Secret(id).CurrentVersion != current {
				t.Errorf("the secret keeps %d versions of 30, CURRENT is %d: %+v", left, s.Secret(id).CurrentVersion, d)
			}
		})
	}
}
