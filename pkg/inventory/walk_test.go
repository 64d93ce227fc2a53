package inventory

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
)

var (
	noon      = time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	errBroken = errors.New("broken")
	denied    = fault.New(fault.Denied, "ListUsers", "")
	throttled = fault.New(fault.Throttled, "ListUsers", "")
)

// fakeClock stands still, and counts pauses.
type fakeClock struct{ slept []time.Duration }

func (*fakeClock) Now() time.Time { return noon }
func (c *fakeClock) Sleep(ctx context.Context, pause time.Duration) error {
	c.slept = append(c.slept, pause)
	return ctx.Err()
}

// fakeList is a list of users with pages of the given size.
type fakeList struct {
	ids    []string
	size   int
	calls  int
	before func(*fakeList) error // is called before each answer
}

func (l *fakeList) read(start, most int) (credential.Page, error) {
	l.calls++
	if l.before != nil {
		err := l.before(l)
		if err != nil {
			return credential.Page{}, err
		}
	}
	from := min(start-1, len(l.ids))
	p := credential.Page{Total: len(l.ids), At: noon}
	for _, id := range l.ids[from:min(from+most, from+l.size, len(l.ids))] {
		p.Users = append(p.Users, credential.User{ID: id})
	}
	p.Entries = len(p.Users)
	return p, nil
}

// walked reads the list, and returns how often each entry was read.
func (l *fakeList) walked(t *testing.T, start float64) (map[string]int, error) {
	t.Helper()
	seen := map[string]int{}
	w := walk{clock: &fakeClock{}, start: start, read: l.read, each: func(p credential.Page) {
		if l.calls > 10_000 {
			t.Fatal("the list has no end")
		}
		for _, u := range p.Users {
			seen[u.ID]++
		}
	}}
	err := w.all(t.Context())
	return seen, err
}

func most(seen map[string]int) int { return slices.Max(append(slices.Collect(maps.Values(seen)), 0)) }

func TestEachEntryOfAListIsReadOnceFromAnyStartInPagesOfAnySize(t *testing.T) {
	for _, n := range []int{0, 1, 2, 7, 1000, 1001, 2500} {
		for _, size := range []int{1, 3, 1000} {
			if n > 100*size {
				continue
			}
			for hour := range 20 {
				l := &fakeList{ids: manyIDs(n), size: size}
				start := 0.0
				if hour > 0 {
					start = StartAt(time.Unix(int64(hour)*3600, 0), 4)
				}
				seen, err := l.walked(t, start)
				if err != nil || len(seen) != n || most(seen) > 1 {
					t.Errorf("hour %d, pages of %d: %d of %d were read (%v)", hour, size, len(seen), n, err)
				}
				if most := n/size + 4; l.calls > most || start == 0 && l.calls > max(1, (n+size-1)/size) {
					t.Errorf("hour %d, pages of %d: %d calls for %d entries", hour, size, l.calls, n)
				}
			}
		}
	}
}

func TestADeadlineCutsOffOtherPagesOfAListEveryTime(t *testing.T) {
	const pages, room = 50, 12
	left := map[string]bool{}
	for _, id := range manyIDs(pages * 10) {
		left[id] = true
	}
	for hour := 0; len(left) > 0; hour++ {
		if hour == 40 {
			t.Fatalf("%d entries were never read", len(left))
		}
		l := &fakeList{ids: manyIDs(pages * 10), size: 10, before: func(l *fakeList) error {
			if l.calls > room {
				return errBroken
			}
			return nil
		}}
		seen, err := l.walked(t, StartAt(time.Unix(1_790_000_000+int64(hour)*3600, 0), 4))
		if err == nil {
			t.Fatal("a list that was cut off counts as read")
		}
		for id := range seen {
			delete(left, id)
		}
	}
}

func TestAListThatChangesWhileItIsReadIsIncompleteOnlyIfItsEndDoesNotFit(t *testing.T) {
	for name, c := range map[string]struct {
		of    func(start int) (have, total int) // entries, when the page that begins there is read
		read  int
		fails bool
	}{
		"nothing changes":      {func(int) (int, int) { return 20, 20 }, 20, false},
		"it becomes shorter":   {func(start int) (int, int) { return 30 - start, 30 - start }, 15, false},
		"it becomes longer":    {func(start int) (int, int) { return min(20+start, 30), min(20+start, 30) }, 30, false},
		"its end is missing":   {func(int) (int, int) { return 19, 20 }, 9, true},
		"all of it is missing": {func(int) (int, int) { return 0, 20 }, 0, true},
	} {
		asked, read := 0, 0
		w := walk{clock: &fakeClock{}, start: 0.5, read: func(start, most int) (credential.Page, error) {
			asked++
			if asked > 100 {
				t.Fatalf("%s: the list has no end", name)
			}
			have, total := c.of(start)
			return credential.Page{Entries: max(0, min(most, 5, have-start+1)), Total: total}, nil
		}, each: func(p credential.Page) { read += p.Entries }}
		err := w.all(t.Context())
		if (err != nil) != c.fails || read != c.read {
			t.Errorf("%s: %d entries were read, want %d (%v)", name, read, c.read, err)
		}
	}
}

