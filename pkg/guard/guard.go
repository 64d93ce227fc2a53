// Package guard decides whether a rotation is allowed. Confirm reads a request out of Cloud Guard's record of a
// problem: did a user close it as resolved? Guard.Authorize checks the owner and the secrets: is the user protected,
// are the secrets bound to this user and kind?
//
// The functions get what Cloud Guard, Vault and IAM answered, and return nil or a *Refusal. In doubt they refuse. Only
// a Lookup asks OCI itself: it reads the names of an owner.
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
	Confirmed Verdict = iota // a user closed the problem: continue
	NotYet                   // the record doesn't show the closure; it may lag behind the event
	// a user closed the problem, but its history lacks the last comment: read the record again, then continue
	Torn
	Answered   // Keyturn has re-opened the problem since: an earlier delivery has answered the closure
	Automatic  // Cloud Guard closed the problem, not a user
	NotOurs    // the record is not about the age of a credential
	Contradict // the record says something else than the event
	Lacking    // the record, and the event too, lack what a rotation needs
)

// ReopenMark is the beginning of the comment with which Keyturn re-opens a problem. A user's comment doesn't have it.
const ReopenMark = cloudguard.ReopenMark

// Confirm reads a request out of Cloud Guard's record of a problem. The event is only a hint, and may have nothing but
// the problem's OCID: the record says what is rotated, for which user and into which secret. The error belongs to the
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
		return credential.Request{}, Automatic, nil
	case !ok:
		return credential.Request{}, NotYet, nil
	}
	r, err := request(subject, e.Subject)
	if err != nil {
		return credential.Request{}, Lacking, err
	}
	r = withClosure(r, credential.Closure{Problem: e.ProblemID, By: c.Actor, At: c.At, Comment: p.ClosureComment(c)})
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
	return withClosure(r, credential.Closure{Problem: e.ProblemID, At: e.Time, Comment: e.Comment}), err
}

// request returns the user and the credential that the record is about. Only the user may come from the hint, and only
// for a credential with an id: IAM lists credentials by user, and so shows whether the hint is true. A password has no
// id that would show it.
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

// withClosure returns the request with its closure. The id of a password is the time of the closure.
func withClosure(r credential.Request, c credential.Closure) credential.Request {
	r.Closure = c
	if r.Ref.Kind.Origin() == credential.Reset {
		r.Ref.ID = credential.TimeID(c.At)
	}
	return r
}

// contradiction returns a refusal if the record contradicts the event: it was forged, or the problem has changed since.
func contradiction(e cloudguard.Event, p cloudguard.Problem, record cloudguard.Subject) error {
	const remedy = "if the event is genuine, close the problem again in Cloud Guard"
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
