package oci

import (
	"context"

	"github.com/oracle/oci-go-sdk/v65/identity"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
)

var apiKeys = operations{
	list: "ListApiKeys", create: "UploadApiKey", remove: "DeleteApiKey",
	lists: func(ctx context.Context, cl identity.IdentityClient, user string) (credential.Listing, error) {
		r, err := cl.ListApiKeys(ctx, identity.ListApiKeysRequest{UserId: &user})
		l := credential.Listing{At: serverTime(r.RawResponse)}
		for _, k := range r.Items {
			if alive(k.LifecycleState) {
				l.Credentials = append(l.Credentials, issued(k.Fingerprint, nil, k.TimeCreated))
			}
		}
		return l, err
	},
	creates: func(ctx context.Context, cl identity.IdentityClient, user string, d credential.Draft) (credential.Created, error) {
		r, err := cl.UploadApiKey(ctx, identity.UploadApiKeyRequest{UserId: &user, OpcRetryToken: &d.RetryToken,
			CreateApiKeyDetails: identity.CreateApiKeyDetails{Key: &d.PublicKey}})
		return credential.Created{Issued: issued(r.Fingerprint, nil, r.TimeCreated)}, err
	},
	removes: func(ctx context.Context, cl identity.IdentityClient, user, id string) error {
		_, err := cl.DeleteApiKey(ctx, identity.DeleteApiKeyRequest{UserId: &user, Fingerprint: &id})
		return err
	},
}

var authTokens = operations{
	list: "ListAuthTokens", create: "CreateAuthToken", remove: "DeleteAuthToken",
	lists: func(ctx context.Context, cl identity.IdentityClient, user string) (credential.Listing, error) {
		r, err := cl.ListAuthTokens(ctx, identity.ListAuthTokensRequest{UserId: &user})
		l := credential.Listing{At: serverTime(r.RawResponse)}
		for _, t := range r.Items {
			if alive(t.LifecycleState) {
				l.Credentials = append(l.Credentials, issued(t.Id, t.Description, t.TimeCreated))
			}
		}
		return l, err
	},
	creates: func(ctx context.Context, cl identity.IdentityClient, user string, d credential.Draft) (credential.Created, error) {
		r, err := cl.CreateAuthToken(ctx, identity.CreateAuthTokenRequest{UserId: &user, OpcRetryToken: &d.RetryToken,
			CreateAuthTokenDetails: identity.CreateAuthTokenDetails{Description: &d.Description}})
		return credential.Created{Issued: issued(r.Id, r.Description, r.TimeCreated), Value: value(r.Token)}, err
	},
	removes: func(ctx context.Context, cl identity.IdentityClient, user, id string) error {
		_, err := cl.DeleteAuthToken(ctx, identity.DeleteAuthTokenRequest{UserId: &user, AuthTokenId: &id})
		return err
	},
}

var customerSecretKeys = operations{
	list: "ListCustomerSecretKeys", create: "CreateCustomerSecretKey", remove: "DeleteCustomerSecretKey",
	lists: func(ctx context.Context, cl identity.IdentityClient, user string) (credential.Listing, error) {
		r, err := cl.ListCustomerSecretKeys(ctx, identity.ListCustomerSecretKeysRequest{UserId: &user})
		l := credential.Listing{At: serverTime(r.RawResponse)}
		for _, k := range r.Items {
			if alive(k.LifecycleState) {
				l.Credentials = append(l.Credentials, issued(k.Id, k.DisplayName, k.TimeCreated))
			}
		}
		return l, err
	},
	creates: func(ctx context.Context, cl identity.IdentityClient, user string, d credential.Draft) (credential.Created, error) {
		r, err := cl.CreateCustomerSecretKey(ctx, identity.CreateCustomerSecretKeyRequest{UserId: &user, OpcRetryToken: &d.RetryToken,
			CreateCustomerSecretKeyDetails: identity.CreateCustomerSecretKeyDetails{DisplayName: &d.Description}})
		return credential.Created{Issued: issued(r.Id, r.DisplayName, r.TimeCreated), Value: value(r.Key)}, err
	},
	removes: func(ctx context.Context, cl identity.IdentityClient, user, id string) error {
		_, err := cl.DeleteCustomerSecretKey(ctx, identity.DeleteCustomerSecretKeyRequest{UserId: &user, CustomerSecretKeyId: &id})
		return err
	},
}

// A user has one password, which is never deleted: making a new one ends the old one.
var passwords = operations{
	list: "GetUserUIPasswordInformation", create: "CreateOrResetUIPassword", remove: "none",
	lists: func(ctx context.Context, cl identity.IdentityClient, user string) (credential.Listing, error) {
		r, err := cl.GetUserUIPasswordInformation(ctx, identity.GetUserUIPasswordInformationRequest{UserId: &user})
		l := credential.Listing{At: serverTime(r.RawResponse)}
		if made := when(r.TimeCreated); !made.IsZero() && alive(r.LifecycleState) {
			id := credential.TimeID(made)
			l.Credentials = append(l.Credentials, issued(&id, nil, r.TimeCreated))
		}
		return l, err
	},
	creates: func(ctx context.Context, cl identity.IdentityClient, user string, d credential.Draft) (credential.Created, error) {
		r, err := cl.CreateOrResetUIPassword(ctx, identity.CreateOrResetUIPasswordRequest{UserId: &user, OpcRetryToken: &d.RetryToken})
		id := credential.TimeID(when(r.TimeCreated))
		return credential.Created{Issued: issued(&id, nil, r.TimeCreated), Value: value(r.Password)}, err
	},
	removes: func(context.Context, identity.IdentityClient, string, string) error {
		return fault.New(fault.Invalid, "none", "a password can be reset, not deleted")
	},
}

func value(s *string) credential.Value {
	if s == nil {
		return credential.Value{}
	}
	return credential.NewValue([]byte(*s))
}
