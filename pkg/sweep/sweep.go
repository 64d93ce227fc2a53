// Package sweep finds unfinished work in a tenancy, and has the engine that answers events finish it.
//
// Use Sweeper.Run. It reviews recently closed problems, since their events may be lost. It reviews the problems that
// the journals of secrets name: of interrupted rotations, and of old credentials whose grace period is over. A journal
// is only a hint, as an event is; Cloud Guard's record decides. The sweep also passes to the engine credentials with
// Keyturn's mark whose value may be nowhere, and deletes old versions of secrets that are about to run out of versions.
// It may run at any time, several times at once, and in parallel with events, since it decides by the current state of
// OCI.
//
// It reads the credentials of all users of the configured identity domains, and of Default. For the domains other than
// Default it reports those that are older than the configuration's maximum age.
//
// An unchanged finding is mailed once, and again after a week. Notes in the metadata of the bound secrets record what
// was mailed.
package sweep

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/keyturn/keyturn/pkg/background"
	"github.com/keyturn/keyturn/pkg/clock"
	"github.com/keyturn/keyturn/pkg/cloudguard"
	"github.com/keyturn/keyturn/pkg/config"
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/inventory"
	"github.com/keyturn/keyturn/pkg/outcome"
	"github.com/keyturn/keyturn/pkg/rotation"
	"github.com/keyturn/keyturn/pkg/vault"
	"github.com/keyturn/keyturn/pkg/version"
)

// Inventory lists problems, users and their credentials page by page. An empty page token asks for the first page; an
// empty next ends the list.
type Inventory interface {
	inventory.UserSource
	ClosedProblems(ctx context.Context, since time.Time, page string) (ids []string, next string, err error)
	Problem(ctx context.Context, id string) (cloudguard.Problem, error)
	// Compartment returns the OCID of the function's own compartment.
	Compartment(ctx context.Context) (string, error)
}

// Vault is what the sweep needs of secrets.
type Vault interface {
	// Secrets lists a compartment a page at a time, as Inventory does.
	Secrets(ctx context.Context, compartment, page string) (some []vault.Secret, next string, err error)
	Secret(ctx context.Context, id string) (vault.Secret, error)
	Versions(ctx context.Context, id string) ([]vault.Version, error)
	ScheduleDeletion(ctx context.Context, id string, number int64) error
}

// Directory knows the tenancy.
type Directory interface {
	// Tenancy returns the tenancy's OCID, its name and its home region.
	Tenancy(ctx context.Context) (credential.Tenancy, error)
	// UserName returns the name of a user.
	UserName(ctx context.Context, id string) (string, error)
}

// Keeper writes notes to the metadata of secrets.
type Keeper interface {
	// Update changes a secret if its etag is still the given one.
	Update(ctx context.Context, id, etag string, u vault.Update) (vault.Secret, error)
}

// Responder reviews a problem, and does what its record orders.
type Responder interface {
	Review(ctx context.Context, callID string, p cloudguard.Problem) outcome.Outcome
}

