// Package vault describes a Vault secret, its versions, and a change to it, as far as a rotation needs them. It
// holds no client: pkg/oci reads and writes what is described here.
package vault

import (
	"time"

	"github.com/keyturn/keyturn/pkg/credential"
)

// Secret is a Vault secret without its contents.
type Secret struct {
	ID, Name, Compartment string
	Vault                 string // OCID of the vault that it is in
	Region                string // identifier of its region, e.g. us-ashburn-1; empty if its OCID doesn't say
	ETag                  string
	State                 string // lifecycle state as OCI writes it: ACTIVE, UPDATING, PENDING_DELETION, ...
	Replica               bool   // a read-only copy of a secret in another region
	Current               int64  // number of the CURRENT version
	Metadata              Metadata
	Freeform              map[string]string
	Defined               map[string]map[string]any
	At                    time.Time // the server's clock when it answered
}

// The lifecycle states that matter.
const (
	Active   = "ACTIVE"
	Updating = "UPDATING"
)

// Version is a version of a secret without its content.
type Version struct {
	Number   int64
	Name     string
	Current  bool
	Pending  bool
	Previous bool // PREVIOUS: it was CURRENT before the one that is
	Stale    bool // DEPRECATED: neither CURRENT nor PENDING nor the one before
	Leaving  bool // its deletion is scheduled
	Created  time.Time
}

// Stage is the rotation state of a version in Vault's word; empty for one that has none of them. LATEST is left out:
// a version has it alongside another one.
func (v Version) Stage() string {
	switch {
	case v.Current:
		return "CURRENT"
	case v.Pending:
		return "PENDING"
	case v.Previous:
		return "PREVIOUS"
	case v.Stale:
		return "DEPRECATED"
	}
	return ""
}

// MaxVersions is how many versions of a secret OCI keeps, beside those whose deletion is scheduled.
// Source: OCI's "Secret Versions and Rotation States".
const MaxVersions = 30

// Update is one change of a secret: a new PENDING version, a promotion, or neither; always with the metadata.
type Update struct {
	Name     string           // name of the new version
	Content  credential.Value // content of the new version
	Promote  int64            // number of the version to make CURRENT
	Metadata Metadata         // replaces the secret's metadata; nothing leaves it as it is
}
