package rotation

import (
	"context"
	"slices"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/secret"
)

// An API key has no mark. If the upload of a process that died takes effect when a later attempt has begun, the only trace
// of the key is its private key, in the version of the earlier attempt. Whoever can put that there has the private key, and
// so may delete the key in any case.

// earlierVersions are the versions of earlier attempts that were never of use, and whose API key IAM may show: one that was
// made when that attempt may have made it, and isn't known otherwise. CURRENT can hold none of them: it is this attempt's
// version, or older than all of them.
func (v view) earlierVersions(s Seen) (some []secret.Version) {
	if v.job.Ref.Kind != credential.APIKey || v.new == "" || !s.Listed {
		return nil
	}
	for n := 1; n < v.attempt; n++ {
		version, next := s.version(v.id.VersionName(n)), s.version(v.id.VersionName(n+1))
		if version == nil || next == nil {
			continue
		}
		current := slices.ContainsFunc(s.Versions, func(c secret.Version) bool {
			return c.Number == s.Current && (c.Name == v.name || c.Number < version.Number)
		})
		if current && slices.ContainsFunc(v.issued, func(c credential.Issued) bool { return v.between(c, *version, *next) }) {
			some = append(some, *version)
		}
	}
	return some
}

// between: the key is neither the old nor the new one, and was made after one version, and at the latest when the process
// that wrote it could still be at work as the next one was written.
func (v view) between(c credential.Issued, version, next secret.Version) bool {
	return c.ID != v.new && c.ID != v.job.Ref.ID && !version.Created.IsZero() &&
		!c.Created.Before(version.Created.Add(-skew)) && c.Created.Before(next.Created.Add(MakerLife))
}

// stray is the id of an API key that an earlier attempt has made after all; empty if there is none.
func (v view) stray() string {
	for _, s := range v.snap.Secrets {
		for _, version := range v.earlierVersions(s) {
			next := s.version(v.id.VersionName(attemptOf(version.Name) + 1))
			for _, content := range s.Strays {
				m, err := credential.Decode(v.job.Ref.Kind, s.Role, "", content.Value)
				if content.Name != version.Name || err != nil {
					continue
				}
				if c := v.listed(m.ID); c != nil && v.between(*c, version, *next) {
					return m.ID
				}
			}
		}
	}
	return ""
}

func attemptOf(name string) int {
	_, n, _ := credential.ParseVersionName(name)
	return n
}

// strays reads the versions of earlier attempts whose API key may be there. What can't be read is no stray.
func (r *run) strays(ctx context.Context, s *Snapshot) {
	v := r.view(*s)
	for i := range s.Secrets {
		h := &s.Secrets[i]
		h.Strays = nil
		for _, version := range v.earlierVersions(*h) {
			if number, content, err := r.Vault.Read(ctx, h.SecretID, version.Name); err == nil {
				h.Strays = append(h.Strays, Content{Number: number, Name: version.Name, Value: content})
			}
		}
	}
}
