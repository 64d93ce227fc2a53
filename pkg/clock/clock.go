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
