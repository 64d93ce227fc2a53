// Package sweep looks through a tenancy for what got lost, and lets the same engine that answers events finish it.
//
// Use Sweeper.Run. It reviews the problems that were closed in the last days (an event may be lost), and those that a
// secret's journal names: of rotations that were left half-way, and of old credentials whose grace period is over. A
// journal is a hint, as an event is: what is done comes from Cloud Guard's record. It hands the engine credentials with
// our mark whose value may be nowhere, and makes room in secrets that are about to run out of versions. It may be run
// at any time, twice at once, and alongside any event: everything that it does is decided from what OCI says at that
// moment.
//
// A finding that stays the same is mailed once, and again after a week. What was mailed is kept as notes in the
// metadata of the bound secrets; see notes.
package sweep

import (
	"cmp"
	"context"
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

// Inventory lists what there is, a page at a time; an empty page token asks for the first page, and ends the list.
type Inventory interface {
	ClosedProblems(ctx context.Context, since time.Time, page string) (ids []string, next string, err error)
	Problem(ctx context.Context, id string) (cloudguard.Problem, error)
	Users(ctx context.Context, page string) (ids []string, next string, err error)
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

// Keeper keeps notes in the metadata of secrets.
type Keeper interface {
	// Update changes a secret if its etag is still the given one.
	Update(ctx context.Context, id, etag string, u vault.Update) (vault.Secret, error)
}

// Issuer lists the credentials of one kind.
type Issuer interface {
	List(ctx context.Context, user string) (credential.Listing, error)
}

// Responder reviews a problem: it does what its record orders.
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

// Sweeper sweeps. Its fields are set once.
type Sweeper struct {
	Config    config.Config
	Inventory Inventory
	Vault     Vault
	Issuers   map[credential.Kind]Issuer
	Responder Responder
	Collector Collector
	Notifier  Notifier
	Directory Directory
	Keeper    Keeper        // nil: nothing is noted, and each sweep mails all that it finds
	Meter     outcome.Meter // nil: nothing is measured
	Clock     rotation.Clock
}

const (
	// workers is how many things are looked at side by side.
	workers = 4
	// period is how far apart two sweeps are meant to be; it turns the time into the number of a sweep.
	period = time.Hour
)

// run is one sweep.
type run struct {
	*Sweeper
	callID string
	start  float64 // where in the ring of hashes this part of the sweep begins, 0 to 1

	mu       sync.Mutex
	digest   outcome.Digest
	troubles troubles
	homes    map[string]*home   // the bound secrets, by credential.Home of their ids
	claims   map[string][]claim // what their journals say of a problem, by its OCID
	reviewed map[string]bool    // the problems that this sweep has reviewed, by their OCIDs
	noted    map[string]notes   // what earlier sweeps reported, by the secret that keeps it
	notebook string             // the secret that keeps the notes about nothing in particular
}

// Run sweeps once, within the context's time. It sends one mail if it did or found something that an earlier sweep has
// not reported, none otherwise. The error says that it could not finish, or could not send the mail: the invocation has
// to count as failed.
func (s *Sweeper) Run(ctx context.Context, callID string) (outcome.Digest, error) {
	r := &run{Sweeper: s, callID: callID, homes: map[string]*home{}, claims: map[string][]claim{},
		reviewed: map[string]bool{}, noted: map[string]notes{}}
	r.digest.CallID, r.digest.Version = callID, version.Version()
	work, cancel := r.reserve(ctx)
	defer cancel()
	r.parts(work)
	r.digest.Unfinished = append(r.digest.Unfinished, r.troubles.findings()...)
	for _, err := range r.troubles.all {
		zerolog.Ctx(ctx).Warn().Err(err).Msg("sweep")
	}
	ctx, early := clock.WithMargin(ctx)
	defer early()
	news := r.digest // if the notes can't be compared, all of it is news
	r.guarded(ctx, "compare the findings with the notes", func() { news = r.news(ctx) })
	r.digest.Repeated = news.Repeated
	r.digest.Record(zerolog.Ctx(ctx))
	measured := outcome.SendMetrics(ctx, s.Meter, r.digest.Points(s.Clock.Now(), r.troubles.none()))
	defer measured()
	if !news.Empty() {
		if err := s.publish(ctx, news); err != nil {
			return r.digest, fmt.Errorf("sending the mail: %w", err)
		}
	}
	r.guarded(ctx, "keep the notes", func() { r.remember(ctx, news) })
	if err := r.troubles.err(); err != nil {
		return r.digest, fmt.Errorf("the sweep could not finish: %w", err)
	}
	return r.digest, nil
}

// parts are what a sweep does. Each gets an equal share of the time that those before it have left, and its own start
// in the ring, so that none starves, whatever the others need.
func (r *run) parts(ctx context.Context) {
	all := []struct {
		doing string
		do    func(context.Context)
	}{
		{"go through the secrets", r.secrets},
		{"review the problems that journals name", r.duties},
		{"review closed problems", r.problems},
		{"make room in secrets", r.prunes},
		{"look for credentials without a value", r.orphans},
	}
	for i, part := range all {
		share, cancel := r.share(ctx, len(all)-i)
		r.start = begin(r.Clock.Now(), i)
		if err := background.Run(func() error { part.do(share); return nil }); err != nil {
			r.failed(ctx, part.doing, "", err)
		}
		cancel()
	}
}

// share gives one part in n of the time that is left.
func (r *run) share(ctx context.Context, n int) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return context.WithCancel(ctx)
	}
	now := r.Clock.Now()
	return context.WithDeadline(ctx, now.Add(deadline.Sub(now)/time.Duration(n)))
}

