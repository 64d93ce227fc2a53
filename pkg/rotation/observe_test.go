package rotation_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
	"github.com/keyturn/keyturn/pkg/rotation"
	"github.com/keyturn/keyturn/pkg/vault"
)

// count returns how often a process made a call, after its first calls.
func (p *process) count(operation string, first int) (n int) {
	for _, o := range p.seen[first:] {
		if o == operation {
			n++
		}
	}
	return n
}

// refusing returns a process that gets an error for each call of an operation.
func (w *world) refusing(operation string, class fault.Class) *process {
	p := w.process()
	p.faults = func(o string, _ int) error {
		if o == operation {
			return fault.New(class, o, "no")
		}
		return nil
	}
	return p
}

func TestARunWhoseTimeEndsWhileItWaitsDoesNotAskAgain(t *testing.T) {
	for _, f := range overlapping() {
		if len(f.roles) > 1 {
			continue // the other secret is asked for in parallel
		}
		for what, c := range map[string]struct {
			asks string
			p    *process
			o    stuckVault
		}{
			"a look that failed":        {"List", f.world(t).refusing("List", fault.Unclear), stuckVault{}},
			"a secret that is UPDATING": {"GetSecret", f.world(t).process(), stuckVault{state: vault.Updating}},
			"a value that isn't there yet": {"GetSecretBundle", f.world(t).refusing("GetSecretBundle", fault.Absent),
				stuckVault{}},
			"a credential that is refused": {"Prove", f.world(t).process(), stuckVault{}},
			"a prover that doesn't answer": {"Prove", f.world(t).refusing("Prove", fault.Unclear), stuckVault{}},
			"a write that finds it changed": {"List", f.world(t).refusing("UpdateSecret", fault.Conflict),
				stuckVault{}},
		} {
			if what == "a value that isn't there yet" && slices.Contains(f.roles, credential.RoleBundle) {
				continue // what it holds is read first
			}
			p, made := c.p, -1
			p.rejected, c.o.vaultOf = what == "a credential that is refused", vaultOf{p}
			ctx, cancel := context.WithCancel(t.Context())
			end := func() {
				p.mu.Lock()
				defer p.mu.Unlock()
				if made < 0 {
					made = len(p.seen)
				}
				cancel()
			}
			e := rotation.Engine{Issuers: map[credential.Kind]rotation.Issuer{p.kind: p}, Vault: c.o, Prover: p,
				Clock: endingClock{clock{p.world}, end}, RSABits: bits}
			r := e.Run(ctx, p.job())
			if made < 0 || r.End != rotation.Wait || p.count(c.asks, made) > 0 || p.find(p.oldID) == nil {
				t.Errorf("%v, %s: %s (%s: %v), after %v; the time ended after call %d", f, what, r.End, r.Reason,
					r.Cause, p.seen, made)
			}
		}
	}
}

func TestTheVersionsOfASecretThatARotationHasNotComeToAreNotListed(t *testing.T) {
	for _, f := range forms() {
		p := f.world(t).process()
		p.run()
		want := len(f.roles)
		if f.kind != credential.Password && !f.replace {
			want = 0
		}
		if n := p.count("ListSecretVersions", 0); n != want {
			t.Errorf("%v: versions are listed %d times, want %d", f, n, want)
		}
	}
}

func TestTheVersionsAreListedAtTheFirstLookWhereTheOldOneIsGoneOrANewOneIsThere(t *testing.T) {
	for _, f := range overlapping() {
		w := f.world(t)
		w.creds = remove(w.creds, w.oldID)
		p := w.process()
		if r := p.run(); r.Reason != rotation.AlreadyGone || p.count("ListSecretVersions", 0) == 0 ||
			p.count("List", 0) > 1 {
			t.Errorf("%v, gone: %s (%s) after %v", f, r.End, r.Reason, p.seen)
		}
		if f.kind == credential.APIKey {
			continue // it has no mark
		}
		w = f.world(t)
		p = w.process()
		p.lost = func(operation string, _ int) bool { p.dead = operation == "Create"; return p.dead }
		p.run()
		w.wait(rotation.MakerLife)
		p = w.process()
		r := p.run()
		if i := slices.Index(p.seen, "Delete"); i < 0 || p.count("List", 0)-p.count("List", i) > 1 ||
			p.count("ListSecretVersions", 0) == 0 {
			t.Errorf("%v, one is lost: %s (%s) after %v", f, r.End, r.Reason, p.seen)
		}
		w.finished(t, f.String())
	}
}

func TestAFinishedRotationIsFoundWithOneLookAtEachSecret(t *testing.T) {
	for _, f := range forms() {
		w := f.world(t)
		w.process().run()
		w.process().run()
		if f.kind == credential.Password {
			w.wait(time.Second)
		}
		p := w.process()
		if r := p.run(); r.End != rotation.Done || r.Acted || p.count("GetSecret", 0) != len(f.roles) ||
			p.count("ListSecretVersions", 0) != len(f.roles) {
			t.Errorf("%v: %s (%s) after %v", f, r.End, r.Reason, p.seen)
		}
	}
}

