package e2e

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/keyturn/keyturn/test/ociemu"
	"github.com/keyturn/keyturn/test/tenancy"
)

func TestABodyThatIsNoEventIsRefusedWithAReason(t *testing.T) {
	s := newTenancy(t, calm)
	for _, m := range []struct{ name, event, want string }{
		{"empty", "", "empty"},
		{"not JSON", "certainly not", "JSON"},
		{"cut off", `{"eventType":"com.`, "JSON"},
		{"a list", `[]`, "object"},
		{"6 MB and one byte", `{"pad":"` + strings.Repeat("x", 6<<20) + `"}`, "6"},
		{"without a problem", `{"eventType":"com.oraclecloud.cloudguard.problemremediated","data":[]}`,
			"data.resourceId"},
		{"of a problem that leads elsewhere",
			`{"eventType":"com.oraclecloud.cloudguard.problemremediated","data":{"resourceId":"../users"}}`,
			"data.resourceId"},
	} {
		t.Run(m.name, func(t *testing.T) {
			before := len(s.Mails())
			reply, err := s.Invoke(t.Context(), []byte(m.event))
			if err != nil || reply.Status != 200 {
				t.Fatalf("answered %d (%v)", reply.Status, err)
			}
			a := lastAnswer(t, s)
			if a.Outcome != "refused" || !strings.Contains(a.Reason, m.want) {
				t.Errorf("the answer is %+v; want it to name %q", a, m.want)
			}
			if n := len(s.Mails()) - before; n != 1 {
				t.Errorf("%d mails, want 1", n)
			}
		})
	}
	for _, call := range s.Calls() {
		if call.Caller.Kind == "function" &&
			!slices.Contains([]string{"PublishMessage", "GetTenancy", "PostMetricData"}, call.Operation) {
			t.Errorf("the function called %s", call.Operation)
		}
	}
}

// closed adds a case, closes its problem, and returns the event, which the function has not got.
func closed(t *testing.T, s *tenancy.Deployment, kind tenancy.Kind) (*tenancy.Case, map[string]any) {
	t.Helper()
	c := s.Add(tenancy.Want{Kind: kind})
	before := len(s.Mails())
	var body []byte
	s.HandleFunction(s.Function.FunctionID, func(_ context.Context, event []byte) error {
		body = event
		return nil
	})
	if err := s.Close(t.Context(), c.Problem, c.Comment()); err != nil {
		t.Fatal(err)
	}
	if len(s.Mails()) != before || body == nil {
		t.Fatal("the event went to the function")
	}
	var event map[string]any
	if err := json.Unmarshal(body, &event); err != nil {
		t.Fatal(err)
	}
	return c, event
}

