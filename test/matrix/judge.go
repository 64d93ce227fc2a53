package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/keyturn/keyturn/test/ociemu"
	"github.com/keyturn/keyturn/test/tenancy"
)

// judge looks at the end of a cell, and takes over what the history found.
func (sc *scene) judge(r *result) {
	r.faults = append(r.faults, sc.h.Faults()...)
	fault := func(format string, args ...any) { r.faults = append(r.faults, fmt.Sprintf(format, args...)) }
	for key, id := range sc.c.Secrets {
		s := sc.Secret(id)
		r.versions = max(r.versions, len(s.Versions)-1)
		if s.FreeformTags["team"] != "web" {
			fault("secret %s lost its tags", key)
		}
	}
	// If the event never comes again, a process that was killed between its last step and its mail has no successor
	// that finds anything to tell: there the failed invocation is the word.
	r.unmailed = len(sc.Mails()) == 0
	if r.unmailed && (r.cell.pace != swept || !sc.failed()) {
		fault("SecOps was not told by mail")
	}
	r.void = sc.d.void()
	if len(r.cell.sites) == 1 {
		if sc.d.missed() > 0 {
			fault("the disturbance hit no call")
		} else if wrong := sc.d.disagree(r.cell.faults[0]); wrong != "" {
			fault("the disturbance was another: %s", wrong)
		}
	}
	if sc.d.stuck > 0 {
		fault("a call that was let go never took effect")
	}
	if sc.d.unable != nil {
		fault("%v", sc.d.unable)
	}
	switch a := r.cell.person(); {
	case a != nil && sc.c.Kind == tenancy.Password:
		most := 1
		if sc.form.variant == lagging && sc.others != nil {
			most = 2 // another order, and IAM's list doesn't show yet that the first one is done
		}
		if n := sc.h.Resets(); n > most {
			fault("%d resets", n)
		}
	case a != nil:
		sc.judgePerson(a, fault)
	case sc.c.Kind == tenancy.Password && sc.d.tardy > 0:
		// The dead process's reset came when all was over, and nothing can fence a reset: see the README's limits.
	case sc.c.Kind == tenancy.Password:
		sc.judgePassword(r, sc.h.Resets(), fault)
	default:
		sc.judgeCredential(fault)
	}
	if sc.reopened() && r.cell.person() == nil {
		fault("the problem is still open")
	}
	if len(r.faults) > 0 {
		r.trace = sc.trace()
	}
}

// finished says whether the first delivery has left nothing to do, so that nothing of its trouble is there any more.
func (sc *scene) finished(c cell) bool {
	if sc.last.Status != 200 || len(sc.Mails()) == 0 || sc.reopened() || sc.c.Kind == tenancy.Password ||
		sc.form.variant == wiped ||
		c.person() != nil || sc.d.missed() > 0 || slices.ContainsFunc(c.faults, func(d disturbance) bool {
		return d.late
	}) {
		return false
	}
	good := true
	sc.judgeCredential(func(string, ...any) { good = false })
	return good
}

// failed: some invocation ended as a failure that the platform counts.
func (sc *scene) failed() bool {
	for _, reply := range append(sc.Replies(), sc.Swept()...) {
		if reply.Status != 200 {
			return true
		}
	}
	return false
}

// judgeCredential: one new credential in the old one's place, CURRENT everywhere and working; with a grace the old one
// beside it.
func (sc *scene) judgeCredential(fault func(string, ...any)) {
	ids := sc.c.IDs()
	want := 1 + len(sc.c.Bystander)
	if sc.form.variant == grace {
		want++
	}
	if len(ids) != want || slices.Contains(ids, sc.c.OldID) != (sc.form.variant == grace) {
		fault("at the end the user has %d credentials (want %d), the old one among them: %v", len(ids), want,
			slices.Contains(ids, sc.c.OldID))
	}
	stored, err := sc.c.Stored()
	if err != nil {
		fault("at the end: %v", err)
		return
	}
	if stored.Value == "" || stored.Value == sc.c.Old.Value {
		fault("at the end CURRENT is not a new value")
		return
	}
	if status := sc.c.Try(stored); status != 200 {
		fault("at the end the CURRENT credential is answered %d", status)
	}
	old := sc.c.Try(sc.c.Old)
	if sc.form.variant == grace && old != 200 {
		fault("at the end the old credential, whose grace is running, is answered %d", old)
	}
	if sc.form.variant != grace && old != 401 && old != 403 {
		fault("at the end the old credential is answered %d", old)
	}
}

// judgePassword: reset once since the closure, and the one-time password is kept, or the mail says that it is not.
func (sc *scene) judgePassword(r *result, resets int, fault func(string, ...any)) {
	lost := slices.ContainsFunc(r.cell.sites, func(s site) bool { return s.operation == "CreateOrResetUIPassword" }) &&
		slices.ContainsFunc(r.cell.faults, func(d disturbance) bool { return d.when == ociemu.After || d.late })
	if resets == 0 || resets > 1 && !lost || resets > 2 {
		fault("%d resets", resets)
	}
	if sc.form.want.NoSecret {
		return
	}
	stored, err := sc.c.Stored()
	works := false
	sc.OnChange(func(v ociemu.View) { works = works || err == nil && v.Works("password", sc.c.User, stored.Value) })
	sc.AddUser("witness of the end") // a change, so that the state is shown
	told := slices.ContainsFunc(sc.Mails(), func(m ociemu.Mail) bool {
		return strings.Contains(m.Body, "is in no secret")
	})
	if !works && !told {
		fault("at the end CURRENT is not the user's password, and no mail says that it is in no secret")
	}
}

// trace tells what happened in the cell, without values.
func (sc *scene) trace() string {
	var b strings.Builder
	for _, n := range sc.notes {
		fmt.Fprintf(&b, "    %s\n", n)
	}
	for _, c := range sc.Calls() {
		if c.Caller.Operator || writes[c.Operation] || c.Status != 200 || c.Effect != 200 {
			fmt.Fprintf(&b, "    %4d %s %-24s status %d effect %d\n", c.Seq, c.At.Format(time.TimeOnly), c.Operation,
				c.Status, c.Effect)
		}
	}
	for _, m := range sc.Mails() {
		fmt.Fprintf(&b, "    mail: %s\n", m.Title)
	}
	for key, id := range sc.c.Secrets {
		s := sc.Secret(id)
		for _, v := range s.Versions {
			fmt.Fprintf(&b, "    %s version %d %s %v\n", key, v.Number, v.Name, v.Stages)
		}
		fmt.Fprintf(&b, "    %s journal %v\n", key, s.Metadata["keyturn"])
	}
	return b.String()
}
