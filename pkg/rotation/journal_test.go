package rotation_test

import (
	"context"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/rotation"
	"github.com/keyturn/keyturn/pkg/vault"
)

// recordingVault passes the journals before and after each change of a secret to a function.
type recordingVault struct {
	vaultOf
	sees func(id string, u vault.Update, was, is rotation.Journal)
}

func (w recordingVault) Update(ctx context.Context, id, etag string, u vault.Update) (vault.Secret, error) {
	was := rotation.JournalOf(w.secrets[id].Metadata)
	out, err := w.vaultOf.Update(ctx, id, etag, u)
	if err == nil {
		w.sees(id, u, was, rotation.JournalOf(w.secrets[id].Metadata))
	}
	return out, err
}

const problem = "ocid1.cloudguardproblem.oc1..p"

// ordered is a closure with a grace period.
func ordered(grace time.Duration) func(*rotation.Job) {
	return func(j *rotation.Job) { j.Problem, j.Grace = problem, grace }
}

// Another delivery knows only the journal. The world's clock has fractions of a second, journals don't.
func TestEachEntryOfAJournalSaysAllThatALaterDeliveryNeeds(t *testing.T) {
	for _, f := range forms() {
		for _, grace := range []time.Duration{0, 72 * time.Hour} {
			w := f.world(t)
			w.now = w.now.Add(300 * time.Millisecond)
			p, maker := w.process(), ""
			job := p.job()
			targets := rotation.Secrets{}
			for _, target := range job.Secrets {
				targets[target.Role] = target.SecretID
			}
			same := func(got string) bool { // as in every other entry
				if maker == "" {
					maker = got
				}
				return got == maker && got != ""
			}
			now := func(at *time.Time) bool { return at != nil && at.Equal(w.now.Truncate(time.Second)) }
			sees := func(id string, u vault.Update, was, is rotation.Journal) {
				s := w.secrets[id]
				if is.Role != s.role || is.Owner != rotation.OwnerOf(job.Ref) {
					t.Errorf("%v: the journal of %s is for the role %q of %q", f, s.Name, is.Role, is.Owner)
				}
				if e := is.Staged; u.Promote == 0 && (e == nil || e.Version != w.rotation().VersionName(1) ||
					e.Old != w.oldID || e.Problem != problem ||
					e.Over != 1 || !same(e.Maker) || !now(e.At) || !maps.Equal(e.Secrets, targets)) {
					t.Errorf("%v: %s says of the attempt: %+v", f, s.Name, e)
				}
				if e := is.Staged; u.Promote == 0 && e != nil {
					phase, deletes := rotation.PhaseIntent, f.replace && f.kind != credential.APIKey
					if u.Name != "" {
						phase = rotation.PhaseStaged
					}
					named := e.Credential != "" && (e.Credential != w.oldID || f.kind == credential.Password)
					if e.Phase != phase || e.GivenUp != deletes || named != (u.Name != "") {
						t.Errorf("%v: %s says of the phase: %+v", f, s.Name, e)
					}
				}
				if u.Promote == 0 {
					if is.Current != nil || len(is.Retire) > 0 {
						t.Errorf("%v: %s says before the promotion: %+v", f, s.Name, is)
					}
					return
				}
				if is.Staged != nil || is.Current == nil || is.Current.Version != u.Promote ||
					is.Current.Credential != was.Staged.Credential {
					t.Errorf("%v: %s says of the new one: %+v, %+v", f, s.Name, is.Staged, is.Current)
				}
				if f.kind == credential.Password || f.replace {
					if len(is.Retire) > 0 {
						t.Errorf("%v: %s says of the one that is gone: %+v", f, s.Name, is.Retire)
					}
					return
				}
				e := is.Retire.Of(w.oldID)
				if e == nil || len(is.Retire) != 1 || e.Problem != problem || !now(e.Set) ||
					!e.After.Equal(w.now.Add(grace).Truncate(time.Second)) ||
					!maps.Equal(e.Secrets, targets) || (e.Begun != nil) != (grace == 0) || grace == 0 &&
					!(now(e.Begun) && same(e.Maker)) || grace > 0 && e.Maker != "" {
					t.Errorf("%v, grace %v: %s says of the old one: %+v", f, grace, s.Name, is.Retire)
				}
			}
			if r := p.on(recordingVault{vaultOf{p}, sees}, ordered(grace)); r.End != rotation.Done ||
				r.Rotation != w.rotation() {
				t.Errorf("%v: %s (%s: %v)", f, r.End, r.Reason, r.Cause)
			}
		}
	}
}