func invoke(t *testing.T, s *tenancy.Deployment, event any) answer {
	t.Helper()
	body, ok := event.([]byte)
	if !ok {
		var err error
		body, err = json.Marshal(event)
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Invoke(t.Context(), body); err != nil {
		t.Fatal(err)
	}
	return lastAnswer(t, s)
}

func TestAnEventNeedsOnlyTheProblemsOCID(t *testing.T) {
	for kind, change := range map[tenancy.Kind]func(event, data, details map[string]any){
		tenancy.APIKey: func(event, data, details map[string]any) { delete(details, "problemAdditionalDetails") },
		tenancy.AuthToken: func(event, data, details map[string]any) {
			details["problemAdditionalDetails"], details["resourceId"] = []any{7}, "../users?x=y"
			details["status"], details["problemName"], event["eventTime"] = []any{}, nil, "2026-5-4T"
		},
		tenancy.CustomerSecretKey: func(event, data, details map[string]any) {
			delete(data, "additionalDetails")
			event["eventTypeVersion"], event["source"], data["resourceName"] = nil, 7, map[string]any{}
		},
	} {
		t.Run(string(kind), func(t *testing.T) {
			s := newTenancy(t, calm)
			c, event := closed(t, s, kind)
			data := event["data"].(map[string]any)
			change(event, data, data["additionalDetails"].(map[string]any))
			if a := invoke(t, s, event); a.Outcome != "rotated" {
				t.Fatalf("the answer is %+v", a)
			}
			rotated(t, s, c)
		})
	}
}

func TestAMalformedEventReopensItsProblem(t *testing.T) {
	s := newTenancy(t, calm)
	c, event := closed(t, s, tenancy.AuthToken)
	whole, err := json.Marshal(event)
	if err != nil {
		t.Fatal(err)
	}
	if a := invoke(t, s, whole[:len(whole)-40]); a.Outcome != "refused" || !a.Reopened {
		t.Errorf("the answer is %+v", a)
	}
	if p := s.Problem(c.Problem); p.Status != "OPEN" {
		t.Errorf("the problem is %s", p.Status)
	}
	sweep(t, s)
	untouched(t, s, c)
}

func TestWithoutEventCheckTheSweepUsesTheRecord(t *testing.T) {
	off := tenancy.Options{Emulator: ociemu.Calm(), Config: []string{"event_check=off"}}
	t.Run("what an event has rotated stays closed", func(t *testing.T) {
		s := newTenancy(t, off)
		var cases []*tenancy.Case
		for _, w := range []tenancy.Want{{Kind: tenancy.APIKey}, {Kind: tenancy.AuthToken, Bundle: true},
			{Kind: tenancy.CustomerSecretKey},
			{Kind: tenancy.Password}, {Kind: tenancy.Password, NoSecret: true}} {
			c := s.Add(w)
			cases = append(cases, c)
			if a := closeProblem(t, s, c, c.Comment()); a.Outcome != "rotated" {
				t.Fatalf("the answer is %+v", a)
			}
		}
		mails := len(s.Mails())
		sweep(t, s)
		for _, c := range cases {
			if p := s.Problem(c.Problem); p.Status != "RESOLVED" {
				t.Errorf("the problem of the %s is %s (%s)", c.Kind, p.Status, p.Comment)
			}
		}
		if n := len(s.Mails()) - mails; n != 0 {
			t.Errorf("the sweep sent %d mails", n)
		}
	})
	t.Run("what Cloud Guard closed is left alone", func(t *testing.T) {
		s := newTenancy(t, off)
		dropEvents(s)
		c := s.Add(tenancy.Want{Kind: tenancy.AuthToken})
		s.Rescan(c.Problem, false)
		sweep(t, s)
		untouched(t, s, c)
	})
	t.Run("a lost event's dry run is one", func(t *testing.T) {
		s := newTenancy(t, off)
		dropEvents(s)
		c := s.Add(tenancy.Want{Kind: tenancy.AuthToken})
		if err := s.Close(t.Context(), c.Problem, c.Comment("dry_run:yes")); err != nil {
			t.Fatal(err)
		}
		sweep(t, s)
		untouched(t, s, c)
		if p := s.Problem(c.Problem); p.Status != "OPEN" {
			t.Errorf("the problem is %s", p.Status)
		}
	})
}

func TestTheProblemOfADeletedCredentialStaysClosed(t *testing.T) {
	t.Parallel()
	s := newTenancy(t, calm)
	key := s.Add(tenancy.Want{Kind: tenancy.APIKey, NoSecret: true})
	if err := s.DeleteAPIKey(t.Context(), key.User, key.OldID); err != nil {
		t.Fatal(err)
	}
	if a := closeProblem(t, s, key, "not used any more, deleted"); a.Outcome != "already" ||
		s.Problem(key.Problem).Status != "RESOLVED" {
		t.Errorf("the answer is %+v", a)
	}
	token := s.Add(tenancy.Want{Kind: tenancy.AuthToken})
	if a := closeProblem(t, s, token, token.Comment()); a.Outcome != "rotated" {
		t.Fatalf("the answer is %+v", a)
	}
	incomplete := func() { // a sweep that can't read everything and reports it
		if _, err := s.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	f := s.Inject(ociemu.Fault{Operation: "GetSecret", Times: -1, Do: ociemu.Answer(404, "NotAuthorizedOrNotFound")})
	incomplete()
	f.Remove()
	if p := s.Problem(token.Problem); p.Status != "RESOLVED" {
		t.Errorf("without its secret the problem of a rotated credential is %s (%s)", p.Status, p.Comment)
	}
	s.Inject(ociemu.Fault{Operation: "ListAuthTokens", Times: -1, Do: ociemu.Answer(404, "NotAuthorizedOrNotFound")})
	s.Inject(ociemu.Fault{Operation: "GetUser", Times: -1, Do: ociemu.Answer(404, "NotAuthorizedOrNotFound")})
	incomplete()
	if p := s.Problem(token.Problem); p.Status != "RESOLVED" {
		t.Errorf("without its user the problem of a rotated credential is %s (%s)", p.Status, p.Comment)
	}
}

func TestARotatedProblemStaysClosedWhenItsUserOrSecretIsDeleted(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w tenancy.Want) {
		for name, goes := range map[string]func(*tenancy.Deployment, *tenancy.Case) error{
			"the user": func(_ *tenancy.Deployment, c *tenancy.Case) error { return c.DeleteUser(t.Context()) },
			"the secret": func(s *tenancy.Deployment, c *tenancy.Case) error {
				for _, id := range c.Secrets {
					if err := s.DeleteSecret(t.Context(), id); err != nil {
						return err
					}
				}
				return nil
			},
			"the new credential": func(_ *tenancy.Deployment, c *tenancy.Case) error {
				return c.Delete(t.Context(), c.IDs()[0])
			},
		} {
			s := newTenancy(t, calm)
			c := s.Add(w)
			if a := closeProblem(t, s, c, c.Comment()); a.Outcome != "rotated" {
				t.Fatalf("the answer is %+v", a)
			}
			if err := goes(s, c); err != nil {
				t.Fatal(err)
			}
			eventually(t, s)
			if p := s.Problem(c.Problem); p.Status != "RESOLVED" {
				t.Errorf("without %s the problem of a rotated credential is %s (%s)", name, p.Status, p.Comment)
			}
		}
	})
}

