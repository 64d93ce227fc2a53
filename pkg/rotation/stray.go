package rotation

import (
	"context"
	"slices"
	"time"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/vault"
)

// An API key has no mark. If the upload of a process that died takes effect when a later attempt has begun, the only
// trace of the key is its private key, in the version of the earlier attempt. Who can put that there has the private
// key, and so may delete the key in any case.

// pastAttempt is a version of an earlier attempt that was never of use, and whose API key IAM may show.
type pastAttempt struct {
	vault.Version
	until time.Time // when its process can't be at work any more: some time after the next version was written
}

// made reports whether the attempt may have made the key.
func (p pastAttempt) made(c credential.Issued) bool {
	return !p.Created.IsZero() && !c.Created.Before(p.Created.Add(-skew)) && c.Created.Before(p.until)
}

// pastAttempts lists those of a secret. CURRENT can hold the key of none: it is this attempt's version, or older than
// all of them.
func (v view) pastAttempts(s Seen) (some []pastAttempt) {
	if v.job.origin() != credential.Local || v.new == "" || !s.Listed {
		return nil
	}
	for n := 1; n < v.attempt; n++ {
		version, next := s.version(v.id.VersionName(n)), s.version(v.id.VersionName(n+1))
		if version == nil || next == nil {
			continue
		}
		p := pastAttempt{*version, next.Created.Add(MakerLife)}
		current := slices.ContainsFunc(s.Versions, func(c vault.Version) bool {
			return c.Number == s.Current && (c.Name == v.name || c.Number < p.Number)
		})
		if current && slices.ContainsFunc(v.unknown(), p.made) {
			some = append(some, p)
		}
	}
	return some
}

// unknown are the user's credentials but for the old and the new one.
func (v view) unknown() []credential.Issued {
	return slices.DeleteFunc(slices.Clone(v.issued), func(c credential.Issued) bool {
		return c.ID == v.new || c.ID == v.job.Ref.ID
	})
}

// stray is the id of an API key that an earlier attempt has made after all; empty if there is none.
func (v view) stray() string {
	for _, s := range v.snap.Secrets {
		for _, p := range v.pastAttempts(s) {
			i := slices.IndexFunc(s.Strays, func(c Content) bool { return c.Number == p.Number })
			if i < 0 {
				continue
			}
			m, err := credential.Decode(v.job.Ref.Kind, s.Role, "", s.Strays[i].Value)
			if err == nil && slices.ContainsFunc(v.unknown(), func(c credential.Issued) bool {
				return c.ID == m.ID && p.made(c)
			}) {
				return m.ID
			}
		}
	}
	return ""
}

// strays reads the versions of earlier attempts whose API key may be there. What can't be read is no stray.
func (r *run) strays(ctx context.Context, s *Snapshot) {
	v := r.view(*s)
	for i := range s.Secrets {
		h := &s.Secrets[i]
		h.Strays = nil
		for _, p := range v.pastAttempts(*h) {
			if number, content, err := r.Vault.Read(ctx, h.SecretID, p.Name); err == nil {
				h.Strays = append(h.Strays, Content{Number: number, Name: p.Name, Value: content})
			}
		}
	}
}
