package rotation

import (
	"context"
	"slices"
	"time"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/vault"
)

// A stray is an API key whose upload, by a process that died, took effect after a later attempt had begun. An API key
// has no mark, so its only trace is its private key in the earlier attempt's version. It is safe to delete it: a user
// who stored another private key there already controls that key.

// pastAttempt is a version of an earlier attempt that was never promoted, and whose API key IAM may show.
type pastAttempt struct {
	vault.Version
	until time.Time // from then on its process can't be running: MakerLife after the next version was written
}

// made reports whether the attempt may have made the key.
func (p pastAttempt) made(c credential.Issued) bool {
	return !p.Created.IsZero() && !c.Created.Before(p.Created.Add(-skew)) && c.Created.Before(p.until)
}

// pastAttempts lists a secret's past attempts. CURRENT never holds one of their keys: it is this attempt's version, or
// older than theirs.
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

// unknown lists the user's credentials without the old and the new one.
func (v view) unknown() []credential.Issued {
	return slices.DeleteFunc(slices.Clone(v.issued), func(c credential.Issued) bool {
		return c.ID == v.new || c.ID == v.job.Ref.ID
	})
}

// stray returns the id of a stray API key; empty if there is none.
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

// readStrays reads the versions of past attempts. It skips those that can't be read.
func (r *run) readStrays(ctx context.Context, s *Snapshot) {
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
