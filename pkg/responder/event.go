package responder

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/keyturn/keyturn/pkg/cloudguard"
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/guard"
	"github.com/keyturn/keyturn/pkg/outcome"
)

const (
	// lagTime bounds the pauses for which Cloud Guard's record may lag behind its event: 0.25 s, doubled, to 4 s.
	lagTime = 4 * time.Second
	// lagLimit is how old everything that is known of a closure has to be, until a record that doesn't show who closed
	// the problem counts as complete. No source says how long Cloud Guard's history may lag.
	lagLimit = 24 * time.Hour
)

// answer answers an event. The event only has to have the problem's OCID; Cloud Guard's record has the rest.
func (c *response) answer(ctx context.Context, e cloudguard.Event) {
	if ours, why := e.Ours(); !ours {
		c.ignore(why)
		return
	}
	c.event = e
	c.fromEvent(e)
	if err := e.Validate(); err != nil {
		c.refuse(err)
		return
	}
	c.known = !c.Config.EventCheck && e.Rule.Known() // until the record says otherwise
	c.prefetch(ctx, e.Subject, e.Comment)
	if c.confirm(ctx, nil) {
		c.respond(ctx)
	}
}

// review answers a problem that the sweep has read. There is no event.
func (c *response) review(ctx context.Context, p cloudguard.Problem) {
	subject := p.Subject()
	switch id, err := cloudguard.ParseOCID(p.ID, cloudguard.TypeProblem); {
	case err != nil:
		c.refuse(fmt.Errorf("the id of a problem that Cloud Guard lists is malformed: %w", err))
		return
	case !subject.Rule.Known():
		c.ignore("the rule of Cloud Guard's record is not about a credential's age")
		return
	case !p.Resolved():
		c.ignore("the problem is " + p.State() + ", not RESOLVED")
		return
	default:
		c.event.ProblemID = string(id)
	}
	c.fromRecord(p)
	closure, _ := cloudguard.Closure(p.History)
	c.prefetch(ctx, subject, p.ClosureComment(closure))
	if c.confirm(ctx, &p) {
		c.respond(ctx)
	}
}

// unreadable refuses what isn't an event. If a problem's OCID can be read in it, its problem is opened again where
// Cloud Guard's record says that a person closed it, so that the sweep doesn't rotate what was just refused.
func (c *response) unreadable(ctx context.Context, e cloudguard.Event, refused error) {
	if e.ProblemID != "" {
		c.fromEvent(e)
		p, err := c.Problems.Problem(ctx, e.ProblemID)
		if err != nil {
			c.note("Cloud Guard's record of the problem could not be read (%v), so the problem was not opened again.",
				err)
		} else {
			c.fromRecord(p)
			_, verdict, _ := guard.Confirm(e, p)
			c.known = verdict == guard.Confirmed || verdict == guard.Torn || verdict == guard.Lacking
		}
	}
	c.refuse(refused)
}

func (c *response) ignore(why string) { c.out.Status, c.out.Reason = outcome.Ignored, why }

// fromEvent copies what the event says into the outcome, for the mail.
func (c *response) fromEvent(e cloudguard.Event) {
	o := &c.out
	o.ProblemID, o.ProblemName, o.Risk, o.TenancyID = e.ProblemID, e.ProblemName, e.RiskLevel, e.TenancyID
	o.ResourceName, o.ResourceID, o.Comment = e.ResourceName, e.ResourceID, e.Comment
	c.fromSubject(e.Subject)
	if !e.Time.IsZero() {
		o.EventTime = &e.Time
	}
}

// fromRecord copies what Cloud Guard's record says into the outcome. The record has precedence over the event.
func (c *response) fromRecord(p cloudguard.Problem) {
	o := &c.out
	c.problem = p
	subject := p.Subject()
	c.known = p.Resolved() && subject.Rule.Known()
	for _, field := range []struct {
		to  *string
		has string
	}{
		{&o.ProblemID, c.event.ProblemID},
		{&o.ProblemName, subject.Rule.DisplayName()},
		{&o.Risk, p.RiskLevel},
		{&o.ResourceName, strings.TrimSpace(p.ResourceName)},
		{&o.ResourceID, strings.TrimSpace(p.ResourceID)},
	} {
		if field.has != "" {
			*field.to = field.has
		}
	}
	c.fromSubject(subject)
}

// fromSubject copies the credential that an event or a record is about into the outcome.
func (c *response) fromSubject(s cloudguard.Subject) {
	o := &c.out
	if s.Rule != "" {
		o.Rule = string(s.Rule)
	}
	if s.Rule.Known() {
		c.kind = s.Rule.Kind()
		o.Kind, o.Noun, o.IDNoun = string(c.kind), c.kind.Noun(), c.kind.IDNoun()
	}
	if len(s.Users) > 0 {
		o.UserID = s.Users[0]
	}
	if len(s.IDs) > 0 {
		o.OldID = s.IDs[0]
	}
}

