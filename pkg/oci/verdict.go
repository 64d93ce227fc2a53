package oci

import (
	"encoding/json"
	"encoding/xml"
	"slices"
	"strings"

	"github.com/keyturn/keyturn/pkg/credential"
)

// verdict is what an answer says about the credential with which it was asked for.
type verdict string

const (
	accepted verdict = "accepted" // the owner was recognized; that they may not do the thing proves it, too
	rejected verdict = "rejected" // the credential was not recognized, by the service itself
	unclear  verdict = "unclear"  // anything else: try again
)

// proof is how a credential of a kind is used.
type proof struct {
	forms   func(credential.Material, credential.Owner) ([]request, error)
	success func(body []byte, o credential.Owner) bool // whether a success is the service's own
	rows    []verdictRow
}

// verdictRow says what a refusal means. What no row has is unclear.
type verdictRow struct {
	form     form
	statuses []int
	codes    []string // nil: every code
	verdict  verdict
	source   string
}

const (
	distribution = "OCI Distribution Specification, \"Error Codes\"; Docker's \"Token Authentication Specification\""
	s3Errors     = "Amazon S3, \"List of error codes\""
)

// ociRows are the refusals of OCI's own APIs. 404 NotFound isn't among them: a front end gives it, too, to requests
// that it never authenticated. Nor is 401 IdcsConversionError, with which an identity domain refuses good keys for a
// while.
var ociRows = []verdictRow{
	{formOCI, []int{401}, []string{"NotAuthenticated"}, rejected, apiErrors},
	{formOCI, []int{403}, []string{"NotAuthorized", "NotAllowed"}, accepted, apiErrors},
	{formOCI, []int{404}, []string{"NotAuthorizedOrNotFound"}, accepted, apiErrors},
}

// proofs are all kinds that can be proven, with the answers that decide.
var proofs = map[credential.Kind]proof{
	credential.APIKey: {apiKeyForms, isUser, ociRows},
	credential.AuthToken: {authTokenForms, isBearer, []verdictRow{
		// A sign-in without a scope asks for no right: that it is forbidden means that nobody was recognized.
		{formRegistry, []int{401, 403}, nil, rejected, distribution},
		{formOCI, []int{401}, []string{"NotAuthenticated"}, rejected, apiErrors},
	}},
	credential.CustomerSecretKey: {customerSecretKeyForms, isBucketList, slices.Concat([]verdictRow{
		{formS3, []int{400, 401, 403}, []string{"InvalidAccessKeyId", "SignatureDoesNotMatch"}, rejected, s3Errors},
		{formS3, []int{403}, []string{"AccessDenied"}, accepted, s3Errors},
		{formS3, []int{403, 404}, []string{"NotAuthorizedOrNotFound"}, accepted, apiErrors + ", in S3's form"},
	}, ociRows)},
}

// verdictOf judges a refusal. Without a request id of OCI's it is nobody's word, with one exception: a registry's
// refusal of a sign-in, which the specification gives no request id. It can only reject.
func verdictOf(p proof, a failure) verdict {
	if a.requestID == "" && a.form != formRegistry {
		return unclear
	}
	for _, row := range p.rows {
		sameCode := func(c string) bool { return strings.EqualFold(c, a.code) }
		if row.form == a.form && slices.Contains(row.statuses, a.status) &&
			(row.codes == nil || slices.ContainsFunc(row.codes, sameCode)) {
			return row.verdict
		}
	}
	return unclear
}

// isUser reports whether a success is IAM's answer to who asks for themselves.
func isUser(body []byte, o credential.Owner) bool {
	var user struct{ ID string }
	return json.Unmarshal(body, &user) == nil && user.ID != "" && strings.EqualFold(user.ID, o.User)
}

// isBearer reports whether a success is a registry's answer to a sign-in.
func isBearer(body []byte, _ credential.Owner) bool {
	var answer struct {
		Token       string
		AccessToken string `json:"access_token"`
	}
	return json.Unmarshal(body, &answer) == nil && answer.Token+answer.AccessToken != ""
}

// isBucketList reports whether a success is a list of buckets.
func isBucketList(body []byte, _ credential.Owner) bool {
	var list struct{ XMLName xml.Name }
	return xml.Unmarshal(body, &list) == nil && list.XMLName.Local == "ListAllMyBucketsResult"
}
