package rotation

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/vault"
)

// needsContent reports whether the decision needs the CURRENT content, because it may be overwritten. For a plain
// secret the journal may say what it holds. A bundle must be read, since a user may have added to it.
func (v view) needsContent(s Seen) bool {
	begun := v.stored() != StoredNone && v.stored() != StoredNotAsked
	version := s.version(v.name)
	if s.Current == 0 || version != nil && (version.Current || v.mem.Kept == v.name && s.Holds.Number == s.Current) ||
		v.finished() || v.oldGone() && !begun && v.job.orphan == "" {
		return false
	}
	return s.Role == credential.RoleBundle && version == nil || !s.currentKnown()
}

// holding returns what the secret holds, as far as that is known.
func (v view) holding(s Seen) (known credential.Holding) {
	if version := s.version(v.name); version != nil && version.Current || v.finished() {
		return known
	}
	switch read := s.Holds.Number == s.Current && s.Current != 0; {
	case read && s.Holds.Why != "":
		known.Unknown = s.Holds.Why
	case read:
		known = credential.Inspect(v.job.Ref, s.Role, s.Holds.Value, v.possibleIDs())
	}
	if s.currentKnown() {
		known.IDs, known.Unknown = []string{s.Journal.Current.Credential}, ""
	}
	return known
}

// possibleIDs lists the ids that a content may name: those of the user's credentials, and the old one's.
func (v view) possibleIDs() []string {
	ids := []string{v.job.Ref.ID}
	for _, c := range v.issued {
		if c.ID != v.job.Ref.ID {
			ids = append(ids, c.ID)
		}
	}
	return ids
}

// room says whether the value may be written to the secrets, and if not, why.
func (v view) room() (Room, string) {
	if why := v.swapped(); why != "" {
		return RoomSwapped, why
	}
	if v.attempt > maxAttempt {
		return RoomSpent, fmt.Sprintf("a version is named %s, and no later attempt can be named",
			v.id.VersionName(maxAttempt))
	}
	for i, s := range v.snap.Secrets {
		if room, why := v.checkContent(s); room != RoomFree {
			return room, why
		}
		if v.currentChanged(i, s) {
			return RoomChanged, fmt.Sprintf("secret %s (%s): version %d became CURRENT after the rotation began",
				s.Name, s.ID, s.Current)
		}
		if room, why := v.otherRotation(s); room != RoomFree {
			return room, why
		}
		kept := 0
		for _, version := range s.Versions {
			if !version.Leaving {
				kept++
			}
		}
		if kept >= vault.MaxVersions && s.version(v.name) == nil {
			return RoomFull, fmt.Sprintf("secret %s (%s) has %d versions, OCI keeps %d",
				s.Name, s.ID, kept, vault.MaxVersions)
		}
	}
	return RoomFree, ""
}

// checkContent says whether the secret's content may be overwritten, and if not, why.
func (v view) checkContent(s Seen) (Room, string) {
	noun, name := v.job.Ref.Kind.IDNoun(), fmt.Sprintf("secret %s (%s)", s.Name, s.SecretID)
	known := v.holding(s)
	needed := slices.IndexFunc(known.IDs, func(id string) bool { return v.needed(id) || v.mayBeUnlisted(s, id) })
	switch {
	case s.Foreign != nil:
		return RoomForeign, fmt.Sprintf("%s: %v", name, s.Foreign)
	case v.misnamed(s):
		return RoomWrong, fmt.Sprintf("%s is named for the part %q, but Keyturn wrote the part %q to it",
			name, s.Role, s.Journal.Role)
	case !known.Fits(v.job.Ref.Kind, s.Role):
		return RoomWrong, fmt.Sprintf("%s is named for the part %q, but holds %s", name, s.Role, known.Sort)
	case known.User != "":
		return RoomWrong, fmt.Sprintf("%s holds a credential of another user, %s", name, known.User)
	case needed >= 0:
		return RoomTaken, fmt.Sprintf("%s holds %s %s", name, noun, known.IDs[needed])
	case known.Unknown != "" && len(v.others()) > 0:
		return RoomUnknown, fmt.Sprintf("%s: %s. The user's other %ss: %s", name, known.Unknown, v.job.Ref.Kind.Noun(),
			strings.Join(v.others(), ", "))
	}
	return RoomFree, ""
}

// needed reports whether the id is of another living credential: neither the old one nor this rotation's.
func (v view) needed(id string) bool {
	return v.job.origin() != credential.Reset && id != v.job.Ref.ID && id != v.new && v.listed(id) != nil
}