func TestIDsAreCaseInsensitive(t *testing.T) {
	for _, kind := range []tenancy.Kind{tenancy.APIKey, tenancy.AuthToken, tenancy.CustomerSecretKey} {
		s := newTenancy(t, calm)
		c := s.Add(tenancy.Want{Kind: kind})
		c.Problem = s.AddProblem(ociemu.ProblemSeed{Rule: kind.Rule(), User: c.User,
			ResourceID: strings.ToUpper(c.OldID)})
		if a := closeProblem(t, s, c, c.Comment()); a.Outcome != "rotated" {
			t.Fatalf("%s: the answer is %+v", kind, a)
		}
		rotated(t, s, c)
	}
}

func TestAnIDOfAnUnknownFormIsRefused(t *testing.T) {
	s := newTenancy(t, calm)
	c := s.Add(tenancy.Want{Kind: tenancy.AuthToken})
	for _, id := range []string{"token-of-web", "3f5b8a0c1d2e4f60718293a4b5c6d7e8", c.User, "web@example.com"} {
		c.Problem = s.AddProblem(ociemu.ProblemSeed{Rule: "AUTH_TOKEN_TOO_OLD", User: c.User, ResourceID: id})
		if a := closeProblem(t, s, c, c.Comment()); a.Outcome != "refused" || !a.Reopened || a.Remedy == "" {
			t.Errorf("%s: the answer is %+v", id, a)
		}
	}
	untouched(t, s, c)
}

func TestIDsFromTagsAndJournalsAreChecked(t *testing.T) {
	s := newTenancy(t, calm)
	const staged = `{"staged":{"version":"keyturn-aaaaaaaaaaaaaaaa-1","phase":"intent","old":"%s","maker":"m","at":"2020-01-01T00:00:00Z","secrets":{"auth-token":"%s"}}}`
	user, good := s.AddUser("web@example.com"), "ocid1.vaultsecret.oc1.iad.amaaaaaax"
	for _, odd := range []struct{ user, old, secret string }{
		{"ocid1.user.oc1..aaaa/../../groups?x=", "ocid1.credential.oc1..x", good},
		{"../groups", "ocid1.credential.oc1..x", good},
		{user, "../../groups/x", good},
		{user, "ocid1.credential.oc1..x?groups", good},
		{user, "ocid1.credential.oc1..x", "ocid1.vaultsecret.oc1.iad.a/../groups"},
		{user, "ocid1.credential.oc1..x", "../groups"},
	} {
		journal := strings.Replace(strings.Replace(staged, "%s", odd.old, 1), "%s", odd.secret, 1)
		s.AddSecret(ociemu.SecretSeed{Name: "odd", FreeformTags: map[string]string{"keyturn-user": odd.user,
			"keyturn-kind": "auth-token"},
			Metadata: map[string]any{"keyturn": journal}})
	}
	s.ResetCalls()
	if _, err := s.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, call := range s.Calls() {
		if strings.Contains(call.Path, "/.") || strings.Contains(call.Path, "groups") ||
			strings.Contains(call.Query, "groups") {
			t.Errorf("the sweep called %s %s?%s", call.Method, call.Path, call.Query)
		}
	}
}
