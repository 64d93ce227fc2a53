package cloudguard

import (
	"slices"
	"strings"
	"time"
)

// Problem is Cloud Guard's own record of a problem: what is decided, is decided from it and not from an event.
// Its strings are as Cloud Guard wrote them.
type Problem struct {
	ID            string
	CompartmentID string
	Rule          Rule
	Detail        string // lifecycleDetail: OPEN, RESOLVED, DISMISSED, DELETED
	ResourceID    string
	ResourceName  string
	User          string // from the additional details; may be absent
	RiskLevel     string
	FirstDetected time.Time
	LastDetected  time.Time
	Comment       string // the last comment
	History       []Change
}

// Resolved tells whether the record says that the problem is closed as resolved.
func (p Problem) Resolved() bool { return p.Detail == "RESOLVED" }

// ReopenMark begins the comment with which Keyturn re-opens a problem.
const ReopenMark = "Keyturn did not rotate"

// ClosureComment is the comment of the problem's closure: what the history has of it
// and what the problem itself has, since either may lack it. Where they differ, both
// count, one line each, so that a restriction in either holds, and a contradiction is
// refused. A comment of the problem that the history has from before the closure, or
// that Keyturn wrote, is an old one and doesn't count.
func (p Problem) ClosureComment(closure Change) string {
	own := trim(p.Comment)
	switch {
	case strings.HasPrefix(own, ReopenMark), own == "", own == trim(closure.Comment):
		return closure.Comment
	case slices.ContainsFunc(p.History, func(c Change) bool { return trim(c.Comment) == own }):
		return closure.Comment
	case trim(closure.Comment) == "":
		return p.Comment
	}
	return closure.Comment + "\n" + p.Comment
}

// Event is the problem in the form of the event of its closure, whose rules for users and ids it shares.
func (p Problem) Event() Event {
	e := Event{Type: TypeRemediated, Rule: p.Rule, ResourceID: trim(p.ResourceID), ResourceName: trim(p.ResourceName),
		User: lowerOCID(trim(p.User)), ProblemID: lowerOCID(p.ID), RiskLevel: p.RiskLevel, Status: p.Detail, ProblemName: p.Rule.DisplayName()}
	if e.User == "" {
		e.User = e.resourceUser()
	}
	return e
}

// CredentialID is what [Event.CredentialID] is for an event.
func (p Problem) CredentialID() string { return p.Event().CredentialID() }

// UserID is the OCID of the user whose credential it is; "" if the record doesn't tell.
func (p Problem) UserID() string { return p.Event().User }
