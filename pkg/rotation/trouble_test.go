package rotation_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/keyturn/keyturn/pkg/config"
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
	"github.com/keyturn/keyturn/pkg/rotation"
)

func TestAGraceThatIsOrderedAfterThePromotionIsWrittenDownToo(t *testing.T) {
	w := newWorld(t, credential.AuthToken, credential.RoleToken)
	p := w.process()
	p.faults = func(o string, _ int) error {
		if o == "Delete" {
			return fault.New(fault.Denied, o, "no")
		}
		return nil
	}
	if r := p.run(); r.End != rotation.Refuse || r.FailedAt != rotation.Retire || !r.Placed[0].Current {
		t.Fatalf("%s (%s) at %q", r.End, r.Reason, r.FailedAt)
	}
	r := w.process().run(given(w.now.Add(time.Second), 72*time.Hour))
	if r.End != rotation.Done || r.Reason != rotation.GraceRunning || r.RetireAt.IsZero() || w.find(w.oldID) == nil {
		t.Errorf("%s (%s), retire at %v", r.End, r.Reason, r.RetireAt)
	}
}

func TestAValueThatCannotBeStoredIsTakenBackEvenIfTheSecondLookFails(t *testing.T) {
	w := newWorld(t, credential.AuthToken, credential.RoleToken)
	p := w.process()
	broken := false
	p.faults = func(o string, _ int) error {
		switch {
		case o == "UpdateSecret":
			broken = true
			return fault.New(fault.Conflict, o, "etag")
		case broken && o != "Delete":
			return fault.New(fault.Denied, o, "no")
		}
		return nil
	}
	r := p.run()
	if r.End != rotation.Refuse || len(w.creds) != 1 || w.creds[0].ID != w.oldID || w.broken != "" {
		t.Errorf("%s (%s): the user has %d credentials; %s", r.End, r.Reason, len(w.creds), w.broken)
	}
}

func TestACredentialThatWasMadeForAnotherSecretIsLeftAlone(t *testing.T) {
	w := newWorld(t, credential.AuthToken, credential.RoleToken)
	p := w.process()
	p.faults = func(o string, _ int) error {
		if o == "Delete" {
			return fault.New(fault.Denied, o, "no")
		}
		return nil
	}
	p.run() // the new one is CURRENT, the old one is still there
	w.now = w.now.Add(time.Hour)
	other := newWorld(t, credential.AuthToken, credential.RoleBundle)
	w.secrets = other.secrets // the next closure names another secret
	r := w.process().run()
	if r.End != rotation.Refuse || r.Reason != rotation.OtherSecret || len(w.creds) != 2 {
		t.Errorf("%s (%s): the user has %d credentials", r.End, r.Reason, len(w.creds))
	}
}

func TestAWipedJournalLosesNothing(t *testing.T) {
	for _, f := range forms() {
		if f.replace || f.kind == credential.Password {
			// they announce in the journal: without it, the old credential stays, or was already gone
			continue
		}
		probe := f.world(t).process()
		probe.run()
		for at := 1; at <= probe.calls; at++ {
			w := f.world(t)
			p := w.process()
			p.dieAt, p.after = at, true
			p.run()
			for _, s := range w.secrets {
				s.Metadata, s.ETag = nil, "wiped"
			}
			what := fmt.Sprintf("%v, death at call %d (%s) and a wiped journal", f, at, probe.seen[at-1])
			w.now = w.now.Add(rotation.MakerLife)
			deliverUntilDone(t, w, what)
			w.finished(t, what)
		}
	}
}

