package credential

// Origin says where the value of a new credential comes from. It decides the order of a rotation's steps.
type Origin string

// The origins.
const (
	// Keyturn generates the value, and OCI gets the public key: the value is staged before OCI knows the key.
	Local  Origin = "local"
	Server Origin = "server" // OCI generates the value and returns it once
	Reset  Origin = "reset"  // OCI replaces the user's only value, which ends with the call
	// Chosen is Reset with a value that Keyturn chooses: it is staged before OCI knows it. No kind has this origin; a
	// rotation has it if the Listing says Chosen and secrets are named.
	Chosen Origin = "chosen"
)

// Record is everything that Keyturn knows about a kind. The parser of comments, the decision table, mails, preflight,
// policies and Terraform's inputs are derived from it. The calls of a kind are in pkg/oci.
type Record struct {
	Kind   Kind
	Noun   string // name in a sentence, as the OCI Console writes it
	IDNoun string // name of the identifier
	Origin Origin
	Limit  int // how many credentials of the kind a user may have; 0 if there is no limit
	// IDForms are the forms of the kind's identifiers in events and lists. The first is that of its lists; the identity
	// domain of the user knows the others. A kind without forms has no identifiers.
	IDForms []IDForm
	// Parts are the plain secrets that hold a credential of the kind, in the order in which they are written: one, or
	// the two halves of a pair. In addition, every kind has the bundle, one secret with everything.
	Parts []Part
	// Bundle are the names of the members of a bundle that hold the identifier and the value.
	Bundle [2]string
	// Detection is how Cloud Guard reports that a credential of the kind is too old; zero if it has no rule for it.
	Detection Detection
	// Permissions are the IAM permissions for creating and deleting. Operations also need USER_UPDATE. Source: Oracle's
	// policy reference for IAM, in which the API's CreateCustomerSecretKey is called CreateSecretKey.
	Permissions []string
	Operations  []string
	// Resource is a part of the names of all IAM operations on the kind.
	Resource string
	// Capability is the option of "oci iam user update-user-capabilities" that allows a user to have one.
	Capability string
	// Endpoint is the service at which a credential is used, if its host isn't IAM's.
	Endpoint Endpoint

	// consumers says what to replace in the configuration of consumers, given the roles of the secrets. If ids is
	// true, the text is about the identifier. nil: nothing.
	consumers func(holds func(Role) bool) (text string, ids bool)
	// more returns the kind's further members of a bundle, in pairs of a name and a value. nil: none.
	more func(Owner) (pairs []string, err error)
	// identify computes the identifier from the value in a plain secret. nil: the value doesn't show it.
	identify func(Value) (id string, err error)
	// recognizes returns the sort of a content by its form. nil: the kind's values have no form.
	recognizes func(text string, living []string) Sort
}

// Part is a plain secret that holds a credential, or one half of it.
type Part struct {
	Role  Role
	Key   string // by which a closure comment names the secret
	Thing string // what the secret holds, in a sentence
	IsID  bool   // it holds the identifier, not the value
	Sort  Sort   // the sort of its content, for the two halves of a pair
	// Near are similar keys that users write instead of Key, without separators, and how many typos are accepted.
	Near map[string]int
	// Before are the words that mean this half of a pair when they are right before "secret OCID".
	Before []string
}

// Detection is how Cloud Guard reports credentials of a kind that are too old.
type Detection struct {
	Rule    string   // id of the detector rule
	Problem string   // display name of its problems
	Details []string // keys of the additional details that may name the credential, letters only
}

// IDForm is the form of a credential's identifier. Identifiers of different forms can't be compared: they may name the
// same credential.
type IDForm string

// The forms. OCI's classic identity API lists API keys by fingerprint, auth tokens by OCID, and customer secret keys by
// access key or by OCID (oci-go-sdk, identity/customer_secret_key.go documents the first, published answers show both).
// An identity domain also has SCIM ids.
const (
	FormUnknown     IDForm = ""
	FormFingerprint IDForm = "fingerprint" // 16 pairs of hex digits, with colons
	FormOCID        IDForm = "OCID"        // ocid1.credential...
	FormAccessKey   IDForm = "access key"  // 40 hex digits
	FormSCIM        IDForm = "SCIM id"     // 32 hex digits
)

// Endpoint is a service that accepts credentials.
type Endpoint string

// The endpoints.
const (
	AtIAM      Endpoint = ""
	AtRegistry Endpoint = "registry" // the container registry
	AtS3       Endpoint = "s3"       // the S3-compatible endpoint of Object Storage
)

// Role says which part of a credential a secret holds.
type Role string

// RoleBundle is a role of all kinds: the secret holds one JSON document with everything that a consumer needs. The
// other roles are those of the kinds' parts.
const RoleBundle Role = "bundle"

// BundleKey is the key by which a closure comment names a secret with RoleBundle.
const BundleKey = "bundle_secret_ocid"

// Part returns the part with the role; zero for the bundle and for an unknown role.
func (r Role) Part() Part {
	for _, record := range records {
		for _, p := range record.Parts {
			if p.Role == r {
				return p
			}
		}
	}
	return Part{}
}

// Key is the key by which a closure comment names a secret of the role; empty for an unknown role.
func (r Role) Key() string {
	if r == RoleBundle {
		return BundleKey
	}
	return r.Part().Key
}

// IsID reports whether a secret of the role holds the identifier of the credential instead of its value.
func (r Role) IsID() bool { return r.Part().IsID }

// Consumers says what to replace in the configuration of consumers, given the roles of the secrets; empty if the
// secrets hold everything. If ids is true, the text is about the identifier.
func (r *Record) Consumers(holds func(Role) bool) (text string, ids bool) {
	if r.consumers == nil || holds(RoleBundle) {
		return "", false
	}
	return r.consumers(holds)
}
