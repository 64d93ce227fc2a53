package e2e

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/keyturn/keyturn/test/ociemu"
	"github.com/keyturn/keyturn/test/tenancy"
)

// refused checks that an event was refused, nothing was changed, the problem is open again, and a mail has the reason.
func refused(t *testing.T, s *tenancy.Deployment, c *tenancy.Case, a answer, want ...string) {
	t.Helper()
	if a.Outcome != "refused" || a.Changed {
		t.Fatalf("the answer is %+v", a)
	}
	untouched(t, s, c)
	if p := s.Problem(c.Problem); p.Status != "OPEN" || !a.Reopened ||
		!strings.HasPrefix(p.Comment, "Keyturn did not rotate") {
		t.Errorf("the problem is %s with the comment %q, want it open again", p.Status, p.Comment)
	}
	mails := s.Mails()
	if len(mails) != 1 || !strings.Contains(mails[0].Title, "NOT ROTATED") {
		t.Fatalf("%d mails, want one that says NOT ROTATED", len(mails))
	}
	for _, w := range want {
		if !strings.Contains(mails[0].Body, w) {
			t.Errorf("the mail doesn't say %q:\n%s", w, mails[0].Body)
		}
	}
}

func TestACommentWithAMistakeIsRefusedAndShowsTheCorrectOne(t *testing.T) {
	const other = "ocid1.vaultsecret.oc1.iad.amaaaaaaanothersecretthanthefirst"
	for _, m := range []struct {
		name    string
		kind    tenancy.Kind
		comment func(c *tenancy.Case) string
		want    string
	}{
		{"a misspelt key", tenancy.APIKey, func(c *tenancy.Case) string {
			return "api_secret_ocd:" + c.Secrets["api_secret_ocid"]
		}, "api_secret_ocid:"},
		{"not an OCID", tenancy.APIKey, func(c *tenancy.Case) string {
			return "api_secret_ocid:my-secret"
		}, "api_secret_ocid:<"},
		{"an OCID of another type", tenancy.APIKey, func(c *tenancy.Case) string {
			return "api_secret_ocid:" + c.User
		}, "vaultsecret"},
		{"a key with two values", tenancy.APIKey, func(c *tenancy.Case) string {
			return c.Comment("api_secret_ocid:" + other)
		}, "api_secret_ocid"},
		{"one secret for two roles", tenancy.CustomerSecretKey, func(c *tenancy.Case) string {
			id := c.Secrets["accesskey_secret_ocid"]
			return "accesskey_secret_ocid:" + id + ",secretkey_secret_ocid:" + id
		}, "secretkey_secret_ocid"},
		{"half of the pair", tenancy.CustomerSecretKey, func(c *tenancy.Case) string {
			return "accesskey_secret_ocid:" + c.Secrets["accesskey_secret_ocid"]
		}, "secretkey_secret_ocid"},
		{"the key of another kind", tenancy.AuthToken, func(c *tenancy.Case) string {
			return "api_secret_ocid:" + c.Secrets["auth_secret_ocid"]
		}, "auth_secret_ocid"},
		{"an unknown option value", tenancy.APIKey, func(c *tenancy.Case) string {
			return c.Comment("replace:maybe")
		}, "replace"},
		{"a grace without a unit", tenancy.APIKey, func(c *tenancy.Case) string {
			return c.Comment("grace:72")
		}, "grace"},
	} {
		t.Run(m.name, func(t *testing.T) {
			s := newTenancy(t, calm)
			c := s.Add(tenancy.Want{Kind: m.kind})
			refused(t, s, c, closeProblem(t, s, c, m.comment(c)), "Close the problem again with this comment:", m.want)
		})
	}
}

