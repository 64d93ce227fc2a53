package responder_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/keyturn/keyturn/pkg/cloudguard"
	"github.com/keyturn/keyturn/pkg/fault"
	"github.com/keyturn/keyturn/pkg/outcome"
)

func TestAnEventThatIsNotOursChangesNothingAndIsNotMailed(t *testing.T) {
	for name, change := range map[string]func(*event){
		"another type":            func(e *event) { e.kind = "com.oraclecloud.cloudguard.problemdetected" },
		"another rule":            func(e *event) { e.rule = "BUCKET_IS_PUBLIC" },
		"a problem that is open":  func(e *event) { e.status = "OPEN" },
		"a later event version":   func(e *event) { e.version = "3.0" },
		"the rule of MFA devices": func(e *event) { e.rule = "IAM_MFA_TOTP_DEVICE_TOO_OLD" },
	} {
		t.Run(name, func(t *testing.T) {
			s := newTenancy()
			change(&s.event)
			o, err := s.respond(t)
			expect(t, s, o, err, outcome.Ignored)
			if len(s.calls()) != 0 {
				t.Errorf("called %v, want nothing", s.calls())
			}
			if o.Reason == "" {
				t.Error("the outcome doesn't say why")
			}
		})
	}
}

func TestAnUnreadableEventIsRefusedAndMailed(t *testing.T) {
	for name, body := range map[string]string{
		"nothing":        "",
		"no JSON":        "hello",
		"half of JSON":   `{"eventType":`,
		"a list":         `[]`,
		"data is a list": `{"eventType":"com.oraclecloud.cloudguard.problemremediated","data":[]}`,
		"not UTF-8":      "{\"eventType\":\"\xff\"}",
	} {
		t.Run(name, func(t *testing.T) {
			s := newTenancy()
			o, err := s.respondTo(t.Context(), []byte(body))
			expect(t, s, o, err, outcome.Refused)
			if s.saw("GetProblem") || s.saw("Run") || s.saw("UpdateProblemStatus") {
				t.Errorf("called %v; nothing is known that could be read, rotated or re-opened", s.calls())
			}
			if o.Changed || o.Reopened {
				t.Errorf("the outcome says changed %v, reopened %v", o.Changed, o.Reopened)
			}
		})
	}
}

func TestAnEventWithoutTheOCIDOfAProblemIsRefusedAndNothingIsAskedOfCloudGuard(t *testing.T) {
	for name, problem := range map[string]string{
		"one that leads elsewhere": "ocid1.cloudguardproblem.oc1.iad.x/../../users",
		"one with a query":         problemID + "?x=1",
		"one with a blank in it":   "ocid1.cloudguardproblem.oc1.iad.ama aaa",
		"one of another alphabet":  "ocid1.cloudguardproblem.oc1.iad.am\u0430aaa",
		"a secret":                 secretID,
		"a user":                   userID,
		"a name":                   "API key is too old",
		"none":                     "",
	} {
		t.Run(name, func(t *testing.T) {
			s := newTenancy()
			s.event.problem = problem
			o, err := s.respond(t)
			expect(t, s, o, err, outcome.Refused)
			if s.saw("GetProblem") || s.saw("Run") || s.saw("UpdateProblemStatus") {
				t.Errorf("called %v without a problem", s.calls())
			}
			if !strings.Contains(s.mails[0].title, "NOT ROTATED") {
				t.Errorf("the mail's title is %q", s.mails[0].title)
			}
		})
	}
}

func TestAProblemThatCloudGuardDoesNotKnowIsRefused(t *testing.T) {
	s := newTenancy()
	s.problem = func(int) (cloudguard.Problem, error) {
		return cloudguard.Problem{}, fault.New(fault.Absent, "GetProblem", "not found")
	}
	o, err := s.respond(t)
	expect(t, s, o, err, outcome.Refused)
	if s.saw("Run") || s.saw("UpdateProblemStatus") {
		t.Errorf("called %v for a problem that doesn't exist", s.calls())
	}
}

func TestACloudGuardThatDoesNotAnswerLeavesTheEventToALaterDelivery(t *testing.T) {
	for _, class := range []fault.Class{fault.Unclear, fault.Throttled, fault.Busy} {
		t.Run(string(class), func(t *testing.T) {
			s := newTenancy()
			s.problem = func(int) (cloudguard.Problem, error) {
				return cloudguard.Problem{}, fault.New(class, "GetProblem", "no answer")
			}
			o, err := s.respond(t)
			expect(t, s, o, err, outcome.Unfinished)
			if s.saw("Run") || o.Reopened {
				t.Error("something was done without Cloud Guard's word")
			}
		})
	}
}

func TestACloudGuardThatMayNotBeReadIsARefusal(t *testing.T) {
	for _, class := range []fault.Class{fault.Denied, fault.Invalid} {
		s := newTenancy()
		s.problem = func(int) (cloudguard.Problem, error) {
			return cloudguard.Problem{}, fault.New(class, "GetProblem", "no")
		}
		o, err := s.respond(t)
		expect(t, s, o, err, outcome.Refused)
	}
}

func TestTheMailNamesEverythingThatIsKnownOfTheEvent(t *testing.T) {
	s := newTenancy()
	if _, err := s.respond(t); err != nil {
		t.Fatal(err)
	}
	if s.mails[0].topic != topicID {
		t.Errorf("the mail went to %s", s.mails[0].topic)
	}
	for _, want := range []string{"IAM Auth token is too old", "AUTH_TOKEN_TOO_OLD", "MEDIUM",
		"2026-03-01 12:00:02 UTC", "acme", tenancyID,
		"deploys the web shop", tokenID, userID, "web@example.com", "secops@example.com", problemID, secretID,
		"call-1"} {
		if !strings.Contains(s.mails[0].body, want) {
			t.Errorf("the mail doesn't have %q:\n%s", want, s.mails[0].body)
		}
	}
}

func TestTheMailOfARefusalNamesTheTenancyToo(t *testing.T) {
	s := newTenancy()
	s.event.resource = "a/b"
	if _, err := s.respond(t); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(s.mails[0].body, "acme") {
		t.Errorf("the mail doesn't name the tenancy:\n%s", s.mails[0].body)
	}
}

var errNetwork = errors.New("connection reset")
