package rotation_test

import (
	"slices"
	"testing"
	"time"

	"github.com/keyturn/keyturn/pkg/config"
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
	"github.com/keyturn/keyturn/pkg/rotation"
)

func TestWithProofTryACredentialIsRotatedThoughItsServiceCannotBeAsked(t *testing.T) {
	for _, f := range provable() {
		for _, class := range []fault.Class{fault.Unclear, fault.Invalid} {
			for _, mode := range []config.ProveMode{config.ProveTry, config.ProveRequire} {
				w := f.world(t)
				p := w.process()
				p.prove = mode
				p.faults = func(operation string, _ int) error {
					if operation == "Prove" {
						return fault.New(class, operation, "no")
					}
					return nil
				}
				r := p.run()
				if mode == config.ProveRequire {
					if r.End == rotation.Done || w.promoted() || w.find(w.oldID) == nil && !f.replace {
						t.Errorf("%v, %s, where a proof is required: %s (%s)", f, class, r.End, r.Reason)
					}
					continue
				}
				if r.End != rotation.Done || r.Reason != rotation.Rotated || r.Proven {
					t.Errorf("%v, %s: %s (%s: %v), proven %v", f, class, r.End, r.Reason, r.Cause, r.Proven)
				}
				w.finished(t, f.String())
			}
		}
	}
}

func TestOnlyWithoutAProofIsTheNewCredentialNeverTested(t *testing.T) {
	for _, f := range provable() {
		for mode, asked := range map[config.ProveMode]int{config.ProveRequire: 2, config.ProveTry: 2,
			config.ProveOff: 0} {
			if f.replace { // there is no old one to be deleted after the proof
				asked /= 2
			}
			w := f.world(t)
			p := w.process()
			p.prove = mode
			r := p.run()
			w.finished(t, f.String())
			n := 0
			for _, operation := range p.seen {
				if operation == "Prove" {
					n++
				}
			}
			if n != asked || r.Proven != (asked > 0) {
				t.Errorf("%v, %s: asked %d times, proven %v", f, mode, n, r.Proven)
			}
		}
	}
}

func TestTheOldCredentialStaysIfTheNewOneIsRefusedRightBeforeItGoes(t *testing.T) {
	for _, f := range overlapping() {
		for _, mode := range []config.ProveMode{config.ProveRequire, config.ProveTry} {
			w := f.world(t)
			p := w.process()
			p.prove = mode
			p.faults = func(string, int) error { w.rejected = w.promoted(); return nil }
			if r := p.run(); r.End == rotation.Done || w.find(w.oldID) == nil || slices.Contains(p.seen, "Delete") {
				t.Errorf("%v, %s: %s (%s); the old one is there: %v", f, mode, r.End, r.Reason, w.find(w.oldID) != nil)
			}
		}
	}
}

func TestADeliveryFindsOutWithinFiveSecondsThatANewCredentialIsAccepted(t *testing.T) {
	for takes := time.Second; takes < rotation.SpreadTime; takes += 3 * time.Second {
		w := newWorld(t, credential.AuthToken, credential.RoleToken)
		p, spread := w.process(), w.now.Add(takes)
		p.faults = func(string, int) error { w.rejected = w.now.Before(spread); return nil }
		if r := p.run(); r.Reason != rotation.Rotated || w.now.Sub(spread) > 5*time.Second {
			t.Errorf("accepted after %v: %s (%s), %v later", takes, r.End, r.Reason, w.now.Sub(spread))
		}
	}
}
