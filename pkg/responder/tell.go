package responder

import (
	"context"
	"fmt"

	"github.com/keyturn/keyturn/pkg/guard"
	"github.com/keyturn/keyturn/pkg/outcome"
)

// close re-opens the problem if its credential was not rotated, and writes the record.
func (c *response) close(ctx context.Context) {
	o := &c.out
	if o.Status == outcome.Refused || o.Status == outcome.DryRun {
		c.reopen(ctx)
	}
	if o.TenancyName == "" && o.Told() {
		if id, name, _, err := c.Directory.Tenancy(ctx); err == nil {
			o.TenancyID, o.TenancyName = id, name
		}
	}
	if o.UserName == "" && o.Told() && c.event.Validate() == nil { // refused before anybody asked who it is
		o.UserName, _ = c.Directory.UserName(ctx, o.UserID) // the mail does with the OCID
	}
	o.Record(c.log)
}

// tell sends the mail, and says how the invocation ends.
func (c *response) tell(ctx context.Context) error {
	o := &c.out
	if o.Told() {
		if err := c.publish(ctx); err != nil {
			return fmt.Errorf("telling SecOps: %w", err)
		}
	}
	if !o.Finished() {
		return fmt.Errorf("%w (%s)", ErrUnfinished, o.Reason)
	}
	return nil
}

// publish tries twice: a mail that comes twice is better than none.
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
	if c.out.ProblemID == "" || c.Config.EventCheck && !c.known || c.event.Validate() != nil {
		return
	}
	comment := guard.ReopenMark + ": " + c.out.Reason
	if len(comment) > 900 {
		comment = comment[:900]
	}
	if err := c.Problems.Reopen(ctx, c.event.ProblemID, comment); err != nil {
		c.log.Warn().Err(err).Msg("re-opening the problem")
		c.note("Re-opening the problem failed: %v", err)
		c.out.StillClosed = true
		return
	}
	c.out.Reopened = true
}
