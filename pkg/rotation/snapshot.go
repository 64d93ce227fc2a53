package rotation

import (
	"slices"
	"time"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/vault"
)

// Snapshot is what one look read from OCI. It is never modified: a change by this run makes a new one (see with).
type Snapshot struct {
	At      time.Time // server's clock
	Local   time.Time // this process's clock at that moment
	Seen    bool      // false before the first look
	Issued  []credential.Issued
	Chosen  bool   // see credential.Listing
	Version string // see credential.Listing
	Unseen  error  // why the user's credentials can't be listed
	Secrets []Seen
	Earlier []Seen // the secrets of Job.Earlier that can be read
	Owner   credential.Owner
	Refusal error // of Job.Authorize, or why the user can't get a new credential
}

// Seen is one secret of the rotation.
type Seen struct {
	credential.Target
	vault.Secret
	Err      error // why the secret can't be read; nothing else is set then
	Journal  Journal
	Foreign  error           // why the metadata can't take the journal
	Listed   bool            // Versions is complete
	Versions []vault.Version // if not Listed, those that this run wrote
	Holds    Content         // of CURRENT, if the decision needs it
	Attempt  Content         // of the newest version of this rotation, if the decision needs it
	Strays   []Content       // of versions of earlier attempts whose keys IAM may show
	Verified bool            // the attempt's version was read back, and holds the value
	Touched  bool            // this run has changed the secret since the look
}

// Content is what was read of a version.
type Content struct {
	Number int64 // 0 if it was not read
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

// credentialOf returns the id of the credential that a version holds, according to the journal.
func (s Seen) credentialOf(name string, number int64) string {
	if t := s.Journal.Staged; t != nil && t.Version == name {
		return t.Credential
	}
	if c := s.Journal.Current; c != nil && c.Version == number {
		return c.Credential
	}
	return ""
}

// currentKnown reports whether the journal says which credential the CURRENT version holds.
func (s Seen) currentKnown() bool {
	c := s.Journal.Current
	return c != nil && c.Version == s.Current && c.Credential != ""
}

// notStarted reports whether the secret itself shows no trace of this rotation: none of its versions is staged, and
// CURRENT holds the old credential, or one from before Keyturn. If the journal was wiped, that may be wrong: then Vault
// refuses the version's name as taken, and the second look lists the versions. A secret with many versions never counts
// as not started, since its versions must be counted: OCI keeps no more than MaxVersions.
func (s Seen) notStarted(id credential.RotationID, old string) bool {
	if t := s.Journal.Staged; t != nil {
		if theirs, _, ok := credential.ParseVersionName(t.Version); !ok || theirs == id {
			return false
		}
	}
	c := s.Journal.Current
	return s.Current > 0 && s.Current < 2*vault.MaxVersions/3 && (c == nil || c.Version == s.Current &&
		c.Credential == old)
}

// complete reports whether the list has every version written since a time. Vault numbers the versions in order, so a
// gap is a deleted version.
func (s Seen) complete(since time.Time) bool {
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

// with returns the snapshot with secret i replaced.
func (s Snapshot) with(i int, seen Seen) Snapshot {
	s.Secrets = slices.Clone(s.Secrets)
	s.Secrets[i] = seen
	return s
}

// unreadable returns why a secret of the rotation can't be read, or nil.
func (s Snapshot) unreadable() error {
	for _, h := range s.Secrets {
		if h.Err != nil {
			return h.Err
		}
	}
	return nil
}
