package acceptance

import "slices"

// fact is an assumption of Keyturn about OCI that no documentation confirms.
type fact struct {
	ID      string
	Assumes string   // what Keyturn assumes
	Matters string   // what depends on it
	How     string   // how a run observes it
	Expect  string   // the outcome if the assumption is right; empty: the outcome is only noted
	Ready   []string // other outcomes with which Keyturn's own tests pass
}

// never is the Expect of a fact that a run can't observe.
const never = "-"

// facts are all facts.
var facts = slices.Concat(generalFacts, domainFacts)

// generalFacts are those that need no identity domain but Default. A run observes them on throw-away users and secrets,
// unless How says otherwise.
var generalFacts = []fact{
	// Vault
	{"metadata-with-content", "one UpdateSecret writes a PENDING version and the metadata", "the journal of a rotation",
		"send both together and read them back", "both kept", nil},
	{"metadata-with-promotion", "one UpdateSecret makes a version CURRENT and writes the metadata",
		"the journal of a rotation", "send both together and read them back", "both kept", nil},
	{"second-pending", "a second PENDING version makes the first one DEPRECATED", "two attempts of one rotation",
		"write two PENDING versions and read the first one's stage", "DEPRECATED",
		[]string{"refused: 409 IncorrectState", "PENDING"}},
	{"version-name-twice", "Vault refuses a version name that is already used", "a rotation that is delivered twice",
		"write a version under the name of another", "400 InvalidParameter, already exists", nil},
	{"stale-etag", "Vault refuses UpdateSecret with a stale if-match", "two writers of one secret",
		"update with an older etag", "412 NoEtagMatch", nil},
	{"busy-secret", "Vault refuses UpdateSecret while the secret is UPDATING", "two writes in a row",
		"update twice without waiting", "409 IncorrectState", nil},
	{"update-answer", "the answer to UpdateSecret says UPDATING", "whether to wait for the secret",
		"read lifecycleState in the answer", "UPDATING", []string{"ACTIVE"}},
	{"settling", "a secret is ACTIVE again soon after an update", "the time of a rotation",
		"time GetSecret until ACTIVE",
		"ACTIVE within 1m0s", nil},
	{"etag-settles", "when the secret is ACTIVE again, its etag is still the one in the answer",
		"if-match of the next write", "compare the etags of the answer and of GetSecret", "stays", []string{"changes"}},
	{"late-version", "a new version may not be readable by name at first", "reading back the staged version",
		"GetSecretBundle by name right after the write", "404 at first", []string{"at once"}},
	{"absent-secret", "the answer to GetSecret for a secret that doesn't exist", "recognizing a mistyped OCID",
		"read an invented OCID",
		"404 NotAuthorizedOrNotFound", nil},
	{"secret-size", "a version holds at most 25 KB", "bundles", "write 25 KB, and one byte more",
		"25600 bytes accepted, " +
			"25601: 400 InvalidParameter", nil},
	{"version-deletion", "Vault schedules the deletion of a DEPRECATED version, but not of CURRENT",
		"the sweep, which deletes versions of a full secret", "schedule both", "DEPRECATED accepted, CURRENT 409 " +
			"IncorrectState", nil},
	// IAM
	{"slots", "a user may have 3 API keys, 2 auth tokens and 2 customer secret keys",
		"whether there is a free slot", "create credentials until one is refused", "3 API keys, 2 auth tokens, 2 " +
			"customer secret keys", nil},
	{"full-slots", "IAM refuses one more with this error", "replace:yes", "read the refusal, for each of the " +
		"three kinds", "400 IdcsConversionError", []string{"400 LimitExceeded",
		"409 ApiKeyLimitExceeded, 400 IdcsConversionError", "400 IdcsConversionError, 400 LimitExceeded",
		"409 Conflict", "400 QuotaExceeded"}},
	{"duplicate-key", "uploading an existing API key is a conflict", "a rotation that is delivered twice",
		"upload the same public key again", "409 Conflict", []string{"400 InvalidParameter"}},
	{"retry-token", "a repeated opc-retry-token returns the same auth token with its value",
		"a lost answer", "CreateAuthToken twice with one retry token", "the same, with its value",
		[]string{"the same, without its value", "409 InvalidatedRetryToken", "a second one"}},
	{"retry-token-password", "a repeated opc-retry-token resets a password once", "two deliveries of one closure",
		"CreateOrResetUIPassword twice with one retry token", "one reset",
		[]string{"two resets", "409 InvalidatedRetryToken"}},
	{"password-time", "a reset moves the password's timeCreated, and reading it agrees with the answer",
		"recognizing a password that was already reset", "GetUserUIPasswordInformation before and after a reset",
		"moves, and agrees with the answer", nil},
	{"delete-status", "the answer to a deletion has no content", "nothing: every success counts",
		"read the status of DeleteAuthToken", "204", []string{"200"}},
	{"delete-twice", "the answer to a second deletion", "a rotation that is delivered twice", "DeleteAuthToken again",
		"404 NotAuthorizedOrNotFound", nil},
	{"description-length", "IAM keeps a description of 200 characters", "the mark of a rotation",
		"list an auth token with such a description", "kept whole", nil},
	{"access-key", "the id of a customer secret key is its access key", "deleting the old one by the event's " +
		"resourceId", "sign a request with the id", "the id is the access key",
		[]string{"the id is an OCID that signs like the access key"}},
	{"created-time", "timeCreated is close to the Date of the answer", "the age of a new credential on the " +
		"server's clock", "compare both for a new auth token", "within a minute", nil},
	{"other-region", "IAM refuses changes outside the home region", "where Keyturn sends calls",
		"CreateAuthToken in another " +
			"subscribed region", "403 NotAllowed", nil},
	{"domain-refusals", "a tenancy with identity domains answers with 400 IdcsConversionError, and sometimes " +
		"with 401 to a request that works minutes later", "which refusals Keyturn retries", "count IAM's answers " +
		"with that code, by text", "", nil},
	{"date-header", "every answer has a Date", "the server's clock", "read answers of IAM and Vault", "in all", nil},
	// Use
	{"spread-time", "a new credential works within 15 minutes", "proving", "use new credentials until they work",
		"within 15m0s", nil},
	{"end-time", "how long a deleted credential still works", "nothing; for runbooks", "use deleted " +
		"credentials until they are refused", "", nil},
	{"deleted-key", "the answer to a request signed with a deleted API key", "proving", "GetUser",
		"401 NotAuthenticated",
		nil},
	{"s3-unknown-key", "the S3-compatible API's answer to an access key that doesn't exist", "proving",
		"use an invented access key", "403 InvalidAccessKeyId", []string{"401 InvalidAccessKeyId"}},
	{"s3-wrong-secret", "its answer to a wrong secret key", "proving", "use a wrong secret key",
		"403 SignatureDoesNotMatch", []string{"401 SignatureDoesNotMatch"}},
	{"s3-no-rights", "its answer to a user without any rights", "proving: is the key refused, or only not allowed?",
		"ListBuckets by a user in no group", "200", []string{"403 AccessDenied", "404 NotAuthorizedOrNotFound"}},
	{"registry-user", "the registry accepts <namespace>/<user name>, even without rights",
		"proving, and the bundle's registry_user", "sign in with and without the domain's name", "namespace/name",
		[]string{"namespace/name, namespace/Default/name", "namespace/Default/name"}},
	{"registry-wrong-token", "the registry's answer to a wrong token", "proving", "sign in with a wrong token", "401",
		[]string{"403"}},
	{"registry-realm", "the registry sends sign-ins to /20180419/docker/token of its own host", "proving",
		"read WWW-Authenticate of GET /v2/", "as assumed", nil},
	{"namespace-permission", "GetNamespace needs no permission", "the stack's policies, which grant one",
		"GetNamespace by a user in no group", "none needed", []string{"denied"}},
	// The platform
	{"cold-start", "how long the first invocation takes", "nothing; for docs/performance.md",
		"time an event that isn't Keyturn's", "", nil},
	{"warm-start", "how long the next one takes", "the same", "time the same event again", "", nil},
	{"call-id", "the answer's Fn-Call-Id is the call id that the function saw", "finding log lines",
		"compare the header and the reply", "the same", nil},
	{"invoke-headers", "which headers the answer to an invocation has", "nothing", "list their names", "", nil},
	{"publish-status", "the status of PublishMessage", "nothing: every success counts", "send the mail that " +
		"announces the run", "200", []string{"202"}},
	// Cloud Guard
	{"resolved-state", "Cloud Guard lists a resolved problem as ACTIVE", "the sweep, which asks for both states",
		"ListProblems for the four rules, on existing problems, without their details", "ACTIVE",
		[]string{"INACTIVE", "ACTIVE and INACTIVE"}},
	{"event-comments", "the event has the comment of this closure", "what is rotated, without event_check",
		"not by a run, because problems about age can't be made on demand: compare the event of a real closure " +
			"with its problem", never, nil},
	{"password-permission", "CreateOrResetUIPassword needs USER_UIPASS_RESET (policy reference) or USER_UIPASS_SET " +
		"(tutorial)", "the stack's policies, which grant both", "not by a run, because it would have to change " +
		"policies: remove password-set from the policy of a staging stack and run again", never, nil},
}

func factOf(id string) fact {
	for _, f := range facts {
		if f.ID == id {
			return f
		}
	}
	panic("acceptance: no fact " + id)
}
