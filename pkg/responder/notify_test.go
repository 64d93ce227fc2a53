package responder_test

import (
	"bytes"
	"context"
	"errors"
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

func TestAMailThatCannotBeSentFailsTheInvocation(t *testing.T) {
	s := newTenancy()
	s.mailErr = func(int) error { return errNetwork }
	o, err := s.respond(t)
	if !errors.Is(err, errNetwork) || errors.Is(err, responder.ErrUnfinished) {
		t.Errorf("the error is %v", err)
	}
	if len(s.mails) != 2 {
		t.Errorf("the mail was tried %d times, want 2", len(s.mails))
	}
	if o.Status != outcome.Rotated {
		t.Errorf("the outcome is %q; the rotation itself went well", o.Status)
	}
}

func TestAMailThatFailsOnceIsSentAgain(t *testing.T) {
	s := newTenancy()
	s.mailErr = func(n int) error {
		if n == 1 {
			return errNetwork
		}
		return nil
	}
	if _, err := s.respond(t); err != nil {
		t.Fatal(err)
	}
	if len(s.mails) != 2 || s.mails[0] != s.mails[1] {
		t.Errorf("%d mails were sent, want the same one twice", len(s.mails))
	}
}

func TestAnUnfinishedRotationIsMailedAndFailsTheInvocation(t *testing.T) {
	s := newTenancy()
	s.run = ended(s, rotation.Result{End: rotation.Wait, Reason: rotation.Interrupted})
	o, err := s.respond(t)
	expect(t, s, o, err, outcome.Unfinished)
	if !strings.Contains(s.mails[0].title, "NOT FINISHED") {
		t.Errorf("the title is %q", s.mails[0].title)
	}
}

func TestAProblemThatCannotBeReopenedIsNotedInTheMail(t *testing.T) {
	s := newTenancy()
	s.run = ended(s, rotation.Result{End: rotation.Refuse, Reason: rotation.SecretTaken})
	s.reopenErr = fault.New(fault.Denied, "UpdateProblemStatus", "")
	o, err := s.respond(t)
	expect(t, s, o, err, outcome.Refused)
	if o.Reopened {
		t.Error("the outcome says that the problem was re-opened")
	}
	for _, want := range []string{"Re-opening the problem failed", "UpdateProblemStatus", "could not be re-opened"} {
		if !strings.Contains(s.mails[0].body, want) {
			t.Errorf("the mail doesn't have %q:\n%s", want, s.mails[0].body)
		}
	}
}

func TestAReopenedProblemsCommentHasOurMarkAndTheReason(t *testing.T) {
	s := newTenancy()
	s.run = ended(s, rotation.Result{End: rotation.Refuse, Reason: rotation.SecretTaken,
		Detail: strings.Repeat("long ", 400)})
	o, err := s.respond(t)
	expect(t, s, o, err, outcome.Refused)
	got := s.reopened[0]
	if !strings.HasPrefix(got, cloudguard.ReopenMark+": the secret holds another living credential") {
		t.Errorf("the comment is %q", got)
	}
	if len(got) > 1000 {
		t.Errorf("the comment has %d bytes", len(got))
	}
}

func TestTheProblemIsReopenedBeforeTheMailSoThatTheMailCanSayIt(t *testing.T) {
	s := newTenancy()
	s.run = ended(s, rotation.Result{End: rotation.Refuse, Reason: rotation.SecretTaken})
	if _, err := s.respond(t); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(s.mails[0].body, "open again in Cloud Guard") {
		t.Errorf("the mail doesn't say that the problem is open again:\n%s", s.mails[0].body)
	}
}

func TestADoneRotationLeavesTheProblemClosed(t *testing.T) {
	s := newTenancy()
	o, err := s.respond(t)
	expect(t, s, o, err, outcome.Rotated)
	if s.saw("UpdateProblemStatus") {
		t.Error("the problem was re-opened")
	}
}

// untilDeadline is a rotator that works until its time is up.
func untilDeadline(left *time.Duration) func(context.Context, rotation.Job) rotation.Result {
	return func(ctx context.Context, job rotation.Job) rotation.Result {
		deadline, _ := ctx.Deadline()
		*left = time.Until(deadline)
		<-ctx.Done()
		return rotation.Result{End: rotation.Wait, Reason: rotation.Interrupted, Cause: ctx.Err(),
			Rotation: job.Ref.RotationID()}
	}
}

func TestARotationThatUsesUpItsTimeLeavesSomeForTheMail(t *testing.T) {
	for _, c := range []struct{ all, rotator time.Duration }{
		{20 * time.Second, 15 * time.Second}, // a quarter
		{5 * time.Minute, 292 * time.Second}, // eight seconds at most
		{4 * time.Second, 3000 * time.Millisecond},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := newTenancy()
			s.clock = clock.System{}
			var left time.Duration
			s.run = untilDeadline(&left)
			ctx, cancel := context.WithTimeout(t.Context(), c.all)
			defer cancel()
			o, err := s.respondTo(ctx, s.event.json(t))
			expect(t, s, o, err, outcome.Unfinished)
			if left != c.rotator {
				t.Errorf("of %s the rotator got %s, want %s", c.all, left, c.rotator)
			}
			// A moment is left for the answer itself.
			if reserved := c.all - c.rotator; s.mailLeft > reserved || s.mailLeft < reserved-time.Second {
				t.Errorf("of %s the mail got %s, want nearly %s", c.all, s.mailLeft, reserved)
			}
		})
	}
}

func TestEveryOutcomeIsOneRecordInTheLog(t *testing.T) {
	for name, body := range map[string][]byte{"rotated": newTenancy().event.json(t),
		"ignored": []byte(`{"eventType":"x"}`), "unreadable": []byte("?")} {
		var log bytes.Buffer
		logger := zerolog.New(&log)
		s := newTenancy()
		if _, err := s.respondTo(logger.WithContext(t.Context()), body); err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(log.String(), `"record":`); n != 1 {
			t.Errorf("%s: %d records in the log, want 1:\n%s", name, n, log.String())
		}
	}
}

func TestEveryStepOfTheRotationIsLoggedWithTheRotationsID(t *testing.T) {
	var log bytes.Buffer
	logger := zerolog.New(&log)
	s := newTenancy()
	s.run = func(_ context.Context, job rotation.Job) rotation.Result {
		job.OnStep(rotation.Step{Action: rotation.Create, Because: "there is a free slot", Err: errNetwork})
		return rotated(job)
	}
	o, err := s.respondTo(logger.WithContext(t.Context()), s.event.json(t))
	if err != nil {
		t.Fatal(err)
	}
	line, _, _ := strings.Cut(log.String(), "\n")
	for _, want := range []string{`"step":"create"`, o.Rotation, problemID, "there is a free slot",
		errNetwork.Error()} {
		if !strings.Contains(line, want) {
			t.Errorf("the log line doesn't have %s:\n%s", want, line)
		}
	}
}
