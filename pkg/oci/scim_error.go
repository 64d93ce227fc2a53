package oci

import (
	"net/http"
	"sync"

	"github.com/keyturn/keyturn/pkg/fault"
)

// Sources of the rows about identity domains.
const (
	rfc7644  = "RFC 7644, 3.12"
	seenSCIM = "published by users of the SCIM API: oracle/oci-typescript-sdk#310, bootstrap scripts"
)

// domainRefusals is the table of refusals by an identity domain itself. The codes are SCIM's messageIds, which a domain
// may leave out. A refusal without a row is unclear: a create may have taken effect.
var domainRefusals = []row{
	{statuses: []int{429}, class: fault.Throttled, source: apiErrors + "; " + scim},
	{statuses: []int{408, 500, 501, 502, 503, 504}, class: fault.Unclear, source: rfc7644},

	// A domain answers 401 for a while to callers whose requests it takes before and after that.
	{statuses: []int{401}, class: fault.Unclear, says: domainRefused, source: seenSCIM},
	{statuses: []int{400}, message: `client is unauthorized`, class: fault.Unclear, says: domainRefused, source: shim},

	{statuses: limits, message: quotaReached,
		class: fault.Full, source: shim},
	{statuses: limits, message: `\blimit ?exceeded\b|\bmaximum number of\b`, class: fault.Full, source: apiErrors},

	{statuses: []int{400}, codes: `.*\.invalidheaderfooter`, class: fault.Invalid,
		says: onlyRSA, source: shim},
	{statuses: []int{400}, codes: `.*\.(primaryemailnotspecified|invalidemailformat)`, class: fault.Invalid,
		says: noEmail, source: shim},
	{statuses: []int{400}, codes: `error\.common\.validation\.uniqu.*`, class: fault.Conflict,
		says: nameTaken, source: taken},
	{statuses: []int{400}, codes: `error\.common\.validation\..+|error\.identity\.passwordmgmt\..+`,
		class: fault.Invalid, source: scim},

	{statuses: []int{403}, class: fault.Denied, source: rfc7644},
	{statuses: []int{404}, class: fault.Absent, source: rfc7644},
	{statuses: []int{409, 412}, class: fault.Conflict, source: rfc7644},
	{statuses: []int{405, 413, 415}, class: fault.Invalid, source: rfc7644},
	{class: fault.Unclear, source: ours},
}

// domainMatchers are the rows, compiled at the first refusal.
var domainMatchers = sync.OnceValue(func() []matcher { return compiled(domainRefusals) })

// domainFault reads a refusal of an identity domain.
func domainFault(q scimRequest, r *http.Response) *fault.Error {
	a := readResponse(r)
	genuine := fromDomain(a, r.Header)
	row := domainRow(a, genuine)
	if q.decided && genuine && a.status == http.StatusBadRequest && row.source == ours {
		row.class = fault.Invalid
	}
	f := a.faultOf(row, genuine, q.operation, quotable(a.message, q.hides))
	f.Code = ""
	if genuine && len(a.code) <= 80 && plainCode.MatchString(a.code) && quotable(a.code, q.hides) {
		f.Code = a.code
	}
	return f
}

// domainRow finds the row of an answer; genuine is fromDomain. An answer that is not a domain's is unclear whatever its
// status, except that 429 counts as throttling. A domain's 401 may have an empty body.
func domainRow(a failure, genuine bool) row {
	switch {
	case a.status != a.http:
		return row{class: fault.Unclear, says: "the answer has two different statuses"}
	case genuine, a.status == http.StatusTooManyRequests,
		a.form == formEmpty && a.status == http.StatusUnauthorized:
		return find(domainMatchers(), a)
	}
	return foreignRow(a)
}

// fromDomain reports whether the answer is from an identity domain, or from the OCI service before it: in SCIM's or
// OCI's form, with a request id. Domains have two headers for it.
func fromDomain(a failure, header http.Header) bool {
	return a.genuine() || a.form == formSCIM && header.Get("X-Oracle-Dms-Ecid") != ""
}
