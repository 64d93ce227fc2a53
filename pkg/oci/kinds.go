package oci

import (
	"context"

	"github.com/oracle/oci-go-sdk/v65/identity"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
)

// kinds has the behaviour of each kind.
var kinds = map[credential.Kind]behaviour{credential.APIKey: apiKeys, credential.AuthToken: authTokens,
	credential.CustomerSecretKey: customerSecretKeys, credential.Password: passwords}

// behaviour has the SDK's calls for the credentials of one kind, and how to prove a new one.
type behaviour struct {
	list, create, remove string // names of the operations
	lists                func(context.Context, identity.IdentityClient, string) (credential.Listing, error)
	creates              createCall
	removes              func(context.Context, identity.IdentityClient, string, string) error
	may                  func(identity.UserCapabilities) *bool // whether a user may have one; nil if IAM doesn't say
	proof                proof                                 // zero if the kind can't be proven
}

// createCall makes a credential of a user.
type createCall func(context.Context, identity.IdentityClient, string, credential.Draft) (credential.Created, error)

// Direct has the SDK's calls for one kind, for a tool with its own identity client. Each makes one request, and returns
// the SDK's errors unchanged.
type Direct struct {
	List   func(ctx context.Context, cl identity.IdentityClient, user string) (credential.Listing, error)
	Create createCall
	Delete func(ctx context.Context, cl identity.IdentityClient, user, id string) error
}

// DirectCalls returns the calls for the kind. For a kind without calls, they return an error.
func DirectCalls(k credential.Kind) Direct {
	b := behaviourOf(k)
	return Direct{List: b.lists, Create: b.creates, Delete: b.removes}
}

// behaviourOf returns the behaviour of the kind. For a kind without calls, all calls return an error.
func behaviourOf(k credential.Kind) behaviour {
	if b, ok := kinds[k]; ok {
		return b
	}
	return none(k)
}

// listOf is behaviourOf with the kinds that are only listed.
func listOf(k credential.Kind) behaviour {
	if b, ok := observed[k]; ok {
		b.create, b.creates, b.removes = b.list, none(k).creates, none(k).removes
		return b
	}
	return behaviourOf(k)
}

// none is the behaviour of a kind without calls.
func none(k credential.Kind) behaviour {
	name := "credential of the kind " + string(k)
	refusal := fault.New(fault.Invalid, name, "OCI has no calls for it")
	return behaviour{list: name, create: name, remove: name,
		lists: func(context.Context, identity.IdentityClient, string) (credential.Listing, error) {
			return credential.Listing{}, refusal
		},
		creates: func(context.Context, identity.IdentityClient, string, credential.Draft) (credential.Created, error) {
			return credential.Created{}, refusal
		},
		removes: func(context.Context, identity.IdentityClient, string, string) error { return refusal },
	}
}

func value(s *string) credential.Value {
	if s == nil {
		return credential.Value{}
	}
	return credential.NewValue([]byte(*s))
}
