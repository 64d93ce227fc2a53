// Package clock has the machine's clock, and contexts that end before their parent to leave time for further work.
// Packages that wait take the clock as an interface, so that tests can set the time.
package clock

import (
	"context"
	"time"
)

// System is the machine's clock.
type System struct{}

// Now returns the current time.
func (System) Now() time.Time { return time.Now() }

// Sleep waits for d. It returns the context's error if that ends first.
func (System) Sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// Margin is how long before the deadline of an invocation its last call must end. An answer at the deadline is too
// late.
const Margin = time.Second / 2

// WithMargin returns a context that ends Margin before its parent does.
func WithMargin(ctx context.Context) (context.Context, context.CancelFunc) {
	if deadline, ok := ctx.Deadline(); ok {
		return context.WithDeadline(ctx, deadline.Add(-Margin))
	}
	return context.WithCancel(ctx)
}

// WithReserve returns a context that ends before its parent does: by a quarter of the time that is left at now, but by
// no more than most.
func WithReserve(ctx context.Context, now time.Time, most time.Duration) (context.Context, context.CancelFunc) {
	if deadline, ok := ctx.Deadline(); ok {
		return context.WithDeadline(ctx, deadline.Add(-min(deadline.Sub(now)/4, most)))
	}
	return context.WithCancel(ctx)
}
