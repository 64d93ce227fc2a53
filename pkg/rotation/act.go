package rotation

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/keyturn/keyturn/pkg/config"
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
	"github.com/keyturn/keyturn/pkg/trace"
	"github.com/keyturn/keyturn/pkg/vault"
)

// act carries out one action, and replaces the run's snapshot and memory. Every action except Look is recorded as a
// step. Discard and Fence undo something: they get ctx, all other actions get forward, which ends earlier.
func (r *run) act(ctx, forward context.Context, c Case, d Decision) {
	if d.Action == Look {
		if err := r.look(forward); err != nil {
			r.mem = r.mem.afterFailure(Look, err, forward.Err() != nil)
		}
		return
	}
	began := r.Clock.Now()
	use := forward
	if d.Action == Discard || d.Action == Fence {
		use = ctx
	}
	use, span := trace.Start(use, string(d.Action), "")
	acted := r.result.Acted
	err := r.do(use, c, d.Action)
	if d.Action == Settle { // it only removes Keyturn's own entry
		r.result.Acted = acted
	}
	if err != nil {
		span.Tag(trace.Failed, string(fault.Of(err)))
	}
	span.End()
	step := Step{Action: d.Action, Because: d.Because, Err: err, Began: began, Took: r.Clock.Now().Sub(began),
		Requests: span.Requests()}
	r.result.Steps = append(r.result.Steps, step)
	if r.job.OnStep != nil {
		r.job.OnStep(step)
	}
	if err != nil {
		r.mem = r.mem.afterFailure(d.Action, err, use.Err() != nil)
		return
	}
	r.mem = r.mem.afterSuccess(d.Action)
}

func (r *run) do(ctx context.Context, c Case, a Action) error {
	needsValue := a == Prove || a == Promote || a == Fence || (a == Create || a == Reset) && c.generates()
	if needsValue && c.Material == nil {
		return fault.New(fault.Invalid, string(a), "the new credential's value is not known")
	}
	switch a {
	case Stage:
		return r.stage(ctx, c)
	case Create, Reset:
		return r.create(ctx, c, a)
	case Prove:
		return r.prove(ctx, c)
	case Promote:
		return r.promote(ctx, c)
	case Retire:
		if err := r.stillWorks(ctx, c); err != nil {
			return err
		}
		if err := r.checkUnchanged(ctx); err != nil {
			return err
		}
		return r.remove(ctx, a, r.job.Ref.ID)
	case Replace:
		return r.replace(ctx, c)
	case Discard:
		if c.Made == MadeHeld {
			return r.remove(ctx, a, c.Material.ID)
		}
		return r.remove(ctx, a, c.Lost)
	case Intend, Fence, Withdraw: // one secret is enough: the first one is also promoted first
		return r.write(ctx, c, a, r.snap.Secrets[:1])
	case Defer, Claim, Settle:
		return r.write(ctx, c, a, r.snap.Secrets)
	}
	return fault.New(fault.Invalid, string(a), "not an action that can be carried out")
}

func (e *Engine) bits() int { return cmp.Or(e.RSABits, 2048) }

// stage writes the value as a PENDING version to every secret that lacks it. A later action reads it back: prove, or
// promote if nothing is proven.
func (r *run) stage(ctx context.Context, c Case) error {
	if c.Material == nil {
		m, err := r.generate(ctx, c)
		if err != nil {
			return err
		}
		c.Material = &m
		r.mem.Value, r.mem.Kept = &m, ""
	}
	for i, s := range r.snap.Secrets {
		if s.version(c.Version) != nil {
			continue
		}
		content, err := r.content(s, *c.Material)
		if err != nil {
			return err
		}
		j := s.Journal
		j.Staged = r.stagedEntry(c, i, PhaseStaged)
		if err := r.update(ctx, i, vault.Update{Name: c.Version, Content: content}, j); err != nil {
			return fmt.Errorf("writing to secret %s: %w", s.Name, err)
		}
		if r.mem.Value != nil {
			r.mem.Kept = c.Version
		}
		s = r.snap.Secrets[i]
		s.Versions = append(slices.Clone(s.Versions), vault.Version{Name: c.Version, Pending: true,
			Created: c.serverNow})
		r.snap = r.snap.with(i, s)
	}
	return nil
}

// content returns what is written to a secret. Members that a user added to a bundle are kept.
func (r *run) content(s Seen, m credential.Material) (credential.Value, error) {
	fresh, err := m.Encode(s.Role, r.snap.Owner)
	if err != nil || s.Role != credential.RoleBundle {
		return fresh, err
	}
	out, err := credential.Extend(s.Holds.Value, fresh)
	if err != nil {
		return out, fault.New(fault.Invalid, string(Stage), err.Error())
	}
	return out, nil
}