// guarded does something without which the mail can be sent.
func (r *run) guarded(ctx context.Context, doing string, do func()) {
	if err := background.Run(func() error { do(); return nil }); err != nil {
		zerolog.Ctx(ctx).Error().Err(err).Msg("sweep: could not " + doing)
	}
}

// publish tries twice: a mail that comes twice is better than none.
func (s *Sweeper) publish(ctx context.Context, d outcome.Digest) error {
	err := s.Notifier.Publish(ctx, s.Config.Topic, d.Title(), d.Body())
	if err != nil && ctx.Err() == nil {
		err = s.Notifier.Publish(ctx, s.Config.Topic, d.Title(), d.Body())
	}
	return err
}

// reserve keeps a quarter of the time, ten seconds at most, for the mail.
func (r *run) reserve(ctx context.Context) (context.Context, context.CancelFunc) {
	return clock.WithReserve(ctx, r.Clock.Now(), 10*time.Second)
}

// begin is where a part of this hour's sweep starts in the ring of hashes. Steps of the golden ratio come near every
// place soon and evenly, so that what a deadline cuts off is not the same every time; nothing has to be remembered for
// it.
func begin(now time.Time, part int) float64 {
	_, f := math.Modf(float64(now.Unix()/int64(period/time.Second))*math.Phi + float64(part)*math.Sqrt2)
	return f
}

// place is where an id stands in the ring, 0 to 1. FNV-1a, multiplied once more, since ids differ in their last
// characters only, which hardly reach its upper bits.
func place(id string) float64 {
	h := uint64(14695981039346656037)
	for i := range len(id) {
		h = (h ^ uint64(id[i])) * 1099511628211
	}
	h *= 0x9e3779b97f4a7c15
	return float64(h>>11) / (1 << 53)
}

// list is a list of ids.
type list struct {
	doing string // what can't be done if it can't be read: "list the users"
	// read returns one page and the token of the next one; see Inventory.
	read func(page string) (ids []string, next string, err error)
}

// page reads one page. A panic is a page that can't be read.
func (l list) page(token string) (ids []string, next string, err error) {
	err = background.Run(func() (err error) { ids, next, err = l.read(token); return err })
	return ids, next, err
}

// ring handles everything that the lists name, in the order of the ring from this sweep's start on, a few in parallel.
// Of each page it keeps the ids alone (some 100 bytes each). A failure of one doesn't keep the others from being
// handled, nor does a page that can't be read, which ends its list and no other. doing says what each does.
func (r *run) ring(ctx context.Context, lists []list, doing string, each func(context.Context, string) error) {
	var ids []string
	for _, l := range lists {
		for page, more := "", true; more; more = page != "" {
			some, next, err := l.page(page)
			ids = append(ids, some...)
			if page = next; err != nil {
				page = ""
				r.failed(ctx, l.doing, "", err)
			}
		}
	}
	slices.SortFunc(ids, func(a, b string) int { return cmp.Compare(r.distance(a), r.distance(b)) })
	group := background.Group{Limit: workers}
	for _, id := range ids {
		if ctx.Err() != nil {
			break
		}
		group.Do(func() { r.item(ctx, doing, id, each) })
	}
	group.Join()
	if ctx.Err() != nil {
		r.failed(ctx, doing, "", ctx.Err())
	}
}

// failed takes note of something that could not be done, with the thing that it could not be done to.
func (r *run) failed(ctx context.Context, doing, thing string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if ctx.Err() != nil {
		err = ctx.Err() // whatever fails after the end, fails for that
	}
	r.troubles.add(doing, thing, err)
}

// item handles one thing. A panic over it is its failure: it is reported with its id, and the others are handled.
func (r *run) item(ctx context.Context, doing, id string, each func(context.Context, string) error) {
	if ctx.Err() != nil { // the time ran out while it waited for its turn
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

// distance is how far an id stands behind the start of this sweep.
func (r *run) distance(id string) float64 {
	d := place(id) - r.start
	if d < 0 {
		d++
	}
	return d
}

// add takes an outcome into the digest, unless nothing had to be done.
func (r *run) add(o outcome.Outcome) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.digest.Looked++
	if o.Mailed() && o.Status != outcome.Already {
		r.digest.Outcomes = append(r.digest.Outcomes, o)
	}
}
