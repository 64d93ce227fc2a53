package rotation_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/keyturn/keyturn/pkg/background"
	"github.com/keyturn/keyturn/pkg/config"
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
	"github.com/keyturn/keyturn/pkg/rotation"
	"github.com/keyturn/keyturn/pkg/vault"
)

func TestNothingIsPromotedOrGivenUpForAValueThatCannotBeReadBack(t *testing.T) {
	for _, f := range forms() {
		if f.kind == credential.Password || f.replace && f.kind != credential.APIKey {
			continue // of a password, and of what OCI makes, there is no value before the old one is given up
		}
		for _, prove := range []config.ProveMode{config.ProveRequire, config.ProveOff} {
			w := f.world(t)
			p := w.process()
			p.prove = prove
			p.faults = func(operation string, _ int) error {
				if operation == "GetSecretBundle" && w.writes > 0 {
					return fault.New(fault.Denied, operation, "not allowed")
				}
				return nil
			}
			r := p.run()
			if r.End == rotation.Done {
				t.Errorf("%v, prove %s: ended %s", f, prove, r.End)
			}
			if w.find(w.oldID) == nil || w.promoted() || w.broken != "" {
				t.Errorf("%v, prove %s: the old one was given up, or the new one is CURRENT; %s", f, prove, w.broken)
			}
		}
	}
}

func TestAValueIsReadBackWhileTheNewCredentialIsProven(t *testing.T) {
	p := newWorld(t, credential.APIKey, credential.RolePrivateKey).process()
	if r := p.run(); r.End != rotation.Done {
		t.Fatalf("ended %s: %v", r.End, r.Cause)
	}
	read, prove, promote := lastIndex(p.seen, "GetSecretBundle"), slices.Index(p.seen, "Prove"),
		lastIndex(p.seen, "UpdateSecret")
	create := slices.Index(p.seen, "Create")
	if read < create || read > promote || prove > promote {
		t.Errorf("the calls are %v", p.seen)
	}
}

func reversed(s []string) []string {
	s = slices.Clone(s)
	slices.Reverse(s)
	return s
}

func TestAPasswordThatADeadProcessHasResetMeanwhileIsReportedAsNotKept(t *testing.T) {
	for name, age := range map[string]time.Duration{"the time of its effect": time.Minute,
		"the time of its request": -9 * time.Minute} {
		w := newWorld(t, credential.Password, credential.RolePassword)
		p := w.process()
		p.faults = func(operation string, _ int) error {
			// the reset of the dead process takes effect at the promotion
			if operation == "UpdateSecret" && w.writes == 1 {
				w.creds = nil
				w.add("", age)
			}
			return nil
		}
		if r := p.run(); r.End != rotation.Done || r.Reason != rotation.ResetNotKept {
			t.Errorf("with %s: ended %s, %q: want a report that the stored password is not the user's", name, r.End,
				r.Reason)
		}
	}
	// If the list can't be read any more, the stored password counts as the user's.
	w := newWorld(t, credential.Password, credential.RolePassword)
	p := w.process()
	p.faults = func(operation string, _ int) error {
		if operation == "List" && w.secrets["ocid1.vaultsecret.oc1.iad.password"].Current == 2 {
			return fault.New(fault.Unclear, operation, "no answer")
		}
		return nil
	}
	if r := p.run(); r.End != rotation.Done || r.Reason != rotation.Rotated {
		t.Errorf("ended %s, %q", r.End, r.Reason)
	}
}

// IAM may show fractions of a second in one answer, but not in another.
func TestTwoResetsOfOneSecondAreDistinguishedByTheFractionThatIAMShows(t *testing.T) {
	for _, c := range []struct {
		name        string
		mine, later time.Duration // beyond the second; 0 where IAM doesn't say
		want        rotation.Reason
	}{
		{"both in milliseconds", 100 * time.Millisecond, 103 * time.Millisecond, rotation.ResetNotKept},
		{"the same millisecond", 100 * time.Millisecond, 100 * time.Millisecond, rotation.Rotated},
		{"the answer in seconds", 0, 103 * time.Millisecond, rotation.Rotated},
		{"the list in seconds", 100 * time.Millisecond, 0, rotation.Rotated},
	} {
		w := newWorld(t, credential.Password, credential.RolePassword)
		second := w.now.Truncate(time.Second)
		w.now = second.Add(c.mine)
		p := w.process()
		p.faults = func(operation string, _ int) error {
			if operation == "UpdateSecret" && w.writes == 1 { // the promotion
				w.creds = nil
				w.add("", second.Add(c.later).Sub(w.now))
			}
			return nil
		}
		if r := p.run(); r.End != rotation.Done || r.Reason != c.want {
			t.Errorf("%s: ended %s, %q; want %q", c.name, r.End, r.Reason, c.want)
		}
	}
}

