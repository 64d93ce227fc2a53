package oci

import (
	"context"
	"encoding/xml"
	"net/http"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/oracle/oci-go-sdk/v65/identity"

	"github.com/keyturn/keyturn/pkg/credential"
)

var customerSecretKeys = behaviour{
	list: "ListCustomerSecretKeys", create: "CreateCustomerSecretKey", remove: "DeleteCustomerSecretKey",
	lists: func(ctx context.Context, cl identity.IdentityClient, user string) (credential.Listing, error) {
		r, err := cl.ListCustomerSecretKeys(ctx, identity.ListCustomerSecretKeysRequest{UserId: &user})
		l := credential.Listing{At: serverTime(r.RawResponse)}
		for _, k := range r.Items {
			if alive(k.LifecycleState) {
				l.Credentials = append(l.Credentials, listed(k.Id, k.DisplayName, k.TimeCreated, k.TimeExpires,
					k.LifecycleState))
			}
		}
		return l, err
	},
	creates: func(ctx context.Context, cl identity.IdentityClient, user string,
		d credential.Draft) (credential.Created, error) {
		r, err := cl.CreateCustomerSecretKey(ctx, identity.CreateCustomerSecretKeyRequest{UserId: &user,
			OpcRetryToken:                  &d.RetryToken,
			CreateCustomerSecretKeyDetails: identity.CreateCustomerSecretKeyDetails{DisplayName: &d.Description}})
		return credential.Created{Issued: issued(r.Id, r.DisplayName, r.TimeCreated), Value: value(r.Key)}, err
	},
	removes: func(ctx context.Context, cl identity.IdentityClient, user, id string) error {
		_, err := cl.DeleteCustomerSecretKey(ctx, identity.DeleteCustomerSecretKeyRequest{UserId: &user,
			CustomerSecretKeyId: &id})
		return err
	},
	may: func(u identity.UserCapabilities) *bool { return u.CanUseCustomerSecretKeys },
	proof: proof{customerSecretKeyForms, isBucketList, slices.Concat([]verdictRow{
		{formS3, []int{400, 401, 403}, []string{"InvalidAccessKeyId", "SignatureDoesNotMatch"}, rejected, s3Errors},
		{formS3, []int{403}, []string{"AccessDenied"}, accepted, s3Errors},
		{formS3, []int{403, 404}, []string{"NotAuthorizedOrNotFound"}, accepted, apiErrors + ", in S3's form"},
	}, ociRows)},
}

const s3Errors = "Amazon S3, \"List of error codes\""

// emptySHA256 is the SHA-256 of an empty body in hex.
const emptySHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

// customerSecretKeyForms lists the buckets of the S3-compatible endpoint.
func customerSecretKeyForms(m credential.Material, o credential.Owner) ([]request, error) {
	if o.S3 == "" {
		return nil, errNoUse("the host of the S3-compatible endpoint isn't known")
	}
	return []request{func(ctx context.Context, _ *Cloud) (*http.Request, error) {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+o.S3+"/", nil)
		if err != nil {
			return nil, err
		}
		r.Header.Set("X-Amz-Content-Sha256", emptySHA256)
		keys := aws.Credentials{AccessKeyID: m.ID, SecretAccessKey: string(m.Value.Reveal())}
		return r, v4.NewSigner().SignHTTP(ctx, keys, r, emptySHA256, "s3", o.Region, time.Now())
	}}, nil
}

// isBucketList reports whether the body is a list of buckets.
func isBucketList(body []byte, _ credential.Owner) bool {
	var list struct{ XMLName xml.Name }
	return xml.Unmarshal(body, &list) == nil && list.XMLName.Local == "ListAllMyBucketsResult"
}
