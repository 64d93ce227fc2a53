package rotation_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
	"github.com/keyturn/keyturn/pkg/rotation"
)

// form is one way in which a credential is stored.
type form struct {
	kind    credential.Kind
	roles   []credential.Role
	replace bool
	chosen  bool
}

func forms() []form {
	return []form{
		{kind: credential.APIKey, roles: []credential.Role{credential.RolePrivateKey}},
		{kind: credential.APIKey, roles: []credential.Role{credential.RoleBundle, credential.RolePrivateKey}},
		{kind: credential.AuthToken, roles: []credential.Role{credential.RoleToken}},
		{kind: credential.AuthToken, roles: []credential.Role{credential.RoleBundle}},
		{kind: credential.CustomerSecretKey, roles: []credential.Role{credential.RoleSecretKey,
			credential.RoleAccessKey}},
		{kind: credential.CustomerSecretKey, roles: []credential.Role{credential.RoleBundle}},
		{kind: credential.Password},
		{kind: credential.Password, roles: []credential.Role{credential.RolePassword}},
		{kind: credential.Password, chosen: true},
		{kind: credential.Password, roles: []credential.Role{credential.RolePassword}, chosen: true},
		{kind: credential.Password, roles: []credential.Role{credential.RoleBundle, credential.RolePassword},
			chosen: true},
		{kind: credential.APIKey, roles: []credential.Role{credential.RolePrivateKey}, replace: true},
		{kind: credential.AuthToken, roles: []credential.Role{credential.RoleToken}, replace: true},
		{kind: credential.CustomerSecretKey, roles: []credential.Role{credential.RoleSecretKey,
			credential.RoleAccessKey}, replace: true},
	}
}

func (f form) String() string {
	name := fmt.Sprint(f.kind, f.roles)
	if f.replace {
		name += "-replace"
	}
	if f.chosen {
		name += "-chosen"
	}
	return name
}

// world returns a world for the form. With replace, the user's slots are full.
func (f form) world(t *testing.T) *world {
	w := newWorld(t, f.kind, f.roles...)
	w.replace, w.chosen = f.replace, f.chosen
	if f.replace {
		for len(w.creds) < f.kind.Limit() {
			w.hands[w.add("a bystander", -10*24*time.Hour)] = true
		}
	}
	return w
}

// finished fails the test unless the rotation is complete and has left nothing behind.
func (w *world) finished(t *testing.T, what string) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.broken != "" {
		t.Fatalf("%s: %s", what, w.broken)
	}
	if w.kind == credential.Password {
		if w.chosen && len(w.secrets) > 0 && !(w.creds[0].set && w.currentEverywhere(w.creds[0])) {
			t.Fatalf("%s: the chosen password is not CURRENT everywhere", what)
		}
		return
	}
	if w.find(w.oldID) != nil {
		t.Fatalf("%s: the old credential is still there", what)
	}
	fresh := 0
	for _, c := range w.creds {
		if w.hands[c.ID] {
			continue
		}
		fresh++
		if !w.currentEverywhere(c) {
			t.Fatalf("%s: credential %s is not CURRENT everywhere", what, c.ID)
		}
	}
	if fresh != 1 {
		t.Fatalf("%s: %d new credentials, want 1", what, fresh)
	}
}

func TestOneDeliveryRotatesEachKindInEachForm(t *testing.T) {
	for _, f := range forms() {
		w := f.world(t)
		p := w.process()
		r := p.run()
		if r.End != rotation.Done || r.Reason != rotation.Rotated && f.kind != credential.Password || !r.Acted {
			t.Fatalf("%v: ended %s, %s, %v", f, r.End, r.Reason, r.Cause)
		}
		w.finished(t, f.String())
		if w.writes != len(f.roles) {
			t.Errorf("%v: wrote %d versions, want %d", f, w.writes, len(f.roles))
		}
		t.Logf("%v: %d calls: %v", f, p.calls, p.seen)
	}
}

func TestTheSameEventFiveTimesIsOneRotation(t *testing.T) {
	for _, f := range forms() {
		w := f.world(t)
		for n := range 5 {
			r := w.process().run()
			if r.End != rotation.Done || r.Acted != (n == 0) {
				t.Fatalf("%v, delivery %d: ended %s (%s), acted %v: %v", f, n+1, r.End, r.Reason, r.Acted, r.Cause)
			}
		}
		w.finished(t, f.String())
		if w.writes != len(f.roles) {
			t.Errorf("%v: wrote %d versions, want %d", f, w.writes, len(f.roles))
		}
	}
}

func TestADeathAtAnyCallLosesNothingAndALaterDeliveryFinishes(t *testing.T) {
	cells := 0
	for _, f := range forms() {
		probe := f.world(t).process()
		probe.run()
		for at := 1; at <= probe.calls; at++ {
			for _, after := range []bool{false, true} {
				cells++
				what := fmt.Sprintf("%v, death at call %d (%s), after effect %v", f, at, probe.seen[at-1], after)
				w := f.world(t)
				p := w.process()
				p.dieAt, p.after = at, after
				p.run()
				if w.broken != "" {
					t.Fatalf("%s: %s", what, w.broken)
				}
				deliverUntilDone(t, w, what)
				w.finished(t, what)
			}
		}
	}
	t.Logf("%d deaths", cells)
}

