package inventory

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/keyturn/keyturn/pkg/background"
	"github.com/keyturn/keyturn/pkg/cloudguard"
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/vault"
)

// Reader reads a whole tenancy. Set its fields before use. It keeps nothing between two readings.
type Reader struct {
	Source Source
	Clock  Clock
	// Start is where the reading of users and credentials starts, see UserReader. 0: at the beginning.
	Start float64
	// Kinds are the kinds of credential to read. nil: credential.Kinds, those that Keyturn rotates.
	Kinds []credential.Kind
	// DefaultBySCIM says that the classic IAM API isn't read in place of a Default domain that isn't configured.
	DefaultBySCIM bool
	// Since is the time since which the problems to read were detected. Zero: the last 180 days.
	Since time.Time
	// Workers is how many users, compartments or problems are read in parallel. 0: 4.
	Workers int
}

// retention is how far back problems are read. A problem that is still open is detected again and again.
const retention = 180 * 24 * time.Hour

// Read reads what v asks for within the context's time, and returns what couldn't be read: in a fixed order, with one
// Gap for things that failed for the same cause, except for the first few. Without gaps, everything was read. It
// returns after the last call of a function of v.
func (r *Reader) Read(ctx context.Context, v Visitor) []Gap {
	parts := reading{Reader: r, gaps: gaps{of: map[string]*sameGap{}, answered: map[string]bool{}}}
	users := UserReader{Source: counted{r.Source, &parts.gaps}, Clock: r.Clock, Start: r.Start,
		DefaultBySCIM: r.DefaultBySCIM, Workers: r.Workers, Gap: parts.gaps.add}
	if r.Kinds != nil {
		users.Kinds = func(credential.Domain) []credential.Kind { return r.Kinds }
	}
	if v.User != nil {
		var one sync.Mutex
		users.User = func(_ context.Context, d credential.Domain, u credential.User) {
			one.Lock()
			defer one.Unlock()
			v.User(d, u)
		}
	}
	if v.Credential != nil {
		var one sync.Mutex
		users.Credential = func(_ context.Context, e Entry) {
			one.Lock()
			defer one.Unlock()
			v.Credential(e)
		}
	}
	if v.Secret != nil || v.Problem != nil {
		parts.beforeUsers(ctx, v)
	}
	if v.Domain != nil || v.User != nil || v.Credential != nil {
		domains := users.Domains(ctx)
		parts.guard(Gap{Doing: DoingDomains}, func() {
			for _, d := range domains {
				if v.Domain != nil {
					v.Domain(d)
				}
			}
		})
		users.Read(ctx, domains)
	}
	return parts.gaps.all()
}

// reading is one reading of a tenancy.
type reading struct {
	*Reader
	gaps gaps
}

// beforeUsers reads the secrets and the problems, in half of the time if users follow.
func (r *reading) beforeUsers(ctx context.Context, v Visitor) {
	n := 1
	if v.User != nil || v.Credential != nil {
		n = 2
	}
	share, cancel := Share(ctx, r.Clock.Now(), n)
	defer cancel()
	group := background.Group{}
	if v.Secret != nil {
		group.Do(func() { r.secrets(share, v.Secret) })
	}
	if v.Problem != nil {
		group.Do(func() { r.problems(share, v.Problem) })
	}
	group.Join()
}

// guard calls f. Its panic becomes the gap.
func (r *reading) guard(g Gap, f func()) {
	err := background.Run(func() error { f(); return nil })
	if err != nil {
		g.Err = err
		r.gaps.add(g)
	}
}

// each calls do for each thing, a few in parallel. The functions end with their context.
func each[T any](workers int, all []T, do func(T)) {
	group := background.Group{Limit: workers}
	for _, one := range all {
		group.Do(func() { do(one) })
	}
	group.Join()
}

func (r *reading) workers() int { return cmp.Or(r.Workers, workers) }

// listed calls a list that isn't paged. A panic is an error.
func listed[T any](ctx context.Context, clock Clock, list func(context.Context) ([]T, error)) (all []T, err error) {
	err = background.Run(func() error {
		return patiently(ctx, clock, func() (err error) {
			all, err = list(ctx)
			return err
		})
	})
	return all, err
}

