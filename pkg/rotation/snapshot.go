package rotation

import (
	"slices"
	"time"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/vault"
)

// Snapshot is OCI as one look saw it. Nothing changes it: what this run does to OCI makes a new one (see with).
type Snapshot struct {
	At      time.Time // server's clock
	Local   time.Time // this process's clock at that moment
	Seen    bool      // OCI was looked at
	Issued  []credential.Issued
	Unseen  error // why the user's credentials can't be listed
	Secrets []Seen
	Earlier []Seen // the secrets of Job.Earlier that can be read
	Owner   credential.Owner
	Refusal error // of Job.Authorize
}

// Seen is one secret of the rotation.
type Seen struct {
	credential.Target
	vault.Secret
	Err      error // why the secret can't be read; nothing else is set then
	Journal  Journal
	Foreign  error           // why the metadata can't take the journal
	Listed   bool            // Versions has all that there are
	Versions []vault.Version // else those that this run has written
	Holds    Content         // of CURRENT, if the decision needs it
	Attempt  Content         // of the newest version of this rotation, if the decision needs it
	Strays   []Content       // of versions of earlier attempts, if IAM may show their keys
	Verified bool            // that version has been read back, and holds the value
	Touched  bool            // this run has changed the secret since the look
}

// Content is what a version holds, as far as it was read.
type Content struct {
	Number int64 // 0: it was not read
	Name   string
	Value  credential.Value
	Why    string // why it can't be read
}

func (s Seen) version(name string) *vault.Version {
	i := slices.IndexFunc(s.Versions, func(v vault.Version) bool { return v.Name == name && name != "" })
	if i < 0 {
		return nil
	}
	v := s.Versions[i]
	return &v
}

// credentialOf is the id of the credential that a version holds, as the journal says.
func (s Seen) credentialOf(name string, number int64) string {
	if t := s.Journal.Staged; t != nil && t.Version == name {
		return t.Credential
	}
	if c := s.Journal.Current; c != nil && c.Version == number {
		return c.Credential
	}
	return ""
}

// tells: the journal says which credential the CURRENT version holds.
func (s Seen) tells() bool {
	c := s.Journal.Current
	return c != nil && c.Version == s.Current && c.Credential != ""
}

// fresh: as far as the secret itself tells, this rotation has not come to it yet: nothing of it is staged, and CURRENT
// holds the old credential, or one that was there before Keyturn. The journal could have been wiped; then Vault refuses
// the name of the version, which is taken, and the second look lists the versions. A secret with many versions is
// listed, since OCI keeps no more than MaxVersions.
func (s Seen) fresh(id credential.RotationID, old string) bool {
	if t := s.Journal.Staged; t != nil {
		if theirs, _, ok := credential.ParseVersionName(t.Version); !ok || theirs == id {
			return false
		}
	}
	c := s.Journal.Current
	return s.Current > 0 && s.Current < 2*vault.MaxVersions/3 && (c == nil || c.Version == s.Current &&
		c.Credential == old)
}

// whole tells whether the list has every version that was written since a time. Numbers are given in order; those of
// deleted versions are missing.
func (s Seen) whole(since time.Time) bool {
	if !s.Listed || since.IsZero() {
		return false
	}
	numbers := slices.Clone(s.Versions)
	slices.SortFunc(numbers, func(a, b vault.Version) int { return int(b.Number - a.Number) })
	for i, v := range numbers {
		if i > 0 && v.Number != numbers[i-1].Number-1 {
			return false
		}
		if v.Number == 1 || v.Created.Before(since.Add(-skew)) && !v.Created.IsZero() {
			return true
		}
	}
	return false
}

// with is the snapshot with another picture of one secret.
func (s Snapshot) with(i int, seen Seen) Snapshot {
	s.Secrets = slices.Clone(s.Secrets)
	s.Secrets[i] = seen
	return s
}

// unreadable is why a secret of the rotation can't be read.
func (s Snapshot) unreadable() error {
	for _, h := range s.Secrets {
		if h.Err != nil {
			return h.Err
		}
	}
	return nil
}
