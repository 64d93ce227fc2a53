package rotation_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
	"github.com/keyturn/keyturn/pkg/rotation"
)

func TestWithListsThatLagAnEventThatRepeatsIsOneRotationAndIsNeverRefused(t *testing.T) {
	for _, f := range provable() {
		for _, lag := range []time.Duration{time.Second, 20 * time.Second, rotation.SpreadTime - time.Second} {
			w := f.world(t)
			w.lag = lag
			what := fmt.Sprintf("%v, a list %v old", f, lag)
			for n, later := range []time.Duration{0, 0, time.Second, 30 * time.Second, rotation.MakerLife,
				rotation.UnseenTime} {
				w.wait(later)
				if r := w.process().run(); r.End == rotation.Refuse {
					t.Errorf("%s, delivery %d: %s (%s): %v", what, n+1, r.End, r.Reason, r.Cause)
				}
			}
			w.finished(t, what)
		}
	}
}

func TestWithListsThatLagADeathAtAnyCallLosesNothingAndOneNewCredentialIsLeft(t *testing.T) {
	for _, f := range provable() {
		probe := f.world(t).process()
		probe.run()
		for at := 1; at <= probe.calls; at++ {
			for _, after := range []bool{false, true} {
				w := f.world(t)
				w.lag = 3 * time.Minute
				p := w.process()
				p.dieAt, p.after = at, after
				p.run()
				what := fmt.Sprintf("%v, death at call %d (%s), after effect %v", f, at, probe.seen[at-1], after)
				for _, later := range []time.Duration{0, time.Minute, rotation.MakerLife, rotation.UnseenTime,
					time.Hour} {
					w.wait(later)
					if r := w.process().run(); r.End == rotation.Refuse {
						t.Errorf("%s: %s (%s): %s %v", what, r.End, r.Reason, r.Detail, r.Cause)
					}
				}
				w.finished(t, what)
			}
		}
	}
}

func TestASecondDeliveryDuringTheFirstIsNeverRefusedThoughTheListLags(t *testing.T) {
	for _, f := range provable() {
		probe := f.world(t).process()
		probe.run()
		for at := 1; at <= probe.calls; at++ {
			w := f.world(t)
			w.lag = time.Minute
			p, other := w.process(), rotation.Result{}
			p.faults = func(operation string, n int) error {
				if n == at {
					p.mu.Unlock()
					other = w.process().run()
					p.mu.Lock()
				}
				return nil
			}
			r := p.run()
			what := fmt.Sprintf("%v, during call %d (%s)", f, at, probe.seen[at-1])
			if other.End == rotation.Refuse || r.End == rotation.Refuse {
				t.Errorf("%s: %s (%s), the first %s (%s): %s %s", what, other.End, other.Reason, r.End, r.Reason,
					other.Detail, r.Detail)
			}
			for _, later := range []time.Duration{time.Minute, rotation.MakerLife, rotation.UnseenTime} {
				w.wait(later)
				w.process().run()
			}
			w.finished(t, what)
		}
	}
}

func TestALimitThatTheListDoesNotShowIsWaitedForAndIsNoReasonToDeleteAnything(t *testing.T) {
	for _, f := range provable() {
		w := newWorld(t, f.kind, f.roles...)
		w.replace = true // and the user has one credential
		limited := func(p *process) *process {
			p.faults = func(operation string, _ int) error {
				if operation == "Create" {
					return fault.New(fault.Full, operation, "QuotaExceeded")
				}
				return nil
			}
			return p
		}
		if r := limited(w.process()).run(); r.End != rotation.Wait || r.Reason != rotation.LimitUnclear ||
			r.Cause == nil {
			t.Errorf("%v: %s (%s): %v", f, r.End, r.Reason, r.Cause)
		}
		w.wait(rotation.BlockedTime)
		r := limited(w.process()).run()
		if r.End != rotation.Refuse || r.Reason != rotation.NoFreeSlot || r.Cause == nil || w.find(w.oldID) == nil {
			t.Errorf("%v, half an hour later: %s (%s): %v; the old one is there: %v", f, r.End, r.Reason, r.Cause,
				w.find(w.oldID) != nil)
		}
		if f.kind == credential.APIKey {
			continue
		}
		w.wait(time.Minute)
		if r := w.process().run(); r.Reason != rotation.Rotated {
			t.Errorf("%v, when OCI allows it: %s (%s)", f, r.End, r.Reason)
		}
	}
}
