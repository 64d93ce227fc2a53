package rotation

import (
	"fmt"
	"slices"
	"time"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/vault"
)

// made finds the new credential of this rotation. One that nobody can use comes first, so that it doesn't stay behind
// another; only when something went wrong, the one whose value is about to be lost comes before it.
func (v view) made() Made {
	held := v.held()
	doubtful, _ := v.astray()
	switch {
	case held && v.trouble() != TroubleNone:
		return MadeHeld
	case v.lost() != "":
		return MadeLost
	case doubtful == MadeDoubtful:
		return MadeDoubtful
	case v.stagedSomewhere():
		switch {
		case v.listed(v.new) != nil:
			return MadeLive
		case v.generated() && !v.is(StoredCurrent, StoredPromotedIn), v.finished() && v.oldGone():
			return MadeNone
		}
		return MadeElsewhere // its maker may be about to make it, or IAM's list doesn't show it yet
	case held:
		return MadeHeld
	case doubtful == MadeStrange:
		return MadeStrange
	case len(v.marked()) > 0, v.stagedEarlier(): // so young that its value may be on its way to Vault
		return MadeElsewhere
	}
	return MadeNone
}

func (v view) stagedSomewhere() bool {
	return v.is(StoredPart, StoredAll, StoredPromotedIn, StoredCurrent, StoredReplaced)
}

// held: this process has made the credential, and no secret has its value yet.
func (v view) held() bool {
	m, value := v.mem.Made, v.mem.Value
	return m != nil && value != nil && value.ID == m.ID && v.mem.Kept == "" && v.mem.Tries[Discard] == 0 &&
		v.job.origin() != credential.Local && (v.new == m.ID && !v.staged())
}

// ours: IAM itself shows that this rotation has made the credential. What a secret says is no evidence: a credential
// that OCI makes has the rotation's mark, and an API key is younger than its staged private key.
func (v view) ours(id string) bool {
	c := v.listed(id)
	switch {
	case c == nil:
		return false
	case v.mem.Made != nil && v.mem.Made.ID == id, v.job.origin() == credential.Reset:
		return true
	case v.job.origin() == credential.Local:
		return v.staging(id)
	}
	m, ok := credential.ParseMark(c.Description)
	return ok && m.Rotation == v.id
}

// staging: a version of this rotation has the private key, and was written before the public key was uploaded.
func (v view) staging(id string) bool {
	c := v.listed(id)
	for _, s := range v.snap.Secrets {
		version := s.version(s.Attempt.Name)
		if version == nil || s.Attempt.Number == 0 || version.Created.IsZero() ||
			c.Created.Before(version.Created.Add(-skew)) {
			continue
		}
		m, err := credential.Decode(v.job.Ref.Kind, s.Role, "", s.Attempt.Value)
		if rotation, _, ok := credential.ParseVersionName(version.Name); err == nil && ok && rotation == v.id &&
			m.ID == id {
			return true
		}
	}
	return false
}

// lost is a credential of this rotation that nobody uses: one that was taken back, the stray of an earlier attempt, or
// one with our mark that no secret and no memory knows, and whose maker is this very process or can't be at work any
// more.
func (v view) lost() string {
	for _, id := range []string{v.mem.Undone, v.undone} {
		if v.listed(id) != nil && (id == v.mem.Undone || v.ours(id)) {
			return id
		}
	}
	if id := v.stray(); id != "" {
		return id
	}
	if v.staged() && v.new == "" { // it may be what a version holds
		return ""
	}
	for _, c := range v.marked() {
		m, _ := credential.ParseMark(c.Description)
		if m.Home == v.home() && (m.Maker == v.mem.Maker || v.left(c.Created) && v.wholeSince(c.Created)) {
			return c.ID
		}
	}
	return ""
}

// astray tells of a credential that may be of this rotation, but is not where it should be, and says where.
func (v view) astray() (Made, string) {
	noun := v.job.Ref.Kind.IDNoun()
	if v.listed(v.undone) != nil && v.undone != v.mem.Undone && !v.ours(v.undone) {
		return MadeDoubtful, fmt.Sprintf("%s %s: the secret's metadata say that this rotation has made it and "+
			"taken it back; nothing in IAM shows that", noun, v.undone)
	}
	if v.is(StoredPart, StoredAll) && v.listed(v.new) != nil && !v.generated() && !v.ours(v.new) {
		return MadeDoubtful, fmt.Sprintf("%s %s: the secret's PENDING version %s is said to hold it; nothing in "+
			"IAM shows that this rotation has made it", noun, v.new, v.name)
	}
	if v.new == "" && v.is(StoredCurrent, StoredPromotedIn) && !(v.finished() && v.oldGone()) {
		return MadeDoubtful, "the secret's metadata was wiped, so it isn't known which credential its CURRENT " +
			"version holds"
	}
	for _, c := range v.marked() {
		m, _ := credential.ParseMark(c.Description)
		switch {
		case m.Home != v.home():
			return MadeStrange, fmt.Sprintf("%s %s", noun, c.ID)
		case m.Maker != v.mem.Maker && v.left(c.Created) && !v.wholeSince(c.Created):
			return MadeDoubtful, fmt.Sprintf("%s %s: versions of the secret that may have held its value are deleted",
				noun, c.ID)
		}
	}
	for _, s := range v.snap.Earlier {
		for _, version := range s.Versions {
			id, _, ok := credential.ParseVersionName(version.Name)
			if made := s.credentialOf(version.Name, version.Number); ok && id == v.id && v.listed(made) != nil &&
				made != v.new {
				return MadeStrange, fmt.Sprintf("%s %s, stored in secret %s (%s)", noun, made, s.Name, s.ID)
			}
		}
	}
	return MadeNone, ""
}

// elsewhere: a secret of an earlier closure has had a version of this rotation.
func (v view) elsewhere() bool {
	return len(v.withMark("")) > 0 || slices.ContainsFunc(v.snap.Earlier, func(s Seen) bool {
		return slices.ContainsFunc(s.Versions, func(version vault.Version) bool {
			id, _, ok := credential.ParseVersionName(version.Name)
			return ok && id == v.id
		})
	})
}

// stagedEarlier: a secret of an earlier closure has so young a version of this rotation that IAM's list may not show
// yet what came of it.
func (v view) stagedEarlier() bool {
	return slices.ContainsFunc(v.snap.Earlier, func(s Seen) bool {
		return slices.ContainsFunc(s.Versions, func(version vault.Version) bool {
			id, _, ok := credential.ParseVersionName(version.Name)
			return ok && id == v.id && v.age(version.Created) < UnseenTime
		})
	})
}

// left: who made the credential could not be at work any more when OCI was looked at.
func (v view) left(made time.Time) bool { return v.snap.At.Sub(made) >= MakerLife }

func (v view) home() string {
	if len(v.snap.Secrets) == 0 {
		return ""
	}
	return credential.Home(v.snap.Secrets[0].SecretID)
}

// marked lists the credentials with the mark of this rotation whose value neither a secret nor this process has. Of a
// finished rotation whose journal was wiped nobody can tell which one that is.
func (v view) marked() []credential.Issued {
	if v.finished() && v.oldGone() && v.new == "" {
		return nil
	}
	return v.withMark(v.new)
}

// withMark lists the credentials with the mark of this rotation, but for the one with the id.
func (v view) withMark(but string) (out []credential.Issued) {
	for _, c := range v.issued {
		m, ok := credential.ParseMark(c.Description)
		if ok && m.Rotation == v.id && c.ID != v.job.Ref.ID && c.ID != but {
			out = append(out, c)
		}
	}
	return out
}
