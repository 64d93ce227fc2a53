package rotation

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/keyturn/keyturn/pkg/background"
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
	"github.com/keyturn/keyturn/pkg/vault"
)

// look makes a new snapshot and asks the guard about it.
func (r *run) look(ctx context.Context) error {
	if f := r.mem.Failure; f != nil {
		if err := r.Clock.Sleep(ctx, firstLook<<min(r.mem.Looks+r.mem.Tries[Look], 6)); err != nil {
			return err
		}
	}
	snap, err := r.observe(ctx)
	r.first = nil
	if err != nil {
		return err
	}
	var secrets []vault.Secret
	for _, s := range snap.Secrets {
		if s.Err == nil {
			secrets = append(secrets, s.Secret)
		}
	}
	r.result.Authorized, snap.Refusal = r.job.Authorize(ctx, secrets)
	snap.Owner = r.result.Authorized.Owner
	if snap.Refusal != nil && !final(snap.Refusal) {
		return snap.Refusal
	}
	r.snap, r.mem = snap, r.mem.looked().found(snap.Secrets)
	if r.result.OldMade.IsZero() {
		r.result.OldMade = view{job: r.job, snap: snap}.oldMade()
	}
	return nil
}

// partly: what can't be read is part of the picture, as long as this run has changed nothing. After that a look that
// fails is a failure: what was begun has to be taken back.
func (r *run) partly(err error) bool { return err != nil && final(err) && !r.result.Acted }

// final: the same would be answered again. What isn't a fault of a call is the guard's refusal.
func final(err error) bool {
	if _, call := errors.AsType[*fault.Error](err); !call {
		return true
	}
	switch fault.Of(err) {
	case fault.Unclear, fault.Throttled, fault.Busy, fault.Conflict:
		return false
	}
	return true
}

// observe reads the user's credentials and the secrets side by side, then the versions of those secrets that need it,
// and then the contents that the decision needs. Reads side by side can be torn: another delivery may have acted
// between them. Where the picture is one that a tear would give, the half that may be the older is read again.
func (r *run) observe(ctx context.Context) (Snapshot, error) {
	s := Snapshot{Seen: true, Secrets: make([]Seen, len(r.job.Secrets))}
	var listing credential.Listing
	err := side(func() (err error) {
		listing, err = r.first.list(ctx, r.Clock.Now(), func() (credential.Listing, error) {
			return r.Issuer.List(ctx, r.job.Ref.User)
		})
		s.Unseen = err
		if r.partly(err) {
			return nil
		}
		return err
	}, func() error { return r.describe(ctx, s.Secrets) }, func() error { s.Earlier = r.earlier(ctx); return nil })
	if err != nil {
		return s, err
	}
	s.Issued, s.At, s.Local = listing.Credentials, listing.At, r.Clock.Now()
	if s.Unseen != nil {
		s.At = s.Local
	}
	v := r.view(s)
	all := r.mem.Looks > 0 || r.job.Replace || r.job.orphan != "" || r.job.origin() == credential.Reset ||
		v.oldGone() || len(v.marked()) > 0
	if s, err = r.read(ctx, s, all); err != nil {
		return s, err
	}
	v = r.view(s)
	torn := r.job.origin() != credential.Reset && v.oldGone() && !v.finished()
	if torn {
		s.Secrets = slices.Clone(s.Secrets)
		if err := r.describe(ctx, s.Secrets); err != nil {
			return s, err
		}
	}
	// A secret that seems to hold somebody else's credential may hold ours, if its journal was wiped.
	if room, _ := v.room(); torn || !all && (room == RoomTaken || room == RoomUnknown) {
		return r.read(ctx, s, true)
	}
	return s, nil
}

func (r *run) view(s Snapshot) view { return newView(r.job, s, r.memory()) }

// side runs the functions in parallel and returns the first error. A panic of one becomes a panic of the caller,
// without its value.
func side(fs ...func() error) error {
	var group background.Group
	for _, f := range fs {
		group.Go(f)
	}
	group.Join()
	return group.First()
}

// describe reads the secrets. That one can't be read is part of the picture.
func (r *run) describe(ctx context.Context, secrets []Seen) error {
	var reads []func() error
	for i := range secrets {
		s := &secrets[i]
		*s = Seen{Target: r.job.Secrets[i]}
		reads = append(reads, func() (err error) {
			if s.Secret, err = r.settled(ctx, s.SecretID); r.partly(err) {
				s.Err = fmt.Errorf("reading secret %s: %w", s.SecretID, err)
				return nil
			}
			s.Journal, s.Foreign = ReadJournal(s.Metadata)
			return err
		})
	}
	return side(reads...)
}

// earlier reads the secrets that earlier closures named, as far as they can be read: nothing can have been written to
// one that can't.
func (r *run) earlier(ctx context.Context) (out []Seen) {
	for _, id := range r.job.Earlier {
		s, err := r.Vault.Secret(ctx, id)
		if err != nil {
			continue
		}
		seen := Seen{Target: credential.Target{SecretID: id}, Secret: s, Journal: JournalOf(s.Metadata)}
		seen.Versions, err = r.Vault.Versions(ctx, id)
		seen.Listed = err == nil
		out = append(out, seen)
	}
	return out
}