// steps returns the actions that a run carried out.
func steps(r rotation.Result) (out []rotation.Action) {
	for _, s := range r.Steps {
		out = append(out, s.Action)
	}
	return out
}

func TestARotationTakesNoMoreStepsThanItsKindNeeds(t *testing.T) {
	for _, f := range forms() {
		var want []rotation.Action
		switch {
		case f.kind == credential.Password && len(f.roles) == 0:
			want = []rotation.Action{rotation.Reset}
		case f.chosen:
			want = []rotation.Action{rotation.Stage, rotation.Reset, rotation.Promote}
		case f.kind == credential.Password:
			want = []rotation.Action{rotation.Intend, rotation.Reset, rotation.Stage, rotation.Promote,
				rotation.Prove}
		case f.kind == credential.APIKey && f.replace:
			want = []rotation.Action{rotation.Stage, rotation.Replace, rotation.Create, rotation.Prove,
				rotation.Promote}
		case f.replace:
			want = []rotation.Action{rotation.Intend, rotation.Replace, rotation.Create, rotation.Stage,
				rotation.Prove, rotation.Promote}
		case f.kind == credential.APIKey:
			want = []rotation.Action{rotation.Stage, rotation.Create, rotation.Prove, rotation.Promote,
				rotation.Retire}
		default:
			want = []rotation.Action{rotation.Create, rotation.Stage, rotation.Prove, rotation.Promote,
				rotation.Retire}
		}
		w := f.world(t)
		r := w.process().run()
		if got := steps(r); !slices.Equal(got, want) {
			t.Errorf("%v: %v, want %v", f, got, want)
		}
		if i := slices.Index(want, rotation.Retire); i >= 0 {
			w = f.world(t)
			if got := steps(w.process().run(ordered(time.Hour))); !slices.Equal(got, want[:i]) {
				t.Errorf("%v, with an overlap: %v, want %v", f, got, want[:i])
			}
			w.wait(time.Hour)
			if got := steps(w.process().run(ordered(time.Hour))); !slices.Equal(got, []rotation.Action{rotation.Prove,
				rotation.Claim, rotation.Retire}) {
				t.Errorf("%v, at its end: %v", f, got)
			}
		}
	}
}

func TestAnEndOfAnOverlapIsClaimedInEachSecretByTheOneThatDeletes(t *testing.T) {
	for _, f := range overlapping() {
		w := f.world(t)
		w.process().run(ordered(time.Hour))
		w.wait(time.Hour + 300*time.Millisecond)
		p, claimed := w.process(), map[string]bool{}
		sees := func(id string, u vault.Update, was, is rotation.Journal) {
			before, e := was.Retire.Of(w.oldID), is.Retire.Of(w.oldID)
			if before == nil || e == nil || u.Promote != 0 || u.Name != "" {
				t.Fatalf("%v: %+v became %+v", f, was, is)
			}
			if e.Begun == nil || !e.Begun.Equal(w.now.Truncate(time.Second)) || e.Maker == "" ||
				e.Maker == before.Maker {
				t.Errorf("%v: the claim is %+v", f, e)
			}
			claimed[id] = true
			if !e.After.Equal(before.After) || !e.Set.Equal(*before.Set) ||
				e.Problem != before.Problem || !maps.Equal(e.Secrets, before.Secrets) {
				t.Errorf("%v: the claim has made %+v of %+v", f, e, before)
			}
			if is.Current == nil || *is.Current != *was.Current || is.Staged != nil {
				t.Errorf("%v: the claim has made %+v of %+v", f, is, was)
			}
		}
		r := p.on(recordingVault{vaultOf{p}, sees}, ordered(time.Hour))
		if r.Reason != rotation.Rotated || len(claimed) != len(f.roles) {
			t.Errorf("%v: %s (%s: %v), claimed in %v", f, r.End, r.Reason, r.Cause, claimed)
		}
		w.finished(t, f.String())
	}
}
