package rotation

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
	"github.com/keyturn/keyturn/pkg/secret"
	"github.com/keyturn/keyturn/pkg/trace"
)

// act carries out one action and brings the observation up to date, or marks it stale. What takes back may use all
// the time that is left; what goes forward stops earlier.
func (r *run) act(ctx, forward context.Context, d Decision) {
	began := r.Clock.Now()
	use := forward
	if d.Action == Discard || d.Action == Fence {
		use = ctx
	}
	use, span := trace.Start(use, string(d.Action), "")
	err := r.do(use, d.Action)
	if err != nil {
		span.Tag(trace.Failed, string(fault.Of(err)))
	}
	span.End()
	step := Step{Action: d.Action, Because: d.Because, Err: err, Began: began, Took: r.Clock.Now().Sub(began), Requests: span.Requests()}
	r.result.Steps = append(r.result.Steps, step)
	if r.job.OnStep != nil {
		r.job.OnStep(step)
	}
	switch {
	case err == nil:
		r.result.Acted = r.result.Acted || d.Action != Prove
	case d.Action == Withdraw: // then it is reported again
	case d.Action == Discard && r.trouble != TroubleNone:
		// Its mark, or the secret's journal, tells a later delivery what to do with it.
		r.forget()
		r.created = nil
	default:
		r.weigh(d.Action, err, use)
	}
}

func (r *run) do(ctx context.Context, a Action) error {
	switch a {
	case Stage:
		return r.stage(ctx)
	case Intend:
		return r.intend(ctx)
	case Create, Reset:
		return r.create(ctx, a)
	case Prove:
		return side(func() error { return r.prove(ctx) }, func() error { return r.readBack(ctx) })
	case Promote:
		return r.promote(ctx)
	case Defer:
		return r.putOff(ctx)
	case Retire:
		return r.retire(ctx)
	case Replace:
		if err := r.readBack(ctx); err != nil { // it is all that there will be
			return err
		}
		return r.remove(ctx, a, r.job.Ref.ID)
	case Discard:
		return r.discard(ctx)
	case Fence:
		return r.fence(ctx)
	case Withdraw:
		return r.withdraw(ctx)
	}
	return fault.New(fault.Invalid, string(a), "not an action that can be carried out")
}

// generate has a key pair made when it is first asked for one, and remembers it.
func (r *run) generate() { r.key = r.Spare.take(r.Clock.Now(), r.bits()) }

// Prepare begins what a rotation of the kind needs that takes long and depends on nothing: a key pair.
func (e *Engine) Prepare(kind credential.Kind) {
	if kind == credential.APIKey {
		e.Spare.begin(e.Clock.Now(), e.bits())
	}
}

func (e *Engine) bits() int { return cmp.Or(e.RSABits, 2048) }

// stage writes the value as PENDING into every secret that lacks it. It is read back before anything relies on it: while
// the credential is being tried out, or, where nothing is tried out, before the version is promoted.
func (r *run) stage(ctx context.Context) error {
	if r.material == nil {
		m, err := r.key.wait(ctx)
		if err != nil {
			return err
		}
		r.generate() // the next attempt gets a key pair of its own
		r.material = &m
	}
	name := r.id.VersionName(r.attempt)
	for _, h := range r.obs.homes {
		if h.version(name) != nil {
			continue
		}
		content, err := r.content(h)
		if err != nil {
			return err
		}
		j := h.journal
		j.Staged = r.entry(PhaseStaged)
		if err := r.update(ctx, h, secret.Update{Name: name, Content: content}, j); err != nil {
			r.unsure = r.unsure || fault.Of(err) == fault.Unclear
			return fmt.Errorf("writing to secret %s: %w", h.Name, err)
		}
		if r.stagedName == "" {
			r.stagedName = name
		}
		h.versions = append(h.versions, secret.Version{Name: name, Pending: true})
	}
	if r.job.Ref.Kind == credential.APIKey {
		r.Spare.prepare(r.Clock.Now(), r.bits())
	}
	return nil
}

// content is what a secret gets. What somebody has added to a bundle stays.
func (r *run) content(h *home) (credential.Value, error) {
	fresh, err := r.material.Encode(h.Role, r.owner)
	if err != nil || h.Role != credential.RoleBundle {
		return fresh, err
	}
	out, err := credential.Extend(r.currents[h.SecretID].content, fresh)
	if err != nil {
		return out, fault.New(fault.Invalid, string(Stage), err.Error())
	}
	return out, nil
}

