package oci

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/oracle/oci-go-sdk/v65/identity"

	"github.com/keyturn/keyturn/pkg/credential"
)

// The schemas of a user's extensions.
const (
	userCapabilities = scimSchemas + "extension:capabilities:User"
	userExtension    = scimSchemas + "extension:user:User"
	userState        = scimSchemas + "extension:userState:User"
)

// accountAttributes are the attributes of a user that an account has.
var accountAttributes = strings.Join([]string{"ocid", "active", userCapabilities + ":canUseApiKeys",
	userCapabilities + ":canUseAuthTokens", userCapabilities + ":canUseCustomerSecretKeys",
	userCapabilities + ":canUseConsolePassword", userExtension + ":isFederatedUser"}, ",")

// listedAttributes are the attributes of a user that a list of users asks for.
var listedAttributes = strings.Join([]string{"ocid", "userName", "active", userCapabilities + ":canUseApiKeys",
	userCapabilities + ":canUseAuthTokens", userCapabilities + ":canUseCustomerSecretKeys",
	userCapabilities + ":canUseConsolePassword", userCapabilities + ":canUseDbCredentials",
	userCapabilities + ":canUseSmtpCredentials", userCapabilities + ":canUseOAuth2ClientCredentials",
	userExtension + ":isFederatedUser", userState + ":lastSuccessfulLoginDate",
	userTags + ":freeformTags", userTags + ":definedTags"}, ",")

// listedUser is a user in a list of users. A nil or empty field wasn't in the answer.
type listedUser struct {
	scimUser
	Active *bool
	May    *identity.UserCapabilities `json:"urn:ietf:params:scim:schemas:oracle:idcs:extension:capabilities:User"`
	Sign   struct {
		IsFederatedUser *bool
	} `json:"urn:ietf:params:scim:schemas:oracle:idcs:extension:user:User"`
	Last struct {
		LastSuccessfulLoginDate string
	} `json:"urn:ietf:params:scim:schemas:oracle:idcs:extension:userState:User"`
	Tags scimTags `json:"urn:ietf:params:scim:schemas:oracle:idcs:extension:OCITags"`
}

func (u listedUser) user(d credential.Domain) credential.User {
	last, err := time.Parse(time.RFC3339, u.Last.LastSuccessfulLoginDate)
	if err != nil { // never, or in a form that isn't documented
		last = time.Time{}
	}
	return credential.User{ID: u.OCID, Name: d.UserName(u.UserName), State: stateOf(u.Active), MayNot: forbidden(u.May),
		Federated: u.Sign.IsFederatedUser != nil && *u.Sign.IsFederatedUser, LastLogin: last,
		Tags: u.Tags.ours()}
}

// account is what a domain says about a user. A nil or empty field wasn't in the answer.
type account struct {
	ID     scimID
	Active *bool
	Emails []struct {
		Value   string
		Primary bool
	}
	Meta     struct{ Version string }
	Password passwordDate               `json:"urn:ietf:params:scim:schemas:oracle:idcs:extension:passwordState:User"`
	May      *identity.UserCapabilities `json:"urn:ietf:params:scim:schemas:oracle:idcs:extension:capabilities:User"`
	User     struct {
		IsFederatedUser *bool
	} `json:"urn:ietf:params:scim:schemas:oracle:idcs:extension:user:User"`

	at      time.Time // the server's time of the answer
	version string    // etag
}

// account reads a user from the user's domain. more are further attributes.
func (c *Cloud) account(ctx context.Context, m *Member, more string) (account, error) {
	r := scimRequest{operation: "SCIM GetUser", repeat: harmless, method: http.MethodGet, path: "Users/" + string(m.id),
		query: map[string][]string{"attributes": {accountAttributes + more}}}
	return askDomain(ctx, c, m.Domain, r, func(a scimAnswer) (u account, err error) {
		if json.Unmarshal(a.body, &u) != nil || u.ID != m.id {
			return account{}, errors.New("the answer is not about the user that was asked for")
		}
		u.at, u.version = a.at, cmp.Or(a.etag, u.Meta.Version)
		return u, nil
	})
}

func (a account) state() string { return stateOf(a.Active) }

// stateOf is the lifecycle state with which the classic API shows the same; "" if it isn't known.
func stateOf(active *bool) string {
	switch {
	case active == nil:
		return ""
	case *active:
		return string(identity.UserLifecycleStateActive)
	}
	return string(identity.UserLifecycleStateInactive)
}

func (a account) mayNot() []credential.Kind { return forbidden(a.May) }
