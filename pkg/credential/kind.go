// Package credential has the nouns that everything else speaks in: the kinds of credential that OCI gives a user,
// the reference to one of them, the identity of its rotation, and the Value type that can't be printed.
//
// Start with Ref, which says what is to be rotated, and Material, which is a credential together with its value.
// The package talks to no service and reads no clock.
package credential

// Kind is one of the kinds of credential that a user can have. Its text is the one that the secret's binding tag
// (keyturn.kind) has.
type Kind string

// The kinds that Keyturn rotates.
const (
	APIKey            Kind = "api-key"
	AuthToken         Kind = "auth-token"
	CustomerSecretKey Kind = "customer-secret-key"
	Password          Kind = "password"
)

// Kinds lists every kind, in the order in which documents name them.
func Kinds() []Kind { return []Kind{APIKey, AuthToken, CustomerSecretKey, Password} }

// Noun is the kind's name in a sentence, as the OCI Console writes it.
func (k Kind) Noun() string {
	switch k {
	case APIKey:
		return "API key"
	case AuthToken:
		return "auth token"
	case CustomerSecretKey:
		return "customer secret key"
	case Password:
		return "console password"
	}
	return "credential"
}

// IDNoun says what the identifier of the kind's credentials is called.
func (k Kind) IDNoun() string {
	switch k {
	case APIKey:
		return "fingerprint"
	case AuthToken:
		return "token OCID"
	case CustomerSecretKey:
		return "access key"
	case Password:
		return "made at"
	}
	return "id"
}

// Limit is how many credentials of the kind OCI lets a user have; 0 means that the question doesn't arise.
// Source: the model comments of oci-go-sdk (identity.ApiKey) and OCI's "Managing User Credentials".
func (k Kind) Limit() int {
	switch k {
	case APIKey:
		return 3
	case AuthToken, CustomerSecretKey:
		return 2
	}
	return 0
}

// Role says what part of a credential a secret holds.
type Role string

// The roles that a secret can have.
const (
	RoleBundle     Role = "bundle"
	RolePrivateKey Role = "private-key"
	RoleToken      Role = "auth-token"
	RoleSecretKey  Role = "secret-key"
	RoleAccessKey  Role = "access-key"
	RolePassword   Role = "password"
)

// Roles lists the roles that fit a kind, in the order in which their secrets are written and promoted. The first of
// those that a rotation uses always holds the value itself: once it is staged nothing is lost if the process dies.
// The two halves of a customer secret key stand side by side, so that a reader sees halves that don't belong
// together for no longer than one promotion.
func (k Kind) Roles() []Role {
	switch k {
	case APIKey:
		return []Role{RoleBundle, RolePrivateKey}
	case AuthToken:
		return []Role{RoleBundle, RoleToken}
	case CustomerSecretKey:
		return []Role{RoleBundle, RoleSecretKey, RoleAccessKey}
	case Password:
		return []Role{RoleBundle, RolePassword}
	}
	return nil
}

// DefaultRole is the role of a secret that is bound to a user and kind without saying what it holds. The two halves
// of a customer secret key don't fit into one plain secret, so there it is the bundle.
func (k Kind) DefaultRole() Role {
	if k == CustomerSecretKey {
		return RoleBundle
	}
	roles := k.Roles()
	return roles[len(roles)-1]
}