// secrets reads the secrets of all compartments in all regions.
func (r *reading) secrets(ctx context.Context, visit func(string, vault.Secret)) {
	regions, err := listed(ctx, r.Clock, r.Source.Regions)
	if err != nil {
		r.gaps.add(Gap{Doing: "list the regions", Err: err})
	}
	compartments, err := listed(ctx, r.Clock, r.Source.Compartments)
	if err != nil {
		r.gaps.add(Gap{Doing: "list the compartments", Err: err})
	}
	var one sync.Mutex
	each(domainsAtOnce, regions, func(region string) {
		r.region(ctx, region, compartments, func(some []vault.Secret) {
			one.Lock()
			defer one.Unlock()
			for _, s := range some {
				visit(region, s)
			}
		})
	})
}

// maxSilent is how many compartments of a region may stay without an answer before the others aren't asked.
const maxSilent = 8

// region reads the secrets of a region. If no compartment could be read, the gap is about all of them.
func (r *reading) region(ctx context.Context, region string, compartments []string, visit func([]vault.Secret)) {
	var mu sync.Mutex
	var failed []Gap
	answered := false
	ask := func(compartment string) (ok bool, err error) {
		mu.Lock()
		silent := !answered && len(failed) >= maxSilent
		mu.Unlock()
		if silent {
			return false, errSilent
		}
		err = pages(func(page string) (some []vault.Secret, next string, err error) {
			err = patiently(ctx, r.Clock, func() (err error) {
				some, next, err = r.Source.SecretsIn(ctx, region, compartment, page)
				return err
			})
			ok = ok || err == nil
			return some, next, err
		}, visit)
		return ok, err
	}
	each(r.workers(), compartments, func(compartment string) {
		ok, err := ask(compartment)
		mu.Lock()
		defer mu.Unlock()
		answered = answered || ok
		if err != nil {
			failed = append(failed, Gap{Doing: doingSecrets, Region: region, Thing: compartment, Err: err})
		}
	})
	switch {
	case len(failed) > 0 && ctx.Err() != nil:
		r.gaps.add(Gap{Doing: doingSecrets, Region: region, Err: ctx.Err()})
	case !answered && len(failed) > 0:
		r.gaps.add(Gap{Doing: doingSecrets, Region: region, Err: failed[0].Err})
	default:
		for _, g := range failed {
			r.gaps.add(g)
		}
	}
}

const doingSecrets = "list the secrets"

// problems reads the open problems, and then the closed ones. One that is closed meanwhile may come twice.
func (r *reading) problems(ctx context.Context, visit func(cloudguard.Problem)) {
	since := r.Since
	if since.IsZero() {
		since = r.Clock.Now().Add(-retention)
	}
	var one sync.Mutex
	read := func(id string) {
		var p cloudguard.Problem
		err := background.Run(func() error {
			err := patiently(ctx, r.Clock, func() (err error) {
				p, err = r.Source.Problem(ctx, id)
				return err
			})
			if err != nil {
				return err
			}
			one.Lock()
			defer one.Unlock()
			visit(p)
			return nil
		})
		if err != nil && ctx.Err() == nil {
			r.gaps.add(Gap{Doing: "read problems", Thing: id, Err: err})
		}
	}
	for _, l := range []struct {
		doing string
		ids   func(context.Context, time.Time, string) ([]string, string, error)
	}{{"list the open problems", r.Source.OpenProblems}, {"list the closed problems", r.Source.ClosedProblems}} {
		err := pages(func(page string) (ids []string, next string, err error) {
			err = patiently(ctx, r.Clock, func() (err error) {
				ids, next, err = l.ids(ctx, since, page)
				return err
			})
			return ids, next, err
		}, func(ids []string) { each(r.workers(), ids, read) })
		err = cmp.Or(err, ctx.Err())
		if err != nil {
			r.gaps.add(Gap{Doing: l.doing, Err: err})
		}
	}
}

// byPlace sorts gaps.
func byPlace(a, b Gap) int {
	return cmp.Or(cmp.Compare(a.Domain.Name, b.Domain.Name), cmp.Compare(a.Domain.ID, b.Domain.ID),
		cmp.Compare(a.Region, b.Region), cmp.Compare(a.Doing, b.Doing), slices.Compare(a.Kinds, b.Kinds),
		cmp.Compare(a.Thing, b.Thing))
}
