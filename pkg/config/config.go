// Package config reads the function's configuration: once, at start, from one
// list of environment variables, and all or nothing.
//
// Call [Read] with os.Environ and hand the [Config] on; nothing else in the
// project looks at the environment for settings. Every fault of the environment
// is in one [*Error], because each correction of a deployed function costs a
// deployment. [Table] prints the documentation of the keys.
//
// It is not for secrets: no key has a secret value, and values appear in errors.
package config

import (
	"time"
)

// Binding says what to do with a Vault secret that isn't bound to a user.
type Binding string

// The two bindings. A secret that is bound to somebody else is refused by both.
const (
	BindingRequire Binding = "require" // refuse it
	BindingWarn    Binding = "warn"    // write to it, and say so
)

// ProveMode says whether a new credential must have worked once before the old
// one goes.
type ProveMode string

// The modes of proving.
const (
	ProveRequire ProveMode = "require" // without proof the old one stays
	ProveTry     ProveMode = "try"     // only a rejected credential counts as unproven
	ProveOff     ProveMode = "off"     // no proof is tried
)

// BareClosure says what a closure comment without any instruction does.
type BareClosure string

// The answers to a bare closure.
const (
	BareRefuse BareClosure = "refuse" // rotate nothing, except a password, and say what to write
	BareRotate BareClosure = "rotate" // rotate into the secret that is bound
)

// Config is the whole configuration. The zero value isn't usable: its words are
// empty; [Read] fills them.
type Config struct {
	// Topic is the OCID of the Notifications topic; its region part says where it
	// is. Always set.
	Topic string
	// EventCheck says that Cloud Guard's own record of the problem must confirm the
	// event. Default true.
	EventCheck bool
	// SecretBinding is BindingRequire by default.
	SecretBinding Binding
	// BareClosure is BareRefuse by default.
	BareClosure BareClosure
	// ProtectedUsers are the users that are never touched: OCIDs, and names in
	// which '*' stands for any characters. Ask [Config.Protects].
	ProtectedUsers []string
	// Grace is how long an old credential stays beside the new one, 0 to 90 days.
	// Default 0.
	Grace time.Duration
	// Prove is ProveRequire by default.
	Prove ProveMode
	// DryRun says that nothing is changed. Default false.
	DryRun bool
	// RSABits is the size of new API keys: 2048 (default), 3072 or 4096.
	RSABits int
	// LogLevel is one of zerolog's names: trace, debug, info (default), warn, error.
	LogLevel string
	// Metrics says that figures go to Monitoring. Default true.
	Metrics bool
	// SweepDays is for how many days the sweep looks back for closed problems, 1 to 90.
	// Default 7.
	SweepDays int
	// SecretCompartments are the OCIDs of the compartments, or the tenancy, in which
	// secrets are looked for by their tags. Default none.
	SecretCompartments []string
}

// Protects reports whether the user with this OCID or name is never to be
// touched. Names match regardless of case, OCIDs as a whole. Pass "" for a name
// that isn't known: then only OCIDs and the pattern "*" can match, so a caller
// that failed to look the name up must take the user for protected.
func (c Config) Protects(ocid, name string) bool {
	for _, p := range c.ProtectedUsers {
		if isOCID(p) && equalFold(p, ocid) || !isOCID(p) && matches(fold(p), fold(name)) {
			return true
		}
	}
	return false
}
