// Package responder turns one event into one outcome: it asks the guard, runs the rotation, re-opens the problem if
// the credential was not rotated, and notifies SecOps.
//
// Use Respond. It returns an error where the invocation has to count as failed: when it could not finish and another
// delivery may help, and when no mail could be sent.
package responder

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/rs/zerolog"

	"github.com/keyturn/keyturn/pkg/clock"
	"github.com/keyturn/keyturn/pkg/cloudguard"
	"github.com/keyturn/keyturn/pkg/config"
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
	"github.com/keyturn/keyturn/pkg/guard"
	"github.com/keyturn/keyturn/pkg/outcome"
	"github.com/keyturn/keyturn/pkg/rotation"
	"github.com/keyturn/keyturn/pkg/vault"
	"github.com/keyturn/keyturn/pkg/version"
)

// Problems reads and re-opens Cloud Guard's problems.
type Problems interface {
	Problem(ctx context.Context, id string) (cloudguard.Problem, error)
	// Afresh is like Problem, but its history is at least as new as its etag.
	Afresh(ctx context.Context, id string) (cloudguard.Problem, error)
	// Reopen sets a problem back to OPEN. If it was read and has changed since, the error has the
	// class Conflict.
	Reopen(ctx context.Context, p cloudguard.Problem, comment string) error
}

// Directory knows the tenancy, its users and the function.
type Directory interface {
	guard.Directory
	// Compartment returns the function's own compartment.
	Compartment(ctx context.Context) (string, error)
	// CredentialID returns the id under which OCI lists the user's credential. If there is none, id is "" and living
	// are the ids of the user's credentials of the kind.
	CredentialID(ctx context.Context, ref credential.Ref) (id string, living []string, err error)
}

// Secrets lists the secrets of a compartment, and reads one.
type Secrets interface {
	Secret(ctx context.Context, id string) (vault.Secret, error)
	List(ctx context.Context, compartment string) ([]vault.Secret, error)
}

// Notifier sends a mail.
type Notifier interface {
	Publish(ctx context.Context, topic, title, body string) error
}

// Channels sends outcomes to other topics; see package channel.
type Channels interface {
	Owners(ctx context.Context, o *outcome.Outcome)
	Records(ctx context.Context, outcomes ...outcome.Outcome) (wait func())
}

// Rotator carries out a rotation.
type Rotator interface {
	// Prefetch begins the first reads of a rotation that may come. They change nothing.
	Prefetch(ctx context.Context, ref credential.Ref, secrets []string) *rotation.Prefetch
	Run(ctx context.Context, job rotation.Job) rotation.Result
}

// Responder answers events. Its fields are set once; it may be used by many goroutines.
type Responder struct {
	Config    config.Config
	Problems  Problems
	Directory Directory
	Secrets   Secrets
	Facts     Facts // nil: mails have no links, and refusals say what OCI said
	Notifier  Notifier
	Channels  Channels      // nil: only SecOps' topic gets messages
	Meter     outcome.Meter // nil: nothing is measured
	Rotator   Rotator
	Clock     rotation.Clock
}

// ErrUnfinished is the error of an invocation that another delivery should go on with.
var ErrUnfinished = errors.New("not finished: another delivery continues")

// Respond answers one event. The callID identifies the log lines of this invocation. The logger is the context's.
func (r *Responder) Respond(ctx context.Context, callID string, body []byte) (outcome.Outcome, error) {
	c := r.begin(ctx, callID)
	work, cancel := r.reserve(ctx)
	defer cancel()
	if e, err := cloudguard.ParseEvent(body); err != nil {
		c.unreadable(work, e, err)
	} else {
		c.answer(work, e)
	}
	c.close(ctx)
	return c.out, c.send(ctx)
}

