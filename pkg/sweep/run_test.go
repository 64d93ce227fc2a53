package sweep

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/keyturn/keyturn/pkg/cloudguard"
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/inventory"
	"github.com/keyturn/keyturn/pkg/outcome"
	"github.com/keyturn/keyturn/pkg/vault"
	"github.com/keyturn/keyturn/pkg/version"
)

func TestAMailThatCantBeSentIsTriedOnceMoreAndThenIsAFailure(t *testing.T) {
	for hiccups := range 3 {
		s := newFakeTenancy().holds(overdue(""))
		s.keeps, s.hiccups = true, hiccups
		_, err := s.sweeper().Run(t.Context(), "call")
		lost := hiccups == 2
		if errors.Is(err, errBroken) != lost || (err != nil) != lost || s.tries != min(hiccups+1, 2) {
			t.Errorf("%d tries fail: tried %d times, %v", hiccups, s.tries, err)
		}
		// no note: the next sweep mails it
		if (len(s.mails) == 0) != lost || (s.written == 0) != lost {
			t.Errorf("%d tries fail: %d mails and %d notes", hiccups, len(s.mails), s.written)
		}
	}
}

// late is a notifier whose first call takes until the deadline.
type late struct {
	*fakeTenancy
	end context.CancelFunc
}

func (l late) Publish(ctx context.Context, topic, title, body string) error {
	l.end()
	return l.fakeTenancy.Publish(ctx, topic, title, body)
}

func TestAMailIsNotTriedOnceMoreAfterTheTimeRanOut(t *testing.T) {
	s := newFakeTenancy()
	s.hiccups = 2
	w := s.sweeper()
	ctx, cancel := context.WithCancel(t.Context())
	w.Notifier = late{s, cancel}
	if err := w.publish(ctx, outcome.Digest{}); !errors.Is(err, errBroken) || s.tries != 1 {
		t.Errorf("tried %d times, %v", s.tries, err)
	}
}

func TestTheCallAndTheVersionAreInTheReplyAndTheCallInEachReview(t *testing.T) {
	s := newFakeTenancy()
	s.closed = []string{problem}
	if d := s.sweep(t); d.CallID != "call" || d.Version == "" || d.Version != version.Version() || s.call != "call" {
		t.Errorf("the call is %q and the version %q, reviewed for call %q", d.CallID, d.Version, s.call)
	}
}

func TestTenSecondsOfALongTimeAreKeptForTheMail(t *testing.T) {
	ctx, cancel := context.WithDeadline(t.Context(), noon.Add(5*time.Minute))
	defer cancel()
	work, end := newFakeTenancy().run().reserve(ctx)
	defer end()
	if at, _ := work.Deadline(); !at.Equal(noon.Add(290 * time.Second)) {
		t.Errorf("of five minutes the work gets %s", at.Sub(noon))
	}
}

// starts records the ring positions at which the parts with lists start.
type starts struct {
	*fakeTenancy
	of *run
	at map[string]float64
}

func (s starts) Secrets(context.Context, string, string) ([]vault.Secret, string, error) {
	s.at["secrets"] = s.of.start
	return nil, "", nil
}
func (s starts) ClosedProblems(context.Context, time.Time, string) ([]string, string, error) {
	s.at["problems"] = s.of.start
	return nil, "", nil
}
func (s starts) Users(context.Context, string) ([]credential.User, string, error) {
	s.at["users"] = s.of.start
	return nil, "", nil
}

func TestEachPartOfOneSweepStartsElsewhereInTheRing(t *testing.T) {
	s := starts{newFakeTenancy(), newFakeTenancy().run(), map[string]float64{}}
	s.of.Inventory, s.of.Vault = s, s
	s.of.runParts(t.Context())
	for part, n := range map[string]int{"secrets": 0, "problems": 2, "users": 4} {
		if got, want := s.at[part], inventory.StartAt(noon, n); got != want {
			t.Errorf("%s: the start is %v, want %v", part, got, want)
		}
	}
}

// logged returns a context with a logger, and its lines.
func logged(t *testing.T) (context.Context, func() []map[string]any) {
	var buffer bytes.Buffer
	log := zerolog.New(&buffer)
	return log.WithContext(t.Context()), func() (lines []map[string]any) {
		for line := range bytes.Lines(buffer.Bytes()) {
			fields := map[string]any{}
			if err := json.Unmarshal(line, &fields); err != nil {
				t.Errorf("the log has the line %q: %v", line, err)
			}
			lines = append(lines, fields)
		}
		return lines
	}
}

// with returns the lines of a level that have a field.
func with(lines []map[string]any, level, field string) []map[string]any {
	return slices.DeleteFunc(lines, func(l map[string]any) bool { return l["level"] != level || l[field] == nil })
}

func TestEverySweepIsInTheLogAndNothingElseIfAllWentWell(t *testing.T) {
	s := newFakeTenancy().holds(overdue(""))
	s.keeps = true
	ctx, lines := logged(t)
	if _, err := s.sweeper().Run(ctx, "call"); err != nil || s.written != 1 {
		t.Errorf("%v, written %d times", err, s.written)
	}
	if all := lines(); len(all) != 1 || all[0]["looked"] == nil {
		t.Errorf("the log is %v", all)
	}
}

func TestANoteThatCantBeKeptIsLoggedWithItsSecretAndFailsNothing(t *testing.T) {
	s := newFakeTenancy().holds(overdue(""))
	s.keeps, s.fails["Update"] = true, errBroken
	ctx, lines := logged(t)
	if _, err := s.sweeper().Run(ctx, "call"); err != nil {
		t.Error(err)
	}
	if found := with(lines(), "warn", "secret"); len(found) != 1 || found[0]["secret"] != drawer ||
		found[0]["error"] != errBroken.Error() {
		t.Errorf("the log is %v", lines())
	}
}

func TestAFaultThatTheMailDoesNotNameIsInTheLog(t *testing.T) {
	for _, call := range []string{"news", "notes"} {
		s := newFakeTenancy().holds(overdue(""))
		p := panicking{s, call}
		w := s.sweeper()
		w.Directory, w.Keeper = p, p
		ctx, lines := logged(t)
		if _, err := w.Run(ctx, "call"); err != nil {
			t.Error(err)
		}
		if found := with(lines(), "error", "error"); len(found) != 1 {
			t.Errorf("%s: the log is %v", call, lines())
		}
	}
}

func TestAFaultIsLoggedWithTheIDAndWhereItWas(t *testing.T) {
	s := newFakeTenancy()
	s.closed = []string{"1", "2"}
	s.review = func(_ context.Context, p cloudguard.Problem) outcome.Outcome {
		if p.ID == "2" {
			panic("hunter2")
		}
		return outcome.Outcome{Status: outcome.Already}
	}
	ctx, lines := logged(t)
	if _, err := s.sweeper().Run(ctx, "call"); err == nil {
		t.Error("a fault is no trouble")
	}
	if found := with(lines(), "error", "stack"); len(found) != 1 || found[0]["id"] != "2" {
		t.Errorf("the log is %v", lines())
	}
}
