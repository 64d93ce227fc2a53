package metric

import (
	"context"
	"errors"
	"time"

	"github.com/rs/zerolog"
)

// Meter keeps measured values.
type Meter interface {
	Post(ctx context.Context, points []Point) error
}

// Patience is how long Beside's values are waited for after all else is done: a figure is not worth more.
const Patience = time.Second

// Beside sends points while the caller does something that matters, and returns the function that waits for them, for
// Patience at most and not beyond the context's end. That they could not be sent is a line in the log, and nothing
// else. Without a meter it does nothing.
func Beside(ctx context.Context, m Meter, points []Point) (wait func()) {
	if m == nil || len(points) == 0 {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	sent := make(chan error, 1)
	go func() {
		err := errors.New("a panic") // whose value may be anything
		defer func() { _ = recover(); sent <- err }()
		err = m.Post(ctx, points)
	}()
	return func() {
		defer cancel()
		late := time.NewTimer(Patience)
		defer late.Stop()
		var err error
		select {
		case err = <-sent:
		case <-late.C:
			err = context.DeadlineExceeded
		case <-ctx.Done():
			err = context.Cause(ctx)
		}
		if err != nil {
			zerolog.Ctx(ctx).Warn().Err(err).Msg("metrics were not sent")
		}
	}
}
