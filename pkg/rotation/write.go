package rotation

import (
	"context"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
	"github.com/keyturn/keyturn/pkg/secret"
)

// intend announces in the first secret what is about to be done. The etag lets one announcer through.
func (r *run) intend(ctx context.Context) error {
	h := r.obs.homes[0]
	j := h.journal
	j.Staged = r.entry(PhaseIntent)
	j.Staged.GivenUp = r.job.Ref.Kind != credential.Password
	return r.update(ctx, h, secret.Update{}, j)
}

// fence marks the staged version as undone in the secret that is promoted first: whoever is about to promote it finds
// its etag stale, looks again and sees the mark.
func (r *run) fence(ctx context.Context) error {
	h := r.obs.homes[0]
	j := h.journal
	j.Staged = r.entry(PhaseUndone)
	if err := r.update(ctx, h, secret.Update{}, j); err != nil {
		return err
	}
	r.undone = r.material.ID
	r.attempt++
	r.forget()
	return nil
}

// withdraw takes the announcement off the first secret.
func (r *run) withdraw(ctx context.Context) error {
	h := r.obs.homes[0]
	j := h.journal
	j.Staged = nil
	return r.update(ctx, h, secret.Update{}, j)
}

// update changes a secret on condition that it is as it was last seen. Vault refuses while the change before is still
// settling; then the secret is read again, and the update repeated if nobody else has touched it.
func (r *run) update(ctx context.Context, h *home, u secret.Update, j Journal) error {
	j.Role, j.Owner = h.Role, OwnerOf(r.job.Ref)
	var err error
	if u.Metadata, err = j.kept(h.Metadata); err != nil {
		return err
	}
	s, err := r.Vault.Update(ctx, h.SecretID, h.ETag, u)
	if c := fault.Of(err); err != nil && (c == fault.Busy || c == fault.Conflict && h.touched) {
		var now secret.Secret
		if now, err = r.settled(ctx, h.SecretID); err != nil {
			return err
		}
		if now.Current != h.Current || JournalOf(now.Metadata).text() != h.journal.text() {
			return fault.New(fault.Conflict, "UpdateSecret", "somebody else has changed the secret meanwhile")
		}
		if u.Metadata, err = j.kept(now.Metadata); err != nil {
			return err
		}
		h.ETag = now.ETag
		s, err = r.Vault.Update(ctx, h.SecretID, h.ETag, u)
	}
	if err != nil {
		return err
	}
	h.journal, h.touched = j, true
	h.ETag, h.Current, h.Metadata = s.ETag, s.Current, u.Metadata
	return nil
}

// kept is Write with a classified error.
func (j Journal) kept(metadata secret.Metadata) (secret.Metadata, error) {
	out, err := j.Write(metadata)
	if err != nil {
		return nil, fault.New(fault.Invalid, "UpdateSecret", err.Error())
	}
	return out, nil
}
