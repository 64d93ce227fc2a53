package rotation_test

import (
	"slices"
	"testing"
	"time"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
	"github.com/keyturn/keyturn/pkg/rotation"
)

func TestAStepSaysWhyItWasDoneWhenItBeganAndHowLongItTook(t *testing.T) {
	for _, f := range forms() {
		w := f.world(t)
		p, ended := w.process(), w.now
		p.faults = func(string, int) error { w.now = w.now.Add(time.Second); return nil } // a call takes a second
		r := p.run(func(j *rotation.Job) {
			j.OnStep = func(s rotation.Step) {
				if s.Because == "" || s.Err != nil || s.Began.Before(ended) || s.Took < time.Second ||
					!s.Began.Add(s.Took).Equal(w.now) {
					t.Errorf("%v, %s: it began %v and took %v, because %q; the step before ended %v, and it is %v", f,
						s.Action, s.Began, s.Took, s.Because, ended, w.now)
				}
				ended = w.now
			}
		})
		if len(r.Steps) == 0 {
			t.Errorf("%v: %s (%s) without a step", f, r.End, r.Reason)
		}
	}
}

func TestARunHasActedIfAChangeWasMadeOrNotAnsweredAndNotIfItWasRefused(t *testing.T) {
	for _, f := range forms() {
		for _, class := range []fault.Class{fault.Denied, fault.Invalid, fault.Throttled, fault.Busy, fault.Conflict,
			fault.Unclear} {
			p := f.world(t).process()
			p.faults = func(operation string, _ int) error {
				if slices.Contains([]string{"Create", "UpdateSecret", "Delete"}, operation) {
					return fault.New(class, operation, "no")
				}
				return nil
			}
			r := p.run()
			if r.Acted != (class == fault.Unclear) || len(r.Steps) == 0 || r.Steps[0].Err == nil {
				t.Errorf("%v, each change is %s: %s (%s), acted %v in the steps %v", f, class, r.End, r.Reason, r.Acted,
					r.Steps)
			}
		}
	}
}

// The first delivery has proven the new credential, and is about to promote it. A second one has seen it refused, and
// dies as soon as it has fenced it.
func TestWhatOneDeliveryTakesBackNoOtherPromotes(t *testing.T) {
	for _, f := range overlapping() {
		w := f.world(t)
		p, proven, fenced := w.process(), false, false
		p.faults = func(operation string, _ int) error {
			proven = proven || operation == "Prove"
			if !proven || fenced || operation != "UpdateSecret" {
				return nil
			}
			fenced = true
			w.rejected, w.now = true, w.now.Add(rotation.ProofTime)
			other := w.process()
			other.lost = func(operation string, _ int) bool {
				other.dead = operation == "UpdateSecret"
				return other.dead
			}
			p.mu.Unlock()
			other.run()
			p.mu.Lock()
			w.rejected = false
			s := rotation.JournalOf(w.secrets[w.home()].Metadata).Staged
			if s == nil || s.Phase != rotation.PhaseUndone || s.Version != w.rotation().VersionName(1) ||
				w.find(s.Credential) == nil || s.Credential == w.oldID {
				t.Errorf("%v: the secret says %+v of what was taken back", f, s)
			}
			return nil
		}
		if r := p.run(); !fenced || r.End == rotation.Refuse {
			t.Errorf("%v: taken back: %v; %s (%s: %v)", f, fenced, r.End, r.Reason, r.Cause)
		}
		deliverUntilDone(t, w, f.String())
		w.finished(t, f.String())
		for _, s := range w.secrets {
			for _, v := range s.versions {
				if v.Current && v.Name != w.rotation().VersionName(2) {
					t.Errorf("%v: secret %s has the CURRENT version %q", f, s.Name, v.Name)
				}
			}
		}
	}
}

// A later rotation's credential is CURRENT, and must be proven before the old one is deleted.
func TestAnOldCredentialStaysWhereTheValueOfItsSuccessorCanNotBeRead(t *testing.T) {
	w := overlap(t, form{kind: credential.APIKey, roles: []credential.Role{credential.RolePrivateKey}})
	first := w.oldID
	w.oldID = rotation.JournalOf(w.secrets[w.home()].Metadata).Current.Credential
	if r := w.process().run(); r.Reason != rotation.Rotated {
		t.Fatalf("the next one: %s (%s: %v)", r.End, r.Reason, r.Cause)
	}
	w.oldID = first
	w.wait(72 * time.Hour)
	p := w.process()
	if r := p.on(unreadableVault{vaultOf{p}, fault.Denied}); r.End != rotation.Refuse || r.FailedAt != rotation.Prove ||
		r.Acted || w.find(first) == nil || slices.Contains(p.seen, "Prove") {
		t.Errorf("%s (%s: %v) at %q, acted %v; the old one is there: %v", r.End, r.Reason, r.Cause, r.FailedAt, r.Acted,
			w.find(first) != nil)
	}
	delete(w.hands, first)
	if r := w.process().run(); r.Reason != rotation.Rotated || w.find(first) != nil {
		t.Errorf("where it can be read: %s (%s: %v)", r.End, r.Reason, r.Cause)
	}
}
