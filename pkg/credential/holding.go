package credential

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
)

// Holding describes a secret's content before Keyturn overwrites it. The content belongs to the credentials in IDs, or
// to no credential (no IDs and Unknown is empty), or it is not known to whom (Unknown).
type Holding struct {
	IDs     []string // the credentials that the content holds or names
	Unknown string   // why the content can't be understood; empty if it can
	User    string   // the user that the content names, if it is another one
	Sort    Sort     // the sort of content, if it is recognized
}

// Sort is a sort of content, recognized by its form alone.
type Sort string

// The sorts of content.
const (
	SortOther       Sort = ""
	SortBundle      Sort = "a bundle"
	SortOtherBundle Sort = "a bundle of another kind"
	SortPrivateKey  Sort = "a private key"
	SortOCID        Sort = "an OCID"
)

// Placeholder is the content of a secret that the stack has just created (terraform/vault.tf).
const Placeholder = "Keyturn has not rotated this credential yet."

// leastKey is the length of a prime of a 1024-bit RSA key, 64 bytes, in Base64. A shorter text holds no private key.
const leastKey = 86

// Inspect describes the content of a secret with the role. ref is the credential to replace; living are the ids of the
// user's existing credentials of the kind. The result contains nothing of the content but such ids, fingerprints, and
// OCIDs of users.
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
	case strings.Trim(text, "{}[]\"' ") == "" || text == Placeholder || emptyBundle(ref.Kind, text):
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
	// Any other content is one word: a token, a password, or one half of a pair, whose other half has the id. It does
	// not show to whom it belongs. A consumer that reads another of the user's tokens from it continues to work.
	return h
}

// Fits reports whether a secret of the role may have held this content before. A plain value may become a bundle. No
// other content may change to a sort that its consumers don't expect.
func (h Holding) Fits(kind Kind, role Role) bool {
	identifiable := kind.Record().identify != nil
	switch h.Sort {
	case SortOther:
		return true
	case SortBundle:
		return role == RoleBundle
	case SortOtherBundle:
		return false
	case SortPrivateKey:
		return identifiable
	case SortOCID:
		return identifiable || role.IsID() || role == RoleBundle
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

// bundleOf is the kind of a bundle; empty if the text is not a bundle that Keyturn wrote.
func bundleOf(text string) Kind {
	kind, err := TextOf([]byte(text), "kind")
	user, errUser := TextOf([]byte(text), "user")
	if err != nil || errUser != nil || user == "" || !slices.Contains(Kinds(), Kind(kind)) {
		return ""
	}
	return Kind(kind)
}

// emptyBundle reports whether the text is a bundle of the kind without an id and a value.
func emptyBundle(kind Kind, text string) bool {
	m, err := unbundle(kind, NewValue([]byte(text)))
	return err == nil && m.ID == "" && m.Value.Empty()
}

// otherUser is the first user that a content names; empty if it names none, or names user.
func otherUser(text, user string) string {
	users := userForm.FindAllString(text, -1)
	if len(users) == 0 || slices.ContainsFunc(users, func(u string) bool { return strings.EqualFold(u, user) }) {
		return ""
	}
	return users[0]
}

// structured reports whether the text is JSON or has an OCID.
func structured(text string) bool {
	return json.Valid([]byte(text)) && strings.ContainsAny(text[:1], `{["`) || strings.Contains(text, "ocid1.")
}

func distinct(ids []string) []string {
	slices.Sort(ids)
	return slices.Compact(ids)
}
