// Package credential has the basic types: the kinds of credential of a user, the reference to a credential, the id of
// its rotation, and the Value type that can't be printed.
//
// Start with Ref, which names a credential to rotate, and Material, which is a credential with its value. Record is all
// that Keyturn knows about a kind. The package calls no service and reads no clock.
package credential

import (
	"slices"
	"strings"
)

// Kind is a kind of credential that a user can have. Its text is the value of a secret's binding tag keyturn.kind.
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

// Record returns what is known about the kind. An unknown kind, and one that is only reported (see Observed), has a
// record without roles, permissions and origin, so that it can't be rotated. The caller must not change the record.
func (k Kind) Record() *Record {
	for _, r := range slices.Concat(records, observed) {
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

// IDNoun is the name of the identifier of the kind's credentials.
func (k Kind) IDNoun() string { return k.Record().IDNoun }

// Limit is how many credentials of the kind a user may have; 0 if there is no limit.
func (k Kind) Limit() int { return k.Record().Limit }

// Origin says where the value of a new credential of the kind comes from; empty for an unknown kind.
func (k Kind) Origin() Origin { return k.Record().Origin }

// Roles lists the roles that fit a kind, in the order in which their secrets are written and promoted. The first role
// that a rotation uses always holds the value: once it is staged, the value survives a crash. The two halves of a pair
// are neighbours, so that readers see halves that don't match only during one promotion.
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

// DefaultRole is the role of a secret that is bound to a user and kind without a tag for the role. The two halves of a
// pair don't fit into one plain secret, so their default is the bundle.
func (k Kind) DefaultRole() Role {
	roles := k.Roles()
	if len(roles) == 0 || k.Pair() {
		return RoleBundle
	}
	return roles[1]
}
