package rotation

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/keyturn/keyturn/pkg/background"
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
	"github.com/keyturn/keyturn/pkg/vault"
)

// look makes a new snapshot and calls Job.Authorize with it.
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
	barred := snap.Refusal
	r.result.Authorized, snap.Refusal = r.job.Authorize(ctx, secrets)
	snap.Owner, snap.Refusal = r.result.Authorized.Owner, cmp.Or(snap.Refusal, barred)
	if snap.Refusal != nil && !permanent(snap.Refusal) {
		return snap.Refusal
	}
	r.snap, r.mem = snap, r.mem.afterLook().withCurrent(snap.Secrets)
	if r.result.OldMade.IsZero() {
		r.result.OldMade = view{job: r.job, snap: snap}.oldMade()
	}
	return nil
}

// mayContinue reports whether a failed read becomes a part of the snapshot. Once this run has changed something, it
// fails the look instead, so that the change is undone.
func (r *run) mayContinue(err error) bool { return err != nil && permanent(err) && !r.result.Acted }

// permanent reports whether the same call would fail again. An error that isn't a fault.Error is a refusal by
// Job.Authorize.
func permanent(err error) bool {
	if _, call := errors.AsType[*fault.Error](err); !call {
		return true
	}
	switch fault.Of(err) {
	case fault.Unclear, fault.Throttled, fault.Busy, fault.Conflict:
		return false
	}
	return true
}

// observe reads the user's credentials and the secrets in parallel, then the versions of the secrets that need it, and
// then the contents that the decision needs. Another delivery may act between two parallel reads. If the result looks
// as if that had happened, the secrets, which may be the older half, are read again.
func (r *run) observe(ctx context.Context) (Snapshot, error) {
	s := Snapshot{Seen: true, Secrets: make([]Seen, len(r.job.Secrets))}
	var listing credential.Listing
	err := inParallel(func() (err error) {
		listing, err = r.first.list(ctx, r.Clock.Now(), func() (credential.Listing, error) {
			return r.Issuer.List(ctx, r.job.Ref.User)
		})
		s.Unseen = err
		if r.mayContinue(err) {
			return nil
		}
		return err
	}, func() error { return r.readSecrets(ctx, s.Secrets) }, func() error {
		s.Earlier = r.readEarlier(ctx)
		return nil
	})
	if err != nil {
		return s, err
	}
	s.Issued, s.At, s.Local = listing.Credentials, listing.At, r.Clock.Now()
	s.Chosen, s.Version, s.Refusal = listing.Chosen, listing.Version, barred(listing, len(s.Secrets) > 0, r.job.At)
	if s.Unseen != nil {
		s.At = s.Local
	}
	v := r.view(s)
	all := r.mem.Looks > 0 || r.job.Replace || r.job.orphan != "" || r.job.origin() == credential.Reset ||
		v.oldGone() || len(v.marked()) > 0
	s, err = r.readVersions(ctx, s, all)
	if err != nil {
		return s, err
	}
	v = r.view(s)
	torn := r.job.origin() != credential.Reset && v.oldGone() && !v.finished()
	if torn {
		s.Secrets = slices.Clone(s.Secrets)
		if err := r.readSecrets(ctx, s.Secrets); err != nil {
			return s, err
		}
	}
	// If the journal was wiped, a secret that seems to hold another credential may hold this rotation's.
	if room, _ := v.room(); torn || !all && (room == RoomTaken || room == RoomUnknown) {
		return r.readVersions(ctx, s, true)
	}
	return s, nil
}

func (r *run) view(s Snapshot) view { return newView(r.job, s, r.memory()) }

// inParallel runs the functions in parallel and returns the first error. If one panics, the caller panics, without the
// value.
func inParallel(fs ...func() error) error {
	var group background.Group
	for _, f := range fs {
		group.Go(f)
	}
	group.Join()
	return group.First()
}

// readSecrets reads the secrets. If one can't be read, the snapshot records that; see mayContinue.
func (r *run) readSecrets(ctx context.Context, secrets []Seen) error {
	var reads []func() error
	for i := range secrets {
		s := &secrets[i]
		*s = Seen{Target: r.job.Secrets[i]}
		reads = append(reads, func() (err error) {
			s.Secret, err = r.readSettled(ctx, s.SecretID)
			if r.mayContinue(err) {
				s.Err = fmt.Errorf("reading secret %s: %w", s.SecretID, err)
				return nil
			}
			s.Journal, s.Foreign = ReadJournal(s.Metadata)
			return err
		})
	}
	return inParallel(reads...)
}

