package credential

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
)

// Holding is what a secret's content says of itself, before something is written over it. A content is one of three: it
// belongs to the credentials in IDs; it belongs to nobody (neither IDs nor Unknown); or nobody can tell (Unknown).
type Holding struct {
	IDs     []string // the credentials that it holds, or names
	Unknown string   // why it can't be told what else is in there; empty if it can
	User    string   // the user whom it names, if that is another
	Sort    Sort     // what it is, if that is plain
}

// Sort is what a content plainly is, whatever its secret is meant for.
type Sort string

// The sorts of content.
const (
	SortOther       Sort = ""
	SortBundle      Sort = "a bundle"
	SortOtherBundle Sort = "a bundle of another kind"
	SortPrivateKey  Sort = "a private key"
	SortOCID        Sort = "an OCID"
)

// Placeholder is the content with which the stack makes a secret (terraform/vault.tf).
const Placeholder = "Keyturn has not rotated this credential yet."

// leastKey is the least that an RSA private key of 1024 bits takes: one of its primes, 64 bytes, in Base64. What is
// shorter holds none.
const leastKey = 86

// Inspect says what the content of a secret of the role holds. ref is the credential that is to be replaced, living are
// the ids of the user's credentials of the kind, which a content may name. Nothing of the content gets into the answer
// but such ids and fingerprints, and OCIDs of users.
func Inspect(ref Ref, role Role, content Value, living []string) Holding {
	text, record := readable(content.Reveal()), ref.Kind.Record()
	found := keysIn(content.Reveal())
	h := Holding{Sort: sortOf(ref.Kind, text, found, living), User: otherUser(text, ref.User)}
	for _, id := range living {
		if id != "" && strings.Contains(strings.ToLower(text), strings.ToLower(id)) {
			h.IDs = append(h.IDs, id)
		}
	}
	switch {
	case strings.Trim(text, "{}[]\"' ") == "" || text == Placeholder || hollow(ref.Kind, text):
	case record.identify != nil:
		h.IDs, h.Unknown = distinct(append(h.IDs, found.ids...)), found.unknown()
		if h.Unknown == unknownForm && len(text) < leastKey && !structured(text) {
			h.Unknown = ""
		}
	case h.Sort == SortBundle:
		if m, err := Decode(ref.Kind, RoleBundle, "", content); err != nil {
			h.Unknown = "a bundle that can't be read"
		} else {
			h.IDs = []string{m.ID}
		}
	case len(h.IDs) == 0 && (structured(text) || strings.ContainsAny(text, " \t\r\n")):
		h.Unknown = unknownForm
	}
	// What is left is one word: a token, one half of a pair (its other half tells), or a password. Nobody can tell
	// whose it is. A consumer that reads another of the user's tokens from there goes on working.
	return h
}

// Fits tells whether a secret of the role may have held this before. A plain value may become a bundle; nothing else
// may become something that its consumers don't expect.
func (h Holding) Fits(kind Kind, role Role) bool {
	shown := kind.Record().identify != nil
	switch h.Sort {
	case SortOther:
		return true
	case SortBundle:
		return role == RoleBundle
	case SortOtherBundle:
		return false
	case SortPrivateKey:
		return shown
	case SortOCID:
		return shown || role.IsID() || role == RoleBundle
	}
	return role == RoleBundle || role.Part().Sort == h.Sort
}

var (
	ocidForm = regexp.MustCompile(`(?i)^ocid1\.[a-z0-9]+\.[a-z0-9-]*(\.[a-z0-9_-]*)+$`)
	userForm = regexp.MustCompile(`(?i)\bocid1\.user\.[a-z0-9]+\.[a-z0-9-]*\.[a-z0-9]+\b`)
)

// sortOf recognizes a content by its form.
func sortOf(kind Kind, text string, found keys, living []string) Sort {
	bare, recognizes := strings.Trim(text, `"'`), kind.Record().recognizes
	switch of := bundleOf(text); {
	case of == kind:
		return SortBundle
	case of != "":
		return SortOtherBundle
	case found.decoded || found.broken != "":
		return SortPrivateKey
	}
	if recognizes != nil {
		if sort := recognizes(bare, living); sort != SortOther {
			return sort
		}
	}
	if ocidForm.MatchString(bare) {
		return SortOCID
	}
	return SortOther
}

// bundleOf is the kind of a bundle of ours; empty if the text is none.
func bundleOf(text string) Kind {
	kind, err := TextOf([]byte(text), "kind")
	user, errUser := TextOf([]byte(text), "user")
	if err != nil || errUser != nil || user == "" || !slices.Contains(Kinds(), Kind(kind)) {
		return ""
	}
	return Kind(kind)
}

// hollow tells of a bundle of the kind that nothing has been filled into yet.
func hollow(kind Kind, text string) bool {
	m, err := unbundle(kind, NewValue([]byte(text)))
	return err == nil && m.ID == "" && m.Value.Empty()
}

// otherUser is the user that a content names, if it names one and not ours.
func otherUser(text, user string) string {
	users := userForm.FindAllString(text, -1)
	if len(users) == 0 || slices.ContainsFunc(users, func(u string) bool { return strings.EqualFold(u, user) }) {
		return ""
	}
	return users[0]
}

// structured: some tool has put it together.
func structured(text string) bool {
	return json.Valid([]byte(text)) && strings.ContainsAny(text[:1], `{["`) || strings.Contains(text, "ocid1.")
}

func distinct(ids []string) []string {
	slices.Sort(ids)
	return slices.Compact(ids)
}
