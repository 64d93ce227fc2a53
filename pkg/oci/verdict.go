package oci

import (
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

// ociRows are the refusals of OCI's own APIs. 404 NotFound isn't among them: a front end gives it, too, to requests
// that it never authenticated. Nor is 401 IdcsConversionError, with which an identity domain refuses good keys for a
// while.
var ociRows = []verdictRow{
	{formOCI, []int{401}, []string{"NotAuthenticated"}, rejected, apiErrors},
	{formOCI, []int{403}, []string{"NotAuthorized", "NotAllowed"}, accepted, apiErrors},
	{formOCI, []int{404}, []string{"NotAuthorizedOrNotFound"}, accepted, apiErrors},
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