// confirm makes a request of the event and Cloud Guard's record, and reports whether it did. The record is read anew,
// apart from event_check=off: then have is enough if it was read before, and Cloud Guard is asked only about what the
// event lacks. A record that doesn't show all of the closure yet is read again for a while.
func (c *response) confirm(ctx context.Context, have *cloudguard.Problem) bool {
	var missing error // what the event lacks to be trusted without the record
	if !c.Config.EventCheck && have == nil {
		c.request, missing = guard.Trust(c.event)
		if missing == nil {
			return true
		}
	}
	for pause := 250 * time.Millisecond; ; pause *= 2 {
		p, err := c.record(ctx, have)
		have = nil
		if err != nil && missing != nil && !passing(err) {
			c.refuse(missing)
			c.note("Cloud Guard's record has what the event lacks, but could not be read: %v", err)
			return false
		}
		if err != nil {
			c.stop(fmt.Errorf("reading the problem from Cloud Guard: %w", err))
			if c.out.Status == outcome.Refused && !c.known {
				c.out.Remedy = "Check the problem's OCID, and that the function's policy allows it to read " +
					"cloud-guard-problems. If the problem exists and is closed, open it again in Cloud Guard: " +
					"Keyturn could not see whether it is."
			}
			return false
		}
		request, verdict, err := guard.Confirm(c.event, p)
		c.fromRecord(p)
		if verdict != guard.NotYet && verdict != guard.Torn {
			return c.judge(request, verdict, err)
		}
		if c.reviewed && !p.Resolved() {
			c.ignore("the problem has been opened again")
			return false
		}
		if c.event.Type == "" && !p.Resolved() {
			c.ignore("eventType is absent, and Cloud Guard has the problem as " + p.Detail)
			return false
		}
		if pause <= lagTime && c.Clock.Sleep(ctx, pause) == nil {
			continue
		}
		if verdict == guard.Torn { // its comments stay two: both count
			return c.judge(request, guard.Confirmed, nil)
		}
		c.lags(p)
		return false
	}
}

// record is the record that was read before, or else Cloud Guard's of now.
func (c *response) record(ctx context.Context, have *cloudguard.Problem) (cloudguard.Problem, error) {
	if have != nil && !c.Config.EventCheck {
		return *have, nil
	}
	return c.Problems.Problem(ctx, c.event.ProblemID)
}

// judge acts on the verdict on an event. It reports whether there is a request to carry out.
func (c *response) judge(r credential.Request, verdict guard.Verdict, err error) bool {
	switch verdict {
	case guard.Confirmed:
		c.request = r
		c.out.ClosedBy, c.out.ClosedAt, c.out.Comment = r.By, &r.At, r.Comment
		return true
	case guard.Answered:
		c.ignore("an earlier delivery has re-opened the problem")
	case guard.Automatic:
		c.ignore("Cloud Guard closed the problem itself; no person asked for a rotation")
	case guard.NotOurs:
		c.ignore(err.Error())
	default:
		c.refuse(err)
	}
	return false
}

// lags ends with a record that still doesn't show the closure: another delivery may see it. If everything that is known
// of the problem is old, waiting doesn't help any more, and it is a refusal.
func (c *response) lags(p cloudguard.Problem) {
	if !p.Resolved() {
		c.out.Status, c.out.Reason = outcome.Unfinished, "Cloud Guard still has the problem as "+p.Detail+" on record"
		c.out.Remedy = "If the problem is open on purpose, ignore this mail; else a later delivery or the sweep " +
			"rotates."
		return
	}
	latest := p.LastDetected
	for _, t := range append([]time.Time{c.event.Time}, changed(p.History)...) {
		if t.After(latest) {
			latest = t
		}
	}
	const reason = "Cloud Guard's history of the problem doesn't show who closed it"
	if !latest.IsZero() && c.Clock.Now().Sub(latest) > lagLimit {
		c.refuse(&guard.Refusal{Problem: reason, Remedy: "close the problem again in Cloud Guard"})
		return
	}
	c.out.Status, c.out.Reason = outcome.Unfinished, strings.Replace(reason, "show who", "show yet who", 1)
	c.out.Remedy = "A later delivery or the sweep rotates, once the history shows it."
}

func changed(history []cloudguard.Change) []time.Time {
	times := make([]time.Time, len(history))
	for i, h := range history {
		times[i] = h.At
	}
	return times
}
