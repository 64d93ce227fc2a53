package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/keyturn/keyturn/test/judge"
	"github.com/keyturn/keyturn/test/ociemu"
)

// check judges the end of a cell, and adds what the judge found during it.
func (env *environment) check(r *result) {
	r.failures = append(r.failures, env.history.Faults()...)
	fail := func(format string, args ...any) { r.failures = append(r.failures, fmt.Sprintf(format, args...)) }
	for key, id := range env.c.Secrets {
		s := env.Secret(id)
		r.versions = max(r.versions, len(s.Versions)-1)
		if s.FreeformTags["team"] != "web" {
			fail("secret %s lost its tags", key)
		}
	}
	// If the event never comes again and the process was killed between its last step and its mail, the sweep finds
	// nothing to report. The platform's count of the failed invocation is enough then.
	r.unmailed = len(env.Mails()) == 0
	if r.unmailed && (r.cell.redelivery != never || !env.failedInvocation()) {
		fail("SecOps got no mail")
	}
	r.inconclusive = env.injector.inconclusive()
	if len(r.cell.sites) == 1 {
		if env.injector.missed() > 0 {
			fail("the fault hit no call")
		} else if wrong := env.injector.mismatch(r.cell.faults[0]); wrong != "" {
			fail("another fault happened: %s", wrong)
		}
	}
	if env.injector.noEffect > 0 {
		fail("a released call never took effect")
	}
	if env.injector.actionErr != nil {
		fail("%v", env.injector.actionErr)
	}
	switch a := r.cell.action(); {
	case a != nil && env.c.Kind.Resets():
		most := 1
		if env.form.variant == lagging && env.otherSecrets != nil {
			most = 2 // a second order, while IAM's list doesn't show the first reset yet
		}
		if n := env.history.Resets(); n > most {
			fail("%d resets", n)
		}
	case a != nil:
		env.checkAction(a, fail)
	case env.c.Kind.Resets() && env.injector.tooLate > 0:
		// The killed process's reset took effect at the very end. Nothing can prevent that; see the README's limits.
	case env.c.Kind.Resets():
		env.checkPassword(r, env.history.Resets(), fail)
	default:
		for _, fault := range judge.Replaced(env.c, env.form.variant == grace) {
			fail("at the end: %s", fault)
		}
	}
	if env.reopened() && r.cell.action() == nil {
		fail("the problem is still open")
	}
	if len(r.failures) > 0 {
		r.trace = env.trace()
	}
}

// finished reports whether the first delivery has left nothing to do, so that its faults have no further effect.
func (env *environment) finished(c cell) bool {
	if env.last.Status != 200 || len(env.Mails()) == 0 || env.reopened() || env.c.Kind.Resets() ||
		env.form.variant == wiped ||
		c.action() != nil || env.injector.missed() > 0 || slices.ContainsFunc(c.faults, func(d fault) bool {
		return d.late
	}) {
		return false
	}
	return len(judge.Replaced(env.c, env.form.variant == grace)) == 0
}

// failedInvocation reports whether the platform counted some invocation as failed.
func (env *environment) failedInvocation() bool {
	for _, reply := range append(env.Replies(), env.Swept()...) {
		if reply.Status != 200 {
			return true
		}
	}
	return false
}

// checkPassword checks that the password was reset once since the closure, and that the secrets have it. A mail may say
// instead that a one-time value is in no secret, but Keyturn can't lose a value that it has chosen.
func (env *environment) checkPassword(r *result, resets int, fail func(string, ...any)) {
	lost := slices.ContainsFunc(r.cell.sites, func(s site) bool { return setsPassword(s.operation) }) &&
		slices.ContainsFunc(r.cell.faults, func(d fault) bool { return d.when == ociemu.After || d.late })
	if resets == 0 || resets > 1 && !lost || resets > 2 {
		fail("%d resets", resets)
	}
	works := func(value string) (found bool) {
		env.Look(func(v ociemu.View) { found = v.Works("password", env.c.User, value) })
		return found
	}
	if env.form.want.NoSecret {
		if mailed := len(env.DomainMails()); env.c.Domain != "" && mailed != resets {
			fail("the domain sent %d mails with a link after %d resets", mailed, resets)
		}
		return
	}
	stored, err := env.c.Stored()
	reported := env.mailed("is in no secret")
	switch current := err == nil && works(stored.Value); {
	case !current && env.c.Chosen() && env.setTooLate():
		// The request of a dead process took effect after a later attempt had begun. No call shows whose password it
		// is. The judge has seen that a version of the secret holds it.
		if !env.mailed("It may be in no secret") {
			fail("at the end CURRENT is not the user's password, and no mail says that it may be in no secret")
		}
	case !current && env.c.Chosen():
		fail("at the end CURRENT is not the user's password")
	case env.c.Chosen() && reported:
		fail("a mail says that a password that Keyturn chose is in no secret")
	case !current && !reported:
		fail("at the end CURRENT is not the user's password, and no mail says that it is in no secret")
	}
}

// mailed reports whether a mail has the text.
func (env *environment) mailed(text string) bool {
	return slices.ContainsFunc(env.Mails(), func(m ociemu.Mail) bool {
		return strings.Contains(strings.ReplaceAll(m.Body, "\n", " "), text)
	})
}

// setTooLate reports whether a password was set by a call that was held until another attempt had stored its own value.
func (env *environment) setTooLate() bool {
	stagings, set := 0, false
	for _, c := range env.Calls() {
		switch {
		case c.Operation == "UpdateSecret" && c.Effect == 200:
			stagings++
		case setsPassword(c.Operation) && c.Effect == 200:
			set = slices.Contains(env.injector.delayed, c.Seq)
		}
	}
	return set && stagings > 1
}

// trace lists what happened in the cell, without secret values.
func (env *environment) trace() string {
	var b strings.Builder
	for _, n := range env.logLines {
		fmt.Fprintf(&b, "    %s\n", n)
	}
	for _, c := range env.Calls() {
		if c.Caller.Operator || writes[c.Operation] || c.Status != 200 || c.Effect != 200 {
			fmt.Fprintf(&b, "    %4d %s %-24s status %d effect %d\n", c.Seq, c.At.Format(time.TimeOnly), c.Operation,
				c.Status, c.Effect)
		}
	}
	for _, m := range env.Mails() {
		fmt.Fprintf(&b, "    mail: %s\n", m.Title)
	}
	for key, id := range env.c.Secrets {
		s := env.Secret(id)
		for _, v := range s.Versions {
			fmt.Fprintf(&b, "    %s version %d %s %v\n", key, v.Number, v.Name, v.Stages)
		}
		fmt.Fprintf(&b, "    %s journal %v\n", key, s.Metadata["keyturn"])
	}
	return b.String()
}
