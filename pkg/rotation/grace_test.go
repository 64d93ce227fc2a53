package rotation_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/keyturn/keyturn/pkg/rotation"
)

// overlap returns a world ten hours after a rotation with a grace period of 72 hours.
func overlap(t *testing.T, f form) *world {
	t.Helper()
	w := f.world(t)
	if r := w.process().run(given(w.closed, 72*time.Hour)); r.Reason != rotation.GraceRunning {
		t.Fatalf("%v: %s (%s)", f, r.End, r.Reason)
	}
	w.wait(10 * time.Hour)
	return w
}

// given is a closure at that time whose comment gives the grace period.
func given(at time.Time, grace time.Duration) func(*rotation.Job) {
	return func(j *rotation.Job) { j.At, j.Grace, j.GraceGiven = at, grace, true }
}

func overlapping() (out []form) {
	for _, f := range provable() {
		if !f.replace {
			out = append(out, f)
		}
	}
	return out
}

func TestGraceZeroEndsARunningOverlapOnceTheNewCredentialIsProven(t *testing.T) {
	for _, f := range overlapping() {
		for _, skew := range []time.Duration{0, -3 * time.Second, 3 * time.Second} { // Cloud Guard's clock
			w := overlap(t, f)
			w.rejected = true
			if r := w.process().run(given(w.now.Add(skew), 0)); r.End == rotation.Done || w.find(w.oldID) == nil {
				t.Fatalf("%v: %s (%s) with a new one that is refused", f, r.End, r.Reason)
			}
			w.rejected = false
			r := w.process().run(given(w.now.Add(skew), 0))
			if r.End != rotation.Done || r.Reason != rotation.Rotated || !r.Proven || len(r.Steps) != 3 {
				t.Fatalf("%v, %v apart: %s (%s), proven %v, in the steps %v", f, skew, r.End, r.Reason, r.Proven,
					r.Steps)
			}
			w.finished(t, f.String())
		}
	}
}

func TestAGraceThatIsGivenAgainCountsFromThatClosure(t *testing.T) {
	for _, f := range overlapping() {
		for _, grace := range []time.Duration{time.Hour, 24 * time.Hour, 72 * time.Hour, 90 * 24 * time.Hour} {
			w := overlap(t, f)
			closed := w.now
			w.wait(time.Minute)
			for delivery := range 4 { // the event, its duplicates, and the sweep
				r := w.process().run(given(closed, grace))
				if r.Reason != rotation.GraceRunning || !r.RetireAt.Equal(closed.Add(grace)) ||
					r.Acted != (delivery == 0) {
					t.Fatalf("%v, %v, delivery %d: %s until %v, acted %v", f, grace, delivery, r.Reason, r.RetireAt,
						r.Acted)
				}
				w.wait(time.Minute)
			}
			w.wait(grace)
			if r := w.process().run(given(closed, grace)); r.Reason != rotation.Rotated {
				t.Fatalf("%v, %v, at its end: %s (%s)", f, grace, r.End, r.Reason)
			}
			w.finished(t, f.String())
		}
	}
}

// Journals have whole seconds, Cloud Guard has fractions.
func TestAGraceThatIsGivenWithinTheSecondOfItsWritingIsWrittenOnce(t *testing.T) {
	w := overlap(t, forms()[0])
	w.now = w.now.Truncate(time.Second).Add(300 * time.Millisecond)
	closed := w.now
	for delivery := range 2 {
		if r := w.process().run(given(closed, time.Hour)); r.Reason != rotation.GraceRunning ||
			r.Acted != (delivery == 0) || len(r.Steps) > 2 {
			t.Errorf("delivery %d: %s (%s), %d steps", delivery, r.End, r.Reason, len(r.Steps))
		}
	}
}

func TestAGraceFromLongAgoThatIsOverEndsTheOverlap(t *testing.T) {
	w := overlap(t, forms()[0])
	closed := w.now
	w.wait(5 * time.Hour) // the event was lost; the sweep finds the closure
	if r := w.process().run(given(closed, time.Hour)); r.Reason != rotation.Rotated {
		t.Errorf("%s (%s)", r.End, r.Reason)
	}
	w.finished(t, "afterwards")
}

