package cloudguard

import "time"

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
