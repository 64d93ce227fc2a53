// Package responder turns one event into one outcome: it asks the guard, runs the rotation, re-opens the problem if
// the credential was not rotated, and tells SecOps.
//
// Use Respond. It returns an error where the invocation has to count as failed: when it could not finish and another
// delivery may help, and when nobody could be told.
package responder

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/keyturn/keyturn/pkg/clock"
	"github.com/keyturn/keyturn/pkg/cloudguard"
	"github.com/keyturn/keyturn/pkg/config"
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
	"github.com/keyturn/keyturn/pkg/guard"
	"github.com/keyturn/keyturn/pkg/metric"
	"github.com/keyturn/keyturn/pkg/outcome"
	"github.com/keyturn/keyturn/pkg/rotation"
	"github.com/keyturn/keyturn/pkg/secret"
	"github.com/keyturn/keyturn/pkg/version"
)

// Problems reads and re-opens Cloud Guard's problems.
type Problems interface {
	Problem(ctx context.Context, id string) (cloudguard.Problem, error)
	Reopen(ctx context.Context, id, comment string) error
}

// Directory knows the tenancy and its users.
type Directory interface {
	// Tenancy returns the tenancy's OCID, its name and its home region.
	Tenancy(ctx context.Context) (id, name, homeRegion string, err error)
	// UserName returns the name of a user.
	UserName(ctx context.Context, id string) (string, error)
	// Namespace returns the tenancy's Object Storage namespace.
	Namespace(ctx context.Context) (string, error)
	// Compartment returns the function's own compartment.
	Compartment(ctx context.Context) (string, error)
}

// Secrets lists the secrets of a compartment.
type Secrets interface {
	List(ctx context.Context, compartment string) ([]secret.Secret, error)
}

// Ahead begins what a rotation begins with or takes long, before it is known whether there is to be one.
type Ahead interface {
	// Prepare begins what shows nothing of the user: to open connections, to make a key pair.
	Prepare(ctx context.Context, kind credential.Kind, secrets []string)
	// Ahead begins the reads. The returned context hands their answers on.
	Ahead(ctx context.Context, ref credential.Ref, secrets []string) context.Context
}

// Notifier sends a mail.
type Notifier interface {
	Publish(ctx context.Context, topic, title, body string) error
}

// Rotator carries out a rotation.
type Rotator interface {
	Run(ctx context.Context, job rotation.Job) rotation.Result
}

// Responder answers events. Its fields are set once; it may be used by many goroutines.
type Responder struct {
	Config    config.Config
	Problems  Problems
	Directory Directory
	Secrets   Secrets
	Reads     Ahead // nil: nothing is read ahead
	Facts     Facts // nil: mails have no links, and refusals say what OCI said
	Notifier  Notifier
	Meter     metric.Meter // nil: nothing is measured
	Rotator   Rotator
	Clock     rotation.Clock
}

// ErrUnfinished is the error of an invocation that another delivery should go on with.
var ErrUnfinished = errors.New("not finished: another delivery goes on from here")

// Respond answers one event. callID finds the log lines of this invocation; the logger is the context's.
func (r *Responder) Respond(ctx context.Context, callID string, body []byte) (outcome.Outcome, error) {
	c := r.begin(ctx, callID)
	work, cancel := r.reserve(ctx)
	defer cancel()
	if e, err := cloudguard.ParseEvent(body); err != nil {
		c.refuse(err)
	} else {
		c.respond(work, e)
	}
	c.close(ctx)
	return c.out, c.tell(ctx)
}

// Review goes through a problem that is closed as if its event had just come, but tells nobody: the sweep has one mail
// for all that it finds. What no secret keeps two invocations from doing at once it leaves to the event for a while.
func (r *Responder) Review(ctx context.Context, callID string, p cloudguard.Problem) outcome.Outcome {
	c := r.begin(ctx, callID)
	work, cancel := r.reserve(ctx)
	defer cancel()
	c.reviewed = true
	c.respond(work, p.Event())
	c.close(ctx)
	return c.out
}

// Resume goes on with a rotation that a secret's journal tells of, and tells nobody: one that was left half-way, or
// one whose grace period is over. grace is how long the old credential is to stay, if that has not begun. It is asked about user and secrets like any other, but no problem belongs to it.
func (r *Responder) Resume(ctx context.Context, callID string, ref credential.Ref, targets []rotation.Target, grace time.Duration) outcome.Outcome {
	c := r.begin(ctx, callID)
	work, cancel := r.reserve(ctx)
	defer cancel()
	c.kind, c.event.User, c.order.Grace = ref.Kind, ref.User, &grace
	o := &c.out
	o.Kind, o.Noun, o.IDNoun, o.OldID, o.UserID = string(c.kind), c.kind.Noun(), c.kind.IDNoun(), ref.ID, ref.User
	if c.kind == credential.Password {
		o.OldID = ""
		c.closed.At, _ = time.Parse(time.RFC3339, ref.ID) // a malformed time is refused as an absent one
	}
	c.rotate(work, targets)
	c.close(ctx)
	return c.out
}