// create makes the new credential. An answer without the value (a repeated request may get one) is as good as none.
func (r *run) create(ctx context.Context, a Action) error {
	d := credential.Draft{RetryToken: fmt.Sprintf("%s-%s-%d", r.id, r.maker, r.looks)}
	switch r.job.Ref.Kind {
	case credential.APIKey:
		public, err := r.material.PublicPEM()
		if err != nil {
			return err
		}
		d.PublicKey = public
	case credential.Password:
		d.RetryToken = string(r.id) // the same for every delivery: OCI may tell two resets for one
	default:
		old := ""
		if c := r.obs.credential(r.job.Ref.ID); c != nil {
			old = c.Description
		}
		d.Description = credential.Mark{Rotation: r.id, Maker: r.maker, Home: r.home()}.Describe(old)
	}
	r.before = slices.Clone(r.obs.credentials)
	c, err := r.Issuer.Create(ctx, r.job.Ref.User, d)
	if err != nil {
		return err
	}
	r.created = &c.Issued
	r.obs.credentials = append(r.obs.credentials, c.Issued)
	switch {
	case r.job.Ref.Kind == credential.APIKey:
		if c.ID != r.material.ID {
			return fault.New(fault.Invalid, "UploadApiKey", "OCI shows another fingerprint than the key has")
		}
		return nil
	case c.Value.Empty() && a == Create:
		return fault.New(fault.Unclear, string(a), "the answer holds no value")
	case !c.Value.Empty():
		r.material = &credential.Material{Kind: r.job.Ref.Kind, ID: c.ID, Value: c.Value}
	}
	return nil
}

// promote makes the staged version CURRENT in one secret after the other.
func (r *run) promote(ctx context.Context) error {
	name := r.id.VersionName(r.attempt)
	if err := r.readBack(ctx); err != nil {
		return err
	}
	for _, h := range r.obs.homes {
		v := h.version(name)
		if v.Current {
			continue
		}
		j := h.journal
		j.Staged, j.Current, j.Retire = nil, &Holder{Version: v.Number, Credential: r.material.ID}, j.Retire.Without(r.job.Ref.ID)
		if r.job.Grace > 0 && r.oldAlive() {
			j.Retire = j.Retire.With(r.retirement(r.serverNow().Add(r.job.Grace)))
		}
		if err := r.update(ctx, h, secret.Update{Promote: v.Number}, j); err != nil {
			return fmt.Errorf("promoting version %d of secret %s: %w", v.Number, h.Name, err)
		}
		if err := r.confirm(ctx, h, v.Number); err != nil {
			return err
		}
		for i := range h.versions {
			h.versions[i].Current = false
		}
		v.Current, v.Pending = true, false
	}
	return nil
}

// retirement is the entry that says until when the old credential stays.
func (r *run) retirement(after time.Time) Retired {
	set := r.serverNow().UTC().Truncate(time.Second)
	return Retired{Problem: r.job.Problem, Credential: r.job.Ref.ID, Secrets: r.allSecrets(), After: after.UTC().Truncate(time.Second), Set: &set}
}

// putOff writes that entry into the secrets of a rotation that was promoted without one, or with another.
func (r *run) putOff(ctx context.Context) error {
	after := r.serverNow().Add(r.job.Grace)
	if again, ok := r.graceAgain(); ok {
		after = again
	}
	for _, h := range r.obs.homes {
		j := h.journal
		j.Retire = j.Retire.With(r.retirement(after))
		if err := r.update(ctx, h, secret.Update{}, j); err != nil {
			return fmt.Errorf("writing to secret %s: %w", h.Name, err)
		}
	}
	return nil
}

// confirm makes sure that the version is CURRENT. The answer to the update says so at once, or says nothing yet.
func (r *run) confirm(ctx context.Context, h *home, number int64) error {
	if h.Current == number {
		return nil
	}
	s, err := r.settled(ctx, h.SecretID)
	if err != nil {
		return err
	}
	if h.ETag, h.Current = s.ETag, s.Current; s.Current != number {
		return fault.New(fault.Conflict, "UpdateSecret", fmt.Sprintf("version %d of secret %s did not become CURRENT", number, h.Name))
	}
	return nil
}

// discard deletes the credential that nobody can use: a lost one, or the one whose value can't be stored.
func (r *run) discard(ctx context.Context) error {
	if r.held() && r.trouble != TroubleNone {
		id := r.material.ID
		if err := r.remove(ctx, Discard, id); err != nil {
			return err
		}
		r.forget()
		return nil
	}
	return r.remove(ctx, Discard, r.lost())
}

// retire deletes the old credential and takes it off the journals of the secrets that had it in its grace period. An
// entry that can't be taken off does no harm: the next sweep finds that nothing is left to do.
func (r *run) retire(ctx context.Context) error {
	if err := r.remove(ctx, Retire, r.job.Ref.ID); err != nil {
		return err
	}
	for _, h := range r.obs.homes {
		if j := h.journal; j.Retire.Of(r.job.Ref.ID) != nil {
			j.Retire = j.Retire.Without(r.job.Ref.ID)
			if err := r.update(ctx, h, secret.Update{}, j); err != nil {
				return nil
			}
		}
	}
	return nil
}

// remove deletes a credential. OCI says "not found" also to those who may not delete: the list tells, at the next
// look.
func (r *run) remove(ctx context.Context, a Action, id string) error {
	if err := r.Issuer.Delete(ctx, r.job.Ref.User, id); err != nil {
		return fmt.Errorf("deleting %s %s: %w", r.job.Ref.Kind.IDNoun(), id, err)
	}
	r.deleted[id], r.slotsFull = true, false
	r.obs.credentials = slices.DeleteFunc(r.obs.credentials, func(c credential.Issued) bool { return c.ID == id })
	return nil
}