// Collector deletes a credential if its value is certainly nowhere.
type Collector interface {
	Collect(ctx context.Context, o rotation.Orphan) rotation.Result
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

// Sweeper runs sweeps. Set its fields before use.
type Sweeper struct {
	Config    config.Config
	Inventory Inventory
	Vault     Vault
	Responder Responder
	Collector Collector
	Notifier  Notifier
	Directory Directory
	Keeper    Keeper        // nil: no notes are written, and each sweep mails all its findings
	Channels  Channels      // nil: only SecOps' topic gets messages
	Evidence  Evidence      // nil: no report is written; else Config.ReportBucket is the bucket
	Meter     outcome.Meter // nil: nothing is measured
	Clock     rotation.Clock
}

// run is one sweep.
type run struct {
	*Sweeper
	callID string
	start  float64 // where this part of the sweep starts, see inventory.StartAt

	mu           sync.Mutex
	digest       outcome.Digest
	failures     failures
	boundSecrets map[string]*boundSecret // the bound secrets, by credential.Home of their ids
	duties       map[string][]duty       // what their journals say is left to do, by the OCID of the problem
	reviewed     map[string]bool         // the problems that this sweep has reviewed, by their OCIDs
	noted        map[string]notes        // what earlier sweeps mailed, by the secret with the notes
	reported     bool                    // this sweep has written the report
	notebook     string                  // the secret for notes that aren't about a credential; see notes
	collected    map[string]bool         // the credentials that were passed to the engine, by kind and id
}

func newRun(s *Sweeper, callID string) *run {
	return &run{Sweeper: s, callID: callID, boundSecrets: map[string]*boundSecret{}, duties: map[string][]duty{},
		reviewed: map[string]bool{}, noted: map[string]notes{}, collected: map[string]bool{}}
}

// Run sweeps once, within the context's deadline. It sends one mail if it did or found something that no earlier sweep
// has mailed. An error means that it could not finish or could not send the mail, so that the invocation has failed.
func (s *Sweeper) Run(ctx context.Context, callID string) (outcome.Digest, error) {
	r := newRun(s, callID)
	r.digest.CallID, r.digest.Version = callID, version.Version()
	work, cancel := r.reserve(ctx)
	defer cancel()
	r.runParts(work)
	r.digest.Unfinished = append(r.digest.Unfinished, r.failures.findings()...)
	for _, err := range r.failures.all {
		zerolog.Ctx(ctx).Warn().Err(err).Msg("sweep")
	}
	ctx, early := clock.WithMargin(ctx)
	defer early()
	news := r.digest // everything is news if the comparison panics
	r.optional(ctx, "compare the findings with the notes", func() { news = r.news(ctx) })
	r.digest.Repeated = news.Repeated
	r.digest.Record(zerolog.Ctx(ctx))
	measured := outcome.SendMetrics(ctx, s.Meter, r.digest.Points(s.Clock.Now(), r.failures.none()))
	defer measured()
	if !news.Empty() {
		r.optional(ctx, "send mails to the owners' topics", func() { r.owners(ctx, news.Outcomes) })
		recorded := r.records(ctx, news.Outcomes)
		err := s.publish(ctx, news)
		recorded()
		if err != nil {
			return r.digest, fmt.Errorf("sending the mail: %w", err)
		}
	}
	r.optional(ctx, "keep the notes", func() { r.remember(ctx, news) })
	if err := r.failures.err(); err != nil {
		return r.digest, fmt.Errorf("the sweep could not finish: %w", err)
	}
	return r.digest, nil
}

// runParts runs the parts of a sweep. Each gets an equal share of the remaining time, and its own start in the ring, so
// that every part makes progress.
func (r *run) runParts(ctx context.Context) {
	type part struct {
		doing string
		do    func(context.Context)
	}
	all := []part{
		{"go through the secrets", r.readSecrets},
		{"review the problems that journals name", r.reviewDuties},
		{"review closed problems", r.reviewClosed},
		{"make room in secrets", r.pruneAll},
		{"read the credentials of the users", r.readCredentials},
	}
	if r.Evidence != nil {
		all = append(all, part{"write the report", r.keepReport})
	}
	for i, p := range all {
		share, cancel := inventory.Share(ctx, r.Clock.Now(), len(all)-i)
		r.start = inventory.StartAt(r.Clock.Now(), i)
		if err := background.Run(func() error { p.do(share); return nil }); err != nil {
			r.failed(ctx, p.doing, "", err)
		}
		cancel()
	}
}

// optional does something that the mail doesn't need: a panic is only logged.
func (r *run) optional(ctx context.Context, doing string, do func()) {
	if err := background.Run(func() error { do(); return nil }); err != nil {
		zerolog.Ctx(ctx).Error().Err(err).Msg("sweep: could not " + doing)
	}
}

// publish sends the mail. It tries twice: two mails are better than none.
func (s *Sweeper) publish(ctx context.Context, d outcome.Digest) error {
	err := s.Notifier.Publish(ctx, s.Config.Topic, d.Title(), d.Body())
	if err != nil && ctx.Err() == nil {
		err = s.Notifier.Publish(ctx, s.Config.Topic, d.Title(), d.Body())
	}
	return err
}

// reserve keeps a quarter of the time, at most ten seconds, for the mail.
func (r *run) reserve(ctx context.Context) (context.Context, context.CancelFunc) {
	return clock.WithReserve(ctx, r.Clock.Now(), 10*time.Second)
}

// forEach calls do with every id in the lists, in the order of the ring from this sweep's start.
func (r *run) forEach(ctx context.Context, lists []inventory.IDs, doing string,
	do func(context.Context, string) error) {
	inventory.Ring{Start: r.start, Failed: r.failed}.Each(ctx, lists, doing, do)
}

// failed records a failed operation and the thing that it failed for. It logs a panic.
func (r *run) failed(ctx context.Context, doing, thing string, err error) {
	if p, ok := errors.AsType[*background.Panic](err); ok {
		zerolog.Ctx(ctx).Error().Str("id", thing).Str("stack", p.Stack).Err(p).Msg("sweep")
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if ctx.Err() != nil {
		err = ctx.Err() // the cause of every failure after the deadline
	}
	r.failures.add(doing, thing, err)
}

// add adds an outcome to the digest, unless nothing had to be done.
func (r *run) add(o outcome.Outcome) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.digest.Looked++
	if o.Mailed() && o.Status != outcome.Already {
		r.digest.Outcomes = append(r.digest.Outcomes, o)
	}
}
