package rotation_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
	"github.com/keyturn/keyturn/pkg/rotation"
)

// checkResult compares a result with the state of OCI. No other process may be running.
func (w *world) checkResult(t *testing.T, what string, p *process, r rotation.Result, old *fakeCredential,
	unread bool) {
	t.Helper()
	name := w.rotation().VersionName(max(r.Attempt, 1))
	if r.Rotation != w.rotation() {
		t.Errorf("%s: it is of the rotation %q", what, r.Rotation)
	}
	listed := slices.Contains(p.seen, "List") && len(r.Slots) > 0
	if listed && !r.OldMade.Equal(old.Created) {
		t.Errorf("%s: the old one was made %v, not %v", what, old.Created, r.OldMade)
	}
	if w.kind != credential.Password && listed && r.OldGone != (w.find(w.oldID) == nil) {
		t.Errorf("%s: the old one is gone: %v", what, r.OldGone)
	}
	var have, want []string
	for _, c := range r.Slots {
		have = append(have, c.ID)
	}
	for _, c := range w.creds {
		want = append(want, c.ID)
	}
	slices.Sort(have)
	slices.Sort(want)
	if listed && w.kind != credential.Password && !slices.Equal(have, want) {
		t.Errorf("%s: the slots are %v, not %v", what, want, have)
	}
	job, stored := p.job(), false
	if len(r.Placed) > 0 && len(r.Placed) != len(job.Secrets) {
		t.Errorf("%s: it is placed in %+v", what, r.Placed)
		return
	}
	for i, at := range r.Placed {
		s := w.secrets[job.Secrets[i].SecretID]
		if unread && at == (rotation.Placed{Target: job.Secrets[i]}) {
			continue
		}
		if at.Target != job.Secrets[i] || at.SecretName != s.Name || at.Vault != s.Vault || at.Region != s.Region {
			t.Errorf("%s: place %d is %+v", what, i, at)
		}
		number, stage := int64(0), ""
		for _, v := range s.versions {
			if v.Name == name {
				number, stage, stored = v.Number, v.Stage(), true
			}
		}
		if at.Stage != stage || at.Version != number && at.Version != 0 || at.Current != (stage == "CURRENT") {
			t.Errorf("%s: it is placed in %+v, where version %d is %s", what, at, number, stage)
		}
	}
	fresh := ""
	for _, c := range w.creds {
		if !w.hands[c.ID] {
			fresh = c.ID
		}
	}
	if stored && (w.kind == credential.APIKey && fresh == "" || w.chosen) {
		fresh = r.NewID // its value alone is there; or the id is the time at which it was staged
	}
	if (stored || r.NewID != "") && r.NewID != fresh {
		t.Errorf("%s: the new one is %q, not %q", what, fresh, r.NewID)
	}
}

func TestAResultSaysWhatOCIHasHoweverTheRunEnds(t *testing.T) {
	for _, f := range forms() {
		probe := f.world(t).process()
		probe.run()
		for _, class := range []fault.Class{fault.Denied, fault.Unclear} {
			for at := range probe.calls {
				for _, always := range []bool{false, true} {
					if f.kind == credential.APIKey && (f.replace || always != (class == fault.Denied)) {
						continue // making a key pair takes long
					}
					w := f.world(t)
					for _, s := range w.secrets {
						s.Vault, s.Region = "the vault of "+s.Name, "the region of "+s.Name
					}
					old, p, last := w.creds[0], w.process(), rotation.Step{}
					what := fmt.Sprintf("%v, call %d (%s) is %s, always %v", f, at+1, probe.seen[at], class, always)
					proven := false
					p.faults = func(operation string, n int) error {
						if n == at+1 || always && n > at && operation == probe.seen[at] {
							return fault.New(class, operation, "no")
						}
						proven = proven || operation == "Prove"
						return nil
					}
					r := p.run(func(j *rotation.Job) { j.OnStep = func(s rotation.Step) { last = s } })
					w.checkResult(t, what, p, r, &old, always && probe.seen[at] == "GetSecret")
					if r.Proven != proven {
						t.Errorf("%s: proven %v", what, r.Proven)
					}
					if n := len(r.Steps); n > 0 && (r.Steps[n-1].Action != last.Action ||
						r.Steps[n-1].Err != last.Err) {
						t.Errorf("%s: the last step was %s, not %s", what, last.Action, r.Steps[n-1].Action)
					}
					if r.End == rotation.Done && r.Reason == rotation.Rotated {
						w.finished(t, what)
					}
					if r.End != rotation.Done && r.Cause == nil && r.Detail == "" {
						t.Errorf("%s: %s (%s) without a cause or a detail", what, r.End, r.Reason)
					}
					if r.FailedAt != "" && !slices.ContainsFunc(r.Steps,
						func(s rotation.Step) bool { return s.Action == r.FailedAt && s.Err == r.Cause }) {
						t.Errorf("%s: it has failed at %s, in the steps %v", what, r.FailedAt, steps(r))
					}
				}
			}
		}
	}
}

func TestAResultSaysWhenTheOldCredentialGoesWhileItIsThere(t *testing.T) {
	for _, f := range overlapping() {
		w := f.world(t)
		ends := w.now.Add(72 * time.Hour)
		for _, wait := range []time.Duration{0, time.Hour, 70 * time.Hour} {
			w.wait(wait)
			if r := w.process().run(ordered(72 * time.Hour)); !r.RetireAt.Truncate(time.Hour).Equal(ends) ||
				r.OldGone || r.Reason != rotation.GraceRunning {
				t.Errorf("%v, after %v: %s, it goes %v, gone %v", f, wait, r.Reason, r.RetireAt, r.OldGone)
			}
		}
		w.wait(time.Hour)
		if r := w.process().run(ordered(72 * time.Hour)); !r.RetireAt.IsZero() || !r.OldGone ||
			r.Reason != rotation.Rotated {
			t.Errorf("%v, at the end: %s, it goes %v, gone %v", f, r.Reason, r.RetireAt, r.OldGone)
		}
	}
}
