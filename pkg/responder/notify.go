package responder

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/keyturn/keyturn/pkg/clock"
	"github.com/keyturn/keyturn/pkg/cloudguard"
	"github.com/keyturn/keyturn/pkg/fault"
	"github.com/keyturn/keyturn/pkg/outcome"
)

// close re-opens the problem if its credential was not rotated, completes the outcome, and logs its record.
func (c *response) close(ctx context.Context) {
	o := &c.out
	if o.Status == outcome.Refused || o.Status == outcome.DryRun {
		half, cancel := c.share(ctx, 2)
		c.reopen(half)
		cancel()
	}
	if o.Mailed() {
		c.name(ctx)
		c.lead()
	}
	o.TookMS = c.Clock.Now().Sub(o.Began).Milliseconds()
	c.owners(ctx)
	o.Record(c.log)
}

// owners sends the mail to the topics of the secrets' owners. A sweep's responder has no Channels: the sweep sends what
// it hasn't mailed yet.
func (c *response) owners(ctx context.Context) {
	if c.Channels == nil || !c.out.Mailed() {
		return
	}
	ctx, cancel := c.share(ctx, 4)
	defer cancel()
	c.Channels.Owners(ctx, &c.out)
}

// name looks up names for the mail. A name that takes too long is left out.
func (c *response) name(ctx context.Context) {
	ctx, cancel := c.share(ctx, 4)
	defer cancel()
	o := &c.out
	if o.TenancyName == "" {
		if t, err := c.Directory.Tenancy(ctx); err == nil {
			o.TenancyID, o.TenancyName = t.ID, t.Name
		}
	}
	// refused before anything was looked up
	if user, err := cloudguard.ParseOCID(o.UserID, cloudguard.TypeUser); o.UserName == "" && err == nil {
		o.UserName, _ = c.Directory.UserName(ctx, string(user))
	}
}

// share returns a context with one part in n of the time that is left, so that a call that hangs doesn't delay the
// mail.
func (c *response) share(ctx context.Context, n time.Duration) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return context.WithCancel(ctx)
	}
	now := c.Clock.Now()
	return context.WithDeadline(ctx, now.Add(deadline.Sub(now)/n))
}

// send sends the mail. The error makes the invocation fail.
func (c *response) send(ctx context.Context) error {
	o := &c.out
	if o.Mailed() {
		ctx, cancel := clock.WithMargin(ctx)
		defer cancel()
		measured := outcome.SendMetrics(ctx, c.Meter, o.Points())
		recorded := func() {}
		if c.Channels != nil {
			recorded = c.Channels.Records(ctx, *o)
		}
		err := c.publish(ctx)
		recorded()
		measured()
		if err != nil {
			return fmt.Errorf("notifying SecOps: %w", err)
		}
	}
	if !o.Finished() {
		return fmt.Errorf("%w (%s)", ErrUnfinished, o.Reason)
	}
	return nil
}

// publish sends the mail. It tries twice, because a mail that comes twice is better than none.
func (c *response) publish(ctx context.Context) error {
	err := c.Notifier.Publish(ctx, c.Config.Topic, c.out.Title(), c.out.Body())
	if err == nil || ctx.Err() != nil {
		return err
	}
	c.log.Warn().Err(err).Msg("sending the mail again")
	return c.Notifier.Publish(ctx, c.Config.Topic, c.out.Title(), c.out.Body())
}

// reopen sets a problem that Cloud Guard has as RESOLVED back to OPEN. Where Cloud Guard may not be read
// (event_check=off) it is tried all the same.
func (c *response) reopen(ctx context.Context) {
	if !c.known {
		return
	}
	comment := cloudguard.ReopenMark + ": " + c.out.Reason
	if len(comment) > 900 {
		comment = strings.ToValidUTF8(comment[:900], "")
	}
	err := c.reopenRefused(ctx, comment)
	switch {
	case !c.known:
		c.note("The problem was changed in Cloud Guard after this closure, so Keyturn left it as it is.")
	case err != nil:
		c.log.Warn().Err(err).Msg("re-opening the problem")
		c.note("Re-opening the problem failed: %v", err)
		c.out.StillClosed = true
		c.todo("Open the problem again in Cloud Guard:\n" + c.setStatus("OPEN", "Not rotated: see the mail of Keyturn"))
	default:
		c.out.Reopened = true
	}
}

// reopenRefused ends the closure that was refused, and no other: a later closure is another order with its own event.
// It reads the problem once more, and re-opens it only if it has not changed since.
func (c *response) reopenRefused(ctx context.Context, comment string) error {
	refused, _ := cloudguard.Closure(c.problem.History)
	ordered := c.problem.ClosureComment(refused)
	for try := 1; ; try++ {
		p := cloudguard.Problem{ID: c.out.ProblemID}
		if c.problem.ID == p.ID { // it could be read
			var err error
			p, err = c.Problems.Afresh(ctx, p.ID)
			if err != nil {
				p = c.problem // its etag is a condition, too
			}
			closure, _ := cloudguard.Closure(p.History)
			c.known = p.Resolved() && closure.At.Equal(refused.At) &&
				p.ClosureComment(closure) == ordered
			if !c.known {
				return nil
			}
		}
		err := c.Problems.Reopen(ctx, p, comment)
		if fault.Of(err) != fault.Conflict || try == 3 {
			return err
		}
	}
}
