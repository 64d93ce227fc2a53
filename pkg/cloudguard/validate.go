package cloudguard

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/keyturn/keyturn/pkg/phrase"
)

// Ours reports whether the event may be about a remediated problem of one of the four rules; if not, reason says why.
//
// An absent or unreadable field is no reason, because Cloud Guard's record of the problem decides. An event is set
// aside only if it clearly has another type, a rule of another kind, a problem that is open, dismissed or deleted, or
// an eventTypeVersion whose major number isn't 2: by Oracle's rules its fields may have another meaning.
func (e Event) Ours() (ours bool, reason string) {
	major, err := strconv.ParseFloat(e.TypeVersion, 64)
	switch {
	case e.Type == "" && e.ProblemID == "":
		return false, "eventType is absent"
	case e.Type != "" && !strings.EqualFold(e.Type, TypeRemediated):
		return false, fmt.Sprintf("eventType is %q, not %q", phrase.Excerpt(e.Type), TypeRemediated)
	case err == nil && int(major) != 2:
		return false, fmt.Sprintf("eventTypeVersion %s is not known", phrase.Excerpt(e.TypeVersion))
	case e.Rule != "" && !e.Rule.Known():
		return false, fmt.Sprintf("the rule %q is not about a credential's age", phrase.Excerpt(string(e.Rule)))
	}
	switch status := strings.ToUpper(e.Status); status {
	case "OPEN", "DISMISSED", "DELETED":
		return false, fmt.Sprintf("the problem's status is %q, not RESOLVED", status)
	}
	return true, ""
}

// Validate checks the only required field, the OCID of the problem. The error is a [*FormatError].
func (e Event) Validate() error {
	if _, err := ParseOCID(e.ProblemID, TypeProblem); err != nil {
		return &FormatError{"data.resourceId", fmt.Sprintf("is not the OCID of a problem (%v)", err),
			"send the problem's OCID, ocid1.cloudguardproblem..."}
	}
	return nil
}
