package credential

// Origin says where the value of a new credential comes from. It decides the order of a rotation's steps.
type Origin string

// The origins.
const (
	// Keyturn generates the value, and OCI learns the public part: it is staged before it is made
	Local  Origin = "local"
	Server Origin = "server" // OCI generates the value and shows it once, in the answer
	Reset  Origin = "reset"  // a user has one, and OCI replaces it: the old value ends with the call
)

// Record is everything that Keyturn knows about a kind. The parser of comments, the decision table, mails, preflight,
// policies and Terraform's inputs are derived from it. What a kind does is in pkg/oci.
type Record struct {
	Kind   Kind
	Noun   string // in a sentence, as the OCI Console writes it
	IDNoun string // what the identifier is called
	Origin Origin
	Limit  int // how many of them OCI lets a user have; 0: the question doesn't arise
	// IDForms are the forms that identifiers of the kind have, in events and lists; none: they have no identifier.
	IDForms []IDForm
	// Parts are the plain secrets that hold a credential of the kind, in the order in which they are written: one, or
	// the two halves of a pair. Beside them there is always the bundle, one secret with everything.
	Parts []Part
	// Bundle are the names of the members of a bundle that hold the identifier and the value.
	Bundle [2]string
	// Detection is how Cloud Guard reports that a credential of the kind is too old; zero if it has no rule for it.
	Detection Detection
	// Permissions are the IAM permissions that making and deleting takes, and Operations those that need USER_UPDATE
	// besides. Source: Oracle's policy reference for IAM, which calls CreateCustomerSecretKey of the API
	// CreateSecretKey.
	Permissions []string
	Operations  []string
	// Resource is in the names of all of IAM's operations on the kind.
	Resource string
	// Capability is the option of "oci iam user update-user-capabilities" that allows a user to have one.
	Capability string
	// Endpoint is the service at which a credential is used, if its host isn't IAM's.
	Endpoint Endpoint

	// consumers says what has to be replaced in the configuration of consumers, given the parts that secrets hold. If
	// ids is true, the old and the new identifier are to be shown with it. nil: nothing.
	consumers func(holds func(Role) bool) (text string, ids bool)
	// more are the members of a bundle besides those that all kinds have and those that Bundle names, in pairs of a
	// name and a value. nil: none.
	more func(Owner) (pairs []string, err error)
	// identify computes the identifier from a value that was read from a plain secret. nil: the value doesn't show it.
	identify func(Value) (id string, err error)
	// recognizes returns what a content is if the kind has a plain form for it. nil: the kind's values have no form.
	recognizes func(text string, living []string) Sort
}

// Part is a plain secret that holds a credential, or one half of it.
type Part struct {
	Role  Role
	Key   string // by which a closure comment names the secret
	Thing string // what the secret holds, in a sentence
	IsID  bool   // it holds the identifier, not the value
	Sort  Sort   // what its content is, where the two halves of a pair can be told apart
	// Near are words by which people who write a comment mean Key, without anything between their parts, with the
	// number of typos that are still recognized.
	Near map[string]int
	// Before are the words that say, right before "secret OCID", that this half of a pair is meant.
	Before []string
}

// Detection is how Cloud Guard reports credentials of a kind that are too old.
type Detection struct {
	Rule    string   // id of the detector rule
	Problem string   // display name of its problems
	Details []string // keys of the additional details that may name the credential, letters only
}

// IDForm is the form of a credential's identifier. Identifiers of different forms can't be compared: both may name one
// credential.
type IDForm string

// The forms. OCI's classic identity API lists API keys by fingerprint, auth tokens by OCID, and customer secret keys by
// access key or by OCID (oci-go-sdk, identity/customer_secret_key.go says the first, published answers show both). An
// identity domain has SCIM ids as well.
const (
	FormUnknown     IDForm = ""
	FormFingerprint IDForm = "fingerprint" // 16 pairs of hex digits, with colons
	FormOCID        IDForm = "OCID"        // ocid1.credential...
	FormAccessKey   IDForm = "access key"  // 40 hex digits
	FormSCIM        IDForm = "SCIM id"     // 32 hex digits
)

// Endpoint is a service at which credentials are used.
type Endpoint string

// The endpoints, apart from IAM's own.
const (
	AtIAM      Endpoint = ""
	AtRegistry Endpoint = "registry" // the container registry
	AtS3       Endpoint = "s3"       // the S3-compatible endpoint of Object Storage
)

// Role says what part of a credential a secret holds.
type Role string

// RoleBundle is the role that all kinds have: the secret holds one JSON document with everything that a consumer needs.
// The other roles are those of the kinds' parts.
const RoleBundle Role = "bundle"

// BundleKey is the key by which a closure comment names a secret with RoleBundle.
const BundleKey = "bundle_secret_ocid"

// Part is the part that belongs to the role; zero for the bundle and for a role of no kind.
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

// Key is the key by which a closure comment names a secret of the role; empty for a role of no kind.
func (r Role) Key() string {
	if r == RoleBundle {
		return BundleKey
	}
	return r.Part().Key
}

// IsID reports whether a secret of the role holds the identifier of the credential instead of its value.
func (r Role) IsID() bool { return r.Part().IsID }

// Consumers says what has to be replaced in the configuration of consumers, given which roles the secrets have; empty
// if the secrets hold all of it. If ids is true, the text is about the identifier.
func (r *Record) Consumers(holds func(Role) bool) (text string, ids bool) {
	if r.consumers == nil || holds(RoleBundle) {
		return "", false
	}
	return r.consumers(holds)
}
