package oci

import (
	"slices"
	"strings"

	"github.com/keyturn/keyturn/pkg/credential"
)

// verdict is what an answer says about the credential of the request.
type verdict string

const (
	accepted verdict = "accepted" // the service recognized the owner, even if it refused the request
	rejected verdict = "rejected" // the service did not recognize the credential
	unclear  verdict = "unclear"  // anything else: try again
)

// proof is how a credential of a kind is used.
type proof struct {
	forms   func(credential.Material, credential.Owner) ([]request, error)
	success func(body []byte, o credential.Owner) bool // whether the body of a success is from the service
	rows    []verdictRow
}

// verdictRow says what a refusal means. A refusal without a row is unclear.
type verdictRow struct {
	form     form
	statuses []int
	codes    []string // nil: every code
	verdict  verdict
	source   string
}

// ociRows are the refusals of OCI's APIs. 404 NotFound is not among them: a front end also returns it for requests that
// it never authenticated. Nor is 401 IdcsConversionError: identity domains also return it for valid keys for a while.
var ociRows = []verdictRow{
	{formOCI, []int{401}, []string{"NotAuthenticated"}, rejected, apiErrors},
	{formOCI, []int{403}, []string{"NotAuthorized", "NotAllowed"}, accepted, apiErrors},
	{formOCI, []int{404}, []string{"NotAuthorizedOrNotFound"}, accepted, apiErrors},
}

// verdictOf judges a refusal. A refusal without OCI's request id is unclear, except that of a registry's sign-in: the
// specification has no request id for it. It can only reject.
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
