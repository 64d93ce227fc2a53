// Package vault describes a Vault secret, its versions, and a change to it, as far as a rotation needs them. It has no
// client: pkg/oci reads and writes secrets.
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
	At                    time.Time // the server's time of the answer
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
	Previous bool // CURRENT before the present one
	Stale    bool // DEPRECATED: neither CURRENT nor PENDING nor PREVIOUS
	Leaving  bool // its deletion is scheduled
	Created  time.Time
}

// Stage is Vault's name of the version's rotation state; empty if it has none. LATEST is left out, since a version has
// it alongside another state.
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

// MaxVersions is how many versions of a secret OCI keeps, not counting those whose deletion is scheduled.
// Source: OCI's "Secret Versions and Rotation States".
const MaxVersions = 30

// Update is one change of a secret: a new PENDING version, a promotion, the tags, or only the metadata.
type Update struct {
	Name     string           // name of the new version
	Content  credential.Value // content of the new version
	Promote  int64            // number of the version to make CURRENT
	Metadata Metadata         // replaces the secret's metadata, unless empty
	Tags
}

// Tags are a secret's tags. An update replaces all tags of a form; nil leaves them as they are.
type Tags struct {
	Freeform map[string]string
	Defined  map[string]map[string]any
}

// New describes a secret to create.
type New struct {
	Name, Compartment string
	Vault, Key        string // OCIDs of the vault, and of the key in it that encrypts the secret
	Content           credential.Value
	Tags
}