// deliverUntilDone delivers at once, and again after the times that a rotation waits for another process.
func deliverUntilDone(t *testing.T, w *world, what string) {
	t.Helper()
	var r rotation.Result
	for range 4 {
		r = w.process().run()
		if r.End == rotation.Done {
			return
		}
		w.mu.Lock()
		w.now = w.now.Add(rotation.MakerLife)
		w.mu.Unlock()
	}
	t.Fatalf("%s: never done: %s (%s): %v", what, r.End, r.Reason, r.Cause)
}

func TestALostAnswerAtAnyCallIsFoundOut(t *testing.T) {
	for _, f := range forms() {
		probe := f.world(t).process()
		probe.run()
		for at := 1; at <= probe.calls; at++ {
			w := f.world(t)
			p := w.process()
			p.lost = func(_ string, n int) bool { return n == at }
			what := fmt.Sprintf("%v, no answer to call %d (%s)", f, at, probe.seen[at-1])
			r := p.run()
			if f.kind == credential.Password && !f.chosen && probe.seen[at-1] == "Create" && len(f.roles) > 0 {
				if r.Reason != rotation.ResetNotKept {
					t.Fatalf("%s: %s (%s), want word that the value is not kept", what, r.End, r.Reason)
				}
				continue
			}
			if r.End != rotation.Done {
				t.Fatalf("%s: %s (%s): %v", what, r.End, r.Reason, r.Cause)
			}
			w.finished(t, what)
		}
	}
}

func TestAStepThatIsRefusedForGoodLeavesTheOldCredentialAndNoOrphan(t *testing.T) {
	for _, f := range forms() {
		if f.kind == credential.Password || f.replace {
			continue
		}
		for _, operation := range []string{"Create", "UpdateSecret", "List", "GetSecret"} {
			w := f.world(t)
			p := w.process()
			p.faults = func(o string, _ int) error {
				if o == operation {
					return fault.New(fault.Denied, o, "no")
				}
				return nil
			}
			r := p.run()
			if r.End != rotation.Refuse || r.Cause == nil {
				t.Fatalf("%v, %s denied: %s (%s)", f, operation, r.End, r.Reason)
			}
			if w.broken != "" || len(w.creds) != 1 || w.creds[0].ID != w.oldID {
				t.Fatalf("%v, %s denied: left %d credentials, %s", f, operation, len(w.creds), w.broken)
			}
		}
	}
}

func TestANewCredentialThatIsRefusedForGoodIsTakenBack(t *testing.T) {
	for _, f := range forms() {
		if f.kind == credential.Password || f.replace {
			continue
		}
		w := f.world(t)
		w.rejected = true
		w.process().run()
		w.now = w.now.Add(rotation.ProofTime)
		r := w.process().run()
		if r.End != rotation.Refuse || r.Reason != rotation.Rejected {
			t.Fatalf("%v: %s (%s): %v", f, r.End, r.Reason, r.Cause)
		}
		if len(w.creds) != 1 || w.creds[0].ID != w.oldID || w.broken != "" {
			t.Fatalf("%v: left %d credentials, %s", f, len(w.creds), w.broken)
		}
		w.rejected = false
		deliverUntilDone(t, w, f.String())
		w.finished(t, f.String()+" after the cause was fixed")
	}
}

func TestParallelDeliveriesAreOneRotation(t *testing.T) {
	for _, f := range forms() {
		for seed := range 20 {
			w := f.world(t)
			var group sync.WaitGroup
			for range 5 {
				group.Go(func() { w.process().run() })
			}
			group.Wait()
			what := fmt.Sprintf("%v, round %d", f, seed)
			if w.broken != "" {
				t.Fatalf("%s: %s", what, w.broken)
			}
			deliverUntilDone(t, w, what)
			w.finished(t, what)
			if w.writes > 2*len(f.roles) {
				t.Errorf("%s: wrote %d versions", what, w.writes)
			}
		}
	}
}

func TestWithoutAFreeSlotNothingIsTouchedAndTheSlotsAreNamed(t *testing.T) {
	for _, f := range forms() {
		if !f.replace {
			continue
		}
		w := f.world(t)
		w.replace = false
		r := w.process().run()
		if r.End != rotation.Refuse || r.Reason != rotation.NoFreeSlot || r.Acted || w.writes != 0 {
			t.Fatalf("%v: %s (%s), acted %v, %d versions", f, r.End, r.Reason, r.Acted, w.writes)
		}
		if len(r.Slots) != f.kind.Limit() {
			t.Errorf("%v: names %d credentials, want %d", f, len(r.Slots), f.kind.Limit())
		}
	}
}

func TestDuringItsGraceTheOldCredentialStaysAndAfterwardsItGoes(t *testing.T) {
	for _, f := range forms() {
		if f.kind == credential.Password || f.replace {
			continue
		}
		w := f.world(t)
		grace := func(j *rotation.Job) { j.Grace = 72 * time.Hour }
		for range 2 {
			r := w.process().run(grace)
			if r.End != rotation.Done || r.Reason != rotation.GraceRunning || w.find(w.oldID) == nil ||
				r.RetireAt.IsZero() {
				t.Fatalf("%v: %s (%s), retire at %v", f, r.End, r.Reason, r.RetireAt)
			}
		}
		w.now = w.now.Add(72 * time.Hour)
		if r := w.process().run(grace); r.End != rotation.Done || r.Reason != rotation.Rotated {
			t.Fatalf("%v after the grace: %s (%s): %v", f, r.End, r.Reason, r.Cause)
		}
		w.finished(t, f.String())
	}
}
