package rotation

import (
	"bytes"
	"context"
	"encoding/json"
	"reflect"

	"github.com/keyturn/keyturn/pkg/fault"
	"github.com/keyturn/keyturn/pkg/vault"
)

// changed notes that a call has changed something, or may have.
func (r *run) changed(err error) {
	if class := fault.Of(err); err == nil || class == fault.Unclear {
		r.result.Acted = true
	}
}

// update changes a secret on condition that it is as it was last seen. Vault refuses while the change before is still
// settling, and gives another etag after it; then the secret is read again, and the update repeated if everything else
// is as the decision found it: tags, state, CURRENT version and metadata.
func (r *run) update(ctx context.Context, i int, u vault.Update, j Journal) error {
	s := r.snap.Secrets[i]
	j.Role, j.Owner = s.Role, OwnerOf(r.job.Ref)
	var err error
	if u.Metadata, err = j.Write(s.Metadata); err != nil {
		return fault.New(fault.Invalid, "UpdateSecret", err.Error())
	}
	after, err := r.Vault.Update(ctx, s.SecretID, s.ETag, u)
	if class := fault.Of(err); err != nil && (class == fault.Busy || class == fault.Conflict && s.Touched) {
		var now vault.Secret
		if now, err = r.settled(ctx, s.SecretID); err != nil {
			return err
		}
		if !alike(s.Secret, now) {
			return fault.New(fault.Conflict, "UpdateSecret", "somebody else has changed the secret meanwhile")
		}
		after, err = r.Vault.Update(ctx, s.SecretID, now.ETag, u)
	}
	if r.changed(err); err != nil {
		return err
	}
	s.Journal, s.Touched = j, true
	s.ETag, s.Current, s.Metadata = after.ETag, after.Current, u.Metadata
	r.snap = r.snap.with(i, s)
	return nil
}

// alike tells whether a secret is as it was, whatever its etag. Vault may write the same metadata in another form.
func alike(was, is vault.Secret) bool {
	same := bytes.Equal(was.Metadata, is.Metadata)
	if !same {
		var one, other any
		same = json.Unmarshal(was.Metadata, &one) == nil && json.Unmarshal(is.Metadata, &other) == nil &&
			reflect.DeepEqual(one, other)
	}
	was.Metadata, was.ETag, was.At = is.Metadata, is.ETag, is.At
	return same && reflect.DeepEqual(was, is)
}
