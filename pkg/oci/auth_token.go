package oci

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/oracle/oci-go-sdk/v65/identity"

	"github.com/keyturn/keyturn/pkg/credential"
)

var authTokens = behaviour{
	list: "ListAuthTokens", create: "CreateAuthToken", remove: "DeleteAuthToken",
	lists: func(ctx context.Context, cl identity.IdentityClient, user string) (credential.Listing, error) {
		r, err := cl.ListAuthTokens(ctx, identity.ListAuthTokensRequest{UserId: &user})
		l := credential.Listing{At: serverTime(r.RawResponse)}
		for _, t := range r.Items {
			if alive(t.LifecycleState) {
				l.Credentials = append(l.Credentials, listed(t.Id, t.Description, t.TimeCreated, t.TimeExpires,
					t.LifecycleState))
			}
		}
		return l, err
	},
	creates: func(ctx context.Context, cl identity.IdentityClient, user string,
		d credential.Draft) (credential.Created, error) {
		r, err := cl.CreateAuthToken(ctx, identity.CreateAuthTokenRequest{UserId: &user, OpcRetryToken: &d.RetryToken,
			CreateAuthTokenDetails: identity.CreateAuthTokenDetails{Description: &d.Description}})
		return credential.Created{Issued: issued(r.Id, r.Description, r.TimeCreated), Value: value(r.Token)}, err
	},
	removes: func(ctx context.Context, cl identity.IdentityClient, user, id string) error {
		_, err := cl.DeleteAuthToken(ctx, identity.DeleteAuthTokenRequest{UserId: &user, AuthTokenId: &id})
		return err
	},
	may: func(u identity.UserCapabilities) *bool { return u.CanUseAuthTokens },
	proof: proof{authTokenForms, isBearer, []verdictRow{
		// A sign-in without a scope needs no permission: 403 means that the registry did not recognize the user.
		{formRegistry, []int{401, 403}, nil, rejected, distribution},
		{formOCI, []int{401}, []string{"NotAuthenticated"}, rejected, apiErrors},
	}},
}

const distribution = "OCI Distribution Specification, \"Error Codes\"; Docker's \"Token Authentication Specification\""

// authTokenForms signs in to the container registry, the first step of "docker login". The registry names the address
// in its WWW-Authenticate header.
func authTokenForms(m credential.Material, o credential.Owner) ([]request, error) {
	switch {
	case o.Registry == "":
		return nil, errNoUse("the registry's host isn't known")
	case strings.Contains(o.UserName, ":"):
		return nil, errNoUse("a user whose name has a colon can't sign in to a registry (RFC 7617): rename the user")
	}
	var out []request
	for _, name := range o.RegistryUsers() {
		out = append(out, func(ctx context.Context, _ *Cloud) (*http.Request, error) {
			url := "https://" + o.Registry + "/20180419/docker/token?service=" + o.Registry
			r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
			if err != nil {
				return nil, err
			}
			r.SetBasicAuth(name, string(m.Value.Reveal()))
			return r, nil
		})
	}
	return out, nil
}

// isBearer reports whether the body is a registry's answer to a sign-in.
func isBearer(body []byte, _ credential.Owner) bool {
	var answer struct {
		Token       string
		AccessToken string `json:"access_token"`
	}
	return json.Unmarshal(body, &answer) == nil && answer.Token+answer.AccessToken != ""
}
