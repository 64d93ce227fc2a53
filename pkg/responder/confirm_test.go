package responder_test

import (
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/pkg/cloudguard"
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/outcome"
)

func TestARecordThatLagsBehindItsEventIsAskedForAgain(t *testing.T) {
	s := newTenancy()
	s.problem = func(reads int) (cloudguard.Problem, error) {
		if reads <= 3 {
			return s.open(), nil
		}
		return s.closed(comment), nil
	}
	o, err := s.respond(t)
	expect(t, s, o, err, outcome.Rotated)
	if s.reads != 4 {
		t.Errorf("the problem was read %d times, want 4", s.reads)
	}
	if want := 1750 * time.Millisecond; s.slept != want {
		t.Errorf("waited %s in all, want %s (0.25 s, doubled)", s.slept, want)
	}
}

func TestARecordThatLagsForEverIsLeftToALaterDeliveryAndIsNoForgery(t *testing.T) {
	s := newTenancy()
	s.problem = func(int) (cloudguard.Problem, error) { return s.open(), nil }
	o, err := s.respond(t)
	expect(t, s, o, err, outcome.Unfinished)
	if s.saw("Run") || s.saw("UpdateProblemStatus") {
		t.Errorf("called %v for a problem that may be open on purpose", s.calls())
	}
	if s.slept < 5*time.Second || s.slept > 10*time.Second {
		t.Errorf("waited %s in all, want some seconds", s.slept)
	}
	if !strings.Contains(o.Reason, "OPEN") {
		t.Errorf("the reason %q doesn't say what Cloud Guard has", o.Reason)
	}
}

func TestARecordWithoutTheClosureInItsHistoryIsAskedForAgain(t *testing.T) {
	s := newTenancy()
	s.problem = func(reads int) (cloudguard.Problem, error) {
		p := s.closed(comment)
		if reads == 1 {
			p.History = nil
		}
		return p, nil
	}
	o, err := s.respond(t)
	expect(t, s, o, err, outcome.Rotated)
	if s.reads != 2 {
		t.Errorf("the problem was read %d times, want 2", s.reads)
	}
}

func TestAnEventThatCloudGuardContradictsIsRefusedAndTheProblemReopened(t *testing.T) {
	for name, change := range map[string]func(*cloudguard.Problem){
		"another rule":       func(p *cloudguard.Problem) { p.Rule = cloudguard.SecretKeyTooOld },
		"another credential": func(p *cloudguard.Problem) { p.ResourceID = "ocid1.credential.oc1..aaaaaaaaother" },
		"another user": func(p *cloudguard.Problem) {
			p.Details = map[string]string{"User OCID": "ocid1.user.oc1..aaaaaaaaother"}
		},
		"another problem": func(p *cloudguard.Problem) { p.ID = "ocid1.cloudguardproblem.oc1.iad.amaaaaaaother" },
	} {
		t.Run(name, func(t *testing.T) {
			s := newTenancy()
			s.problem = func(int) (cloudguard.Problem, error) {
				p := s.closed(comment)
				change(&p)
				return p, nil
			}
			o, err := s.respond(t)
			expect(t, s, o, err, outcome.Refused)
			if s.saw("Run") {
				t.Error("a rotation was run")
			}
			if !o.Reopened || len(s.reopened) != 1 {
				t.Error("the problem was not re-opened")
			}
		})
	}
}

func TestADismissedProblemIsRefusedButNotOpenedAgain(t *testing.T) {
	s := newTenancy()
	s.problem = func(int) (cloudguard.Problem, error) {
		p := s.open()
		p.Detail = "DISMISSED"
		return p, nil
	}
	o, err := s.respond(t)
	expect(t, s, o, err, outcome.Refused)
	if s.saw("UpdateProblemStatus") || s.saw("Run") {
		t.Errorf("called %v; a person has dismissed it", s.calls())
	}
}

func TestADeliveryThatComesAfterOurReopeningIsIgnored(t *testing.T) {
	s := newTenancy()
	s.problem = func(int) (cloudguard.Problem, error) {
		p := s.open()
		p.History = []cloudguard.Change{{At: closedAt.Add(time.Minute), Actor: "rotate", ActorKind: "USER",
			Detail: "OPEN", Comment: cloudguard.ReopenMark + ": no free slot"}}
		return p, nil
	}
	o, err := s.respond(t)
	expect(t, s, o, err, outcome.Ignored)
	if s.saw("Run") || s.saw("UpdateProblemStatus") || s.reads != 1 {
		t.Errorf("called %v", s.calls())
	}
}

func TestAClosureByCloudGuardOrdersNothing(t *testing.T) {
	s := newTenancy()
	s.problem = func(int) (cloudguard.Problem, error) {
		p := s.closed("")
		p.History[0].ActorKind, p.History[0].Actor = "CLOUD_GUARD_SERVICE", "Cloud Guard"
		return p, nil
	}
	o, err := s.respond(t)
	expect(t, s, o, err, outcome.Ignored)
	if s.saw("Run") || s.saw("UpdateProblemStatus") {
		t.Errorf("called %v", s.calls())
	}
}

func TestTheCommentOfTheRecordCountsAndNotThatOfTheEvent(t *testing.T) {
	s := newTenancy()
	s.event.comment = "auth_secret_ocid:ocid1.vaultsecret.oc1.iad.amaaaaaaforged"
	o, err := s.respond(t)
	expect(t, s, o, err, outcome.Rotated)
	if got := s.jobs[0].Secrets; len(got) != 1 || got[0].SecretID != secretID {
		t.Errorf("the rotation's secrets are %v, want the one that Cloud Guard has", got)
	}
	if o.Comment != comment || o.ClosedBy != "secops@example.com" {
		t.Errorf("the outcome says %q by %q", o.Comment, o.ClosedBy)
	}
}

func TestWithoutEventCheckTheEventsOwnCommentCounts(t *testing.T) {
	s := newTenancy()
	s.config.EventCheck = false
	o, err := s.respond(t)
	expect(t, s, o, err, outcome.Rotated)
	if s.saw("GetProblem") {
		t.Error("Cloud Guard was read although event_check is off")
	}
	if got := s.jobs[0].Secrets; len(got) != 1 ||
		got[0] != (credential.Target{Role: credential.RoleToken, SecretID: secretID}) {
		t.Errorf("the rotation's secrets are %v", got)
	}
	if o.ClosedBy != "" {
		t.Errorf("the outcome says that %q closed the problem; nobody knows", o.ClosedBy)
	}
}

func TestWithoutEventCheckARefusedProblemIsReopenedAllTheSame(t *testing.T) {
	s := newTenancy()
	s.config.EventCheck = false
	s.event.comment = "auth_secret_ocd:" + secretID
	o, err := s.respond(t)
	expect(t, s, o, err, outcome.Refused)
	if !o.Reopened {
		t.Error("the problem was not re-opened")
	}
}
