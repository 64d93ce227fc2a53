package oci

import (
	"context"

	"github.com/oracle/oci-go-sdk/v65/identity"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
)

// observed has the lists of the kinds that Keyturn only reports, by the classic IAM API.
var observed = map[credential.Kind]behaviour{credential.DatabasePassword: databasePasswords,
	credential.SMTPCredential: smtpCredentials, credential.OAuth2Credential: oauth2Credentials}

var databasePasswords = behaviour{
	list: "ListDbCredentials",
	lists: func(ctx context.Context, cl identity.IdentityClient, user string) (l credential.Listing, err error) {
		for page := (*string)(nil); ; {
			r, err := cl.ListDbCredentials(ctx, identity.ListDbCredentialsRequest{UserId: &user, Page: page})
			if err != nil {
				return credential.Listing{}, err
			}
			l.At = serverTime(r.RawResponse)
			for _, c := range r.Items {
				if alive(c.LifecycleState) {
					l.Credentials = append(l.Credentials, listed(c.Id, c.Description, c.TimeCreated, c.TimeExpires,
						c.LifecycleState))
				}
			}
			page = r.OpcNextPage
			if str(page) == "" {
				return l, nil
			}
		}
	},
	may: func(u identity.UserCapabilities) *bool { return u.CanUseDbCredentials },
}

var smtpCredentials = behaviour{
	list: "ListSmtpCredentials",
	lists: func(ctx context.Context, cl identity.IdentityClient, user string) (credential.Listing, error) {
		r, err := cl.ListSmtpCredentials(ctx, identity.ListSmtpCredentialsRequest{UserId: &user})
		l := credential.Listing{At: serverTime(r.RawResponse)}
		for _, c := range r.Items {
			if alive(c.LifecycleState) {
				l.Credentials = append(l.Credentials, listed(c.Id, c.Description, c.TimeCreated, c.TimeExpires,
					c.LifecycleState))
			}
		}
		if err == nil && str(r.OpcNextPage) != "" { // the request has no page
			err = fault.New(fault.Unclear, "ListSmtpCredentials", "the list has more pages than can be asked for")
		}
		return l, err
	},
	may: func(u identity.UserCapabilities) *bool { return u.CanUseSmtpCredentials },
}

var oauth2Credentials = behaviour{
	list: "ListOAuthClientCredentials",
	lists: func(ctx context.Context, cl identity.IdentityClient, user string) (l credential.Listing, err error) {
		for page := (*string)(nil); ; {
			r, err := cl.ListOAuthClientCredentials(ctx, identity.ListOAuthClientCredentialsRequest{UserId: &user,
				Page: page})
			if err != nil {
				return credential.Listing{}, err
			}
			l.At = serverTime(r.RawResponse)
			for _, c := range r.Items {
				if alive(c.LifecycleState) {
					l.Credentials = append(l.Credentials, listed(c.Id, c.Name, c.TimeCreated, c.ExpiresOn,
						c.LifecycleState))
				}
			}
			page = r.OpcNextPage
			if str(page) == "" {
				return l, nil
			}
		}
	},
	may: func(u identity.UserCapabilities) *bool { return u.CanUseOAuth2ClientCredentials },
}
