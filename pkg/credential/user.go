package credential

import "time"

// User is what a list of users says about one of them.
type User struct {
	ID     string // OCID
	Name   string // see Domain.UserName
	State  string // lifecycle state as the classic API writes it, such as ACTIVE; "" if it isn't known
	MayNot []Kind // the kinds of credential that the user may not have, as far as it is known
	// Federated says that the user signs in with another identity provider.
	Federated bool
	// LastLogin is when the user last signed in to the Console; zero if never, or if it isn't known.
	LastLogin time.Time
	// Tags are the user's tags for Keyturn, by name in lower case: "keyturn.exempt" is a defined tag and
	// "keyturn-exempt" a freeform one.
	Tags map[string]string
}