// settled reads a secret, waiting while an earlier change is still being carried out.
func (r *run) settled(ctx context.Context, id string) (vault.Secret, error) {
	began := r.Clock.Now()
	for pause := firstPause; ; pause = min(2*pause, maxPause) {
		s, err := r.first.secret(ctx, id, r.Clock.Now(), func() (vault.Secret, error) {
			return r.Vault.Secret(ctx, id)
		})
		if err != nil || s.State != vault.Updating {
			return s, err
		}
		if r.Clock.Sleep(ctx, pause) != nil || r.Clock.Now().Sub(began) > settleTime {
			return s, fault.New(fault.Busy, "GetSecret", "the secret stays UPDATING")
		}
	}
}

// read adds the versions and contents that the decision needs. Without all, secrets that this rotation has not come to
// yet, as far as they tell themselves, are not asked for their versions.
func (r *run) read(ctx context.Context, s Snapshot, all bool) (Snapshot, error) {
	s.Secrets = slices.Clone(s.Secrets)
	var reads []func() error
	for i := range s.Secrets {
		h := &s.Secrets[i]
		if h.Err != nil || h.Listed || !all && h.fresh(r.job.rotation(), r.job.Ref.ID) {
			continue
		}
		reads = append(reads, func() (err error) {
			h.Versions, err = r.Vault.Versions(ctx, h.SecretID)
			h.Listed = err == nil
			return err
		})
	}
	if err := side(reads...); err != nil {
		return s, err
	}
	if err := r.attempt(ctx, &s); err != nil {
		return s, err
	}
	r.strays(ctx, &s)
	return s, r.contents(ctx, &s)
}

// attempt reads the newest version of this rotation, unless this run has written it or nothing needs its value any
// more.
func (r *run) attempt(ctx context.Context, s *Snapshot) error {
	v := r.view(*s)
	newest, undone := v.newest()
	v = v.at(newest)
	if newest == 0 || v.finished() && v.oldGone() || r.mem.Kept == v.name ||
		undone != "" && (r.job.origin() != credential.Local || v.listed(undone) == nil) {
		return nil
	}
	for i := range s.Secrets {
		h := &s.Secrets[i]
		if h.Role.IsID() || h.version(v.name) == nil {
			continue
		}
		if v.misnamed(*h) { // what is in there is read for something else
			return nil
		}
		number, content, err := r.Vault.Read(ctx, h.SecretID, v.name)
		if err != nil {
			return fmt.Errorf("reading the staged version back: %w", err)
		}
		if _, err := credential.Decode(r.job.Ref.Kind, h.Role, h.credentialOf(v.name, number), content); err != nil {
			return fault.New(fault.Invalid, "GetSecretBundle", fmt.Sprintf("secret %s, version %s: %v", h.SecretID,
				v.name, err))
		}
		h.Attempt, h.Verified = Content{Number: number, Name: v.name, Value: content}, true
		return nil
	}
	return nil
}

// contents reads the CURRENT versions that something is about to be written over, or that a proof needs, side by side.
func (r *run) contents(ctx context.Context, s *Snapshot) error {
	v := r.view(*s)
	_, followed := v.followed()
	var reads []func() error
	for i := range s.Secrets {
		h := &s.Secrets[i]
		if before := r.holds(h.SecretID); before.Number == h.Current && before.Why == "" {
			h.Holds = before
		}
		if h.Err != nil || h.Holds.Number == h.Current || !v.asks(*h) && !(followed && !v.oldGone()) {
			continue
		}
		reads = append(reads, func() (err error) {
			h.Holds, err = r.current(ctx, *h)
			return err
		})
	}
	return side(reads...)
}

// holds is what this run has read of a secret's CURRENT version before.
func (r *run) holds(id string) Content {
	for _, s := range r.snap.Secrets {
		if s.SecretID == id {
			return s.Holds
		}
	}
	return Content{}
}

// current reads one. What can't be read for good is not a reason to stop: perhaps nothing needs it. What may be
// readable in a moment is waited for, but not for ever.
func (r *run) current(ctx context.Context, h Seen) (Content, error) {
	number, content, err := r.Vault.Read(ctx, h.SecretID, "")
	class := fault.Of(err)
	switch {
	case err != nil && (class == fault.Unclear || class == fault.Throttled) &&
		!(view{job: r.job, mem: r.memory()}).overdue():
		return Content{}, fmt.Errorf("reading the CURRENT version: %w", err)
	case err != nil:
		return Content{Number: h.Current, Why: fmt.Sprintf("its CURRENT version can't be read: %v", err)}, nil
	case number != h.Current:
		return Content{}, fault.New(fault.Conflict, "GetSecretBundle", "another version has become CURRENT meanwhile")
	}
	return Content{Number: number, Value: content}, nil
}
