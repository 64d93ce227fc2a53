package inventory

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// pagesOf returns a list with pages of the given size.
func pagesOf(ids []string, size int) IDs {
	return IDs{"list the users", func(page string) ([]string, string, error) {
		from := 0
		if page != "" {
			var err error
			from, err = strconv.Atoi(page)
			if err != nil {
				return nil, "", err
			}
		}
		to := min(from+size, len(ids))
		if to == len(ids) {
			return ids[from:to], "", nil
		}
		return ids[from:to], strconv.Itoa(to), nil
	}}
}

// ringOf is a ring that keeps the failures.
type ringOf struct {
	Ring
	mu   sync.Mutex
	errs []error
}

func newRingOf(start float64) *ringOf {
	r := &ringOf{Ring: Ring{Start: start}}
	r.Failed = func(_ context.Context, _, _ string, err error) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.errs = append(r.errs, err)
	}
	return r
}

func (r *ringOf) err() error { return errors.Join(r.errs...) }

func manyIDs(n int) []string {
	ids := make([]string, n)
	for i := range ids {
		ids[i] = fmt.Sprintf("ocid1.user.oc1..aaaaaaaa%05d", i)
	}
	return ids
}

func TestARoundHandlesEveryIDOnce(t *testing.T) {
	ids := manyIDs(1000)
	for hour := range 20 {
		r := newRingOf(StartAt(time.Unix(int64(hour)*3600, 0), 0))
		var mu sync.Mutex
		seen := map[string]int{}
		r.Each(t.Context(), []IDs{pagesOf(ids, 64)}, "read users", func(_ context.Context, id string) error {
			mu.Lock()
			defer mu.Unlock()
			seen[id]++
			return nil
		})
		if err := r.err(); err != nil || len(seen) != len(ids) {
			t.Fatalf("hour %d: %d of %d ids (%v)", hour, len(seen), len(ids), err)
		}
		for id, n := range seen {
			if n != 1 {
				t.Fatalf("hour %d: %s came %d times", hour, id, n)
			}
		}
	}
}

func TestADeadlineCutsOffOthersEveryTime(t *testing.T) {
	ids := manyIDs(1000)
	const room = 200 // how many a sweep gets through before its time is up
	left := map[string]bool{}
	for _, id := range ids {
		left[id] = true
	}
	sweeps := 0
	for ; len(left) > 0; sweeps++ {
		if sweeps == 60 {
			t.Fatalf("%d of %d ids were never reached in %d sweeps, each of which reaches %d", len(left), len(ids),
				sweeps, room)
		}
		r := newRingOf(StartAt(time.Unix(1_790_000_000+int64(sweeps)*3600, 0), 0))
		ctx, cancel := context.WithCancelCause(t.Context())
		var mu sync.Mutex
		done := 0
		r.Each(ctx, []IDs{pagesOf(ids, 50)}, "read users", func(_ context.Context, id string) error {
			mu.Lock()
			defer mu.Unlock()
			if done == room {
				cancel(errors.New("out of time"))
				return nil
			}
			done++
			delete(left, id)
			return nil
		})
		cancel(nil)
		if r.err() == nil {
			t.Fatal("a sweep that was cut off says that it finished")
		}
	}
	t.Logf("all reached after %d sweeps", sweeps)
}

func TestAFailureOfOneIDStopsNoOther(t *testing.T) {
	ids := manyIDs(100)
	broken := errors.New("broken")
	var mu sync.Mutex
	n := 0
	r := newRingOf(0.5)
	r.Each(t.Context(), []IDs{pagesOf(ids, 10)}, "read users", func(_ context.Context, id string) error {
		mu.Lock()
		defer mu.Unlock()
		n++
		if id == ids[3] {
			return broken
		}
		return nil
	})
	if err := r.err(); !errors.Is(err, broken) || n != len(ids) {
		t.Errorf("handled %d of %d, %v", n, len(ids), err)
	}
}

func TestTheStartStepsByTheGoldenRatioEachHour(t *testing.T) {
	full := time.Unix(1_790_000_000, 0).Truncate(time.Hour)
	for hour := range 50 {
		now := full.Add(time.Duration(hour) * time.Hour)
		at, next := StartAt(now, 1), StartAt(now.Add(time.Hour), 1)
		if _, step := math.Modf(next - at + 1); math.Abs(step-(math.Phi-1)) > 1e-6 {
			t.Errorf("hour %d: the step is %v", hour, step)
		}
		if later := StartAt(now.Add(time.Hour-1), 1); later != at {
			t.Errorf("hour %d begins at %v and ends at %v", hour, at, later)
		}
	}
}

func TestThePartsOfOneSweepStartASixthOfTheRingApart(t *testing.T) {
	var at []float64
	for part := range 5 {
		at = append(at, StartAt(time.Unix(1_790_000_000, 0), part))
	}
	slices.Sort(at)
	if at[0] < 0 || at[4] >= 1 {
		t.Errorf("the starts are %v", at)
	}
	for i, a := range append(at[1:], at[0]+1) {
		if gap := a - at[i]; gap < 1.0/6 {
			t.Errorf("the starts are %v, two of them %v apart", at, gap)
		}
	}
}

func TestIDsThatDifferInTheirLastCharactersOnlyFillTheRingEvenly(t *testing.T) {
	const parts = 32
	begin := "ocid1.user.oc1.." + strings.Repeat("a", 54)
	families := map[string][]string{"digits": manyIDs(100 * parts)}
	for n := range 100 * parts {
		text := strconv.FormatInt(int64(1<<25+n), 32)
		families["in base 32"] = append(families["in base 32"], begin+text)
		sum := sha256.Sum256([]byte(text))
		hashed := hex.EncodeToString(sum[:])
		families["hashes"] = append(families["hashes"], begin+hashed[:6])
	}
	for name, ids := range families {
		var in [parts]int
		for _, id := range ids {
			in[int(position(id)*parts)]++
		}
		for i, n := range in {
			if n < 65 || n > 135 {
				t.Errorf("%s: part %d of %d of the ring has %d of %d ids", name, i, parts, n, len(ids))
			}
		}
	}
}

func TestEachCharacterOfAnIDCountsForItsPlace(t *testing.T) {
	id := "ocid1.user.oc1.." + strings.Repeat("a", 60)
	for i := range id {
		if other := id[:i] + "b" + id[i+1:]; position(other) == position(id) {
			t.Errorf("%s stands where %s does", other, id)
		}
	}
}

func TestTheIDAtTheStartComesFirst(t *testing.T) {
	for _, id := range manyIDs(100) {
		if d := (Ring{Start: position(id)}).distance(id); d != 0 {
			t.Errorf("%s stands %v behind its own place", id, d)
		}
	}
}

func TestAPageThatCantBeReadEndsItsList(t *testing.T) {
	asked := 0
	endless := IDs{"list the users", func(string) ([]string, string, error) {
		asked++
		if asked > 2 {
			return nil, "", nil
		}
		return []string{"x"}, "more", errBroken
	}}
	r, handled := newRingOf(0), 0
	r.Each(t.Context(), []IDs{endless}, "read users", func(context.Context, string) error { handled++; return nil })
	if err := r.err(); asked != 1 || handled != 1 || !errors.Is(err, errBroken) {
		t.Errorf("asked %d times, handled %d, %v", asked, handled, err)
	}
}
