package oci

import (
	"context"

	"github.com/oracle/oci-go-sdk/v65/identity"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
)

// A user has one password. It can't be deleted, only replaced by a new one.
var passwords = behaviour{
	list: "GetUserUIPasswordInformation", create: "CreateOrResetUIPassword", remove: "none",
	lists: func(ctx context.Context, cl identity.IdentityClient, user string) (credential.Listing, error) {
		r, err := cl.GetUserUIPasswordInformation(ctx, identity.GetUserUIPasswordInformationRequest{UserId: &user})
		l := credential.Listing{At: serverTime(r.RawResponse)}
		if made := when(r.TimeCreated); !made.IsZero() && alive(r.LifecycleState) {
			id := credential.TimeID(made)
			l.Credentials = append(l.Credentials, listed(&id, nil, r.TimeCreated, nil, r.LifecycleState))
		}
		return l, err
	},
	creates: func(ctx context.Context, cl identity.IdentityClient, user string,
		d credential.Draft) (credential.Created, error) {
		r, err := cl.CreateOrResetUIPassword(ctx, identity.CreateOrResetUIPasswordRequest{UserId: &user,
			OpcRetryToken: &d.RetryToken})
		id := credential.TimeID(when(r.TimeCreated))
		return credential.Created{Issued: issued(&id, nil, r.TimeCreated), Value: value(r.Password)}, err
	},
	removes: func(context.Context, identity.IdentityClient, string, string) error {
		return fault.New(fault.Invalid, "none", "a password can be reset, not deleted")
	},
	may: func(u identity.UserCapabilities) *bool { return u.CanUseConsolePassword },
}