func TestASecretThatMayNotBeWrittenIsRefused(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w tenancy.Want) {
		for name, m := range map[string]struct {
			secret func(s *tenancy.Deployment, c *tenancy.Case, key string) string
			want   string
		}{
			"bound to another user": {func(s *tenancy.Deployment, c *tenancy.Case, key string) string {
				return s.Add(tenancy.Want{Kind: w.Kind, Bundle: w.Bundle}).Secrets[key]
			}, "is bound to another user"},
			"bound to another kind": {func(s *tenancy.Deployment, c *tenancy.Case, key string) string {
				return s.AddSecret(ociemu.SecretSeed{Name: "pager",
					FreeformTags: map[string]string{"keyturn-user": c.User, "keyturn-kind": "pager"}})
			}, "is bound to the kind pager"},
			"not bound": {func(s *tenancy.Deployment, c *tenancy.Case, key string) string {
				return s.AddSecret(ociemu.SecretSeed{Name: "free"})
			}, "oci vault secret update --secret-id"},
			"of another tenancy": {func(s *tenancy.Deployment, c *tenancy.Case, key string) string {
				return "ocid1.vaultsecret.oc1.iad.amaaaaaaanothertenancyssecretthatcannotbeseenfromhere" +
					strings.ReplaceAll(key, "_", "")
			}, "absent or not allowed"},
			"about to be deleted": {func(s *tenancy.Deployment, c *tenancy.Case, key string) string {
				return s.AddSecret(ociemu.SecretSeed{Name: "going", State: "PENDING_DELETION",
					FreeformTags: map[string]string{"keyturn-user": c.User, "keyturn-kind": string(c.Kind)}})
			}, "PENDING_DELETION"},
			"full of versions": {func(s *tenancy.Deployment, c *tenancy.Case, key string) string {
				return s.AddSecret(ociemu.SecretSeed{Name: "full", Versions: 30,
					FreeformTags: map[string]string{"keyturn-user": c.User, "keyturn-kind": string(c.Kind)}})
			}, "30 versions"},
		} {
			t.Run(name, func(t *testing.T) {
				s := newTenancy(t, calm)
				c := s.Add(w)
				mine := c.Secrets
				c.Secrets = map[string]string{}
				for key := range mine {
					c.Secrets[key] = m.secret(s, c, key)
				}
				comment := c.Comment()
				c.Secrets = mine
				refused(t, s, c, closeProblem(t, s, c, comment), m.want)
			})
		}
	})
}

func TestAProtectedUserIsNotRotated(t *testing.T) {
	s := newTenancy(t, tenancy.Options{Emulator: ociemu.Calm(),
		Config: []string{"protected_users=admin*,API-KEY-user-*"}})
	c := s.Add(tenancy.Want{Kind: tenancy.APIKey})
	refused(t, s, c, closeProblem(t, s, c, c.Comment()), "is protected")
}

func TestWithoutAFreeSlotTheMailNamesTheUsersCredentials(t *testing.T) {
	for kind, others := range map[tenancy.Kind]int{tenancy.APIKey: 2, tenancy.AuthToken: 1,
		tenancy.CustomerSecretKey: 1} {
		t.Run(string(kind), func(t *testing.T) {
			s := newTenancy(t, calm)
			c := s.Add(tenancy.Want{Kind: kind, Bystander: others})
			refused(t, s, c, closeProblem(t, s, c, c.Comment()), append(c.Bystander, "no free slot", "replace:yes")...)
		})
	}
}

func TestReplaceDeletesFirstWhenNoSlotIsFree(t *testing.T) {
	for kind, others := range map[tenancy.Kind]int{tenancy.APIKey: 2, tenancy.AuthToken: 1,
		tenancy.CustomerSecretKey: 1} {
		t.Run(string(kind), func(t *testing.T) {
			s := newTenancy(t, tenancy.Options{})
			c := s.Add(tenancy.Want{Kind: kind, Bystander: others})
			if a := closeProblem(t, s, c, c.Comment("replace:yes")); a.Outcome != "rotated" {
				t.Fatalf("the answer is %+v", a)
			}
			rotated(t, s, c)
		})
	}
}

