// Package guard decides whether a rotation may be done at all: is the problem closed for real, is the secret bound
// to this user and kind, is the user protected?
//
// Its functions are pure: they get what Cloud Guard, Vault and IAM say and answer with nil or a *Refusal. When in
// doubt they refuse.
package guard

import (
	"fmt"
	"strings"

	"github.com/keyturn/keyturn/pkg/cloudguard"
	"github.com/keyturn/keyturn/pkg/credential"
)

// Refusal says why something may not be done, and how to fix it.
type Refusal struct {
	Problem string
	Remedy  string // a command or a sentence; may be empty
}

// Error implements error.
func (r *Refusal) Error() string {
	if r.Remedy == "" {
		return r.Problem
	}
	return r.Problem + "; " + r.Remedy
}

func refuse(remedy, format string, args ...any) *Refusal {
	return &Refusal{Problem: fmt.Sprintf(format, args...), Remedy: remedy}
}

// Verdict is what Cloud Guard's record makes of an event.
type Verdict int

// The verdicts.
const (
	Confirmed Verdict = iota // a person closed the problem: go on
	NotYet                   // the record doesn't show the closure; it may lag behind the event
	// a person closed the problem, but its last comment is not in its history yet: read it again, then go on
	Torn
	Answered   // Keyturn has re-opened the problem since: this delivery has been dealt with
	ByItself   // Cloud Guard closed it: nobody asked for a rotation
	NotOurs    // the record is about something else than the age of a credential
	Contradict // the record says something else than the event
	Lacking    // the record, and the event too, lack what a rotation needs
)

// ReopenMark begins the comment with which a problem is re-opened; it tells our own re-opening from a person's.
const ReopenMark = cloudguard.ReopenMark

// Confirm reads a request out of Cloud Guard's own record of a problem. The event is a hint, and may be nothing but the
// problem's OCID: what is rotated, for whom and into which secret comes from the record. The error belongs to the
// verdicts NotOurs, Contradict and Lacking.
func Confirm(e cloudguard.Event, p cloudguard.Problem) (credential.Request, Verdict, error) {
	subject := p.Subject()
	if err := contradiction(e, p, subject); err != nil {
		return credential.Request{}, Contradict, err
	}
	if !subject.Rule.Known() {
		return credential.Request{}, NotOurs, fmt.Errorf("the rule of Cloud Guard's record, %q, is not about a "+
			"credential's age",
			p.Rule)
	}
	newest, ok := last(p.History)
	if !p.Resolved() {
		switch {
		case ok && newest.At.After(e.Time) && strings.HasPrefix(newest.Comment, ReopenMark):
			return credential.Request{}, Answered, nil
		case p.State() == "OPEN" || p.State() == "":
			return credential.Request{}, NotYet, nil
		}
		return credential.Request{}, Contradict, refuse("close the problem as resolved if its credential is to "+
			"be rotated",
			"Cloud Guard has the problem as %s, the event as RESOLVED", p.State())
	}
	c, ok := cloudguard.Closure(p.History)
	switch {
	case !ok && strings.EqualFold(newest.Detail, "RESOLVED"):
		return credential.Request{}, ByItself, nil
	case !ok:
		return credential.Request{}, NotYet, nil
	}
	r, err := request(subject, e.Subject)
	if err != nil {
		return credential.Request{}, Lacking, err
	}
	closed(&r, credential.Closure{Problem: e.ProblemID, By: c.Actor, At: c.At, Comment: p.ClosureComment(c)})
	if p.Torn(c) {
		return r, Torn, nil
	}
	return r, Confirmed, nil
}

// Trust makes a request of the event alone, for event_check=off. The error says what the event lacks.
func Trust(e cloudguard.Event) (credential.Request, error) {
	if !e.Rule.Known() {
		return credential.Request{}, &cloudguard.FormatError{Field: "data.additionalDetails.problemName",
			Problem: "names none of the four rules", Remedy: "send the detector rule's id, such as " +
				string(cloudguard.Rules()[0])}
	}
	if err := e.Missing(); err != nil {
		return credential.Request{}, err
	}
	if e.Rule.Kind().Origin() == credential.Reset && e.Time.IsZero() {
		return credential.Request{}, &cloudguard.FormatError{Field: "eventTime",
			Problem: "is absent, so that nothing shows whether the password was reset since",
			Remedy:  "send the time of the closure, such as 2026-01-31T12:00:00Z"}
	}
	r, err := request(e.Subject, cloudguard.Subject{})
	closed(&r, credential.Closure{Problem: e.ProblemID, At: e.Time, Comment: e.Comment})
	return r, err
}

// request is whose and which credential the record is about. Only the owner may come from the hint, and only for a
// credential with an id: IAM keeps a user's credentials apart, and so shows whether the hint is true. A password has no
// other tie to the problem.
func request(record, hint cloudguard.Subject) (credential.Request, error) {
	id, err := record.ID()
	if err != nil {
		return credential.Request{}, err
	}
	user, err := record.User()
	if err != nil {
		return credential.Request{}, err
	}
	r := credential.Request{Ref: credential.Ref{Kind: record.Rule.Kind(), User: user, ID: id}}
	if user == "" && id != "" && len(hint.Users) == 1 {
		r.Ref.User, r.UserHinted = hint.Users[0], true
	}
	if r.Ref.User == "" {
		return credential.Request{}, record.Missing()
	}
	return r, nil
}

// closed adds the closure. A password has no id but the time of the closure.
func closed(r *credential.Request, c credential.Closure) {
	r.Closure = c
	if r.Ref.Kind.Origin() == credential.Reset {
		r.Ref.ID = credential.TimeID(c.At)
	}
}

// contradiction: the event was forged, or is about something that has changed since.
func contradiction(e cloudguard.Event, p cloudguard.Problem, record cloudguard.Subject) error {
	const remedy = "if nobody forged the event, close the problem again in Cloud Guard"
	id, err := cloudguard.ParseOCID(p.ID, cloudguard.TypeProblem)
	if err != nil || string(id) != e.ProblemID {
		return refuse(remedy, "Cloud Guard answered with another problem (%s) than the event names", p.ID)
	}
	if what := record.Contradicts(e.Subject); what != "" {
		return refuse(remedy, "the event contradicts Cloud Guard's record: %s", what)
	}
	return nil
}

func last(history []cloudguard.Change) (cloudguard.Change, bool) {
	var found cloudguard.Change
	for i, c := range history {
		if i == 0 || c.At.After(found.At) {
			found = c
		}
	}
	return found, len(history) > 0
}