// create makes the new credential. An answer without its value counts as no answer; a repeated request may get one.
func (r *run) create(ctx context.Context, c Case, a Action) error {
	v := r.view(r.snap)
	d := credential.Draft{RetryToken: fmt.Sprintf("%s-%s-%d", v.id, r.mem.Maker, r.mem.Looks),
		Description: v.described()}
	switch r.job.origin() {
	case credential.Local:
		public, err := c.Material.PublicPEM()
		if err != nil {
			return err
		}
		d.PublicKey = public
	case credential.Reset:
		d = v.resetDraft(c)
	}
	made, err := r.Issuer.Create(ctx, r.job.Ref.User, d)
	r.noteChange(err)
	if err != nil {
		if a == Reset && fault.Of(err) == fault.Conflict {
			r.mem.Mismatch = d.Version
		}
		return err
	}
	r.mem.Before, r.mem.Made, r.mem.MadeAt = v.issued, &made, r.Clock.Now()
	switch {
	case r.job.origin() == credential.Local:
		if made.ID != c.Material.ID {
			return fault.New(fault.Invalid, "UploadApiKey", "OCI's fingerprint is not that of the key")
		}
		return nil
	case made.Value.Empty() && a == Create:
		return fault.New(fault.Unclear, string(a), "the answer holds no value")
	case !made.Value.Empty():
		r.mem.Value, r.mem.Kept = &credential.Material{Kind: r.job.Ref.Kind, ID: made.ID, Value: made.Value}, ""
	}
	return nil
}

// described is the old credential's description with the mark of this rotation.
func (v view) described() string {
	old := ""
	if c := v.listed(v.job.Ref.ID); c != nil {
		old = c.Description
	}
	return credential.Mark{Rotation: v.id, Maker: v.mem.Maker, Home: v.home()}.Describe(old)
}

// prove uses the new credential and reads its value back in parallel. A password can't be used: its list is checked.
func (r *run) prove(ctx context.Context, c Case) error {
	if r.job.origin() == credential.Reset {
		return r.checkPassword(ctx, c)
	}
	var read []int64
	err := inParallel(func() error { return r.awaitAccepted(ctx, c) }, func() (err error) {
		read, err = r.readBack(ctx, c)
		return err
	})
	r.markVerified(c, read)
	return err
}

// promote makes the staged version CURRENT in one secret after the other, and records when the old credential goes.
func (r *run) promote(ctx context.Context, c Case) error {
	read, err := r.readBack(ctx, c)
	if err != nil {
		return err
	}
	r.markVerified(c, read)
	for i, s := range r.snap.Secrets {
		version := s.version(c.Version)
		if version == nil || version.Current {
			continue
		}
		j := s.Journal
		j.Staged, j.Current, j.Retire = nil, &Holder{Version: version.Number, Credential: c.Material.ID},
			r.retireEntries(c, j.Retire)
		if err := r.update(ctx, i, vault.Update{Promote: version.Number}, j); err != nil {
			return fmt.Errorf("promoting version %d of secret %s: %w", version.Number, s.Name, err)
		}
		if err := r.confirm(ctx, i, version.Number); err != nil {
			return err
		}
		s = r.snap.Secrets[i]
		s.Versions = slices.Clone(s.Versions)
		for n := range s.Versions {
			s.Versions[n].Current = s.Versions[n].Name == c.Version
			s.Versions[n].Pending = s.Versions[n].Pending && !s.Versions[n].Current
		}
		r.snap = r.snap.with(i, s)
	}
	return nil
}

// retireEntries returns the Retire entries of a secret that gets the new value: one for the old credential, and those
// of earlier rotations whose credentials still exist.
func (r *run) retireEntries(c Case, before Overlaps) Overlaps {
	v := r.view(r.snap)
	out := slices.DeleteFunc(slices.Clone(before), func(t Retired) bool { return v.listed(t.Credential) == nil })
	if c.Old != OldAlive || r.job.origin() == credential.Reset {
		return out
	}
	t := r.retireEntry(v.now().Add(r.job.Grace))
	if r.job.Grace == 0 {
		t.Begun, t.Maker = t.Set, r.mem.Maker
	}
	return out.With(t)
}

// retireEntry returns the journal's entry for the old credential, which goes at the given time.
func (r *run) retireEntry(after time.Time) Retired {
	set := r.view(r.snap).now().UTC().Truncate(time.Second)
	return Retired{Credential: r.job.Ref.ID, Problem: r.job.Problem, Secrets: r.allSecrets(),
		After: after.UTC().Truncate(time.Second), Set: &set}
}

