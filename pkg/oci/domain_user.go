package oci

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/oracle/oci-go-sdk/v65/identity"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
)

// The schemas of a user's extensions.
const (
	userCapabilities = scimSchemas + "extension:capabilities:User"
	userExtension    = scimSchemas + "extension:user:User"
)

// accountAttributes are the attributes of a user that an account has.
var accountAttributes = strings.Join([]string{"ocid", "active", userCapabilities + ":canUseApiKeys",
	userCapabilities + ":canUseAuthTokens", userCapabilities + ":canUseCustomerSecretKeys",
	userCapabilities + ":canUseConsolePassword", userExtension + ":isFederatedUser"}, ",")

// account is what a domain says about a user. A nil field wasn't in the answer.
type account struct {
	ID     scimID
	Active *bool
	May    *identity.UserCapabilities `json:"urn:ietf:params:scim:schemas:oracle:idcs:extension:capabilities:User"`
	User   struct {
		IsFederatedUser *bool
	} `json:"urn:ietf:params:scim:schemas:oracle:idcs:extension:user:User"`
}

// account reads a user from the user's domain.
func (c *Cloud) account(ctx context.Context, m *Member) (account, error) {
	r := scimRequest{operation: "SCIM GetUser", repeat: harmless, method: http.MethodGet, path: "Users/" + string(m.id),
		query: map[string][]string{"attributes": {accountAttributes}}}
	return askDomain(ctx, c, m.Domain, r, func(a scimAnswer) (u account, err error) {
		if json.Unmarshal(a.body, &u) != nil || u.ID != m.id {
			return account{}, errors.New("the answer is not about the user that was asked for")
		}
		return u, nil
	})
}

// state is the lifecycle state with which the classic API shows the same; "" if it isn't known.
func (a account) state() string {
	switch {
	case a.Active == nil:
		return ""
	case *a.Active:
		return string(identity.UserLifecycleStateActive)
	}
	return string(identity.UserLifecycleStateInactive)
}

func (a account) mayNot() []credential.Kind { return forbidden(a.May) }

// Federated reports whether a user outside the Default domain signs in with another identity provider, so that the
// domain has no password of the user.
func (c *Cloud) Federated(ctx context.Context, user string) (bool, error) {
	m, err := c.elsewhere(ctx, user)
	if err != nil {
		return false, err
	}
	if m == nil {
		return false, fault.New(fault.Absent, "SCIM GetUser", "no identity domain but Default may have the user")
	}
	a, err := c.account(ctx, m)
	return err == nil && a.User.IsFederatedUser != nil && *a.User.IsFederatedUser, err
}
