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

// event is the problem in the form of an event, whose rules for users and ids it shares.
func (p Problem) event() Event {
	e := Event{Rule: p.Rule, ResourceID: trim(p.ResourceID), User: lowerOCID(trim(p.User)), ProblemID: p.ID}
	if e.User == "" {
		e.User = e.resourceUser()
	}
	return e
}

// CredentialID is what [Event.CredentialID] is for an event.
func (p Problem) CredentialID() string { return p.event().CredentialID() }

// UserID is the OCID of the user whose credential it is; "" if the record doesn't tell.
func (p Problem) UserID() string { return p.event().User }