// TestEntriesThatStayAreReadOnceThoughOthersComeAndGo reads lists from which entries go, and to which entries come,
// between any two pages.
func TestEntriesThatStayAreReadOnceThoughOthersComeAndGo(t *testing.T) {
	for name, c := range map[string]struct {
		change func(ids []string) []string
		fails  bool
	}{
		"the first goes":             {func(ids []string) []string { return ids[1:] }, false},
		"three in the middle go":     {func(ids []string) []string { return slices.Delete(ids, 20, 23) }, false},
		"the last goes":              {func(ids []string) []string { return ids[:len(ids)-1] }, false},
		"one comes first":            {func(ids []string) []string { return append([]string{"new"}, ids...) }, false},
		"one comes last":             {func(ids []string) []string { return append(ids, "new") }, false},
		"more go than a page has":    {func(ids []string) []string { return ids[12:] }, true},
		"all but half a page go":     {func(ids []string) []string { return ids[:5] }, true},
		"entries go again and again": {nil, true},
	} {
		for at := 2; at < 8; at++ {
			l := &fakeList{ids: manyIDs(60), size: 10}
			l.before = func(l *fakeList) error {
				switch {
				case c.change == nil && l.calls%2 == 0:
					l.ids = l.ids[:40]
				case c.change == nil:
					l.ids = manyIDs(50)
				case l.calls == at:
					l.ids = c.change(slices.Clone(l.ids))
				}
				return nil
			}
			seen, err := l.walked(t, 0)
			if at > 6 && c.change != nil { // the list has six pages
				if err != nil || len(seen) != 60 {
					t.Errorf("%s after the end: %v", name, err)
				}
				continue
			}
			if (err != nil) != c.fails {
				t.Errorf("%s before call %d: %v", name, at, err)
			}
			for _, id := range l.ids {
				if n := seen[id]; !c.fails && id != "new" && n != 1 {
					t.Errorf("%s before call %d: %s was read %d times", name, at, id, n)
				}
			}
		}
	}
}

func TestEntriesThatCannotBeReadAreAFailure(t *testing.T) {
	handled := 0
	w := walk{clock: &fakeClock{}, read: func(int, int) (credential.Page, error) {
		return credential.Page{Held: []credential.Held{{}}, Entries: 2, Unreadable: 1, Total: 2}, nil
	}, each: func(p credential.Page) { handled += len(p.Held) }}
	err := w.all(t.Context())
	if err == nil || handled != 1 || !strings.Contains(fault.Plain(err), "without a user") {
		t.Errorf("handled %d, %v", handled, err)
	}
}

func TestAServiceThatHasHadTooManyCallsIsAskedTwentyTimes(t *testing.T) {
	for name, c := range map[string]struct {
		err   error
		until int // from this call on, it answers
		calls int
		fails bool
	}{
		"at once":              {throttled, 1, 1, false},
		"after five":           {throttled, 6, 6, false},
		"at last":              {throttled, 20, 20, false},
		"never":                {throttled, 1000, 20, true},
		"another failure":      {denied, 1000, 1, true},
		"an unknown failure":   {errBroken, 1000, 1, true},
		"wrapped, after three": {fmt.Errorf("listing: %w", throttled), 4, 4, false},
	} {
		clock, calls := &fakeClock{}, 0
		err := patiently(t.Context(), clock, func() error {
			calls++
			if calls < c.until {
				return c.err
			}
			return nil
		})
		if calls != c.calls || len(clock.slept) != c.calls-1 || (err != nil) != c.fails ||
			c.fails && !errors.Is(err, c.err) {
			t.Errorf("%s: %d calls and %d pauses, %v", name, calls, len(clock.slept), err)
		}
		for _, pause := range clock.slept {
			if pause != 15*time.Second {
				t.Errorf("%s: a pause of %v", name, pause)
			}
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	calls := 0
	err := patiently(ctx, &fakeClock{}, func() error { calls++; cancel(); return throttled })
	if calls != 1 || !errors.Is(err, throttled) {
		t.Errorf("after the end, %d calls and %v", calls, err)
	}
	if err := patiently(ctx, &fakeClock{}, func() error { calls++; return nil }); calls != 1 || err == nil {
		t.Errorf("without time, %d calls and %v", calls, err)
	}
}
