package rotation_test

import (
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
	"github.com/keyturn/keyturn/pkg/rotation"
)

// chosenForms are the forms of passwords that the caller chooses.
func chosenForms() []form {
	return slices.DeleteFunc(forms(), func(f form) bool { return !f.chosen })
}

func TestAChosenPasswordThatIsRefusedLeavesTheOldOneAndIsNotSetLater(t *testing.T) {
	for _, f := range chosenForms() {
		w := f.world(t)
		p := w.refusing("Create", fault.Invalid)
		r := p.run()
		if r.End != rotation.Refuse || r.FailedAt != rotation.Reset || fault.Of(r.Cause) != fault.Invalid ||
			r.OldGone || !r.Chosen || len(w.creds) != 1 || !w.hands[w.creds[0].ID] {
			t.Fatalf("%v: %s (%s: %v) at %s", f, r.End, r.Reason, r.Cause, r.FailedAt)
		}
		if r := w.process().run(); len(f.roles) > 0 && r.Reason != rotation.InProgress {
			t.Errorf("%v: another run goes on with a value that it hasn't made: %s (%s)", f, r.End, r.Reason)
		}
		w.wait(rotation.UnseenTime)
		if r := w.process().run(); r.End != rotation.Done || len(f.roles) > 0 && r.Attempt != 2 {
			t.Errorf("%v, later: %s (%s), attempt %d", f, r.End, r.Reason, r.Attempt)
		}
		w.finished(t, f.String())
	}
}

// The domain's record of the user changes between the look and the request.
func TestAPasswordIsNotReplacedUnlessItIsTheOneThatWasSeen(t *testing.T) {
	for _, f := range chosenForms() {
		for own, want := range map[bool]rotation.Reason{true: rotation.AlreadyReset, false: rotation.Rotated} {
			w := f.world(t)
			p, changed := w.process(), false
			p.faults = func(operation string, _ int) error {
				if operation != "Create" || changed {
					return nil
				}
				changed = true
				if own {
					w.creds = nil
					w.hands[w.add("by the user", 0)] = true
				}
				w.serial++
				return nil
			}
			r := p.run()
			if r.End != rotation.Done || r.Reason != want || own && w.creds[0].Description != "by the user" {
				t.Errorf("%v, the user has set one: %v: %s (%s: %v)", f, own, r.End, r.Reason, r.Cause)
			}
			if w.broken != "" {
				t.Errorf("%v: %s", f, w.broken)
			}
		}
	}
}

// A record that lags looks the same. So the condition is dropped only when it can't be that any more.
func TestADomainThatAlwaysShowsAnOldVersionIsAskedWithoutAVersionAfterAWhile(t *testing.T) {
	for _, f := range chosenForms() {
		w := f.world(t)
		versions := []string{}
		run := func() rotation.Result {
			p := w.process()
			p.drafted = func(d credential.Draft) error {
				versions = append(versions, d.Version)
				if d.Version != "" {
					return fault.New(fault.Conflict, "Create", "412")
				}
				return nil
			}
			return p.run()
		}
		if r := run(); r.End != rotation.Wait || slices.Contains(versions, "") {
			t.Errorf("%v, at first: %s (%s: %v) with the versions %q", f, r.End, r.Reason, r.Cause, versions)
		}
		w.wait(rotation.BlockedTime)
		versions = nil
		r := run()
		if r.End != rotation.Done || r.Reason != rotation.Rotated || len(versions) != 2 || versions[1] != "" {
			t.Errorf("%v, later: %s (%s: %v) with the versions %q", f, r.End, r.Reason, r.Cause, versions)
		}
		w.finished(t, f.String())
	}
}

func TestALinkIsMailedOnlySoonAfterTheClosure(t *testing.T) {
	for _, f := range chosenForms() {
		if len(f.roles) > 0 {
			continue
		}
		w := f.world(t)
		w.wait(91 * time.Minute)
		r := w.process().run()
		if r.End != rotation.Refuse || r.Acted || !strings.Contains(r.Cause.Error(), "may have been mailed") {
			t.Errorf("%v: %s (%s: %v)", f, r.End, r.Reason, r.Cause)
		}
	}
}

