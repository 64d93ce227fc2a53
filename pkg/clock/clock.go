// Package clock is the time as the machine has it. Whoever waits takes it as an interface, so that tests can move the
// time by hand.
package clock

import (
	"context"
	"time"
)

// System is the machine's clock.
type System struct{}

// Now is the current time.
func (System) Now() time.Time { return time.Now() }

// Sleep waits, or returns the context's error as soon as that ends.
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

// Margin is how long before the end of an invocation its last call has to end: an answer that is ready at the deadline
// comes too late.
const Margin = time.Second / 2

// Early ends Margin before its parent does.
func Early(ctx context.Context) (context.Context, context.CancelFunc) {
	if deadline, ok := ctx.Deadline(); ok {
		return context.WithDeadline(ctx, deadline.Add(-Margin))
	}
	return context.WithCancel(ctx)
}

// Reserve ends before its parent does: a quarter of the time that is left at now, and most at the most, is kept for
// what comes after the work.
func Reserve(ctx context.Context, now time.Time, most time.Duration) (context.Context, context.CancelFunc) {
	if deadline, ok := ctx.Deadline(); ok {
		return context.WithDeadline(ctx, deadline.Add(-min(deadline.Sub(now)/4, most)))
	}
	return context.WithCancel(ctx)
}
