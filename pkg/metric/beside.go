package metric

import (
	"context"
	"time"

	"github.com/rs/zerolog"

	"github.com/keyturn/keyturn/pkg/background"
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
	sent := background.Start(func() (struct{}, error) { return struct{}{}, m.Post(ctx, points) })
	return func() {
		defer cancel()
		patient, end := context.WithTimeout(ctx, Patience)
		defer end()
		if _, err := sent.Wait(patient); err != nil {
			zerolog.Ctx(ctx).Warn().Err(err).Msg("metrics were not sent")
		}
	}
}
