package rotation

import (
	"bytes"
	"context"
	"encoding/json"
	"reflect"

	"github.com/keyturn/keyturn/pkg/fault"
	"github.com/keyturn/keyturn/pkg/vault"
)

// noteChange records that a call changed something, or may have.
func (r *run) noteChange(err error) {
	if class := fault.Of(err); err == nil || class == fault.Unclear {
		r.result.Acted = true
	}
}

// update changes a secret if it is as it was last read. Vault refuses a change while the previous one is still
// settling, and then has another etag. In that case the secret is read again, and the update is repeated if everything
// else is still what the decision was based on: tags, state, CURRENT version and metadata.
func (r *run) update(ctx context.Context, i int, u vault.Update, j Journal) error {
	s := r.snap.Secrets[i]
	j.Role, j.Owner = s.Role, OwnerOf(r.job.Ref)
	var err error
	u.Metadata, err = j.Write(s.Metadata)
	if err != nil {
		return fault.New(fault.Invalid, "UpdateSecret", err.Error())
	}
	after, err := r.Vault.Update(ctx, s.SecretID, s.ETag, u)
	if class := fault.Of(err); err != nil && (class == fault.Busy || class == fault.Conflict && s.Touched) {
		var now vault.Secret
		now, err = r.readSettled(ctx, s.SecretID)
		if err != nil {
			return err
		}
		if !unchanged(s.Secret, now) {
			return fault.New(fault.Conflict, "UpdateSecret", "the secret was changed by something else")
		}
		after, err = r.Vault.Update(ctx, s.SecretID, now.ETag, u)
	}
	r.noteChange(err)
	if err != nil {
		return err
	}
	s.Journal, s.Touched = j, true
	s.ETag, s.Current, s.Metadata = after.ETag, after.Current, u.Metadata
	r.snap = r.snap.with(i, s)
	return nil
}

// unchanged reports whether two reads of a secret differ only in the etag, the time, or the formatting of the metadata.
func unchanged(was, is vault.Secret) bool {
	same := bytes.Equal(was.Metadata, is.Metadata)
	if !same {
		var one, other any
		same = json.Unmarshal(was.Metadata, &one) == nil && json.Unmarshal(is.Metadata, &other) == nil &&
			reflect.DeepEqual(one, other)
	}
	was.Metadata, was.ETag, was.At = is.Metadata, is.ETag, is.At
	return same && reflect.DeepEqual(was, is)
}
