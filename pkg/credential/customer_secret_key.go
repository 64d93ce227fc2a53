package credential

import (
	"encoding/base64"
	"errors"
	"regexp"
	"slices"
	"strings"
)

// CustomerSecretKey is a pair of an access key and a secret key, for the S3-compatible API of Object Storage.
const CustomerSecretKey Kind = "customer-secret-key"

// The roles of the two secrets that hold a customer secret key in halves.
const (
	RoleSecretKey Role = "secret-key"
	RoleAccessKey Role = "access-key"
)

// The sorts of content of the two halves.
const (
	SortAccessKey Sort = "an access key"
	SortSecretKey Sort = "a secret key"
)

// Source of the limit: OCI's "Managing User Credentials".
var customerSecretKey = Record{
	Kind: CustomerSecretKey, Noun: "customer secret key", IDNoun: "access key", Origin: Server, Limit: 2,
	IDForms: []IDForm{FormAccessKey, FormOCID, FormSCIM},
	Parts: []Part{
		{Role: RoleSecretKey, Key: "secretkey_secret_ocid", Thing: "secret key", Sort: SortSecretKey,
			Near: map[string]int{"secretkeysecret": 1, "secretkeyocid": 0}, Before: []string{"secretkey", "key",
				"customer"}},
		{Role: RoleAccessKey, Key: "accesskey_secret_ocid", Thing: "access key", Sort: SortAccessKey, IsID: true,
			Near:   map[string]int{"accesskeysecret": 1, "accesskeyocid": 0, "accesssecretocid": 0},
			Before: []string{"accesskey", "access"}},
	},
	Bundle: [2]string{"access_key", "secret_key"},
	Detection: Detection{Rule: "SECRET_KEY_TOO_OLD", Problem: "IAM Customer secret key is too old",
		Details: []string{"accesskey", "accesskeyid", "customersecretkeyocid", "customersecretkeyid",
			"customersecretkey",
			"secretkeyocid", "secretkeyid", "credentialocid", "credentialid"}},
	Permissions: []string{"USER_SECRETKEY_ADD", "USER_SECRETKEY_REMOVE"},
	Operations:  []string{"CreateCustomerSecretKey", "CreateSecretKey", "DeleteCustomerSecretKey"},
	Resource:    "CustomerSecretKey",
	Capability:  "--can-use-customer-secret-keys",
	Endpoint:    AtS3,
	consumers: func(holds func(Role) bool) (string, bool) {
		if holds(RoleAccessKey) {
			return "Replace the access key in the configuration of each consumer that doesn't read it from the " +
				"secret: it has changed together with the secret key.", true
		}
		return "Replace the access key in the configuration of every consumer: the secret holds only the secret key.",
			true
	},
	more: func(o Owner) ([]string, error) {
		if o.S3 == "" {
			return nil, errors.New("the bundle of a customer secret key needs the host of the S3-compatible " +
				"endpoint, which isn't known")
		}
		return []string{"endpoint", "https://" + o.S3}, nil
	},
	recognizes: halfOfPair,
}

var accessKeyForm = regexp.MustCompile(`^[0-9a-fA-F]{40}$`)

// halfOfPair recognizes the two halves by their forms: an access key is 40 hex digits or an OCID, a secret key is 32
// bytes in Base64. Source: OCI's "Working with Customer Secret Keys".
func halfOfPair(text string, living []string) Sort {
	raw, err := base64.StdEncoding.DecodeString(text)
	switch {
	case accessKeyForm.MatchString(text), slices.ContainsFunc(living, func(id string) bool {
		return id != "" && strings.EqualFold(id, text)
	}):
		return SortAccessKey
	case err == nil && len(text) == 44 && len(raw) == 32:
		return SortSecretKey
	}
	return SortOther
}