func TestAStoredPasswordIsKeptThoughTheListLags(t *testing.T) {
	for name, lagging := range map[string]func(w *world, old fakeCredential){
		"the old one": func(w *world, old fakeCredential) { w.creds = []fakeCredential{old} },
		"none":        func(w *world, _ fakeCredential) { w.creds = nil },
	} {
		w := newWorld(t, credential.Password, credential.RolePassword)
		old := w.creds[0]
		p := w.process()
		p.faults = func(operation string, _ int) error {
			if operation == "List" && w.secrets["ocid1.vaultsecret.oc1.iad.password"].Current == 2 {
				lagging(w, old)
			}
			return nil
		}
		if r := p.run(); r.End != rotation.Done || r.Reason != rotation.Rotated {
			t.Errorf("IAM lists %s: ended %s, %q", name, r.End, r.Reason)
		}
	}
}

func TestTheProofOfOneCredentialIsNoneForTheNext(t *testing.T) {
	w := newWorld(t, credential.AuthToken, credential.RoleToken)
	p := w.process()
	r := p.run(func(j *rotation.Job) {
		j.OnStep = func(s rotation.Step) {
			if s.Action != rotation.Prove || s.Err != nil || w.writes > 1 {
				return
			}
			// Another delivery sees it refused and fences it, and a third one stages the next attempt.
			w.rejected, w.now = true, w.now.Add(rotation.ProofTime)
			if r := w.process().run(); r.Reason != rotation.Rejected {
				t.Fatalf("the second delivery ended %s, %q: %v", r.End, r.Reason, r.Cause)
			}
			w.rejected = false
			third := w.process()
			third.lost = func(operation string, _ int) bool {
				third.dead = operation == "UpdateSecret"
				return third.dead
			}
			third.run()
		}
	})
	if w.writes != 2 {
		t.Fatalf("%d versions were written, want one of each attempt", w.writes)
	}
	if first := slices.Index(p.seen, "Prove"); r.End != rotation.Done || lastIndex(p.seen, "Prove") == first {
		t.Errorf("ended %s, %q, with a credential that was not proven: %v", r.End, r.Reason, p.seen)
	}
}

func TestAPanicInAParallelStepReachesTheCaller(t *testing.T) {
	p := newWorld(t, credential.APIKey, credential.RolePrivateKey).process()
	e := rotation.Engine{Issuers: map[credential.Kind]rotation.Issuer{p.kind: p}, Vault: vaultOf{p},
		Prover: panickingProver{},
		Clock:  clock{p.world}, RSABits: bits}
	defer func() {
		if p, ok := recover().(*background.Panic); !ok || p.Type != "string" {
			t.Error("the panic got lost, or kept its value")
		}
	}()
	e.Run(t.Context(), rotation.Job{Request: credential.Request{Ref: credential.Ref{Kind: p.kind, User: user,
		ID: p.oldID}, Secrets: []credential.Target{{Role: credential.RolePrivateKey,
		SecretID: "ocid1.vaultsecret.oc1.iad." +
			string(credential.RolePrivateKey)}}},
		Authorize: func(context.Context, []vault.Secret) (credential.Authorized, error) {
			return credential.Authorized{Owner: credential.Owner{User: user}}, nil
		}})
}

// panickingProver panics.
type panickingProver struct{}

func (panickingProver) Prove(context.Context, credential.Material, credential.Owner) (bool, error) {
	panic("anything")
}

func lastIndex(s []string, what string) int {
	return len(s) - 1 - slices.Index(reversed(s), what)
}

func TestAKindThatCannotBeMadeIsRefusedAndNothingIsAsked(t *testing.T) {
	p := newWorld(t, credential.AuthToken, credential.RoleToken).process()
	for _, kind := range []credential.Kind{"", "smtp-credential", "AUTH-TOKEN", credential.APIKey} {
		e := rotation.Engine{Issuers: map[credential.Kind]rotation.Issuer{p.kind: p}, Vault: vaultOf{p}, Prover: p,
			Clock: clock{p.world}, RSABits: bits}
		r := e.Run(t.Context(), rotation.Job{
			Request: credential.Request{Ref: credential.Ref{Kind: kind, User: user, ID: p.oldID}}})
		if r.End != rotation.Refuse || r.Cause == nil || len(p.seen) != 0 {
			t.Errorf("%q: ended %s (%v) after %v", kind, r.End, r.Cause, p.seen)
		}
	}
}
