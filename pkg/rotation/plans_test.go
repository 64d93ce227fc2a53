package rotation_test

import (
	"context"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/keyturn/keyturn/pkg/config"
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
	"github.com/keyturn/keyturn/pkg/rotation"
	"github.com/keyturn/keyturn/pkg/vault"
)

func TestADryRunChangesNothingAndPlansWhatTheRunThenDoes(t *testing.T) {
	for _, f := range forms() {
		for _, grace := range []time.Duration{0, time.Hour} {
			for _, mode := range []config.ProveMode{config.ProveRequire, config.ProveTry, config.ProveOff} {
				w := f.world(t)
				for _, wait := range []time.Duration{0, time.Minute, time.Hour} {
					w.wait(wait)
					dry := func(j *rotation.Job) { ordered(grace)(j); j.DryRun = true }
					p := w.process()
					p.prove = mode
					planned := p.run(dry)
					changes := func(o string) bool { return o == "Create" || o == "Delete" || o == "UpdateSecret" }
					if planned.Acted || len(planned.Steps) > 0 || slices.ContainsFunc(p.seen, changes) {
						t.Errorf("%v: a dry run did %v", f, p.seen)
					}
					p = w.process()
					p.prove = mode
					done := p.run(ordered(grace))
					what := fmt.Sprintf("%v, grace %v, proof %s, after %v", f, grace, mode, wait)
					did := steps(done)
					if n := len(did); f.kind == credential.Password && n > 0 && did[n-1] == rotation.Prove {
						did = did[:n-1] // the last look at a password changes nothing
					}
					if wait == 0 && (len(planned.Plan) == 0 || done.End != rotation.Done) {
						t.Errorf("%s: %v was planned, and the run ended with %s (%s)", what, planned.Plan, done.End,
							done.Reason)
					}
					if !slices.Equal(planned.Plan, did) {
						t.Errorf("%s: %v was planned, %v was done", what, planned.Plan, did)
					}
					if len(done.Plan) > 0 {
						t.Errorf("%s: a run that isn't dry has planned %v", what, done.Plan)
					}
					if planned.End != done.End || planned.Reason != done.Reason {
						t.Errorf("%s: %s (%s) was planned, it is %s (%s)", what, planned.End, planned.Reason,
							done.End, done.Reason)
					}
				}
			}
		}
	}
}

func TestACredentialWithoutAMarkOrAnIDIsNoOrphan(t *testing.T) {
	w := newWorld(t, credential.AuthToken, credential.RoleToken)
	p := w.process()
	mark := credential.Mark{Rotation: w.rotation(), Maker: "other", Home: credential.Home(w.home())}.Describe("")
	for what, c := range map[string]credential.Issued{
		"no mark": {ID: w.oldID, Description: "mine"}, "no id": {Description: mark}, "neither": {},
	} {
		r := p.engine().Collect(context.Background(), rotation.Orphan{Kind: w.kind, User: user, Issued: c,
			Home: p.job().Secrets[0]})
		if r.End != rotation.Refuse || r.Reason != rotation.NotOurs || fault.Of(r.Cause) != fault.Invalid ||
			r.Acted || len(p.seen) > 0 {
			t.Errorf("%s: %s (%s: %v) after %v", what, r.End, r.Reason, r.Cause, p.seen)
		}
	}
}

func (p *process) engine() *rotation.Engine {
	return &rotation.Engine{Issuers: map[credential.Kind]rotation.Issuer{p.kind: p}, Vault: vaultOf{p}, Prover: p,
		Clock:   clock{p.world},
		RSABits: bits, Prove: p.prove}
}

func TestTheModeOfAProofIsTheJobsOrElseTheEnginesOrElseRequire(t *testing.T) {
	for _, c := range []struct{ job, engine, want config.ProveMode }{
		{"", "", config.ProveRequire},
		{config.ProveTry, "", config.ProveTry},
		{config.ProveTry, config.ProveOff, config.ProveTry},
		{config.ProveRequire, config.ProveOff, config.ProveRequire},
		{"", config.ProveOff, config.ProveOff},
		{"", config.ProveTry, config.ProveTry},
	} {
		w := newWorld(t, credential.AuthToken, credential.RoleToken)
		p := w.refusing("Prove", fault.Unclear)
		p.prove = c.engine
		r := p.run(func(j *rotation.Job) { j.Prove = c.job })
		got := config.ProveRequire
		switch asked := slices.Contains(p.seen, "Prove"); {
		case r.End == rotation.Done && !asked:
			got = config.ProveOff
		case r.End == rotation.Done:
			got = config.ProveTry
		}
		if got != c.want {
			t.Errorf("the job's %q, the engine's %q: %s, want %s", c.job, c.engine, got, c.want)
		}
	}
}

func TestAKeyPairHasTheEnginesSizeOrElse2048Bits(t *testing.T) {
	for bits, want := range map[int]int{0: 2048, 1024: 1024, 3072: 3072} {
		w := newWorld(t, credential.APIKey, credential.RolePrivateKey)
		p := w.process()
		e := p.engine()
		e.RSABits = bits
		if r := e.Run(context.Background(), p.job()); r.Reason != rotation.Rotated {
			t.Errorf("%d bits: %s (%s: %v)", bits, r.End, r.Reason, r.Cause)
		}
		m, err := credential.Decode(w.kind, credential.RolePrivateKey, "", w.secrets[w.home()].contents[2])
		if err != nil {
			t.Fatal(err)
		}
		if got := size(t, m); got != want {
			t.Errorf("%d bits: the key has %d", bits, got)
		}
	}
}

// Authorize gets every secret after each look, before any change.
func TestWhatTheGuardRefusesIsNotTouched(t *testing.T) {
	for _, f := range forms() {
		w := f.world(t)
		p, asked := w.process(), 0
		r := p.run(func(j *rotation.Job) {
			j.Authorize = func(_ context.Context, secrets []vault.Secret) (credential.Authorized, error) {
				asked++
				if len(secrets) != len(f.roles) {
					t.Errorf("%v: it is asked about %d secrets", f, len(secrets))
				}
				return credential.Authorized{}, fmt.Errorf("not tagged")
			}
		})
		if r.End != rotation.Refuse || r.Reason != rotation.Failed || r.Cause == nil ||
			r.Cause.Error() != "not tagged" || r.Acted || w.writes > 0 {
			t.Errorf("%v: %s (%s: %v), acted %v", f, r.End, r.Reason, r.Cause, r.Acted)
		}
		if looks := p.count("List", 0); asked != looks || asked != 2 || r.FailedAt != "" {
			t.Errorf("%v: asked %d times with %d looks; failed at %q", f, asked, looks, r.FailedAt)
		}
	}
}

// size returns the size of a key pair in bits.
func size(t *testing.T, m credential.Material) int {
	t.Helper()
	public, err := m.PublicPEM()
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode([]byte(public))
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return key.(*rsa.PublicKey).N.BitLen()
}
