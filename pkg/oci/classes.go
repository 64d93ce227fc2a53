package oci

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/keyturn/keyturn/pkg/fault"
)

// row is one rule of the table of refusals. An empty field matches everything. The first matching row decides.
type row struct {
	statuses []int // of the answer, or of the SCIM error in it
	codes    string
	message  string // a pattern for message and messageId, in lower case
	class    fault.Class
	says     string // the meaning for a person; "" if the class says enough
	source   string // where the answer is documented or was seen
}

// Sources of the rows.
const (
	apiErrors = `OCI documentation, "API Errors"`
	scim      = `OCI documentation, "REST API for Identity Domains: Response Body"`
	shim      = "published by users of tenancies with identity domains: chadgeary/cloudoffice#14, and bootstrap scripts"
	taken     = "terraform-provider-oci#1913"
	ours      = "no source: the safe reading of an unknown answer"
)

const (
	domainRefused = "the identity domain refused the request for now; such requests often work minutes later"
	wrongRegion   = "IAM accepts changes only in the home region"
	onlyRSA       = "OCI takes RSA public keys in PEM only"
	noEmail       = "the user's record in the identity domain lacks a valid primary email address: add one"
	nameTaken     = "the name is taken already"
)

// quotaReached is a domain's message about a full slot. The domain sends it, or the classic API in front of the domain.
const quotaReached = `maximum quota|quota limit|quota (has been |is |was )?(reached|exceeded)`

var client4xx = []int{400, 402, 405, 406, 410, 411, 413, 414, 415, 416, 417, 422, 428, 431, 451}

// limits are the statuses of a reached limit. 401 and 404 are not among them: they come before OCI checks a limit.
var limits = []int{400, 403, 409, 413, 422}

// refusals is the table. The order matters: rows about the effect of a call come before rows about its message. Codes
// are regular expressions for the whole code, regardless of case.
var refusals = []row{
	{statuses: []int{429}, class: fault.Throttled, source: apiErrors},
	{codes: "toomanyrequests|[a-z]*(rate|request)s?limitexceeded|slowdown|throttl[a-z]*",
		class: fault.Throttled, source: apiErrors + "; S3's SlowDown"},
	{statuses: []int{408, 500, 501, 502, 503, 504}, class: fault.Unclear, source: apiErrors},

	// An identity domain behind the classic API.
	{statuses: []int{401}, codes: "idcsconversionerror|error\\..*|",
		class: fault.Unclear, says: domainRefused, source: shim},
	{codes: "idcsconversionerror", message: `client is unauthorized`,
		class: fault.Unclear, says: domainRefused, source: shim},

	{statuses: limits,
		codes: "(|service|resource|[a-z]*(key|token|credential|password))s?limitexceeded|[a-z]*quotaexceeded",
		class: fault.Full, source: apiErrors + `; ApiKeyLimitExceeded: ` + shim},
	{statuses: limits, message: quotaReached,
		class: fault.Full, source: shim},
	{statuses: limits, message: `\blimit exceeded\b|\bmaximum number of\b`,
		class: fault.Full, source: "terraform-provider-oci issues"},

	{statuses: limits, message: `invalid public key header or footer|invalidheaderfooter`,
		class: fault.Invalid, says: onlyRSA, source: shim},
	{statuses: limits, message: `primary email must be specified|primaryemailnotspecified|invalidemailformat`,
		class: fault.Invalid, says: noEmail, source: shim},

	{codes: "relatedresourcenotauthorizedornotfound", class: fault.Absent, source: apiErrors},
	{statuses: []int{404}, codes: "[a-z]*notfound|invalidparameter|idcsconversionerror|error\\..*|",
		class: fault.Absent, source: apiErrors + "; " + scim},
	{statuses: []int{401}, class: fault.Denied, source: apiErrors},
	{statuses: []int{403}, codes: "notallowed", message: "home region",
		class: fault.Denied, says: wrongRegion, source: apiErrors},
	{statuses: []int{403}, class: fault.Denied, source: apiErrors},

	{statuses: []int{409}, codes: "incorrectstate|lockconflict", class: fault.Busy, source: apiErrors},
	{statuses: []int{409, 412}, class: fault.Conflict, source: apiErrors},
	{statuses: []int{400}, message: `already exists|already in use|error\.common\.validation\.uniqu`,
		class: fault.Conflict, says: nameTaken, source: taken},

	{statuses: client4xx, class: fault.Invalid, source: apiErrors},
	{class: fault.Unclear, source: ours},
}

// matcher is a row, ready for use.
type matcher struct {
	row
	code, text *regexp.Regexp
}

// matchers are all rows, compiled when the first refusal comes: most processes see none, and all would start later.
var matchers = sync.OnceValue(func() []matcher { return compiled(refusals) })

func compiled(rows []row) []matcher {
	out := make([]matcher, len(rows))
	for i, r := range rows {
		out[i] = matcher{row: r, text: regexp.MustCompile(r.message)}
		if r.codes != "" {
			out[i].code = regexp.MustCompile(`^(?:` + r.codes + `)$`)
		}
	}
	return out
}

func (m matcher) matches(status int, code, text string) bool {
	if len(m.statuses) > 0 && !slices.Contains(m.statuses, status) {
		return false
	}
	return (m.code == nil || m.code.MatchString(code)) && m.text.MatchString(text)
}

// rowOf finds the row of an answer. An answer that is not from OCI is unclear whatever its status, except that 429
// counts as throttling.
func rowOf(a failure) row {
	if !a.genuine() && a.status != http.StatusTooManyRequests {
		return foreignRow(a)
	}
	return find(matchers(), a)
}

// foreignRow is the row of an answer that is not from OCI.
func foreignRow(a failure) row {
	return row{class: fault.Unclear, says: "the answer is " + string(a.form) +
		", without OCI's error code or request id: it may come from a gateway or a proxy"}
}

// find returns the first row that matches an answer. The last row must match everything.
func find(rows []matcher, a failure) row {
	text := strings.ToLower(oneSpace(a.code + " " + a.message))
	i := slices.IndexFunc(rows, func(m matcher) bool { return m.matches(a.status, strings.ToLower(a.code), text) })
	return rows[i].row
}

func oneSpace(s string) string {
	return strings.Join(strings.Fields(strings.ReplaceAll(s, `\`, "")), " ")
}