// Review answers a closed problem that the sweep has read, as Respond answers its event. It sends no mail: the sweep
// sends one mail for all that it finds. A password that is not kept in a secret is left to the event for a while,
// because nothing would keep two invocations from resetting it twice.
func (r *Responder) Review(ctx context.Context, callID string, p cloudguard.Problem) outcome.Outcome {
	c := r.begin(ctx, callID)
	work, cancel := r.reserve(ctx)
	defer cancel()
	c.reviewed = true
	c.review(work, p)
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

// reserve keeps a quarter of the time that is left, but at most eight seconds, for re-opening the problem and the mail.
func (r *Responder) reserve(ctx context.Context) (context.Context, context.CancelFunc) {
	return clock.WithReserve(ctx, r.Clock.Now(), 8*time.Second)
}

// response is the state of one answer.
type response struct {
	*Responder
	log      *zerolog.Logger
	out      outcome.Outcome
	event    cloudguard.Event
	reviewed bool // no event was sent: the sweep has found the problem
	known    bool // the problem is closed as resolved, and about one of the four rules: a refusal opens it again
	problem  cloudguard.Problem
	request  credential.Request // what is to be rotated; zero until it is confirmed
	order    order
	refusal  error // why the order can't be carried out as it is; nil if it can
	kind     credential.Kind
	gone     bool // the user's identity domain has no credential with the problem's id

	owner *guard.Lookup      // begun in advance; nil if nothing named a user
	first *rotation.Prefetch // nil if nothing was prefetched

	function, own, region string
	home                  string                     // the tenancy's home region, once it is known
	places                map[string]rotation.Placed // where the rotation's secrets are, by their OCIDs
}

// respond carries out the request that the event and the record have come to. The engine also gets a request that can't
// be carried out: it finds out whether there is anything left to rotate.
func (c *response) respond(ctx context.Context) {
	c.refusal = c.complete(ctx)
	if err := c.identify(ctx); c.refusal == nil || passing(err) {
		c.refusal = err
	}
	if passing(c.refusal) {
		c.stop(c.refusal)
		return
	}
	c.request.Replace = c.order.Replace || c.refusal != nil && c.mayReplace()
	if c.refusal == nil && c.reviewed && len(c.request.Secrets) == 0 && c.Clock.Now().Sub(c.request.At) < eventTime {
		c.out.Status, c.out.Reason = outcome.Ignored, "closed a moment ago: its event comes first"
		return
	}
	c.rotate(ctx)
}

// complete adds the options and the secrets to the request. The error says why it can't be carried out.
func (c *response) complete(ctx context.Context) (err error) {
	r := &c.request
	c.order = c.order.read(cloudguard.RuleOf(c.kind), r.Comment)
	r.Grace, r.DryRun = c.Config.Grace, c.Config.DryRun || c.order.DryRun
	if c.order.Grace != nil {
		r.Grace, r.GraceGiven = *c.order.Grace, true
	}
	if c.order.err != nil {
		return c.order.err
	}
	if err := c.order.Ordered(c.order.rule, c.Config.BareClosure == config.BareRotate); err != nil {
		return err
	}
	r.Secrets, err = c.targets(ctx)
	return err
}

// order is a closure comment and what was read in it.
type order struct {
	cloudguard.Comment
	rule cloudguard.Rule
	text string
	err  error // why the comment was not understood
}

// read returns the order in a closure comment. A comment that was read already is not read again.
func (o order) read(rule cloudguard.Rule, text string) order {
	if o.rule == rule && o.text == text && rule != "" {
		return o
	}
	o = order{rule: rule, text: text}
	o.Comment, o.err = cloudguard.ParseComment(rule, text)
	return o
}

// prefetch begins to read what an event or a record names, while Cloud Guard is asked whether it is true. The answers
// are used if the record names the same user and secrets. A password is not read in advance: no secret keeps two resets
// apart, so its age has to be read as late as possible.
func (c *response) prefetch(ctx context.Context, subject cloudguard.Subject, comment string) {
	if !subject.Rule.Known() || subject.Missing() != nil {
		return
	}
	c.order = c.order.read(subject.Rule, comment)
	if c.order.err != nil {
		return
	}
	ref := credential.Ref{Kind: c.kind, User: subject.Users[0]}
	c.owner = guard.LookUp(ctx, c.Directory, c.Clock.Now(), ref)
	if !c.Config.EventCheck || c.kind.Origin() == credential.Reset {
		return
	}
	var secrets []string
	for _, id := range c.order.Secrets {
		secrets = append(secrets, string(id))
	}
	c.first = c.Rotator.Prefetch(ctx, ref, secrets)
}

// eventTime is how long the sweep leaves the reset of a password to its event, if no secret keeps the password. An
// event comes within seconds, and its invocation resets within seconds of that.
const eventTime = 4 * time.Minute

// targets are the secrets that the comment names, or else those that are bound to the user and kind.
func (c *response) targets(ctx context.Context) ([]credential.Target, error) {
	if len(c.order.Secrets) == 0 && c.kind.Origin() != credential.Reset {
		return c.find(ctx)
	}
	return credential.Targets(c.kind, c.order.Secrets), nil
}

// find looks for bound secrets in the configured compartments, or else in the function's own.
func (c *response) find(ctx context.Context) ([]credential.Target, error) {
	compartments, err := c.compartments(ctx)
	if err != nil {
		return nil, fmt.Errorf("looking for a bound secret: %w", err)
	}
	var all []vault.Secret
	for _, id := range compartments {
		secrets, err := c.Secrets.List(ctx, id)
		if err != nil {
			return nil, fmt.Errorf("looking for a bound secret in compartment %s: %w", id, err)
		}
		all = append(all, secrets...)
	}
	return guard.Find(all, c.kind, c.request.Ref.User)
}

// compartments are those in which secrets are looked for: the configured ones, or the function's own.
func (c *response) compartments(ctx context.Context) ([]string, error) {
	if len(c.Config.SecretCompartments) > 0 {
		return c.Config.SecretCompartments, nil
	}
	own, err := c.Directory.Compartment(ctx)
	return []string{own}, err
}

// stop ends with a refusal, or leaves the rest to another delivery where another try may help.
func (c *response) stop(err error) {
	if passing(err) {
		c.out.Status, c.out.Reason = outcome.Unfinished, err.Error()
		return
	}
	c.refuse(err)
}

// passing reports whether a call failed in a way that may be over soon.
func passing(err error) bool {
	var failed *fault.Error
	return errors.As(err, &failed) && (failed.Class == fault.Unclear || failed.Class == fault.Throttled ||
		failed.Class == fault.Busy)
}

// refuse takes the reason and the remedy out of an error.
func (c *response) refuse(err error) {
	c.out.Status, c.out.Reason = outcome.Refused, err.Error()
	var comment *cloudguard.CommentError
	var refusal *guard.Refusal
	var format *cloudguard.FormatError
	switch {
	case errors.As(err, &format):
		c.out.Reason, c.out.Remedy = format.Field+" "+format.Problem, format.Remedy
	case errors.As(err, &comment):
		c.out.Reason, c.out.Remedy = comment.Reason(), comment.Remedy()
	case errors.As(err, &refusal):
		c.out.Reason, c.out.Remedy = refusal.Problem, refusal.Remedy
	default:
		c.out.Remedy = c.remedy(err)
	}
}
