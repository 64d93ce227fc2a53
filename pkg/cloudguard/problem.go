package cloudguard

import (
	"slices"
	"strings"
	"time"
)

// Problem is Cloud Guard's own record of a problem: what is decided, is decided from it and not from an event.
// Its strings are as Cloud Guard wrote them; Subject reads them.
type Problem struct {
	ID            string
	CompartmentID string
	Rule          Rule
	Detail        string // lifecycleDetail: OPEN, RESOLVED, DISMISSED, DELETED
	ResourceID    string
	ResourceName  string
	Details       map[string]string // the additional details, such as "User OCID"; may be empty
	RiskLevel     string
	FirstDetected time.Time
	LastDetected  time.Time
	Comment       string // the last comment
	ETag          string // of the record as it was read, without its history; empty if it was listed
	History       []Change
}

// Resolved tells whether the record says that the problem is closed as resolved.
func (p Problem) Resolved() bool { return p.State() == "RESOLVED" }

// State is the lifecycleDetail in upper case, without blanks around it.
func (p Problem) State() string { return strings.ToUpper(trim(p.Detail)) }

// Subject is the credential that the problem is about.
func (p Problem) Subject() Subject {
	return readSubject(ruleOf(trim(string(p.Rule)), ""), p.ResourceID, p.ResourceName, p.Details, fromRecord)
}

// ReopenMark begins the comment with which Keyturn re-opens a problem.
const ReopenMark = "Keyturn did not rotate"

// ClosureComment is the comment of the problem's closure: what the history has of it
// and what the problem itself has, since either may lack it. Where they differ, both
// count, one line each, so that a restriction in either holds, and a contradiction is
// refused. A comment of the problem that the history has from before the closure, or
// that Keyturn wrote, is an old one and doesn't count.
func (p Problem) ClosureComment(closure Change) string {
	return strings.Join(p.comments(closure), "\n")
}

// Torn tells whether the problem has another comment than its closure, which its history doesn't have at all. The two
// are read by two calls: somebody may have closed the problem again between them, or the history may be behind. What is
// read again after a while is whole.
func (p Problem) Torn(closure Change) bool { return len(p.comments(closure)) > 1 }

// comments are those that count: one, unless the record is torn.
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
