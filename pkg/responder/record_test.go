package responder_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/keyturn/keyturn/pkg/cloudguard"
	"github.com/keyturn/keyturn/pkg/config"
	"github.com/keyturn/keyturn/pkg/fault"
	"github.com/keyturn/keyturn/pkg/outcome"
)

func TestAnUnreadableEventsMailHasWhatTheRecordSaysOfItsProblem(t *testing.T) {
	bad := func(s *tenancy) []byte {
		return bytes.Replace(s.event.json(t), []byte(`"eventType"`), []byte(`"eventType":7,"x"`), 1)
	}
	s := newTenancy()
	body := bad(s)[:len(bad(s))-1] // no JSON
	o, err := s.respondTo(t.Context(), body)
	expect(t, s, o, err, outcome.Refused)
	if o.ProblemID != problemID || o.UserID != userID || o.Kind != "auth-token" || !o.Reopened {
		t.Errorf("%+v", o)
	}
	s = newTenancy()
	s.problem = func(int) (cloudguard.Problem, error) {
		return cloudguard.Problem{}, fault.New(fault.Denied, "GetProblem", "")
	}
	o, err = s.respondTo(t.Context(), body)
	expect(t, s, o, err, outcome.Refused)
	if o.ProblemID != problemID || o.Reopened || len(o.Notes) != 1 ||
		!strings.Contains(o.Notes[0], "could not be read") {
		t.Errorf("%+v", o)
	}
}

func TestTheRecordCountsMoreThanTheEventInTheMail(t *testing.T) {
	s := newTenancy()
	p := s.closed(comment)
	p.RiskLevel, p.ResourceName, p.ResourceID = "CRITICAL", " the shop's token ", tokenID
	s.problem = func(int) (cloudguard.Problem, error) { return p, nil }
	o, err := s.respond(t)
	expect(t, s, o, err, outcome.Rotated)
	if o.Risk != "CRITICAL" || o.ResourceName != "the shop's token" || o.ResourceID != tokenID ||
		o.ProblemID != problemID {
		t.Errorf("%+v", o)
	}
	p.RiskLevel, p.ResourceName = "", ""
	o, _ = s.respond(t)
	if o.Risk != "MEDIUM" || o.ResourceName != "deploys the web shop" {
		t.Errorf("what the record lacks comes from the event: %+v", o)
	}
}

func TestWhoseCredentialItIsIsKnownBeforeTheRecordShowsTheClosure(t *testing.T) {
	s := newTenancy()
	s.problem = func(int) (cloudguard.Problem, error) {
		return cloudguard.Problem{}, fault.New(fault.Unclear, "GetProblem", "")
	}
	o, err := s.respond(t)
	expect(t, s, o, err, outcome.Unfinished)
	if o.UserID != userID || o.OldID != tokenID || o.Kind != "auth-token" || o.Noun != "auth token" ||
		o.IDNoun != "token OCID" {
		t.Errorf("%+v", o)
	}
}

func TestARecordThatCannotBeReadSaysWhatToCheck(t *testing.T) {
	for class, want := range map[fault.Class]outcome.Status{fault.Absent: outcome.Refused,
		fault.Denied:  outcome.Refused,
		fault.Unclear: outcome.Unfinished, fault.Throttled: outcome.Unfinished} {
		s := newTenancy()
		s.problem = func(int) (cloudguard.Problem, error) {
			return cloudguard.Problem{}, fault.New(class, "GetProblem", "")
		}
		o, err := s.respond(t)
		expect(t, s, o, err, want)
		if got := strings.HasPrefix(o.Remedy, "Check the problem's OCID"); got != (want == outcome.Refused) {
			t.Errorf("%s: the remedy is %q", class, o.Remedy)
		}
	}
}

func TestAReviewHasWhatItWasGivenEvenIfTheRecordCannotBeReadAgain(t *testing.T) {
	s := newTenancy()
	s.problem = func(int) (cloudguard.Problem, error) {
		return cloudguard.Problem{}, fault.New(fault.Unclear, "GetProblem", "")
	}
	o := s.responder().Review(t.Context(), "call-1", s.closed(comment))
	if o.Status != outcome.Unfinished || o.ProblemID != problemID || o.UserID != userID || o.OldID != tokenID ||
		o.ProblemName == "" {
		t.Errorf("%+v", o)
	}
	p := s.closed(comment)
	p.ID = "problem"
	if o := s.responder().Review(t.Context(), "call-1", p); o.Status != outcome.Refused ||
		!strings.Contains(o.Reason, "is malformed") {
		t.Errorf("%s (%s)", o.Status, o.Reason)
	}
}

func TestAReviewWithoutTheQuestionToCloudGuardAsksOnlyOnceTheRecordLags(t *testing.T) {
	s := newTenancy()
	s.config = config.Config{Topic: topicID, SecretBinding: config.BindingRequire, Prove: config.ProveRequire}
	p := s.closed(comment)
	p.History = nil
	o := s.responder().Review(t.Context(), "call-1", p)
	if o.Status != outcome.Rotated || s.reads != 1 {
		t.Errorf("%s (%s) after %d reads, want 1", o.Status, o.Reason, s.reads)
	}
}
