package oci

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/oracle/oci-go-sdk/v65/common"
	"github.com/oracle/oci-go-sdk/v65/identity"

	"github.com/keyturn/keyturn/pkg/credential"
)

var apiKeys = behaviour{
	list: "ListApiKeys", create: "UploadApiKey", remove: "DeleteApiKey",
	lists: func(ctx context.Context, cl identity.IdentityClient, user string) (credential.Listing, error) {
		r, err := cl.ListApiKeys(ctx, identity.ListApiKeysRequest{UserId: &user})
		l := credential.Listing{At: serverTime(r.RawResponse)}
		for _, k := range r.Items {
			if alive(k.LifecycleState) {
				l.Credentials = append(l.Credentials, listed(k.Fingerprint, nil, k.TimeCreated, nil,
					k.LifecycleState))
			}
		}
		return l, err
	},
	creates: func(ctx context.Context, cl identity.IdentityClient, user string,
		d credential.Draft) (credential.Created, error) {
		r, err := cl.UploadApiKey(ctx, identity.UploadApiKeyRequest{UserId: &user, OpcRetryToken: &d.RetryToken,
			CreateApiKeyDetails: identity.CreateApiKeyDetails{Key: &d.PublicKey}})
		return credential.Created{Issued: issued(r.Fingerprint, nil, r.TimeCreated)}, err
	},
	removes: func(ctx context.Context, cl identity.IdentityClient, user, id string) error {
		_, err := cl.DeleteApiKey(ctx, identity.DeleteApiKeyRequest{UserId: &user, Fingerprint: &id})
		return err
	},
	may:   func(u identity.UserCapabilities) *bool { return u.CanUseApiKeys },
	proof: proof{apiKeyForms, isUser, ociRows},
}

// apiKeyForms asks IAM for the owner's user.
func apiKeyForms(m credential.Material, o credential.Owner) ([]request, error) {
	return []request{func(ctx context.Context, c *Cloud) (*http.Request, error) {
		domain, err := c.domain(o.Region)
		if err != nil {
			return nil, err
		}
		url := "https://identity." + o.Region + ".oci." + domain + "/20160918/users/" + o.User
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return nil, err
		}
		r.Header.Set("Date", time.Now().UTC().Format(http.TimeFormat))
		key := common.NewRawConfigurationProvider(o.Tenancy, o.User, o.Region, m.ID, string(m.Value.Reveal()), nil)
		return r, common.DefaultRequestSigner(key).Sign(r)
	}}, nil
}

// isUser reports whether the body is IAM's description of the owner.
func isUser(body []byte, o credential.Owner) bool {
	var user struct{ ID string }
	return json.Unmarshal(body, &user) == nil && user.ID != "" && strings.EqualFold(user.ID, o.User)
}
