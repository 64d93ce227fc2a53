package rotation_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/keyturn/keyturn/pkg/config"
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
	"github.com/keyturn/keyturn/pkg/rotation"
)

// provable returns the forms whose new credential is proven.
func provable() (out []form) {
	for _, f := range forms() {
		if f.kind != credential.Password {
			out = append(out, f)
		}
	}
	return out
}

func (w *world) wait(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

// Users have seen new API keys refused for up to 15 minutes.
func TestACredentialThatIsRefusedForMinutesIsRotatedInTheEnd(t *testing.T) {
	for _, f := range provable() {
		for _, takes := range []time.Duration{30 * time.Second, 5 * time.Minute, 15 * time.Minute, 29 * time.Minute} {
			w := f.world(t)
			w.rejected = true
			spread := w.now.Add(takes)
			var r rotation.Result
			deliveries := 0
			for ; deliveries < 12 && r.End != rotation.Done; deliveries++ {
				p := w.process()
				p.faults = func(string, int) error { w.rejected = w.now.Before(spread); return nil }
				r = p.run()
				if r.End == rotation.Wait && (r.Reason != rotation.NotProvenYet ||
					!r.ProofUntil.Equal(r.ProofSince.Add(rotation.ProofTime)) || r.Detail == "") {
					t.Fatalf("%v, accepted after %v: %s, from %v to %v, %q", f, takes, r.Reason, r.ProofSince,
						r.ProofUntil, r.Detail)
				}
				if w.find(w.oldID) == nil && r.End != rotation.Done && !f.replace {
					t.Fatalf("%v: the old one went before the new one was accepted", f)
				}
				w.wait(5 * time.Minute)
			}
			w.finished(t, fmt.Sprintf("%v, accepted after %v, ended %s (%s)", f, takes, r.End, r.Reason))
			if w.writes != len(f.roles) {
				t.Errorf("%v, accepted after %v: %d versions were written, want %d", f, takes, w.writes, len(f.roles))
			}
		}
	}
}

func TestOneRefusalNeverEndsACredentialHoweverOldItIs(t *testing.T) {
	for _, f := range provable() {
		for _, age := range []time.Duration{0, 4 * time.Minute, 31 * time.Minute, time.Hour, 40 * 24 * time.Hour} {
			for refusals := 1; refusals < 5; refusals++ {
				w := f.world(t)
				p := w.process()
				p.faults = func(o string, _ int) error { // it dies before it has asked once
					if o == "Prove" {
						p.dead = true
					}
					return nil
				}
				p.run()
				w.wait(age)
				q, asked := w.process(), 0
				q.faults = func(o string, _ int) error {
					if o == "Prove" {
						asked++
						w.rejected = asked <= refusals
					}
					return nil
				}
				r := q.run()
				w.finished(t, fmt.Sprintf("%v, %v old, refused %d times: %s (%s)", f, age, refusals, r.End, r.Reason))
				want := refusals + 2 // the last one right before the old one goes
				if f.replace {
					want-- // which has gone
				}
				if asked != want {
					t.Errorf("%v: asked %d times", f, asked)
				}
			}
		}
	}
}

func TestADeliveryDoesNotSpendAllItsTimeOnACredentialThatIsStillRefused(t *testing.T) {
	w := newWorld(t, credential.APIKey, credential.RolePrivateKey)
	w.rejected = true
	w.process().run()
	w.wait(5 * time.Minute)
	p, before := w.process(), w.now
	if r := p.run(); r.Reason != rotation.NotProvenYet || w.now.Sub(before) > 10*time.Second {
		t.Errorf("%s, after %v", r.Reason, w.now.Sub(before))
	}
}

func TestAtTheEndOfAnOverlapRefusalsCountFromThere(t *testing.T) {
	w := newWorld(t, credential.AuthToken, credential.RoleToken)
	w.process().run(func(j *rotation.Job) { j.Grace = 72 * time.Hour })
	w.wait(72*time.Hour + time.Minute)
	w.rejected = true
	r := w.process().run()
	if r.Reason != rotation.NotProvenYet || !r.ProofSince.Equal(r.RetireAt) || w.now.Sub(r.ProofSince) > 2*time.Minute {
		t.Fatalf("%s (%s) since %v", r.End, r.Reason, r.ProofSince)
	}
	w.wait(rotation.ProofTime)
	if r := w.process().run(); r.Reason != rotation.CurrentRejected || w.find(w.oldID) == nil || len(w.creds) != 2 {
		t.Errorf("%s (%s): the user has %d", r.End, r.Reason, len(w.creds))
	}
}

func TestACredentialWhoseServiceCannotBeAskedIsRefusedAfterADay(t *testing.T) {
	for _, f := range provable() {
		w := f.world(t)
		silent := func() *process {
			p := w.process()
			p.faults = func(o string, _ int) error {
				if o == "Prove" {
					return fault.New(fault.Unclear, o, "no answer")
				}
				return nil
			}
			return p
		}
		for range 3 {
			if r := silent().run(); r.End != rotation.Wait || r.Reason != rotation.NotProvenYet ||
				!r.ProofUntil.Equal(r.ProofSince.Add(rotation.SilentTime)) {
				t.Fatalf("%v: %s (%s) until %v", f, r.End, r.Reason, r.ProofUntil)
			}
			w.wait(7 * time.Hour)
		}
		w.wait(7 * time.Hour)
		alive := len(w.creds)
		if r := silent().run(); r.End != rotation.Refuse || r.Reason != rotation.Unprovable || r.Cause == nil ||
			len(w.creds) != alive {
			t.Fatalf("%v: %s (%s), cause %v", f, r.End, r.Reason, r.Cause)
		}
		if r := w.process().run(); r.End != rotation.Done { // the problem was closed again
			t.Errorf("%v: then %s (%s)", f, r.End, r.Reason)
		}
		w.finished(t, f.String())
	}
}

func TestWithProofTryWhatWasRefusedOnceIsNotTakenForAccepted(t *testing.T) {
	w := newWorld(t, credential.APIKey, credential.RolePrivateKey)
	p := w.process()
	p.prove = config.ProveTry
	w.rejected = true
	asked := 0
	p.faults = func(o string, _ int) error {
		if o != "Prove" {
			return nil
		}
		asked++
		if asked > 1 {
			return fault.New(fault.Unclear, o, "no answer")
		}
		return nil
	}
	if r := p.run(); r.Reason != rotation.NotProvenYet || w.find(w.oldID) == nil {
		t.Errorf("%s (%s)", r.End, r.Reason)
	}
}

// noProver is a prover that doesn't know the kind.
type noProver struct{}

func (noProver) Prove(context.Context, credential.Material, credential.Owner) (bool, error) {
	return false, fault.New(fault.Invalid, "prove", "no prover for the kind")
}

func TestAKindThatCannotBeProvenIsRefusedAndNotTakenForAnother(t *testing.T) {
	for _, f := range provable() {
		w := f.world(t)
		p := w.process()
		e := rotation.Engine{Issuers: map[credential.Kind]rotation.Issuer{p.kind: p}, Vault: vaultOf{p},
			Prover: noProver{}, Clock: clock{w}, RSABits: bits}
		r := e.Run(t.Context(), p.job())
		if r.End != rotation.Refuse || r.FailedAt != rotation.Prove || w.promoted() || !f.replace &&
			w.find(w.oldID) == nil {
			t.Errorf("%v: %s (%s) at %q", f, r.End, r.Reason, r.FailedAt)
		}
	}
}

func TestTheOldCredentialIsNotReportedAsGoneIfTheListCannotBeRead(t *testing.T) {
	for _, f := range forms() {
		p := f.world(t).process()
		p.faults = func(o string, _ int) error {
			if o == "List" {
				return fault.New(fault.Unclear, o, "no answer")
			}
			return nil
		}
		ctx, cancel := context.WithCancel(t.Context())
		e := rotation.Engine{Issuers: map[credential.Kind]rotation.Issuer{p.kind: p}, Vault: vaultOf{p}, Prover: p,
			Clock: endingClock{clock{p.world}, cancel}, RSABits: bits}
		if r := e.Run(ctx, p.job()); r.OldGone || r.End != rotation.Wait {
			t.Errorf("%v: %s (%s), gone: %v", f, r.End, r.Reason, r.OldGone)
		}
		cancel()
	}
}

// endingClock is a clock whose first pause outlasts the context.
type endingClock struct {
	clock
	end func()
}

func (c endingClock) Sleep(ctx context.Context, d time.Duration) error {
	c.end()
	return c.clock.Sleep(ctx, d)
}
