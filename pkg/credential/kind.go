// Package credential has the nouns that everything else speaks in: the kinds of credential that OCI gives a user,
// the reference to one of them, the identity of its rotation, and the Value type that can't be printed.
//
// Start with Ref, which says what is to be rotated, and Material, which is a credential together with its value.
// Record is all that Keyturn knows about a kind; each kind has a file of its own with its record.
// The package talks to no service and reads no clock.
package credential

import (
	"slices"
	"strings"
)

// Kind is one of the kinds of credential that a user can have. Its text is the one that the secret's binding tag
// (keyturn.kind) has.
type Kind string

// records are the kinds that Keyturn rotates, in the order in which documents name them.
var records = []*Record{&apiKey, &authToken, &customerSecretKey, &password}

// Kinds lists every kind, in the order in which documents name them.
func Kinds() []Kind {
	var all []Kind
	for _, r := range records {
		all = append(all, r.Kind)
	}
	return all
}

// Record is what is known about the kind. A kind that Keyturn doesn't know has a record without roles, permissions and
// origin, so that nothing can be done with it. The record must not be changed.
func (k Kind) Record() *Record {
	for _, r := range records {
		if r.Kind == k {
			return r
		}
	}
	return &Record{Kind: k, Noun: "credential", IDNoun: "id"}
}

// Noun is the kind's name in a sentence, as the OCI Console writes it.
func (k Kind) Noun() string { return k.Record().Noun }

// One is the kind's name with its article: "an API key".
func (k Kind) One() string {
	if noun := k.Noun(); strings.ContainsRune("aAeEiIoO", rune(noun[0])) {
		return "an " + noun
	}
	return "a " + k.Noun()
}

// IDNoun says what the identifier of the kind's credentials is called.
func (k Kind) IDNoun() string { return k.Record().IDNoun }

// Limit is how many credentials of the kind OCI lets a user have; 0 means that the question doesn't arise.
func (k Kind) Limit() int { return k.Record().Limit }

// Origin says where the value of a new credential of the kind comes from; empty for a kind that Keyturn doesn't know.
func (k Kind) Origin() Origin { return k.Record().Origin }

// Roles lists the roles that fit a kind, in the order in which their secrets are written and promoted. The first of
// those that a rotation uses always holds the value itself: once it is staged, the value is safe if the process dies.
// The two halves of a pair are neighbours, so that a reader sees halves that don't belong together for no longer than
// one promotion.
func (k Kind) Roles() []Role {
	r := k.Record()
	if len(r.Parts) == 0 {
		return nil
	}
	roles := []Role{RoleBundle}
	for _, p := range r.Parts {
		roles = append(roles, p.Role)
	}
	return roles
}

// Fits reports whether a secret with the role can hold a credential of the kind, or its part.
func (k Kind) Fits(role Role) bool { return slices.Contains(k.Roles(), role) }

// Pair reports whether the kind's value takes two plain secrets, one for each half.
func (k Kind) Pair() bool { return len(k.Record().Parts) == 2 }

// DefaultRole is the role of a secret that is bound to a user and kind without saying what it holds. The two halves of
// a pair don't fit into one plain secret, so there it is the bundle.
func (k Kind) DefaultRole() Role {
	roles := k.Roles()
	if len(roles) == 0 || k.Pair() {
		return RoleBundle
	}
	return roles[1]
}