// readEarlier reads the secrets that earlier closures named. It skips those that can't be read: no delivery can have
// written to them.
func (r *run) readEarlier(ctx context.Context) (out []Seen) {
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

// readSettled reads a secret, and waits while an earlier change is still in progress.
func (r *run) readSettled(ctx context.Context, id string) (vault.Secret, error) {
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

// readVersions adds the versions and contents that the decision needs. Unless all is set, it skips the versions of
// secrets in which this rotation hasn't started; see notStarted.
func (r *run) readVersions(ctx context.Context, s Snapshot, all bool) (Snapshot, error) {
	s.Secrets = slices.Clone(s.Secrets)
	var reads []func() error
	for i := range s.Secrets {
		h := &s.Secrets[i]
		if h.Err != nil || h.Listed || !all && h.notStarted(r.job.rotation(), r.job.Ref.ID) {
			continue
		}
		reads = append(reads, func() (err error) {
			h.Versions, err = r.Vault.Versions(ctx, h.SecretID)
			h.Listed = err == nil
			return err
		})
	}
	if err := inParallel(reads...); err != nil {
		return s, err
	}
	r.job = r.job.goingOn(s)
	if err := r.readAttempt(ctx, &s); err != nil {
		return s, err
	}
	r.readStrays(ctx, &s)
	return s, r.readContents(ctx, &s)
}

// readAttempt reads the newest version of this rotation, unless this run wrote it, or its value isn't needed any more.
func (r *run) readAttempt(ctx context.Context, s *Snapshot) error {
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
		if v.misnamed(*h) { // its content would be decoded as another part
			return nil
		}
		number, content, err := r.Vault.Read(ctx, h.SecretID, v.name)
		if err != nil {
			return fmt.Errorf("reading the staged version back: %w", err)
		}
		if _, err := credential.Decode(r.job.Ref.Kind, h.Role, h.credentialOf(v.name, number), content); err != nil {
			return fault.New(fault.Invalid, "GetSecretBundle",
				fmt.Sprintf("secret %s, version %s: %v", h.SecretID, v.name, err))
		}
		h.Attempt, h.Verified = Content{Number: number, Name: v.name, Value: content}, true
		return nil
	}
	return nil
}

// readContents reads, in parallel, the CURRENT versions that are about to be overwritten or that a proof needs.
func (r *run) readContents(ctx context.Context, s *Snapshot) error {
	v := r.view(*s)
	_, followed := v.successor()
	var reads []func() error
	for i := range s.Secrets {
		h := &s.Secrets[i]
		if before := r.lastContent(h.SecretID); before.Number == h.Current && before.Why == "" {
			h.Holds = before
		}
		if h.Err != nil || h.Holds.Number == h.Current || !v.needsContent(*h) && !(followed && !v.oldGone()) {
			continue
		}
		reads = append(reads, func() (err error) {
			h.Holds, err = r.readCurrent(ctx, *h)
			return err
		})
	}
	return inParallel(reads...)
}

// lastContent returns what the last snapshot has of a secret's CURRENT version.
func (r *run) lastContent(id string) Content {
	for _, s := range r.snap.Secrets {
		if s.SecretID == id {
			return s.Holds
		}
	}
	return Content{}
}

// readCurrent reads a secret's CURRENT version. A permanent failure is recorded in the content, since the decision may
// not need it. A temporary one is an error until the rotation is overdue; then it is recorded, too.
func (r *run) readCurrent(ctx context.Context, h Seen) (Content, error) {
	number, content, err := r.Vault.Read(ctx, h.SecretID, "")
	class := fault.Of(err)
	switch {
	case err != nil && (class == fault.Unclear || class == fault.Throttled) &&
		!(view{job: r.job, mem: r.memory()}).overdue():
		return Content{}, fmt.Errorf("reading the CURRENT version: %w", err)
	case err != nil:
		return Content{Number: h.Current, Why: fmt.Sprintf("its CURRENT version can't be read: %v", err)}, nil
	case number != h.Current:
		return Content{}, fault.New(fault.Conflict, "GetSecretBundle", "another version became CURRENT during the read")
	}
	return Content{Number: number, Value: content}, nil
}