func TestTwoKeysOfOneUserDoNotShareASecret(t *testing.T) {
	s := newTenancy(t, calm)
	c := s.Add(tenancy.Want{Kind: tenancy.APIKey, Bystander: 1})
	if a := closeProblem(t, s, c, c.Comment()); a.Outcome != "rotated" {
		t.Fatalf("the answer is %+v", a)
	}
	second := s.AddProblem(ociemu.ProblemSeed{Rule: "API_KEY_TOO_OLD", User: c.User, ResourceID: s.Tenancy() + "/" +
		c.User + "/" + c.Bystander[0]})
	if err := s.Close(t.Context(), second, c.Comment()); err != nil {
		t.Fatal(err)
	}
	if a := lastAnswer(t, s); a.Outcome != "refused" || !strings.Contains(a.Reason, "another living credential") {
		t.Errorf("the answer is %+v", a)
	}
	rotated(t, s, c)
}

func TestADryRunChangesNothingAndSaysWhatItWouldDo(t *testing.T) {
	each(t, func(t *testing.T, w tenancy.Want) {
		s := newTenancy(t, calm)
		c := s.Add(w)
		if a := closeProblem(t, s, c, c.Comment("dry_run:yes")); a.Outcome != "dry_run" || !a.Reopened {
			t.Fatalf("the answer is %+v", a)
		}
		untouched(t, s, c)
		if mails := s.Mails(); len(mails) != 1 || !strings.Contains(mails[0].Body, "delete the old credential") {
			t.Errorf("%d mails", len(mails))
		}
	})
}

func TestAForgedEventIsRefused(t *testing.T) {
	forge := func(change func(details, more map[string]any, data map[string]any)) func([]byte) []byte {
		return func(event []byte) []byte {
			var e map[string]any
			if err := json.Unmarshal(event, &e); err != nil {
				panic(err)
			}
			data := e["data"].(map[string]any)
			details := data["additionalDetails"].(map[string]any)
			change(details, details["problemAdditionalDetails"].(map[string]any), data)
			out, err := json.Marshal(e)
			if err != nil {
				panic(err)
			}
			return out
		}
	}
	for name, m := range map[string]struct {
		forge    func(victim *tenancy.Case) func([]byte) []byte
		reopened bool
	}{
		"another user": {func(v *tenancy.Case) func([]byte) []byte {
			return forge(func(d, more, _ map[string]any) { more["User OCID"] = v.User })
		}, true},
		"another credential": {func(v *tenancy.Case) func([]byte) []byte {
			return forge(func(d, _, _ map[string]any) { d["resourceId"] = v.OldID })
		}, true},
		"another rule": {func(v *tenancy.Case) func([]byte) []byte {
			return forge(func(d, _, _ map[string]any) { d["problemName"] = "SECRET_KEY_TOO_OLD" })
		}, true},
		"a problem that isn't there": {func(v *tenancy.Case) func([]byte) []byte {
			return forge(func(_, _, data map[string]any) {
				data["resourceId"] = "ocid1.cloudguardproblem.oc1.iad.amaaaaaanobodyhaseverseenthisproblem"
			})
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := newTenancy(t, calm)
			c, victim := s.Add(tenancy.Want{Kind: tenancy.AuthToken}), s.Add(tenancy.Want{Kind: tenancy.AuthToken})
			closeProblem(t, s, c, c.Comment())
			genuine := s.Events()[0]
			s.ResetCalls()
			before := len(s.Mails())
			reply, err := s.Invoke(t.Context(), m.forge(victim)(genuine))
			if err != nil || reply.Status != 200 {
				t.Fatalf("answered %d (%v)", reply.Status, err)
			}
			a := lastAnswer(t, s)
			if a.Outcome != "refused" || a.Changed || a.Reopened != m.reopened {
				t.Errorf("the answer is %+v", a)
			}
			untouched(t, s, victim)
			if len(s.Mails()) != before+1 {
				t.Errorf("%d mails, want one more", len(s.Mails())-before)
			}
		})
	}
}

