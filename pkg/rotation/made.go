package rotation

import (
	"fmt"
	"slices"
	"time"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/vault"
)

// made finds the new credential of this rotation. A lost one comes first, so that it is deleted even if there is
// another. But after a failure, the one that this process holds comes first, since its value is about to be lost.
func (v view) made() Made {
	held := v.held()
	doubtful, _ := v.misplaced()
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
		return MadeElsewhere // another delivery may be about to make it, or IAM's list doesn't show it yet
	case held:
		return MadeHeld
	case doubtful == MadeStrange:
		return MadeStrange
	case len(v.marked()) > 0, v.stagedEarlier(): // another delivery may be about to store its value
		return MadeElsewhere
	}
	return MadeNone
}

func (v view) stagedSomewhere() bool {
	return v.is(StoredPart, StoredAll, StoredPromotedIn, StoredCurrent, StoredReplaced)
}

// held reports whether this process made the credential, and no secret has its value yet. If no secret is named, the
// value may be unknown: OCI may have mailed the user a link.
func (v view) held() bool {
	m, value := v.mem.Made, v.mem.Value
	if len(v.snap.Secrets) == 0 {
		return m != nil
	}
	return m != nil && value != nil && value.ID == m.ID && v.mem.Kept == "" && v.mem.Tries[Discard] == 0 &&
		!v.generates() && (v.new == m.ID && !v.staged())
}

// ours reports whether IAM proves that this rotation made the credential: it has the rotation's mark, or it is an API
// key that was uploaded after its private key was staged. What a secret says is no proof.
func (v view) ours(id string) bool {
	c := v.listed(id)
	switch {
	case c == nil:
		return false
	case v.mem.Made != nil && v.mem.Made.ID == id, v.job.origin() == credential.Reset:
		return true
	case v.job.origin() == credential.Local:
		return v.stagedBefore(id)
	}
	m, ok := credential.ParseMark(c.Description)
	return ok && m.Rotation == v.id
}

// stagedBefore reports whether a version of this rotation has the private key, and is older than the uploaded public
// key.
func (v view) stagedBefore(id string) bool {
	c := v.listed(id)
	for _, s := range v.snap.Secrets {
		version := s.version(s.Attempt.Name)
		if version == nil || s.Attempt.Number == 0 || version.Created.IsZero() ||
			c.Created.Before(version.Created.Add(-skew)) {
			continue
		}
		m, err := credential.Decode(v.job.Ref.Kind, s.Role, "", s.Attempt.Value)
		rotation, _, ok := credential.ParseVersionName(version.Name)
		if err == nil && ok && rotation == v.id && m.ID == id {
			return true
		}
	}
	return false
}

// lost returns the id of a credential of this rotation that can't be in use: one that was fenced, the stray of an
// earlier attempt, or a marked one whose value is nowhere, and whose maker is this process or can't be running any
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
	if v.staged() && v.new == "" { // the staged version may hold it
		return ""
	}
	for _, c := range v.marked() {
		m, _ := credential.ParseMark(c.Description)
		if m.Home == v.home() && (m.Maker == v.mem.Maker || v.makerGone(c.Created) && v.completeSince(c.Created)) {
			return c.ID
		}
	}
	return ""
}

// misplaced looks for a credential that may be of this rotation, but isn't where it should be, and says where it is.
func (v view) misplaced() (Made, string) {
	noun := v.job.Ref.Kind.IDNoun()
	if v.listed(v.undone) != nil && v.undone != v.mem.Undone && !v.ours(v.undone) {
		return MadeDoubtful, fmt.Sprintf("%s %s: the secret's metadata says that this rotation made it and "+
			"took it back, but nothing in IAM shows that", noun, v.undone)
	}
	if v.is(StoredPart, StoredAll) && v.listed(v.new) != nil && !v.generated() && !v.ours(v.new) {
		return MadeDoubtful, fmt.Sprintf("%s %s: the secret's PENDING version %s is said to hold it, but nothing "+
			"in IAM shows that this rotation made it", noun, v.new, v.name)
	}
	if v.new == "" && v.is(StoredCurrent, StoredPromotedIn) && !(v.finished() && v.oldGone()) {
		return MadeDoubtful,
			"the secret's metadata was wiped, so it isn't known which credential its CURRENT version holds"
	}
	for _, c := range v.marked() {
		m, _ := credential.ParseMark(c.Description)
		switch {
		case m.Home != v.home():
			return MadeStrange, fmt.Sprintf("%s %s", noun, c.ID)
		case m.Maker != v.mem.Maker && v.makerGone(c.Created) && !v.completeSince(c.Created):
			return MadeDoubtful, fmt.Sprintf("%s %s: versions of the secret that may have held its value are deleted",
				noun, c.ID)
		}
	}
	for _, s := range v.snap.Earlier {
		for _, version := range s.Versions {
			id, _, ok := credential.ParseVersionName(version.Name)
			made := s.credentialOf(version.Name, version.Number)
			if ok && id == v.id && v.listed(made) != nil && made != v.new {
				return MadeStrange, fmt.Sprintf("%s %s, stored in secret %s (%s)", noun, made, s.Name, s.ID)
			}
		}
	}
	return MadeNone, ""
}

// inEarlierSecret reports whether a secret of an earlier closure has had a version of this rotation.
func (v view) inEarlierSecret() bool {
	return len(v.withMark("")) > 0 || slices.ContainsFunc(v.snap.Earlier, func(s Seen) bool {
		return slices.ContainsFunc(s.Versions, func(version vault.Version) bool {
			id, _, ok := credential.ParseVersionName(version.Name)
			return ok && id == v.id
		})
	})
}

// stagedEarlier reports whether a secret of an earlier closure has a version of this rotation so recent that IAM's list
// may not show its credential yet.
func (v view) stagedEarlier() bool {
	return slices.ContainsFunc(v.snap.Earlier, func(s Seen) bool {
		return slices.ContainsFunc(s.Versions, func(version vault.Version) bool {
			id, _, ok := credential.ParseVersionName(version.Name)
			return ok && id == v.id && v.age(version.Created) < UnseenTime
		})
	})
}

// makerGone reports whether the process that made the credential could not be running any more at the time of the look.
func (v view) makerGone(made time.Time) bool { return v.snap.At.Sub(made) >= MakerLife }

func (v view) home() string {
	if len(v.snap.Secrets) == 0 {
		return ""
	}
	return credential.Home(v.snap.Secrets[0].SecretID)
}

// marked lists the credentials with the mark of this rotation, without the one whose value is known. It lists none if
// the rotation is finished and its journal was wiped, since it can't know which of them is in use.
func (v view) marked() []credential.Issued {
	if v.finished() && v.oldGone() && v.new == "" {
		return nil
	}
	return v.withMark(v.new)
}

// withMark lists the credentials with the mark of this rotation, except the one with the id. The mark of an API key,
// which only an identity domain keeps, is for people: the version with its private key proves more.
func (v view) withMark(except string) (out []credential.Issued) {
	if v.job.origin() == credential.Local {
		return nil
	}
	for _, c := range v.issued {
		m, ok := credential.ParseMark(c.Description)
		if ok && m.Rotation == v.id && c.ID != v.job.Ref.ID && c.ID != except {
			out = append(out, c)
		}
	}
	return out
}