// staleVault is a vault whose first answers are from before another delivery acted.
type staleVault struct {
	vaultOf
	was map[string]vault.Secret
}

func (e staleVault) Secret(ctx context.Context, id string) (vault.Secret, error) {
	now, err := e.vaultOf.Secret(ctx, id)
	e.mu.Lock()
	defer e.mu.Unlock()
	if was, ok := e.was[id]; ok {
		delete(e.was, id)
		return was, err
	}
	return now, err
}

func TestASecretThatWasReadBeforeAnotherDeliveryDeletedTheOldOneIsReadAgain(t *testing.T) {
	for _, f := range provable() {
		for _, replace := range []bool{true, false} {
			if !f.replace {
				continue
			}
			w := f.world(t)
			q := staleVault{vaultOf{w.process()}, map[string]vault.Secret{}}
			for id, s := range w.secrets {
				q.was[id] = s.Secret
			}
			p := w.process()
			p.lost = func(operation string, _ int) bool { p.dead = operation == "Delete"; return p.dead }
			p.run()
			living, writes := len(w.creds), w.writes
			r := q.on(q, func(j *rotation.Job) { j.Replace = replace })
			if w.find(w.oldID) != nil || len(q.was) > 0 || r.End != rotation.Wait || r.Reason != rotation.InProgress ||
				r.Acted || len(w.creds) != living || w.writes != writes {
				t.Errorf("%v, replace %v: %s (%s: %v), acted %v", f, replace, r.End, r.Reason, r.Cause, r.Acted)
			}
			w.wait(rotation.MakerLife)
			deliverUntilDone(t, w, f.String())
			w.finished(t, f.String())
		}
	}
}

// ends maps the class of a failing call to the end of the run.
var ends = map[fault.Class]rotation.Action{fault.Denied: rotation.Refuse, fault.Unclear: rotation.Wait}

func TestNothingIsDoneToASecretWhoseVersionsCanNotBeListed(t *testing.T) {
	for _, f := range forms() {
		if len(f.roles) == 0 || f.kind != credential.Password && !f.replace {
			continue // they are not asked for
		}
		for class, end := range ends {
			w := f.world(t)
			living := len(w.creds)
			if r := w.refusing("ListSecretVersions", class).run(); r.End != end || r.Cause == nil || r.Acted ||
				w.writes != 0 || len(w.creds) != living || w.find(w.oldID) == nil && f.kind != credential.Password {
				t.Errorf("%v, %s: %s (%s: %v), acted %v", f, class, r.End, r.Reason, r.Cause, r.Acted)
			}
			if r := w.process().run(); r.End != rotation.Done {
				t.Errorf("%v, %s, fixed: %s (%s: %v)", f, class, r.End, r.Reason, r.Cause)
			}
			w.finished(t, f.String())
		}
	}
}

func TestAStagedValueThatCanNotBeReadForNowIsWaitedForAndOneThatMayNotBeReadIsRefused(t *testing.T) {
	for _, f := range provable() {
		for class, end := range ends {
			w := f.world(t)
			p := w.process()
			p.lost = func(operation string, _ int) bool { p.dead = operation == "Prove"; return p.dead }
			p.run()
			living, writes := len(w.creds), w.writes
			r := w.refusing("GetSecretBundle", class).run()
			if r.End != end || fault.Of(r.Cause) != class || r.Acted || w.promoted() || len(w.creds) != living ||
				w.writes != writes {
				t.Errorf("%v, %s: %s (%s: %v), acted %v", f, class, r.End, r.Reason, r.Cause, r.Acted)
			}
			if r := w.process().run(); r.Reason != rotation.Rotated {
				t.Errorf("%v, %s, fixed: %s (%s: %v)", f, class, r.End, r.Reason, r.Cause)
			}
			w.finished(t, f.String())
		}
	}
}

func TestASecretThatCanNotBeReadAtFirstIsNotTakenForAChangedOne(t *testing.T) {
	for _, f := range forms() {
		for at := range f.roles {
			for _, class := range []fault.Class{fault.Denied, fault.Absent} {
				w := f.world(t)
				p, asked := w.process(), 0
				p.faults = func(operation string, _ int) error {
					if operation == "GetSecret" {
						asked++
					}
					if operation == "GetSecret" && asked == at+1 {
						return fault.New(class, operation, "no")
					}
					return nil
				}
				if r := p.run(); r.End != rotation.Done {
					t.Errorf("%v, secret %d is %s: %s (%s: %v), %s", f, at+1, class, r.End, r.Reason, r.Cause, r.Detail)
				}
				w.finished(t, f.String())
			}
		}
	}
}
