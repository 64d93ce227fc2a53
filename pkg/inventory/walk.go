package inventory

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
)

const (
	// pageSize is the most that a domain returns at once.
	pageSize = 1000
	// throttlePause is how long to wait after a service has refused a call, and the repetitions of package oci, because
	// of its limit of calls per minute. throttledTries is how often such a call is made.
	throttlePause  = 15 * time.Second
	throttledTries = 20
	// changes is how often a reading of a list goes back because entries have gone.
	changes = 20
)

var (
	errChanged    = fault.New(fault.Conflict, "list", "the list changed while it was read")
	errUnreadable = fault.New(fault.Unclear, "entries without a user or an id", "")
	errSilent     = fault.New(fault.Unclear, "list", "the others of this region were not answered either")
	errRepeats    = fault.New(fault.Unclear, "list", "the list has no end")
)

// forbidden reports whether a list was refused, and not only for now. A domain may answer 401 to a caller that lacks a
// role, as it does for a while to others.
func forbidden(err error) bool {
	f, ok := errors.AsType[*fault.Error](err)
	if !ok {
		return false
	}
	return f.Status == 401 || slices.Contains([]fault.Class{fault.Denied, fault.Absent, fault.Invalid}, f.Class)
}

// patiently calls f again while a service refuses it because of its limit of calls. It returns the last error.
func patiently(ctx context.Context, clock Clock, f func() error) error {
	for try := 1; ; try++ {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		err := f()
		if err == nil || fault.Of(err) != fault.Throttled || try == throttledTries {
			return err
		}
		slept := clock.Sleep(ctx, throttlePause)
		if slept != nil {
			return err
		}
	}
}

// walk reads a list of a whole domain.
type walk struct {
	clock Clock
	start float64 // where in the list the reading starts, 0 to 1
	read  func(start, most int) (credential.Page, error)
	each  func(credential.Page)

	unreadable int
}

// next reads a page.
func (w *walk) next(ctx context.Context, start, most int) (p credential.Page, err error) {
	err = patiently(ctx, w.clock, func() (err error) {
		p, err = w.read(start, most)
		w.unreadable += p.Unreadable
		return err
	})
	if err == nil && p.Entries == 0 && start <= p.Total {
		err = errChanged
	}
	return p, err
}

// all reads the list from the start to its end, and then from its beginning to the start. The first answer only says
// how long the list is, unless it is needed. See fromStart and whole for a list that changes.
func (w *walk) all(ctx context.Context) error {
	first, err := w.next(ctx, 1, pageSize)
	if err != nil {
		return err
	}
	switch {
	case first.Entries >= first.Total:
		w.each(rotated(first, w.start))
	case w.start == 0:
		err = w.whole(ctx, first)
	default:
		err = w.fromStart(ctx, first.Total)
	}
	switch {
	case err != nil:
		return err
	case ctx.Err() != nil:
		return ctx.Err()
	case w.unreadable > 0:
		return errUnreadable
	}
	return nil
}

// rotated returns a page with the part behind the start first.
func rotated(p credential.Page, start float64) credential.Page {
	n, m := int(start*float64(len(p.Held))), int(start*float64(len(p.Users)))
	p.Held = slices.Concat(p.Held[n:], p.Held[:n])
	p.Users = slices.Concat(p.Users[m:], p.Users[:m])
	return p
}

// fromStart reads a list of that many entries from the start. A list that changes between two pages may lack an entry;
// the next reading has it.
func (w *walk) fromStart(ctx context.Context, total int) error {
	middle := 1 + int(w.start*float64(total))
	for i, leg := range [][2]int{{middle, total + 1}, {1, middle}} {
		for at, end := leg[0], leg[1]; at < end; {
			p, err := w.next(ctx, at, min(pageSize, end-at))
			if err != nil {
				return err
			}
			if p.Entries == 0 { // the list has become shorter
				break
			}
			w.each(p)
			at += p.Entries
			if i == 0 {
				end = p.Total + 1
			}
		}
	}
	return nil
}

// whole reads the rest of a list after its first page. If entries have gone, others may have moved into the place of
// entries that were already read: then it reads that part again. Entries of the page before are not passed on twice. It
// returns errChanged if an entry may be missing.
func (w *walk) whole(ctx context.Context, p credential.Page) error {
	var seen map[string]bool // entries of the page before
	var missing error
	before, at, total := 1, 1, p.Total
	for again := 0; ; {
		gone := total - p.Total
		total = p.Total
		switch {
		case gone > 0 && at-gone >= before && again < changes:
			at, again = at-gone, again+1
		default:
			if gone > 0 {
				missing = errChanged
			}
			p, seen = unseen(p, seen)
			w.each(p)
			before, at = at, at+p.Entries
		}
		if at > total {
			return missing
		}
		var err error
		p, err = w.next(ctx, at, pageSize)
		if err != nil {
			return err
		}
	}
}

// unseen returns a page without the entries that were seen, and the keys of all its entries.
func unseen(p credential.Page, seen map[string]bool) (credential.Page, map[string]bool) {
	keys := map[string]bool{}
	known := func(key string) bool {
		keys[key] = true
		return seen[key]
	}
	p.Held = slices.DeleteFunc(p.Held, func(h credential.Held) bool { return known(h.User + " " + h.ID) })
	p.Users = slices.DeleteFunc(p.Users, func(u credential.User) bool { return known(u.ID) })
	return p, keys
}
