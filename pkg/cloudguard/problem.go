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

// ClosureComment is the comment of the person who closed the problem: that of the history, or, where the history's
// records of the closure have none, the problem's own. The problem's own is its last one, whoever wrote it: one that the
// history has at another record was not written with this closure, and doesn't count.
func (p Problem) ClosureComment() string {
	c, ok := Closure(p.History)
	own := trim(p.Comment)
	elsewhere := slices.ContainsFunc(p.History, func(h Change) bool { return trim(h.Comment) == own })
	if ok && trim(c.Comment) != "" || elsewhere {
		return c.Comment
	}
	return p.Comment
}
