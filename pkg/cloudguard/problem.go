package cloudguard

import (
	"slices"
	"strings"
	"time"
)

// Problem is Cloud Guard's own record of a problem. Decisions are based on it, not on an event. Its strings are as
// Cloud Guard wrote them.
type Problem struct {
	ID            string
	CompartmentID string
	Rule          Rule
	Detail        string // lifecycleDetail: OPEN, RESOLVED, DISMISSED, DELETED
	ResourceID    string
	ResourceName  string
	Details       map[string]string // the additional details, such as "User OCID"
	RiskLevel     string
	FirstDetected time.Time
	LastDetected  time.Time
	Comment       string // the last comment
	ETag          string // of the record without its history; "" if it was listed
	History       []Change
}

// Resolved reports whether the problem is closed as resolved.
func (p Problem) Resolved() bool { return p.State() == "RESOLVED" }

// State is the lifecycleDetail in upper case, trimmed.
func (p Problem) State() string { return strings.ToUpper(trim(p.Detail)) }

// Subject is the credential that the problem is about.
func (p Problem) Subject() Subject {
	return readSubject(ruleOf(trim(string(p.Rule)), ""), p.ResourceID, p.ResourceName, p.Details, fromRecord)
}

// ReopenMark begins the comment with which Keyturn re-opens a problem.
const ReopenMark = "Keyturn did not rotate"

// ClosureComment is the comment of the problem's closure. The history or the problem itself may lack it. If their
// comments differ, both count, one per line: a restriction in either holds, and a contradiction is refused. The
// problem's comment doesn't count if the history has it from before the closure, or if Keyturn wrote it.
func (p Problem) ClosureComment(closure Change) string {
	return strings.Join(p.comments(closure), "\n")
}

// Torn reports whether the problem has another comment than its closure, which its history lacks. Two calls read the
// two: a user may have closed the problem again between them, or the history may be out of date. A later read gets
// both.
func (p Problem) Torn(closure Change) bool { return len(p.comments(closure)) > 1 }

// comments returns the comments that count: one, unless the record is torn.
func (p Problem) comments(closure Change) []string {
	own := trim(p.Comment)
	switch {
	case strings.HasPrefix(own, ReopenMark), own == "", own == trim(closure.Comment):
		return []string{closure.Comment}
	case slices.ContainsFunc(p.History, func(c Change) bool { return trim(c.Comment) == own }):
		return []string{closure.Comment}
	case trim(closure.Comment) == "":
		return []string{p.Comment}
	}
	return []string{closure.Comment, p.Comment}
}
