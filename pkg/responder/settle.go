package responder

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/keyturn/keyturn/pkg/cloudguard"
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
	"github.com/keyturn/keyturn/pkg/guard"
	"github.com/keyturn/keyturn/pkg/outcome"
	"github.com/keyturn/keyturn/pkg/rotation"
	"github.com/keyturn/keyturn/pkg/secret"
)

// run hands the job to the engine and reports what came of it.
func (c *response) run(ctx context.Context) {
	r := c.Rotator.Run(ctx, c.job)
	c.result = &r
	c.report(r)
	c.doubt(r)
}

// settle looks once more before a problem is opened again and a mail is sent, where this delivery has changed nothing:
// another one may have finished meanwhile, and a credential that is gone needs no rotation. It does without where the
// time for work is used up.
func (c *response) settle(ctx context.Context) {
	if c.out.Changed || ctx.Err() != nil {
		return
	}
	switch c.out.Status {
	case outcome.Unfinished, outcome.InProgress:
		c.lookAgain(ctx)
	case outcome.Refused:
		if c.seen() {
			c.lookAgain(ctx)
		} else if why := c.gone(ctx); why != "" {
			c.nothingToDo(why)
		}
	}
}

// seen reports whether the engine decided on what it saw. It didn't where the guard refused, where a credential or secret
// couldn't be read, and where it never ran.
func (c *response) seen() bool {
	return c.result != nil && (c.result.Cause == nil || c.result.FailedAt != "")
}

// lookAgain asks the engine what it would do now. If there is nothing left to do, another delivery has done it.
func (c *response) lookAgain(ctx context.Context) {
	if c.result == nil || c.job.DryRun {
		return
	}
	job := c.job
	job.DryRun = true
	r := c.Rotator.Run(c.log.WithContext(ctx), job)
	changes := slices.ContainsFunc(r.Plan, func(a rotation.Action) bool { return a != rotation.Prove })
	if r.End != rotation.Done || changes {
		return
	}
	r.Plan, r.Acted = nil, false
	c.nothingToDo("")
	c.report(r)
	c.doubt(r)
}

func (c *response) nothingToDo(why string) {
	o := &c.out
	o.Status, o.Reason, o.Mend, o.Slots, o.Secrets = outcome.Already, why, "", nil, nil
}

// doubt takes back the engine's word that the credential is gone where that isn't certain.
func (c *response) doubt(r rotation.Result) {
	if r.Reason != rotation.AlreadyGone || r.Acted || c.kind == credential.Password {
		return
	}
	noun := c.kind.Noun()
	switch {
	case c.request.UserHinted:
		c.refuse(&guard.Refusal{
			Problem: fmt.Sprintf("only the event names the user, %s, who has no %s %s", c.request.User, noun, c.request.ID),
			Mend:    "find the owner of the credential and rotate it in the Console, then dismiss the problem"})
	case !absent(c.request.ID, r.Slots):
		c.refuse(&guard.Refusal{
			Problem: fmt.Sprintf("the id of the problem's credential, %q, is not written as OCI lists the user's %ss, "+
				"so that nothing shows whether it is gone or one of them", c.request.ID, noun),
			Mend: "rotate the credential in the Console if it is still there, then dismiss the problem"})
		c.out.Slots = listed(r)
	}
}

// absent reports whether a credential is certainly not among those that OCI lists. Ids of different forms may name one
// credential, and so may an id of unknown form.
func absent(id string, listed []credential.Issued) bool {
	form := cloudguard.FormOf(id)
	return form != cloudguard.FormUnknown && !slices.ContainsFunc(listed, func(c credential.Issued) bool {
		return cloudguard.FormOf(c.ID) != form || strings.EqualFold(c.ID, id)
	})
}

// gone says why a credential that wasn't rotated needs no rotation any more; "" if that isn't certain. A closure that
// allows deleting first is never taken for done because the old credential is absent: Keyturn may have deleted it, and
// still owes the new one.
func (c *response) gone(ctx context.Context) string {
	if c.Remains == nil || c.request.User == "" || c.request.UserHinted || c.problem.ID == "" || c.replaced() {
		return ""
	}
	listing, err := c.Remains.Credentials(ctx, c.kind, c.request.User)
	switch {
	case fault.Of(err) == fault.Absent && c.placed(ctx):
		return "it was rotated by an earlier delivery; its user can't be found any more"
	case err != nil:
		return ""
	case c.kind == credential.Password:
		for _, password := range listing.Credentials {
			if !password.Created.Before(c.request.At) {
				return "the password was reset since the problem was closed"
			}
		}
		return ""
	case absent(c.request.ID, listing.Credentials):
		return "the credential no longer exists"
	}
	return ""
}

// replaced reports whether any closure of the problem may have allowed deleting first.
func (c *response) replaced() bool {
	allows := func(comment string) bool { return strings.Contains(strings.ToLower(comment), "repl") }
	return c.order.Replace || allows(c.request.Comment) || allows(c.problem.Comment) ||
		slices.ContainsFunc(c.problem.History, func(h cloudguard.Change) bool { return allows(h.Comment) })
}

// placed reports whether this rotation's version is CURRENT in all of its secrets.
func (c *response) placed(ctx context.Context) bool {
	for _, t := range c.job.Targets {
		versions, err := c.Remains.Versions(ctx, t.SecretID)
		current := slices.ContainsFunc(versions, func(v secret.Version) bool {
			id, _, ok := credential.ParseVersionName(v.Name)
			return ok && v.Current && id == c.job.Ref.RotationID()
		})
		if err != nil || !current {
			return false
		}
	}
	return len(c.job.Targets) > 0
}