func (r *Responder) begin(ctx context.Context, callID string) *response {
	c := &response{Responder: r, log: zerolog.Ctx(ctx)}
	c.out.CallID, c.out.Began, c.out.Version = callID, r.Clock.Now().UTC(), version.Version()
	if r.Facts != nil {
		c.function, c.own, c.region = r.Facts.Place(ctx)
	}
	return c
}

// reserve keeps a quarter of the time that is left, eight seconds at most, for re-opening the problem and the mail.
func (r *Responder) reserve(ctx context.Context) (context.Context, context.CancelFunc) {
	return clock.Reserve(ctx, r.Clock.Now(), 8*time.Second)
}

// response is one event's way through the responder.
type response struct {
	*Responder
	log      *zerolog.Logger
	out      outcome.Outcome
	event    cloudguard.Event
	reviewed bool // nobody has sent the event: the sweep has found the problem
	known    bool // Cloud Guard has the problem on record as RESOLVED
	problem  cloudguard.Problem
	closed   guard.Closed
	order    cloudguard.Comment
	kind     credential.Kind

	function, own, region string                     // the function's OCID, its compartment and region; empty if not known
	home                  string                     // the tenancy's home region, once it is known
	seen                  map[string]secret.Secret   // the rotation's secrets as the guard has seen them, by their OCIDs
	placed                map[string]rotation.Placed // where the rotation's secrets are, by their OCIDs
}

func (c *response) respond(ctx context.Context, e cloudguard.Event) {
	if ours, why := e.Ours(); !ours {
		c.out.Status, c.out.Reason = outcome.Ignored, why
		return
	}
	c.take(e)
	if err := e.Validate(); err != nil {
		c.refuse(err)
		return
	}
	ctx = c.ahead(ctx)
	if !c.confirm(ctx) {
		return
	}
	var err error
	if c.order, err = cloudguard.ParseComment(e.Rule, c.closed.Comment); err != nil {
		c.refuse(err)
		return
	}
	targets, err := c.targets(ctx)
	if err != nil {
		c.stop(err)
		return
	}
	if c.reviewed && len(targets) == 0 && c.Clock.Now().Sub(c.closed.At) < eventTime {
		c.out.Status, c.out.Reason = outcome.Ignored, "closed a moment ago: its event comes first"
		return
	}
	c.rotate(ctx, targets)
}

// ahead begins to read what the event hints at, while Cloud Guard is being asked whether it is true. What the reads
// show is used if the record names the same user and secrets; they change nothing, and nothing of them is told. A
// password is not read ahead: with no secret to keep two resets apart, the look at it has to be as fresh as can be.
func (c *response) ahead(ctx context.Context) context.Context {
	hint, err := cloudguard.ParseComment(c.event.Rule, c.event.Comment)
	var secrets []string
	for _, id := range hint.Secrets {
		secrets = append(secrets, string(id))
	}
	hinted := c.Reads != nil && err == nil
	if hinted && !c.reviewed { // a sweep has connections, and sends no mail of its own for each problem
		c.Reads.Prepare(ctx, c.kind, secrets)
	}
	beside(func() { _, _, _, _ = c.Directory.Tenancy(ctx) }) // kept there: everything in IAM waits for the home region
	if namespaced(c.kind) {
		beside(func() { _, _ = c.Directory.Namespace(ctx) }) // kept there, too
	}
	if !hinted || !c.Config.EventCheck || c.kind == credential.Password {
		return ctx
	}
	return c.Reads.Ahead(ctx, credential.Ref{Kind: c.kind, User: c.event.User, ID: c.event.CredentialID()}, secrets)
}

// beside does something that nobody waits for. A panic comes again to whoever does.
func beside(do func()) {
	go func() {
		defer func() { _ = recover() }()
		do()
	}()
}

// namespaced tells whether the Object Storage namespace is part of what a credential of the kind is used with.
func namespaced(k credential.Kind) bool {
	return k == credential.AuthToken || k == credential.CustomerSecretKey
}

// eventTime is how long the sweep leaves a closed problem to its event, if no secret keeps the two of them apart: of a
// password that nobody keeps. An event comes within seconds, and its invocation resets within seconds of that.
const eventTime = 4 * time.Minute

var kinds = map[cloudguard.Rule]credential.Kind{
	cloudguard.APIKeyTooOld:    credential.APIKey,
	cloudguard.AuthTokenTooOld: credential.AuthToken,
	cloudguard.SecretKeyTooOld: credential.CustomerSecretKey,
	cloudguard.PasswordTooOld:  credential.Password,
}

// take takes over what the event says, for the mail.
func (c *response) take(e cloudguard.Event) {
	c.event, c.kind = e, kinds[e.Rule]
	o := &c.out
	o.Kind, o.Noun, o.IDNoun = string(c.kind), c.kind.Noun(), c.kind.IDNoun()
	o.ProblemID, o.ProblemName, o.Rule, o.Risk = e.ProblemID, e.ProblemName, string(e.Rule), e.RiskLevel
	o.ResourceName, o.ResourceID, o.UserID, o.TenancyID = e.ResourceName, e.ResourceID, e.User, e.TenancyID
	o.Comment, o.OldID = e.Comment, e.CredentialID()
	if !e.Time.IsZero() {
		o.EventTime = &e.Time
	}
}