func TestARunningOverlapIsChangedByALaterClosuresOwnGraceAndByNothingElse(t *testing.T) {
	for name, change := range map[string]func(w *world) func(*rotation.Job){
		"the same closure again": func(w *world) func(*rotation.Job) {
			return given(w.closed, 72*time.Hour)
		},
		"an older closure": func(w *world) func(*rotation.Job) {
			return given(w.closed.Add(-time.Hour), 0)
		},
		"a closure without a time": func(*world) func(*rotation.Job) { return given(time.Time{}, 0) },
		"a later closure without a grace": func(w *world) func(*rotation.Job) {
			return func(j *rotation.Job) { j.At = w.now }
		},
		"another configured default": func(w *world) func(*rotation.Job) {
			return func(j *rotation.Job) { j.At, j.Grace = w.now, time.Hour }
		},
		"replace:yes": func(w *world) func(*rotation.Job) {
			return func(j *rotation.Job) { j.At, j.Replace = w.now, true }
		},
		"what the sweep resumes": func(*world) func(*rotation.Job) {
			return func(j *rotation.Job) { j.At, j.Grace = time.Time{}, time.Hour }
		},
		"a dry run of a later closure": func(w *world) func(*rotation.Job) {
			return func(j *rotation.Job) { given(w.now, 0)(j); j.DryRun = true }
		},
		"a dry run of a later, longer grace": func(w *world) func(*rotation.Job) {
			return func(j *rotation.Job) { given(w.now, 90*time.Hour)(j); j.DryRun = true }
		},
	} {
		for _, f := range overlapping() {
			w := overlap(t, f)
			before := w.retireTimes()
			r := w.process().run(change(w))
			if r.Acted || w.retireTimes() != before || w.find(w.oldID) == nil {
				t.Errorf("%s, %v: %s (%s), until %s, was %s", name, f, r.End, r.Reason, w.retireTimes(), before)
			}
		}
	}
}

// The grace period of a late delivery counts from the promotion, when consumers get the new value, not from the
// closure.
func TestAnOverlapThatBeginsLateLastsAsLongAsWasAsked(t *testing.T) {
	for _, f := range overlapping() {
		w := f.world(t)
		w.wait(3 * 24 * time.Hour)
		began := w.now
		for range 3 {
			if r := w.process().run(given(w.closed, 72*time.Hour)); r.Reason != rotation.GraceRunning ||
				r.RetireAt.Before(began.Add(72*time.Hour)) {
				t.Fatalf("%v: %s (%s) until %v", f, r.End, r.Reason, r.RetireAt)
			}
		}
	}
}

func TestAnOverlapThatAnOlderKeyturnWroteDownCanBeChanged(t *testing.T) {
	w := overlap(t, forms()[0])
	for _, s := range w.secrets {
		j := rotation.JournalOf(s.Metadata)
		j.Retire[0].Set = nil
		s.Metadata = j.Into(s.Metadata)
		for i := range s.versions {
			s.versions[i].Created = w.closed.Add(time.Second)
		}
	}
	if r := w.process().run(given(w.closed, 0)); r.Reason != rotation.GraceRunning {
		t.Errorf("the same closure: %s (%s)", r.End, r.Reason)
	}
	if r := w.process().run(given(w.now, 0)); r.Reason != rotation.Rotated {
		t.Errorf("a later closure: %s (%s)", r.End, r.Reason)
	}
}

// retireTimes returns the end of the overlap according to the journals.
func (w *world) retireTimes() string {
	text := ""
	for _, role := range w.kind.Roles() {
		for _, s := range w.secrets {
			if j := rotation.JournalOf(s.Metadata); s.role == role && len(j.Retire) > 0 {
				text += fmt.Sprint(role, j.Retire[0].After)
			}
		}
	}
	return text
}