func TestWhatConsumersReadIsNotDeletedBecauseItsJournalWasWiped(t *testing.T) {
	w := newWorld(t, credential.AuthToken, credential.RoleToken)
	p := w.process()
	p.faults = func(o string, _ int) error {
		if o == "Delete" {
			return fault.New(fault.Denied, o, "no")
		}
		return nil
	}
	p.run()
	for _, s := range w.secrets {
		s.Metadata, s.ETag = nil, "wiped"
	}
	w.now = w.now.Add(time.Hour)
	blind := w.process()
	blind.prove = config.ProveOff
	if r := blind.run(); r.End != rotation.Refuse || len(w.creds) != 2 {
		t.Errorf("%s (%s): the user has %d credentials", r.End, r.Reason, len(w.creds))
	}
	if r := w.process().run(); r.End != rotation.Done || r.Reason != rotation.Rotated {
		t.Errorf("with a proof: %s (%s): %v", r.End, r.Reason, r.Cause)
	}
	w.finished(t, "with a proof")
}

// The answer to the staging write is lost, and further calls fail. In the meantime another delivery finds the value,
// promotes it, and deletes the old credential.
func TestACredentialThatMayBeStagedIsNotTakenBackFromTheDeliveryThatPromotesIt(t *testing.T) {
	for _, f := range forms() {
		if f.kind == credential.APIKey || f.kind == credential.Password {
			continue // the one is staged before it exists, the other can't be taken back
		}
		w := f.world(t)
		p := w.process()
		staged := false
		p.lost = func(o string, _ int) bool {
			for _, s := range w.secrets {
				staged = staged || len(s.contents) > 1
			}
			return o == "UpdateSecret" && staged
		}
		p.faults = func(o string, _ int) error {
			if !staged || o == "Delete" {
				return nil
			}
			p.mu.Unlock() // the other delivery runs to its end while this one waits for an answer
			w.process().run()
			p.mu.Lock()
			return fault.New(fault.Throttled, o, "slow down")
		}
		p.run()
		if !staged || w.find(w.oldID) != nil || !w.promoted() || w.broken != "" {
			t.Errorf("%v: staged %v, the old one is there: %v, CURRENT works: %v; %s", f, staged,
				w.find(w.oldID) != nil, w.promoted(), w.broken)
		}
	}
}

func TestALostOneTimePasswordIsReportedOnce(t *testing.T) {
	w := newWorld(t, credential.Password, credential.RolePassword)
	p := w.process()
	p.lost = func(o string, _ int) bool { p.dead = o == "Create"; return p.dead }
	p.run()
	w.mu.Lock()
	w.now = w.now.Add(rotation.MakerLife)
	w.mu.Unlock()
	if r := w.process().run(); r.Reason != rotation.ResetNotKept || !r.Acted ||
		!slices.Equal(steps(r), []rotation.Action{rotation.Withdraw}) {
		t.Fatalf("%s (%s), acted %v in the steps %v", r.End, r.Reason, r.Acted, r.Steps)
	}
	if r := w.process().run(); r.Reason != rotation.AlreadyReset || r.Acted {
		t.Errorf("%s (%s), acted again: %v", r.End, r.Reason, r.Acted)
	}
}

func TestAGraceBeginsWhenTheLastSecretHasItsNewValue(t *testing.T) {
	const grace = 72 * time.Hour
	order := func(j *rotation.Job) { j.Grace = grace }
	w := newWorld(t, credential.CustomerSecretKey, credential.RoleSecretKey, credential.RoleAccessKey)
	p := w.process()
	promotions := 0
	p.lost = func(o string, _ int) bool {
		for _, s := range w.secrets {
			if o == "UpdateSecret" && s.Current > 1 {
				promotions++
			}
		}
		p.dead = promotions > 0
		return p.dead
	}
	p.run(order)
	if promotions != 1 || w.promoted() {
		t.Fatalf("%d secrets were promoted before the process died, want one of two", promotions)
	}
	w.mu.Lock()
	w.now = w.now.Add(grace + time.Hour)
	now := w.now
	w.mu.Unlock()
	if r := w.process().run(order); r.Reason != rotation.GraceRunning || w.find(w.oldID) == nil ||
		r.RetireAt.Before(now.Add(grace-time.Minute)) {
		t.Errorf("%s (%s): the old one is there: %v, until %v", r.End, r.Reason, w.find(w.oldID) != nil, r.RetireAt)
	}
}
