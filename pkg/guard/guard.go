// Package guard decides whether a rotation may be done at all: is the problem closed for real, is the secret bound
// to this user and kind, is the user spared?
//
// Its functions are pure: they get what Cloud Guard, Vault and IAM say and answer with nil or a *Refusal. When in
// doubt they refuse.
package guard

import (
	"fmt"
	"strings"
	"time"

	"github.com/keyturn/keyturn/pkg/cloudguard"
)

// Refusal says why something may not be done, and how to mend it.
type Refusal struct {
	Problem string
	Mend    string // a command or a sentence; may be empty
}

// Error implements error.
func (r *Refusal) Error() string {
	if r.Mend == "" {
		return r.Problem
	}
	return r.Problem + "; " + r.Mend
}

func refuse(mend, format string, args ...any) *Refusal {
	return &Refusal{Problem: fmt.Sprintf(format, args...), Mend: mend}
}

// Closed is a problem's closure by a person, as Cloud Guard has it on record.
type Closed struct {
	By      string // name of the user; empty if nobody knows (event_check=off)
	At      time.Time
	Comment string
}

// Verdict is what Cloud Guard's record makes of an event.
type Verdict int

// The verdicts.
const (
	Confirmed  Verdict = iota // a person closed the problem: go on
	NotYet                    // the record doesn't show the closure; it may lag behind the event
	Answered                  // Keyturn has re-opened the problem since: this delivery has been dealt with
	ByItself                  // Cloud Guard closed it: nobody asked for a rotation
	Contradict                // the record says something else than the event
)

// ReopenMark begins the comment with which a problem is re-opened; it tells our own re-opening from a person's.
const ReopenMark = cloudguard.ReopenMark

// Confirm compares an event with Cloud Guard's own record of the problem. The event is a hint: what is rotated, for
// whom and into which secret comes from the record.
func Confirm(e cloudguard.Event, p cloudguard.Problem) (Closed, Verdict, error) {
	if err := contradiction(e, p); err != nil {
		return Closed{}, Contradict, err
	}
	newest, ok := last(p.History)
	if !p.Resolved() {
		switch {
		case ok && newest.At.After(e.Time) && strings.HasPrefix(newest.Comment, ReopenMark):
			return Closed{}, Answered, nil
		case p.Detail == "OPEN" || p.Detail == "":
			return Closed{}, NotYet, nil
		}
		return Closed{}, Contradict, refuse("close the problem as resolved if its credential is to be rotated",
			"Cloud Guard has the problem as %s, the event as RESOLVED", p.Detail)
	}
	c, ok := cloudguard.Closure(p.History)
	switch {
	case ok:
		return Closed{By: c.Actor, At: c.At, Comment: p.ClosureComment(c)}, Confirmed, nil
	case newest.Detail == "RESOLVED":
		return Closed{}, ByItself, nil
	}
	return Closed{}, NotYet, nil
}

func contradiction(e cloudguard.Event, p cloudguard.Problem) error {
	const mend = "if nobody forged the event, close the problem again in Cloud Guard"
	user := p.UserID()
	switch {
	case !strings.EqualFold(p.ID, e.ProblemID):
		return refuse(mend, "Cloud Guard answered with another problem (%s) than the event names", p.ID)
	case p.Rule != e.Rule:
		return refuse(mend, "the event says %s, Cloud Guard's record of the problem says %s", e.Rule, p.Rule)
	case p.CredentialID() != e.CredentialID():
		return refuse(mend, "the event is about the credential %q, Cloud Guard's record of the problem about %q", e.CredentialID(), p.CredentialID())
	case user != e.User && (user != "" || e.Rule == cloudguard.PasswordTooOld):
		// A record that names no user is good enough for a credential that has an id: IAM keeps a user's
		// credentials apart. A password has no other tie to the problem.
		return refuse(mend, "the event is about the user %s, Cloud Guard's record of the problem about %q", e.User, user)
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
