package main

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/keyturn/keyturn/test/tenancy"
)

// check is one use of a credential by the demo.
type check struct {
	what, answer, verdict string
	ok                    bool
}

// uses describes how the demo uses a credential of each kind.
var uses = map[tenancy.Kind]string{
	tenancy.APIKey: "signs a request", tenancy.AuthToken: "logs in to the registry",
	tenancy.CustomerSecretKey: "lists buckets over S3",
	tenancy.Password:          "is tried", // compared in the emulator, which has no console
}

// check uses the old credential, and the one in Vault if that has changed. A credential must work if IAM lists it or it
// is CURRENT in Vault, and must be refused otherwise.
func (t *rotation) check(s *tenancy.Deployment, w *leakWatcher) {
	old := t.c.OldID
	if t.c.Kind.Resets() {
		old = t.before.credentials[0].id
	}
	t.try(w, "the old "+t.c.Kind.Record().Noun+" "+uses[t.c.Kind], t.c.Old, t.after.has(old))
	if _, some := t.after.promoted(t.before); !some {
		return
	}
	what := "the new one from Vault " + uses[t.c.Kind]
	stored, err := t.c.Stored()
	if err != nil {
		t.checks = append(t.checks, check{what, "unreadable", err.Error(), false})
		return
	}
	t.try(w, what, stored, true)
}

func (t *rotation) try(w *leakWatcher, what string, v tenancy.Credential, works bool) {
	c := check{what: what, answer: "not the user's"}
	accepted := false
	if t.c.Kind.Resets() {
		accepted = w.password(t.c.User, v.Value)
		if accepted {
			c.answer = "the user's"
		}
	} else {
		status := t.c.Try(v)
		accepted = status == http.StatusOK
		c.answer = fmt.Sprintf("%d %s", status, http.StatusText(status))
		if !accepted && status != http.StatusUnauthorized && status != http.StatusForbidden {
			c.verdict = "neither accepted nor refused"
			t.checks = append(t.checks, c)
			return
		}
	}
	c.ok = accepted == works
	c.verdict = map[bool]string{true: "accepted", false: "refused"}[accepted]
	if !c.ok {
		c.verdict += ", which is wrong"
	}
	t.checks = append(t.checks, c)
}

// unexpected returns what isn't as expected. After a good comment that is everything but a rotation. After another
// comment only the checks count.
func (t *rotation) unexpected(s *tenancy.Deployment, good bool) []string {
	var faults []string
	for _, c := range t.checks {
		if !c.ok {
			faults = append(faults, c.what+": "+c.verdict)
		}
	}
	if !good {
		return faults
	}
	want := func(ok bool, format string, args ...any) {
		if !ok {
			faults = append(faults, fmt.Sprintf(format, args...))
		}
	}
	want(t.answer.Outcome == "rotated", "the function answered %q (%s)", t.answer.Outcome, t.answer.Reason)
	want(len(t.after.credentials) == len(t.before.credentials) && len(t.after.added(t.before)) == 1,
		"the user has %d credentials with %d new ones; one new one in place of the old one was expected",
		len(t.after.credentials), len(t.after.added(t.before)))
	all, _ := t.after.promoted(t.before)
	want(all, "not every secret has a new CURRENT version")
	want(len(t.mails) == 1 && strings.Contains(t.mails[0].Title, "Rotated"), "SecOps got %d mails; one that says "+
		"Rotated was expected", len(t.mails))
	status := s.Problem(t.c.Problem).Status
	want(status == "RESOLVED", "the problem is %s in Cloud Guard", status)
	return faults
}
