// Package sweep mends what the world breaks: it looks through a tenancy for what got lost, and lets the same engine
// that answers events finish it.
//
// Use Sweeper.Run. It looks for problems that were closed and whose credential is still there (a lost event), for
// rotations that a secret's journal shows half-way, for old credentials whose grace period is over, for credentials
// with our mark whose value is nowhere, and for secrets that are about to run out of versions. It may be run at any
// time, twice at once, and beside any event: everything that it does is decided from what OCI says at that moment.
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
	"github.com/keyturn/keyturn/pkg/metric"
	"github.com/keyturn/keyturn/pkg/outcome"
	"github.com/keyturn/keyturn/pkg/rotation"
	"github.com/keyturn/keyturn/pkg/secret"
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
	Secrets(ctx context.Context, compartment, page string) (some []secret.Secret, next string, err error)
	Secret(ctx context.Context, id string) (secret.Secret, error)
	Versions(ctx context.Context, id string) ([]secret.Version, error)
	ScheduleDeletion(ctx context.Context, id string, number int64) error
}

// Issuer lists and deletes the credentials of one kind.
type Issuer interface {
	List(ctx context.Context, user string) (credential.Listing, error)
	Delete(ctx context.Context, user, id string) error
}

// Responder finishes what is found.
type Responder interface {
	Review(ctx context.Context, callID string, p cloudguard.Problem) outcome.Outcome
	Resume(ctx context.Context, callID string, ref credential.Ref, targets []rotation.Target, grace time.Duration) outcome.Outcome
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
	Notifier  Notifier
	Meter     metric.Meter // nil: nothing is measured
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
	start  float64 // where in the ring of hashes this sweep begins, 0 to 1
	homes  map[string]*home

	mu     sync.Mutex
	digest outcome.Digest
}

// Run sweeps once, within the context's time. It sends one mail if it did or found something, none otherwise. The
// error says that it could not finish, or could not tell: the invocation has to count as failed.
func (s *Sweeper) Run(ctx context.Context, callID string) (outcome.Digest, error) {
	r := &run{Sweeper: s, callID: callID, homes: map[string]*home{}, start: begin(s.Clock.Now())}
	r.digest.CallID = callID
	work, cancel := r.reserve(ctx)
	defer cancel()
	var stopped error
	for _, part := range []struct {
		name string
		do   func(context.Context) error
	}{{"closed problems", r.problems}, {"secrets", r.secrets}, {"credentials without a value", r.orphans}} {
		if err := background.Run(func() error { return part.do(work) }); err != nil {
			zerolog.Ctx(ctx).Warn().Err(err).Str("part", part.name).Msg("sweep")
			r.digest.Unfinished = append(r.digest.Unfinished, fmt.Sprintf("%s: %v", part.name, err))
			stopped = err
		}
	}
	r.digest.Record(zerolog.Ctx(ctx))
	ctx, early := clock.Early(ctx)
	defer early()
	measured := metric.Beside(ctx, s.Meter, r.digest.Points(s.Clock.Now(), stopped == nil))
	defer measured()
	if !r.digest.Empty() {
		if err := s.publish(ctx, r.digest); err != nil {
			return r.digest, fmt.Errorf("telling SecOps: %w", err)
		}
	}
	if stopped != nil {
		return r.digest, fmt.Errorf("the sweep could not finish: %w", stopped)
	}
	return r.digest, nil
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
	return clock.Reserve(ctx, r.Clock.Now(), 10*time.Second)
}

// begin is where the sweep of this hour starts in the ring of hashes. Steps of the golden ratio come near every place
// soon and evenly, so that what a deadline cuts off is not the same every time; nothing has to be remembered for it.
func begin(now time.Time) float64 {
	_, f := math.Modf(float64(now.Unix()/int64(period/time.Second)) * math.Phi)
	return f
}

// place is where an id stands in the ring, 0 to 1. FNV-1a, whose upper bits are mixed once more, since ids differ in
// their last characters only.
func place(id string) float64 {
	h := uint64(14695981039346656037)
	for i := range len(id) {
		h = (h ^ uint64(id[i])) * 1099511628211
	}
	h ^= h >> 32
	h *= 0x9e3779b97f4a7c15
	return float64(h>>11) / (1 << 53)
}

// list reads one page of a list of ids, and the token of the next page; see Inventory.
type list func(page string) (ids []string, next string, err error)

// ring handles everything that the lists name, in the order of the ring from this sweep's start on, a few side by side.
// Of each page it keeps the ids alone (some 100 bytes each). A failure of one doesn't keep the others from being
// handled, nor does a page that can't be read, which ends its list and no other: the first error is returned.
func (r *run) ring(ctx context.Context, lists []list, each func(context.Context, string) error) error {
	var ids []string
	var first error
	for _, read := range lists {
		for page, more := "", true; more; more = page != "" {
			some, next, err := read(page)
			ids = append(ids, some...)
			if page = next; err != nil {
				first, page = cmp.Or(first, err), ""
			}
		}
	}
	slices.SortFunc(ids, func(a, b string) int { return cmp.Compare(r.distance(a), r.distance(b)) })
	group := background.Group{Limit: workers}
	for _, id := range ids {
		if ctx.Err() != nil {
			break
		}
		group.Go(func() error { return r.item(ctx, id, each) })
	}
	for _, err := range group.Wait() {
		if err != nil {
			zerolog.Ctx(ctx).Warn().Err(err).Msg("sweep")
		}
		first = cmp.Or(first, err)
	}
	if ctx.Err() != nil {
		return fmt.Errorf("the time ran out: %w", context.Cause(ctx))
	}
	return first
}

// item handles one thing. A panic over it is its failure: it is reported with its id, and the others are handled.
func (r *run) item(ctx context.Context, id string, each func(context.Context, string) error) error {
	if ctx.Err() != nil { // the time ran out while it waited for its turn
		return nil
	}
	err := background.Run(func() error { return each(ctx, id) })
	p, ok := errors.AsType[*background.Panic](err)
	if !ok {
		return err
	}
	zerolog.Ctx(ctx).Error().Str("id", id).Str("stack", p.Stack).Err(p).Msg("sweep")
	return fmt.Errorf("handling %s: %w", id, p)
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
	if o.Told() && o.Status != outcome.Already {
		r.digest.Outcomes = append(r.digest.Outcomes, o)
	}
	if o.Status == outcome.Unfinished {
		r.digest.Unfinished = append(r.digest.Unfinished, o.Reason)
	}
}

// problems reviews the problems that were closed in the last days.
func (r *run) problems(ctx context.Context) error {
	since := r.Clock.Now().AddDate(0, 0, -r.Config.SweepDays)
	closed := func(page string) ([]string, string, error) { return r.Inventory.ClosedProblems(ctx, since, page) }
	return r.ring(ctx, []list{closed},
		func(ctx context.Context, id string) error {
			p, err := r.Inventory.Problem(ctx, id)
			if err != nil {
				return fmt.Errorf("reading problem %s: %w", id, err)
			}
			r.add(r.Responder.Review(ctx, r.callID, p))
			return nil
		})
}