// confirm makes sure that the version is CURRENT. If the answer to the update doesn't say so, it reads the secret
// again.
func (r *run) confirm(ctx context.Context, i int, number int64) error {
	s := r.snap.Secrets[i]
	if s.Current == number {
		return nil
	}
	now, err := r.readSettled(ctx, s.SecretID)
	if err != nil {
		return err
	}
	if now.Current != number {
		return fault.New(fault.Conflict, "UpdateSecret",
			fmt.Sprintf("version %d of secret %s did not become CURRENT", number, s.Name))
	}
	s.ETag, s.Current = now.ETag, now.Current
	r.snap = r.snap.with(i, s)
	return nil
}

// checkUnchanged makes sure that nothing has changed the secrets since this run did.
func (r *run) checkUnchanged(ctx context.Context) error {
	var reads []func() error
	for _, s := range r.snap.Secrets {
		reads = append(reads, func() error {
			now, err := r.readSettled(ctx, s.SecretID)
			if err == nil && !unchanged(s.Secret, now) {
				return fault.New(fault.Conflict, "GetSecret", "the secret was changed by something else")
			}
			return err
		})
	}
	return inParallel(reads...)
}

// stillWorks uses the new credential once more before the old one is deleted: a user may have deleted the new one.
func (r *run) stillWorks(ctx context.Context, c Case) error {
	if r.job.Prove == config.ProveOff || c.Material == nil || !r.mem.Trial.Accepted {
		return nil
	}
	accepted, err := r.Prover.Prove(ctx, *c.Material, r.snap.Owner)
	if err == nil && !accepted {
		return fault.New(fault.Conflict, string(Prove), "the new credential is refused again")
	}
	return err
}

// stillFull lists the user's credentials once more before the old one is deleted without a successor. It fails if a
// slot is free now, or if the user would have no credential left.
func (r *run) stillFull(ctx context.Context) error {
	listing, err := r.Issuer.List(ctx, r.job.Ref.User)
	if err != nil {
		return err
	}
	if len(listing.Credentials) < r.job.Ref.Kind.Limit() || len(listing.Credentials) < 2 {
		return fault.New(fault.Conflict, "listing the "+r.job.Ref.Kind.Noun()+"s", "a slot is free now")
	}
	return nil
}

// replace deletes the old credential before there is a new one.
func (r *run) replace(ctx context.Context, c Case) error {
	if slices.ContainsFunc(r.snap.Secrets, func(s Seen) bool { return !s.Listed }) {
		return fault.New(fault.Invalid, string(Replace), "not all versions of the secrets have been seen")
	}
	read, err := r.readBack(ctx, c) // afterwards it is the only value
	if err != nil {
		return err
	}
	r.markVerified(c, read)
	if err := r.stillFull(ctx); err != nil {
		return err
	}
	return r.remove(ctx, Replace, r.job.Ref.ID)
}

// remove deletes a credential. OCI also answers "not found" if Keyturn may not delete it; the next look at the list
// shows which it was.
func (r *run) remove(ctx context.Context, a Action, id string) error {
	if id == "" {
		return fault.New(fault.Invalid, string(a), "no credential to delete")
	}
	err := r.Issuer.Delete(ctx, r.job.Ref.User, id)
	r.noteChange(err)
	if err != nil {
		return fmt.Errorf("deleting %s %s: %w", r.job.Ref.Kind.IDNoun(), id, err)
	}
	r.mem = r.mem.afterDeleting(id)
	return nil
}

// write changes the journal of some secrets, and nothing else.
func (r *run) write(ctx context.Context, c Case, a Action, secrets []Seen) error {
	for i, s := range secrets {
		j := s.Journal
		switch a {
		case Intend:
			j.Staged = r.stagedEntry(c, i, PhaseIntent)
			j.Staged.GivenUp = r.job.origin() != credential.Reset
		case Fence: // a delivery about to promote it gets a stale etag, looks again and sees this phase
			j.Staged = r.stagedEntry(c, i, PhaseUndone)
		case Withdraw:
			j.Staged = nil
		case Defer:
			after := c.serverNow.Add(r.job.Grace)
			if c.graceAgain {
				after = c.graceEnd
			}
			j.Retire = j.Retire.With(r.retireEntry(after))
		case Claim: // fails with a stale etag if a user has rolled the secret back
			t := r.retireEntry(c.serverNow)
			if before := j.Retire.Of(r.job.Ref.ID); before != nil {
				t.After, t.Set = before.After, before.Set
			}
			at := c.serverNow.UTC().Truncate(time.Second)
			t.Begun, t.Maker = &at, r.mem.Maker
			j.Retire = j.Retire.With(t)
		case Settle:
			j.Retire = j.Retire.Without(r.job.Ref.ID)
		}
		if err := r.update(ctx, i, vault.Update{}, j); err != nil {
			return fmt.Errorf("writing to secret %s: %w", s.Name, err)
		}
	}
	switch a {
	case Fence:
		r.mem.Undone = c.Material.ID
		r.mem = r.mem.withoutValue()
	case Withdraw:
		r.mem.Withdrew = true
	}
	return nil
}
