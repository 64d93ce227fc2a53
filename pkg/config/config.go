// Package config reads the function's configuration from environment variables, once, at start.
//
// Call [Read] with os.Environ. No other package reads settings from the environment. [Read] reports all faults in one
// [*Error], since each correction of a deployed function costs a deployment. [Table] prints the documentation of the
// keys.
//
// It is not for secrets: values appear in errors.
package config

import (
	"slices"
	"strings"
	"time"
)

// Binding says what to do with a Vault secret that isn't bound to a user.
type Binding string

// The two bindings. Both refuse a secret that is bound to another user.
const (
	BindingRequire Binding = "require" // refuse it
	BindingWarn    Binding = "warn"    // write to it, and note that in the mail
)

// ProveMode says whether a new credential must be proven before the old one is deleted.
type ProveMode string

// The modes of proving.
const (
	ProveRequire ProveMode = "require" // without proof the old credential stays
	ProveTry     ProveMode = "try"     // only a rejected credential counts as unproven
	ProveOff     ProveMode = "off"     // no proof
)

// BareClosure says what a closure comment without an instruction does.
type BareClosure string

// The effects of a bare closure.
const (
	BareRefuse BareClosure = "refuse" // rotate only a password; otherwise the mail has the comment to write
	BareRotate BareClosure = "rotate" // rotate into the bound secret
)

// Config is the whole configuration. The zero value isn't usable: use [Read].
type Config struct {
	// Topic is the OCID of the Notifications topic, in any region. Always set.
	Topic string
	// EventCheck says whether Cloud Guard's record of the problem must confirm the event. Default true.
	EventCheck bool
	// SecretBinding is BindingRequire by default.
	SecretBinding Binding
	// BareClosure is BareRefuse by default.
	BareClosure BareClosure
	// ProtectedUsers are the users whose credentials are never changed: OCIDs, and names in which '*' matches any
	// characters. A user of another identity domain than Default has the name <domain>/<name>. Use [Config.Protects].
	ProtectedUsers []string
	// Grace is how long an old credential stays alongside the new one, 0 to 90 days. Default 0.
	Grace time.Duration
	// Prove is ProveRequire by default.
	Prove ProveMode
	// DryRun says whether nothing is changed. Default false.
	DryRun bool
	// RSABits is the size of new API keys: 2048 (default), 3072 or 4096.
	RSABits int
	// LogLevel is one of zerolog's names: trace, debug, info (default), warn, error.
	LogLevel string
	// Metrics says whether metrics are sent to Monitoring. Default true.
	Metrics bool
	// SweepDays is how many days the sweep looks back for closed problems, 1 to 90. Default 7.
	SweepDays int
	// SecretCompartments are the OCIDs of the compartments, or of the tenancy, in which secrets are searched by their
	// tags. Default none.
	SecretCompartments []string
	// IdentityDomains names the identity domains whose users' credentials are rotated in addition to those of the
	// Default domain: OCIDs of domains, OCIDs of compartments or of the tenancy for all domains in them, and
	// [AllDomains]. Default none.
	IdentityDomains []string
	// MaximumAge is how old a credential of a user of one of IdentityDomains other than Default may be before the sweep
	// reports it, up to 3650 days; 0: none is reported. Default 90 days.
	MaximumAge time.Duration
	// DefaultBySCIM says whether the credentials of users of the Default domain, too, are handled by the domain's own
	// API. It must be among IdentityDomains. Default false.
	DefaultBySCIM bool
	// OwnerTopics are the topics that the tag topic of a secret may name: OCIDs of topics, and of compartments for all
	// topics directly in them. Default none.
	OwnerTopics []string
	// RecordsTopic is the OCID of the topic that gets each outcome's record as JSON. Default none.
	RecordsTopic string
	// ReportBucket is the bucket that the sweep writes its report to, as <namespace>/<bucket>. Default none.
	ReportBucket string
}

// Bucket returns the two parts of ReportBucket; both are empty if there is none.
func (c Config) Bucket() (namespace, name string) {
	namespace, name, _ = strings.Cut(c.ReportBucket, "/")
	return namespace, name
}

// AllDomains is the item of IdentityDomains for all domains in the tenancy's root compartment.
const AllDomains = "all"

// IsDomain reports whether an item of IdentityDomains is the OCID of a domain.
func IsDomain(item string) bool { return strings.HasPrefix(item, "ocid1.domain.") }

// Protects reports whether the user with this OCID or name is protected. Case does not matter. With an empty name only
// OCIDs and the pattern "*" can match: a caller that could not look up the name must treat the user as protected.
func (c Config) Protects(ocid, name string) bool {
	return slices.ContainsFunc(c.ProtectedUsers, func(p string) bool {
		if isOCID(p) {
			return strings.EqualFold(p, ocid)
		}
		return matches(strings.ToLower(p), strings.ToLower(name))
	})
}
