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
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/keyturn/keyturn/pkg/background"
	"github.com/keyturn/keyturn/pkg/clock"
	"github.com/keyturn/keyturn/pkg/cloudguard"
	"github.com/keyturn/keyturn/pkg/config"
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/outcome"
	"github.com/keyturn/keyturn/pkg/rotation"
	"github.com/keyturn/keyturn/pkg/vault"
	"github.com/keyturn/keyturn/pkg/version"
)

// Inventory lists problems, users and their credentials page by page. An empty page token asks for the first page; an
// empty next ends the list.
type Inventory interface {
	ClosedProblems(ctx context.Context, since time.Time, page string) (ids []string, next string, err error)
	Problem(ctx context.Context, id string) (cloudguard.Problem, error)
	// Users lists the users of the classic IAM API: those of the Default domain.
	Users(ctx context.Context, page string) (ids []string, next string, err error)
	Compartment(ctx context.Context) (string, error)
	// AllDomains returns the configured identity domains, ACTIVE or not.
	AllDomains(ctx context.Context) ([]credential.Domain, error)
	// DomainUsers and DomainCredentials return at most that many entries of the list of a whole domain, from the given
	// one on; the first is 1.
	DomainUsers(ctx context.Context, d credential.Domain, start, most int) (credential.Page, error)
	DomainCredentials(ctx context.Context, d credential.Domain, k credential.Kind, start, most int) (credential.Page,
		error)
	// CredentialsOf lists the credentials of a user of the domain, of Default by the classic IAM API.
	CredentialsOf(ctx context.Context, d credential.Domain, k credential.Kind, user string) (credential.Listing, error)
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
	Meter     outcome.Meter // nil: nothing is measured
	Clock     rotation.Clock
}

const (
	// workers is how many things are handled in parallel.
	workers = 4
	// period is the intended time between two sweeps. It turns a time into the number of a sweep.
	period = time.Hour
)

// run is one sweep.
type run struct {
	*Sweeper
	callID string
	start  float64 // position in the ring of hashes at which this part of the sweep starts, 0 to 1

	mu           sync.Mutex
	digest       outcome.Digest
	failures     failures
	boundSecrets map[string]*boundSecret // the bound secrets, by credential.Home of their ids
	duties       map[string][]duty       // what their journals say is left to do, by the OCID of the problem
	reviewed     map[string]bool         // the problems that this sweep has reviewed, by their OCIDs
	noted        map[string]notes        // what earlier sweeps mailed, by the secret with the notes
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
	all := []struct {
		doing string
		do    func(context.Context)
	}{
		{"go through the secrets", r.readSecrets},
		{"review the problems that journals name", r.reviewDuties},
		{"review closed problems", r.reviewClosed},
		{"make room in secrets", r.pruneAll},
		{"read the credentials of the users", r.readCredentials},
	}
	for i, part := range all {
		share, cancel := r.share(ctx, len(all)-i)
		r.start = ringStart(r.Clock.Now(), i)
		if err := background.Run(func() error { part.do(share); return nil }); err != nil {
			r.failed(ctx, part.doing, "", err)
		}
		cancel()
	}
}

// share returns a context with 1/n of the remaining time.
func (r *run) share(ctx context.Context, n int) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return context.WithCancel(ctx)
	}
	now := r.Clock.Now()
	return context.WithDeadline(ctx, now.Add(deadline.Sub(now)/time.Duration(n)))
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

// ringStart returns the position in the ring of hashes at which a part of this hour's sweep starts. It moves by the
// golden ratio each hour, which covers the ring evenly: a deadline never cuts off the same work every time. No state is
// needed.
func ringStart(now time.Time, part int) float64 {
	_, f := math.Modf(float64(now.Unix()/int64(period/time.Second))*math.Phi + float64(part)*math.Sqrt2)
	return f
}

// ringPosition returns an id's position in the ring, 0 to 1. Ids that differ in one character are far apart.
func ringPosition(id string) float64 {
	sum := sha256.Sum256([]byte(id))
	return float64(binary.BigEndian.Uint64(sum[:8])>>11) / (1 << 53)
}

// list is a list of ids.
type list struct {
	doing string // the operation, for failures: "list the users"
	// read returns one page and the token of the next one; see Inventory.
	read func(page string) (ids []string, next string, err error)
}

// page reads one page. A panic becomes an error.
func (l list) page(token string) (ids []string, next string, err error) {
	err = background.Run(func() (err error) { ids, next, err = l.read(token); return err })
	return ids, next, err
}

// forEach calls each with every id in the lists, a few in parallel, in the order of the ring from this sweep's start.
// It keeps only the ids (some 100 bytes each). If one fails, the others are still handled. A page that can't be read
// ends its list, but no other. doing names the operation, for failures.
func (r *run) forEach(ctx context.Context, lists []list, doing string, each func(context.Context, string) error) {
	var ids []string
	for _, l := range lists {
		for page, more := "", true; more; {
			some, next, err := l.page(page)
			ids = append(ids, some...)
			if err != nil {
				r.failed(ctx, l.doing, "", err)
			}
			page, more = next, next != "" && err == nil
		}
	}
	slices.SortFunc(ids, func(a, b string) int { return cmp.Compare(r.distance(a), r.distance(b)) })
	group := background.Group{Limit: workers}
	for _, id := range ids {
		if ctx.Err() != nil {
			break
		}
		group.Do(func() { r.handle(ctx, doing, id, each) })
	}
	group.Join()
	if ctx.Err() != nil {
		r.failed(ctx, doing, "", ctx.Err())
	}
}

// failed records a failed operation and the thing that it failed for.
func (r *run) failed(ctx context.Context, doing, thing string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if ctx.Err() != nil {
		err = ctx.Err() // the cause of every failure after the deadline
	}
	r.failures.add(doing, thing, err)
}

// handle handles one thing. A panic is recorded as its failure, so that the others are still handled.
func (r *run) handle(ctx context.Context, doing, id string, each func(context.Context, string) error) {
	if ctx.Err() != nil { // the time ran out in the queue
		return
	}
	err := background.Run(func() error { return each(ctx, id) })
	if p, ok := errors.AsType[*background.Panic](err); ok {
		zerolog.Ctx(ctx).Error().Str("id", id).Str("stack", p.Stack).Err(p).Msg("sweep")
	}
	if err != nil {
		r.failed(ctx, doing, id, err)
	}
}

// distance returns how far an id is behind this sweep's start in the ring, 0 to 1.
func (r *run) distance(id string) float64 {
	d := ringPosition(id) - r.start
	if d < 0 {
		d++
	}
	return d
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
