package outcome

import (
	"context"
	"time"

	"github.com/rs/zerolog"

	"github.com/keyturn/keyturn/pkg/background"
)

// MetricNamespace is the metrics' namespace in OCI Monitoring. Namespaces that begin with oci_ or oracle_ are reserved
// for Oracle.
const MetricNamespace = "keyturn"

// The names of the metrics.
const (
	// MetricRotations counts outcomes: 1 each, by function, kind and outcome.
	MetricRotations = "Rotations"
	// MetricRotationDuration is the time from the event to the outcome in milliseconds, by function, kind and outcome.
	MetricRotationDuration = "RotationDuration"
	// MetricCredentialAge is the age of the old credential in days when it was rotated, by function and kind.
	MetricCredentialAge = "CredentialAge"
	// MetricSweeps counts sweeps: 1 each, by result.
	MetricSweeps = "Sweeps"
	// MetricLostMessages counts messages to other topics than that of SecOps that could not be sent, by function and
	// channel: owner or records.
	MetricLostMessages = "LostMessages"
)

// Point is the value of a metric at one time.
type Point struct {
	Name       string            // of the metric
	Dimensions map[string]string // no value is empty
	Value      float64
	At         time.Time
}

// Meter sends points to OCI Monitoring.
type Meter interface {
	Post(ctx context.Context, points []Point) error
}

// MetricsTimeout is how long the function that SendMetrics returns waits for the points to be sent.
const MetricsTimeout = time.Second

// SendMetrics sends points in the background. The function that it returns waits until they are sent, but no longer
// than MetricsTimeout or the context allows. A failure is only logged. With a nil Meter, SendMetrics does nothing.
func SendMetrics(ctx context.Context, m Meter, points []Point) (wait func()) {
	if m == nil || len(points) == 0 {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	sent := background.Start(func() (struct{}, error) { return struct{}{}, m.Post(ctx, points) })
	return func() {
		defer cancel()
		limited, end := context.WithTimeout(ctx, MetricsTimeout)
		defer end()
		if _, err := sent.Wait(limited); err != nil {
			zerolog.Ctx(ctx).Warn().Err(err).Msg("metrics were not sent")
		}
	}
}