func TestTheCommentThatCountsIsTheOneOnRecord(t *testing.T) {
	s := newTenancy(t, tenancy.Options{Emulator: ociemu.Options{
		Answers: ociemu.Answers{EventComments: ociemu.EventCommentsAbsent}}})
	c := s.Add(tenancy.Want{Kind: tenancy.AuthToken})
	if a := closeProblem(t, s, c, c.Comment()); a.Outcome != "rotated" {
		t.Fatalf("the answer is %+v", a)
	}
	rotated(t, s, c)
}

func TestACorrectedCommentRotatesAfterARefusal(t *testing.T) {
	for _, comments := range []ociemu.EventCommentsAnswer{ociemu.EventCommentsLast, ociemu.EventCommentsJoined,
		ociemu.EventCommentsAbsent} {
		t.Run(string(comments), func(t *testing.T) {
			s := newTenancy(t, tenancy.Options{
				Emulator: ociemu.Options{Answers: ociemu.Answers{EventComments: comments}}})
			c := s.Add(tenancy.Want{Kind: tenancy.APIKey})
			refused(t, s, c, closeProblem(t, s, c, "api_secret_ocid:oops"))
			if a := closeProblem(t, s, c, c.Comment()); a.Outcome != "rotated" {
				t.Fatalf("the answer is %+v", a)
			}
			rotated(t, s, c)
		})
	}
}

func TestARecordThatLagsBehindItsEventIsWaitedFor(t *testing.T) {
	s := newTenancy(t, tenancy.Options{Emulator: ociemu.Options{ProblemLagReads: 3}})
	c := s.Add(tenancy.Want{Kind: tenancy.AuthToken})
	if a := closeProblem(t, s, c, c.Comment()); a.Outcome != "rotated" {
		t.Fatalf("the answer is %+v", a)
	}
	rotated(t, s, c)
}

func TestARecordThatLagsTooLongIsLeftToALaterDelivery(t *testing.T) {
	t.Parallel()
	s := newTenancy(t, tenancy.Options{Emulator: ociemu.Options{ProblemLagReads: 40}})
	c := s.Add(tenancy.Want{Kind: tenancy.AuthToken})
	if err := s.Close(t.Context(), c.Problem, c.Comment()); err != nil {
		t.Fatal(err)
	}
	if r := s.Replies(); len(r) != 1 || r[0].Status != 502 {
		t.Fatalf("%d answers, want one failure", len(r))
	}
	untouched(t, s, c)
	if mails := s.Mails(); len(mails) != 1 || !strings.Contains(mails[0].Title, "NOT FINISHED") {
		t.Errorf("%d mails, want one that says NOT FINISHED", len(mails))
	}
}

func TestOtherEventsAreIgnored(t *testing.T) {
	s := newTenancy(t, calm)
	s.ResetCalls()
	for _, event := range []string{
		`{"eventType":"com.oraclecloud.cloudguard.problemdetected"}`,
		`{"eventType":"com.oraclecloud.cloudguard.problemremediated","data":{"additionalDetails":{"problemName":"BUCKET_IS_PUBLIC","status":"RESOLVED"}}}`,
		`{"eventType":"com.oraclecloud.cloudguard.problemremediated","data":{"additionalDetails":{"problemName":"API_KEY_TOO_OLD","status":"DISMISSED"}}}`,
		`{"eventType":"com.oraclecloud.cloudguard.problemremediated","eventTypeVersion":"3.0","data":{"additionalDetails":{"problemName":"API_KEY_TOO_OLD"}}}`,
		`{}`,
	} {
		reply, err := s.Invoke(t.Context(), []byte(event))
		if err != nil || reply.Status != 200 {
			t.Fatalf("%s is answered %d (%v)", event, reply.Status, err)
		}
		if a := lastAnswer(t, s); a.Outcome != "ignored" || a.Reason == "" {
			t.Errorf("%s is answered %+v", event, a)
		}
	}
	if calls := functionCalls(s); len(calls) > 0 || len(s.Mails()) > 0 {
		t.Errorf("the function called %v and sent %d mails", calls, len(s.Mails()))
	}
}
