// Package metric has the measured values that go to OCI Monitoring, and the way to send them without making anybody
// wait. See Beside.
package metric

import "time"

// Namespace is where OCI Monitoring keeps the metrics. Namespaces that begin with oci_ or oracle_ are Oracle's own.
const Namespace = "keyturn"

// The names of the metrics.
const (
	Rotations        = "Rotations"        // outcomes: 1 each, by function, kind and outcome
	RotationDuration = "RotationDuration" // milliseconds from the event to the outcome, by function, kind and outcome
	// days that the old credential had lived when it was rotated, by function and kind
	CredentialAge = "CredentialAge"
	Sweeps        = "Sweeps" // sweeps: 1 each, by result
)

// Point is one value at one time.
type Point struct {
	Name       string
	Dimensions map[string]string // none empty
	Value      float64
	At         time.Time
}
