package responder_test

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/keyturn/keyturn/pkg/clock"
	"github.com/keyturn/keyturn/pkg/cloudguard"
	"github.com/keyturn/keyturn/pkg/fault"
	"github.com/keyturn/keyturn/pkg/outcome"
	"github.com/keyturn/keyturn/pkg/responder"
	"github.com/keyturn/keyturn/pkg/rotation"
)

func (s *tenancy) responder() *responder.Responder {
	return &responder.Responder{Config: s.config, Problems: s, Directory: s, Secrets: s, Notifier: s, Rotator: s,
		Clock: s.clock}
}

func TestAReviewedProblemIsRotatedLikeItsEventWithoutAMail(t *testing.T) {
	s := newTenancy()
	o := s.responder().Review(t.Context(), "call-1", s.closed(comment))
	if o.Status != outcome.Rotated || s.saw("PublishMessage") {
		t.Errorf("the outcome is %q (%s), called %v", o.Status, o.Reason, s.calls())
	}
	byEvent := newTenancy()
	if _, err := byEvent.respond(t); err != nil {
		t.Fatal(err)
	}
	if a, b := s.jobs[0], byEvent.jobs[0]; a.Ref != b.Ref || !slices.Equal(a.Secrets, b.Secrets) {
		t.Errorf("the review rotates %v into %v, the event %v into %v", a.Ref, a.Secrets, b.Ref, b.Secrets)
	}
	if o.UserName != "web@example.com" || o.TenancyName != "acme" || o.ClosedBy != "secops@example.com" ||
		o.ProblemName == "" {
		t.Errorf("the outcome doesn't name who and what: %+v", o)
	}
}

func TestAReviewedProblemThatIsRefusedIsReopenedWithoutAMail(t *testing.T) {
	s := newTenancy().with("auth_secret_ocd:" + secretID)
	o := s.responder().Review(t.Context(), "call-1", s.closed(s.event.comment))
	if o.Status != outcome.Refused || !o.Reopened || s.saw("PublishMessage") || s.saw("Run") {
		t.Errorf("the outcome is %q, re-opened %v, called %v", o.Status, o.Reopened, s.calls())
	}
}

func TestAReviewReadsTheProblemAnewSinceItMayHaveBeenReopenedMeanwhile(t *testing.T) {
	s := newTenancy()
	stale := s.closed(comment)
	s.problem = func(int) (cloudguard.Problem, error) { return s.open(), nil }
	if o := s.responder().Review(t.Context(), "call-1", stale); o.Status != outcome.Ignored ||
		o.Reason != "the problem has been opened again" || s.saw("Run") || s.saw("Look") {
		t.Errorf("the outcome is %q (%s), called %v", o.Status, o.Reason, s.calls())
	}
}

func TestAReviewOfWhatIsNotOursChangesNothing(t *testing.T) {
	for name, change := range map[string]func(*cloudguard.Problem){
		"another rule": func(p *cloudguard.Problem) { p.Rule = "BUCKET_IS_PUBLIC" },
		"open":         func(p *cloudguard.Problem) { p.Detail = "OPEN" },
		"dismissed":    func(p *cloudguard.Problem) { p.Detail = "DISMISSED" },
	} {
		s := newTenancy()
		p := s.closed(comment)
		change(&p)
		if o := s.responder().Review(t.Context(), "call-1", p); o.Status != outcome.Ignored || len(s.calls()) != 0 {
			t.Errorf("%s: the outcome is %q, called %v", name, o.Status, s.calls())
		}
	}
}

func TestAPasswordWithoutTheTimeOfItsClosureIsNotReset(t *testing.T) {
	s := newTenancy().about(cloudguard.PasswordTooOld, userID, "")
	s.config.EventCheck = false
	s.problem = func(int) (cloudguard.Problem, error) {
		return cloudguard.Problem{}, fault.New(fault.Denied, "GetProblem", "no")
	}
	body := bytes.Replace(s.event.json(t), []byte(`"eventTime"`), []byte(`"noTime"`), 1)
	o, err := s.respondTo(t.Context(), body)
	expect(t, s, o, err, outcome.Refused)
	if s.saw("Run") || !strings.Contains(o.Reason, "eventTime") {
		t.Errorf("the reason is %q, called %v", o.Reason, s.calls())
	}
}

func TestTheSweepsOutcomesAreRecordsInTheLogToo(t *testing.T) {
	var log bytes.Buffer
	logger := zerolog.New(&log)
	s := newTenancy()
	ctx := logger.WithContext(t.Context())
	s.responder().Review(ctx, "call-1", s.closed(comment))
	s.responder().Review(ctx, "call-2", s.closed("auth_secret_ocd:x"))
	if n := strings.Count(log.String(), `"record":`); n != 2 {
		t.Errorf("%d records in the log, want 2:\n%s", n, log.String())
	}
}