// mayBeUnlisted reports whether the CURRENT version holds a credential that IAM may not list yet, because the version
// is recent or its age isn't known.
func (v view) mayBeUnlisted(s Seen, id string) bool {
	if v.listed(id) != nil || id == v.job.Ref.ID || id == v.new || v.job.origin() == credential.Reset {
		return false
	}
	if !s.Listed {
		return true
	}
	return slices.ContainsFunc(s.Versions, func(version vault.Version) bool {
		return version.Number == s.Current && v.age(version.Created) < UnseenTime
	})
}

// currentChanged reports whether something else made another version CURRENT since this run or the attempt began.
func (v view) currentChanged(i int, s Seen) bool {
	version := s.version(v.name)
	if version != nil && version.Current || v.finished() || v.job.origin() == credential.Reset {
		return false
	}
	if i < len(v.mem.Found) && s.Current != v.mem.Found[i] {
		return true
	}
	t := s.Journal.Staged
	again := t != nil && t.At != nil && v.job.At.After(*t.At) // a later closure accepts the content
	return version != nil && t != nil && t.Version == v.name && t.Over != 0 && t.Over != s.Current && !again
}

// others lists the living credentials that may be in use, other than this rotation's.
func (v view) others() (ids []string) {
	for _, c := range v.issued {
		m, marked := credential.ParseMark(c.Description)
		if v.needed(c.ID) && c.ID != v.undone && !(marked && m.Rotation == v.id) {
			ids = append(ids, c.ID)
		}
	}
	return ids
}

// otherRotation checks what another rotation has staged in the secret.
func (v view) otherRotation(s Seen) (Room, string) {
	t := s.Journal.Staged
	if t == nil || t.Phase == PhaseUndone {
		return RoomFree, ""
	}
	if id, _, ok := credential.ParseVersionName(t.Version); !ok || id == v.id {
		return RoomFree, ""
	}
	switch {
	case t.Phase == PhaseStaged && v.needed(t.Credential):
		return RoomTaken, fmt.Sprintf("secret %s (%s): version %s, not yet promoted, holds %s %s",
			s.Name, s.ID, t.Version, v.job.Ref.Kind.IDNoun(), t.Credential)
	case v.recent(t.At):
		return RoomBusy, fmt.Sprintf("secret %s (%s): the rotation that writes version %s began at %s",
			s.Name, s.ID, t.Version, t.At.UTC().Format(time.RFC3339))
	}
	return RoomFree, ""
}

// misnamed reports whether the journal says that the secret holds another part of a credential of this user and kind.
func (v view) misnamed(s Seen) bool {
	j := s.Journal
	return j.Role != "" && j.Role != s.Role && (j.Owner == "" || j.Owner == OwnerOf(v.job.Ref))
}

// swapped says if the two secrets of a pair hold each other's half, according to their journals or their contents. One
// of them is enough, unless the other holds the same half.
func (v view) swapped() string {
	parts := v.job.Ref.Kind.Record().Parts
	if len(parts) != 2 || parts[0].Sort == credential.SortOther {
		return ""
	}
	one, other := v.withRole(parts[0].Role), v.withRole(parts[1].Role)
	if one == nil || other == nil {
		return ""
	}
	inOne, inOther := v.holding(*one).Sort, v.holding(*other).Sort
	if v.misnamed(*one) || v.misnamed(*other) {
		inOne, inOther = one.Journal.Role.Part().Sort, other.Journal.Role.Part().Sort
	}
	const is = "secret %s (%s) is named for the %s, and holds %s"
	switch {
	case inOne == parts[1].Sort && inOther != parts[1].Sort:
		return fmt.Sprintf(is, one.Name, one.SecretID, parts[0].Thing, inOne)
	case inOther == parts[0].Sort && inOne != parts[0].Sort:
		return fmt.Sprintf(is, other.Name, other.SecretID, parts[1].Thing, inOther)
	}
	return ""
}

// withRole returns the secret with the role; nil if there is none.
func (v view) withRole(role credential.Role) *Seen {
	i := slices.IndexFunc(v.snap.Secrets, func(s Seen) bool { return s.Role == role })
	if i < 0 {
		return nil
	}
	return &v.snap.Secrets[i]
}

// blocker says which PENDING version keeps a secret from being changed, if one does.
func (v view) blocker() string {
	for _, s := range v.snap.Secrets {
		for _, version := range s.Versions {
			if id, _, ok := credential.ParseVersionName(version.Name); version.Pending && (!ok || id != v.id) {
				return fmt.Sprintf("secret %s (%s) has the PENDING version %d, made %s, which is not this rotation's",
					s.Name, s.SecretID, version.Number, version.Created.UTC().Format("2006-01-02 15:04 UTC"))
			}
		}
	}
	return ""
}
