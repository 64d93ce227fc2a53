package clock_test

import (
	"context"
	"testing"
	"time"

	"github.com/keyturn/keyturn/pkg/clock"
)

func TestAQuarterOfTheTimeIsKeptAndNoMoreThanAsked(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct{ left, most, work time.Duration }{
		{20 * time.Second, 8 * time.Second, 15 * time.Second},
		{300 * time.Second, 8 * time.Second, 292 * time.Second},
		{0, 8 * time.Second, 0},
	} {
		parent, cancel := context.WithDeadline(t.Context(), now.Add(c.left))
		work, end := clock.WithReserve(parent, now, c.most)
		if deadline, _ := work.Deadline(); !deadline.Equal(now.Add(c.work)) {
			t.Errorf("of %s, %s at most kept, the work gets %s, want %s", c.left, c.most, deadline.Sub(now), c.work)
		}
		end()
		cancel()
	}
}

func TestWithoutADeadlineNothingIsKept(t *testing.T) {
	for _, made := range []func() (context.Context, context.CancelFunc){
		func() (context.Context, context.CancelFunc) {
			return clock.WithReserve(t.Context(), time.Now(), time.Second)
		},
		func() (context.Context, context.CancelFunc) { return clock.WithMargin(t.Context()) },
	} {
		ctx, cancel := made()
		if _, ok := ctx.Deadline(); ok || ctx.Err() != nil {
			t.Errorf("the context has an end: %v", ctx.Err())
		}
		cancel()
		if ctx.Err() == nil {
			t.Error("cancel doesn't end it")
		}
	}
}