// confirm reads the problem from Cloud Guard and compares it with the event. A record that doesn't show the closure
// yet is asked for again for a while.
func (c *response) confirm(ctx context.Context) bool {
	if !c.Config.EventCheck {
		c.closed = guard.Closed{At: c.event.Time, Comment: c.event.Comment}
		return true
	}
	for pause := 250 * time.Millisecond; ; pause *= 2 {
		p, err := c.Problems.Problem(ctx, c.event.ProblemID)
		if err != nil {
			c.stop(fmt.Errorf("reading the problem from Cloud Guard: %w", err))
			return false
		}
		closed, verdict, err := guard.Confirm(c.event, p)
		c.problem, c.known = p, p.Resolved()
		switch verdict {
		case guard.Confirmed:
			c.closed = closed
			c.out.ClosedBy, c.out.ClosedAt, c.out.Comment = closed.By, &closed.At, closed.Comment
			return true
		case guard.Contradict:
			c.refuse(err)
			return false
		case guard.Answered:
			c.out.Status, c.out.Reason = outcome.Ignored, "an earlier delivery has re-opened the problem"
			return false
		case guard.ByItself:
			c.out.Status, c.out.Reason = outcome.Ignored, "Cloud Guard closed the problem by itself; nobody asked for a rotation"
			return false
		}
		if pause > lagTime || c.Clock.Sleep(ctx, pause) != nil {
			c.out.Status = outcome.Unfinished
			c.out.Reason = "Cloud Guard still has the problem as " + p.Detail + " on record"
			if p.Resolved() {
				c.out.Reason = "Cloud Guard's history of the problem doesn't show yet who closed it"
			}
			c.out.Mend = "If the problem is open on purpose, ignore this mail; else a later delivery or the sweep rotates."
			return false
		}
	}
}

// lagTime bounds the pauses for which Cloud Guard's record may lag behind its event: 0.25 s, doubled, to 4 s.
const lagTime = 4 * time.Second

// targets are the secrets that the comment names, or else those that are bound to the user and kind.
func (c *response) targets(ctx context.Context) ([]rotation.Target, error) {
	named := map[credential.Role]string{}
	for role, id := range c.order.Secrets {
		named[credential.Role(role)] = string(id)
	}
	if len(named) == 0 && c.kind != credential.Password {
		found, err := c.find(ctx)
		if err != nil {
			return nil, err
		}
		named = found
	}
	var targets []rotation.Target
	for _, role := range c.kind.Roles() {
		if id, ok := named[role]; ok {
			targets = append(targets, rotation.Target{Role: role, SecretID: id})
		}
	}
	return targets, nil
}

// find looks for bound secrets in the configured compartments, or else in the function's own.
func (c *response) find(ctx context.Context) (map[credential.Role]string, error) {
	compartments := c.Config.SecretCompartments
	if len(compartments) == 0 {
		own, err := c.Directory.Compartment(ctx)
		if err != nil {
			return nil, fmt.Errorf("looking for a bound secret: %w", err)
		}
		compartments = []string{own}
	}
	var all []secret.Secret
	for _, id := range compartments {
		secrets, err := c.Secrets.List(ctx, id)
		if err != nil {
			return nil, fmt.Errorf("looking for a bound secret in compartment %s: %w", id, err)
		}
		all = append(all, secrets...)
	}
	return guard.Find(all, c.kind, c.event.User)
}

// stop ends with a refusal, or leaves the rest to another delivery where another try may help.
func (c *response) stop(err error) {
	var failed *fault.Error
	if errors.As(err, &failed) && (failed.Class == fault.Unclear || failed.Class == fault.Throttled || failed.Class == fault.Busy) {
		c.out.Status, c.out.Reason = outcome.Unfinished, err.Error()
		return
	}
	c.refuse(err)
}

// refuse takes the reason and the mend out of an error.
func (c *response) refuse(err error) {
	c.out.Status, c.out.Reason = outcome.Refused, err.Error()
	var comment *cloudguard.CommentError
	var refusal *guard.Refusal
	switch {
	case errors.As(err, &comment):
		c.out.Reason, c.out.Mend = faults(comment), "Close the problem again with this comment:\n"+comment.Corrected
	case errors.As(err, &refusal):
		c.out.Reason, c.out.Mend = refusal.Problem, refusal.Mend
	default:
		c.out.Mend = c.remedy(err)
	}
}

// faults is what is wrong with a comment, without the mend.
func faults(e *cloudguard.CommentError) string {
	texts := make([]string, len(e.Faults))
	for i, f := range e.Faults {
		texts[i] = f.Item + " " + f.Problem
	}
	return "the closure comment was not understood: " + strings.Join(texts, "; ")
}