func TestTheMailOfARefusalLooksUpTheUsersName(t *testing.T) {
	s := newTenancy().with("auth_secret_ocd:" + secretID)
	o, err := s.respond(t)
	expect(t, s, o, err, outcome.Refused)
	if o.UserName != "web@example.com" || !strings.Contains(s.mails[0].title, "web@example.com") {
		t.Errorf("the user's name is %q, the title %q", o.UserName, s.mails[0].title)
	}
}

func TestAMailIsSentAlsoWhereNoNameCanBeLookedUp(t *testing.T) {
	s := newTenancy().with("auth_secret_ocd:" + secretID)
	s.userName, s.nameErr = "", fault.New(fault.Unclear, "GetUser", "no answer")
	o, err := s.respond(t)
	expect(t, s, o, err, outcome.Refused)
	if !strings.Contains(s.mails[0].body, userID) {
		t.Errorf("the mail doesn't have the user's OCID:\n%s", s.mails[0].body)
	}
}

// stuck hangs in everything that is done between the rotation and the mail.
type stuck struct{ *tenancy }

func (s stuck) Reopen(ctx context.Context, _ cloudguard.Problem, _ string) error {
	<-ctx.Done()
	return fault.New(fault.Unclear, "UpdateProblemStatus", "no answer in time")
}

func (s stuck) UserName(ctx context.Context, _ string) (string, error) {
	<-ctx.Done()
	return "", fault.New(fault.Unclear, "GetUser", "no answer in time")
}

func TestWhatHangsAfterTheRotationDoesNotKeepTheMailBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTenancy().with("auth_secret_ocd:" + secretID)
		s.clock = clock.System{}
		r := s.responder()
		r.Problems, r.Directory = stuck{s}, stuck{s}
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		o, err := r.Respond(ctx, "call-1", s.event.json(t))
		expect(t, s, o, err, outcome.Refused)
		if s.mailLeft < 2*time.Second {
			t.Errorf("the mail was left %s, want seconds", s.mailLeft)
		}
		if !strings.Contains(s.mails[0].body, "Re-opening the problem failed") {
			t.Errorf("the mail doesn't say that the problem is still closed:\n%s", s.mails[0].body)
		}
	})
}

// fixedClock stands still.
type fixedClock struct {
	rotation.Clock
	now time.Time
}

func (c fixedClock) Now() time.Time { return c.now }

func TestAReviewLeavesAPasswordWithoutASecretToItsEventForAWhile(t *testing.T) {
	for name, m := range map[string]struct {
		comment string
		age     time.Duration
		byEvent bool
		runs    bool
	}{
		"closed a moment ago":               {"", time.Minute, false, false},
		"closed a moment ago, by its event": {"", time.Minute, true, true},
		"closed a while ago":                {"", 4 * time.Minute, false, true},
		"a moment ago, kept in a secret that keeps two apart": {"password_secret_ocid:" + secretID, time.Minute, false,
			true},
	} {
		t.Run(name, func(t *testing.T) {
			s := newTenancy().about(cloudguard.PasswordTooOld, userID, m.comment)
			s.secrets[0].Freeform["keyturn-kind"] = "password"
			s.clock = fixedClock{s.clock, closedAt.Add(m.age)}
			var o outcome.Outcome
			if m.byEvent {
				o, _ = s.respond(t)
			} else {
				o = s.responder().Review(t.Context(), "call-1", s.closed(m.comment))
			}
			if s.saw("Run") != m.runs || !m.runs && o.Status != outcome.Ignored {
				t.Errorf("the outcome is %q (%s), called %v", o.Status, o.Reason, s.calls())
			}
		})
	}
}

func TestAReviewFollowsTheRecordWithEventCheckOnOrOff(t *testing.T) {
	for name, check := range map[string]bool{"on": true, "off": false} {
		t.Run("event_check "+name, func(t *testing.T) {
			for name, end := range recordEnds {
				s := newTenancy()
				s.config.EventCheck = check
				p := s.closed(comment)
				end.change(&p)
				s.problem = func(int) (cloudguard.Problem, error) { return p, nil }
				want := end.want
				if p.State() != "RESOLVED" {
					want = outcome.Ignored // it was closed when it was listed, and isn't any more
				}
				o := s.responder().Review(t.Context(), "call-2", p)
				if o.Status != want || o.Reopened != end.reopened || s.saw("Run") != (want == outcome.Rotated) {
					t.Errorf("%s: %s, re-opened %v (%s), called %v", name, o.Status, o.Reopened, o.Reason, s.calls())
				}
				if !check && s.reads > len(s.reopened) { // but for the look before it is re-opened
					t.Errorf("%s: the record was read again", name)
				}
			}
			s := newTenancy()
			s.config.EventCheck = check
			p := s.closed(comment + ",dry_run:yes,grace:72h")
			s.problem = func(int) (cloudguard.Problem, error) { return p, nil }
			o := s.responder().Review(t.Context(), "call-2", p)
			if j := s.jobs[0]; !j.DryRun || j.Grace != 72*time.Hour || o.ClosedBy != "secops@example.com" ||
				!o.ClosedAt.Equal(closedAt) {
				t.Errorf("the job is %+v, closed by %q", j, o.ClosedBy)
			}
		})
	}
}
