package inventory

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"math"
	"slices"
	"time"

	"github.com/keyturn/keyturn/pkg/background"
)

const (
	// workers is how many things are handled in parallel, unless a field says otherwise.
	workers = 4
	// period is the intended time between two readings that start at StartAt.
	period = time.Hour
)

// StartAt returns the position in the ring of hashes at which a part of this hour's reading starts, 0 to 1. It moves by
// the golden ratio each hour, which covers the ring evenly: a deadline never cuts off the same work every time. No
// state is needed.
func StartAt(now time.Time, part int) float64 {
	_, f := math.Modf(float64(now.Unix()/int64(period/time.Second))*math.Phi + float64(part)*math.Sqrt2)
	return f
}

// position returns an id's position in the ring, 0 to 1. Ids that differ in one character are far apart.
func position(id string) float64 {
	sum := sha256.Sum256([]byte(id))
	return float64(binary.BigEndian.Uint64(sum[:8])>>11) / (1 << 53)
}

// IDs is a list of ids.
type IDs struct {
	Doing string // the operation, for failures: "list the users"
	// Read returns one page and the token of the next one; see UserSource.
	Read func(page string) (ids []string, next string, err error)
}

// Ring handles ids in the order of the ring of hashes from a start, so that each reading that a deadline cuts off
// leaves others undone.
type Ring struct {
	Start float64 // see StartAt
	// Failed gets each operation that failed, and the id that it failed for; "" if it is about all of them. It is
	// called from several goroutines at once. A panic is an error.
	Failed func(ctx context.Context, doing, id string, err error)
}

// Each calls do with every id in the lists, a few in parallel. It keeps only the ids (some 100 bytes each). If one
// fails, the others are still handled. A page that can't be read ends its list, but no other. doing names the
// operation, for failures.
func (r Ring) Each(ctx context.Context, lists []IDs, doing string, do func(context.Context, string) error) {
	var ids []string
	for _, l := range lists {
		err := pages(l.Read, func(some []string) { ids = append(ids, some...) })
		if err != nil {
			r.Failed(ctx, l.Doing, "", err)
		}
	}
	slices.SortFunc(ids, func(a, b string) int { return cmp.Compare(r.distance(a), r.distance(b)) })
	group := background.Group{Limit: workers}
	for _, id := range ids {
		if ctx.Err() != nil {
			break
		}
		group.Do(func() {
			if ctx.Err() != nil { // the time ran out in the queue
				return
			}
			err := background.Run(func() error { return do(ctx, id) })
			if err != nil {
				r.Failed(ctx, doing, id, err)
			}
		})
	}
	group.Join()
	if ctx.Err() != nil {
		r.Failed(ctx, doing, "", ctx.Err())
	}
}

// distance returns how far an id is behind the start in the ring, 0 to 1.
func (r Ring) distance(id string) float64 {
	d := position(id) - r.Start
	if d < 0 {
		d++
	}
	return d
}

// pages reads a list to its end, or to the first page that can't be read. A panic is an error. An answer with an error
// may still have entries.
func pages[T any](read func(page string) ([]T, string, error), each func([]T)) error {
	return background.Run(func() error {
		for page := ""; ; {
			some, next, err := read(page)
			each(some)
			switch {
			case err != nil || next == "":
				return err
			case next == page:
				return errRepeats
			}
			page = next
		}
	})
}

// Share returns a context with 1/n of the time that remains until the context's deadline.
func Share(ctx context.Context, now time.Time, n int) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return context.WithCancel(ctx)
	}
	return context.WithDeadline(ctx, now.Add(deadline.Sub(now)/time.Duration(n)))
}
