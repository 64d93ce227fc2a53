package main

import (
	"context"
	"time"
)

// otherSecond waits until the person's problem can be closed in a second in which it never was: a password has no id,
// and that second stands for it.
func (r *run) otherSecond(ctx context.Context, p *person) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for p.seconds[r.now().Unix()] {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	p.seconds[r.now().Unix()] = true
	return nil
}