func TestWhatPreventsANewPasswordIsReportedBeforeAnythingIsChanged(t *testing.T) {
	refusal, unmailed := fault.New(fault.Invalid, "", "federated"), fault.New(fault.Invalid, "", "no address")
	for _, f := range chosenForms() {
		for what, c := range map[string]struct {
			refusal, unmailed error
			reset             bool // the user has set another one since
			want              string
		}{
			"nothing":                  {nil, nil, false, ""},
			"a federated user":         {refusal, nil, false, "federated"},
			"no address":               {nil, unmailed, false, map[bool]string{true: "no address"}[len(f.roles) == 0]},
			"both":                     {refusal, unmailed, false, "federated"},
			"no address, and it's new": {nil, unmailed, true, ""},
		} {
			w := f.world(t)
			w.refusal, w.unmailed = c.refusal, c.unmailed
			if c.reset {
				w.creds[0].Created = w.now.Add(time.Second)
			}
			p := w.process()
			r := p.run()
			if c.want == "" {
				if r.End != rotation.Done || c.reset != (r.Reason == rotation.AlreadyReset) {
					t.Errorf("%v, %s: %s (%s: %v)", f, what, r.End, r.Reason, r.Cause)
				}
				continue
			}
			if r.End != rotation.Refuse || r.Cause == nil || !strings.Contains(r.Cause.Error(), c.want) || r.Acted ||
				w.writes > 0 || slices.Contains(p.seen, "Create") {
				t.Errorf("%v, %s: %s (%s: %v) after %v", f, what, r.End, r.Reason, r.Cause, p.seen)
			}
		}
	}
}

func TestAChosenPasswordIsSetOnceThoughTheListLags(t *testing.T) {
	for _, f := range chosenForms() {
		w := f.world(t)
		w.lag = time.Minute
		for n, later := range []time.Duration{0, 0, time.Second, rotation.MakerLife, rotation.UnseenTime} {
			w.wait(later)
			r := w.process().run()
			if n == 0 && r.Reason != rotation.Rotated || len(f.roles) > 0 && (r.End != rotation.Done || w.serial != 2) {
				t.Errorf("%v, delivery %d: %s (%s: %v); %d passwords", f, n+1, r.End, r.Reason, r.Cause, w.serial)
			}
		}
		w.finished(t, f.String())
	}
}

// The first delivery ends between the second one's reads of the secrets and of the list.
func TestAPasswordThatAnotherDeliveryHasSetMeanwhileIsNotTakenForTheUsersOwn(t *testing.T) {
	for _, f := range chosenForms() {
		if len(f.roles) == 0 {
			continue
		}
		w := f.world(t)
		p, first := w.process(), true
		p.faults = func(operation string, _ int) error {
			if operation != "List" || !first {
				return nil
			}
			first = false
			for p.count("GetSecret", 0) < len(f.roles) {
				p.mu.Unlock()
				runtime.Gosched()
				p.mu.Lock()
			}
			p.mu.Unlock()
			defer p.mu.Lock()
			if r := w.process().run(); r.Reason != rotation.Rotated {
				t.Errorf("%v: the first delivery: %s (%s: %v)", f, r.End, r.Reason, r.Cause)
			}
			return nil
		}
		if r := p.run(); r.End != rotation.Done || r.Reason != rotation.Rotated || r.Acted {
			t.Errorf("%v: %s (%s: %v), acted %v", f, r.End, r.Reason, r.Cause, r.Acted)
		}
		w.finished(t, f.String())
	}
}

// The first closure sets the password and can't make it CURRENT. The second one has another time, and so another id.
func TestAPasswordThatAnEarlierClosureSetBecomesCurrentWithTheNextOne(t *testing.T) {
	for _, f := range chosenForms() {
		if len(f.roles) == 0 {
			continue
		}
		for _, what := range []string{"", ", with the journal wiped"} {
			w := f.world(t)
			p, updates := w.process(), 0
			p.faults = func(operation string, _ int) error {
				if operation != "UpdateSecret" {
					return nil
				}
				updates++
				if updates <= len(f.roles) {
					return nil
				}
				return fault.New(fault.Denied, operation, "404")
			}
			first := p.run()
			if first.End != rotation.Refuse || first.FailedAt != rotation.Promote || w.serial != 2 {
				t.Fatalf("%v: %s (%s: %v) at %s", f, first.End, first.Reason, first.Cause, first.FailedAt)
			}
			detected := w.now.Add(-time.Hour)
			w.wait(time.Hour)
			if what != "" {
				for _, s := range w.secrets {
					s.Metadata = nil
				}
			}
			again := func(j *rotation.Job) {
				j.At, j.ResetAfter = w.now, []time.Time{w.now, detected}
				j.Ref.ID = credential.TimeID(w.now)
			}
			r := w.process().run(again)
			if r.End != rotation.Done || r.Reason != rotation.Rotated || w.serial != 2 || r.Rotation != first.Rotation {
				t.Errorf("%v%s: %s (%s: %v), %d passwords", f, what, r.End, r.Reason, r.Cause, w.serial)
			}
			w.finished(t, f.String()+what)
		}
	}
}
