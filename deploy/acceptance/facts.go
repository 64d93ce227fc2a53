package main

import (
	"fmt"
	"strings"
)

// fact is a point on which no documentation says what OCI does, and Keyturn had to assume something.
type fact struct {
	ID      string
	Assumes string // what Keyturn assumes
	Matters string // where
	How     string // how a run observes it
	// Expect is the outcome that the assumption means; empty: the outcome is only noted.
	Expect string
	// Ready are the other outcomes with which Keyturn's own tests pass.
	Ready []string
}

// never is the Expect of a fact that a run can't observe.
const never = "-"

// facts are all of them. Everything is observed on throw-away users and secrets, unless How says otherwise.
var facts = []fact{
	// Vault
	{"metadata-with-content", "one UpdateSecret writes a PENDING version and the metadata", "the journal of a rotation",
		"both are sent together and read back", "both kept", nil},
	{"metadata-with-promotion", "one UpdateSecret makes a version CURRENT and writes the metadata",
		"the journal of a rotation", "both are sent together and read back", "both kept", nil},
	{"second-pending", "a second PENDING version makes the first one DEPRECATED", "two attempts of one rotation",
		"two PENDING versions are written, and the first one's stage is read", "DEPRECATED",
		[]string{"refused: 409 IncorrectState", "PENDING"}},
	{"version-name-twice", "a version name that is taken is refused", "a rotation that is delivered twice",
		"a version is written under the name of another", "400 InvalidParameter, already exists", nil},
	{"stale-etag", "UpdateSecret with a stale if-match is refused", "two writers of one secret",
		"an update with an etag of before", "412 NoEtagMatch", nil},
	{"busy-secret", "UpdateSecret is refused while the secret is UPDATING", "two writes after each other",
		"an update at once after another", "409 IncorrectState", nil},
	{"update-answer", "the answer to UpdateSecret says UPDATING", "whether the secret has to be waited for",
		"the lifecycleState in the answer", "UPDATING", []string{"ACTIVE"}},
	{"settling", "a secret is ACTIVE again soon after an update", "time of a rotation", "GetSecret until ACTIVE, timed",
		"ACTIVE within 1m0s", nil},
	{"etag-settles", "the etag of the answer is still that of the secret when it is ACTIVE again",
		"if-match of the next write", "the etag of the answer and of GetSecret", "stays", []string{"changes"}},
	{"late-version", "a new version may not be found by its name at first", "reading back what was staged",
		"GetSecretBundle by name at once after the write", "404 at first", []string{"at once"}},
	{"absent-secret", "GetSecret of a secret that doesn't exist", "telling a mistyped OCID", "an invented OCID",
		"404 NotAuthorizedOrNotFound", nil},
	{"secret-size", "a version takes 25 KB and no byte more", "bundles", "two writes", "25600 bytes accepted, " +
		"25601: 400 InvalidParameter", nil},
	{"version-deletion", "a DEPRECATED version can be scheduled for deletion, CURRENT can't",
		"the sweep makes room in a secret", "both are tried", "DEPRECATED accepted, CURRENT 409 IncorrectState", nil},
	// IAM
	{"slots", "a user has room for 3 API keys, 2 auth tokens and 2 customer secret keys",
		"whether there is a free slot", "credentials are made until one is refused", "3 API keys, 2 auth tokens, 2 " +
			"customer secret keys", nil},
	{"full-slots", "one more is refused as over the limit", "replace:yes", "the refusal of that one, for each of " +
		"the three kinds", "400 IdcsConversionError", []string{"400 LimitExceeded",
		"409 ApiKeyLimitExceeded, 400 IdcsConversionError", "400 IdcsConversionError, 400 LimitExceeded",
		"409 Conflict", "400 QuotaExceeded"}},
	{"duplicate-key", "uploading an API key that is there is a conflict", "a rotation that is delivered twice",
		"the same public key again", "409 Conflict", []string{"400 InvalidParameter"}},
	{"retry-token", "a repeated opc-retry-token is answered with the same auth token, value included",
		"an answer that got lost", "CreateAuthToken twice with one token", "the same, with its value",
		[]string{"the same, without its value", "409 InvalidatedRetryToken", "a second one"}},
	{"retry-token-password", "a repeated opc-retry-token resets a password once", "two deliveries of one closure",
		"CreateOrResetUIPassword twice with one token", "one reset",
		[]string{"two resets", "409 InvalidatedRetryToken"}},
	{"password-time", "a reset moves the password's timeCreated, and reading it agrees with the answer",
		"telling that a password was reset already", "GetUserUIPasswordInformation before and after a reset",
		"moves, and agrees with the answer", nil},
	{"delete-status", "a deleted credential is answered without content", "nothing: any success is one",
		"the status of DeleteAuthToken", "204", []string{"200"}},
	{"delete-twice", "deleting what is gone", "a rotation that is delivered twice", "DeleteAuthToken again",
		"404 NotAuthorizedOrNotFound", nil},
	{"description-length", "a description of 200 characters is kept whole", "the mark of a rotation",
		"an auth token with one, listed", "kept whole", nil},
	{"access-key", "the id of a customer secret key is its access key", "deleting the old one by the event's " +
		"resourceId", "the id signs a request", "the id is the access key", nil},
	{"created-time", "timeCreated is close to the Date of the answer", "how old a new credential is by the " +
		"server's clock", "both, of a new auth token", "within a minute", nil},
	{"other-region", "IAM refuses changes outside the home region", "where calls go", "CreateAuthToken in another " +
		"subscribed region", "403 NotAllowed", nil},
	{"domain-refusals", "a tenancy with identity domains answers with 400 IdcsConversionError, and now and then " +
		"with 401 to what works minutes later", "which refusals are tried again", "all answers of IAM with that " +
		"code are counted, each with its text", "", nil},
	{"date-header", "every answer has a Date", "the server's clock", "the answers of IAM and Vault", "in all", nil},
	// Use
	{"spread-time", "a new credential works within 15 minutes", "proving", "new ones are used until they work, timed",
		"within 15m0s", nil},
	{"end-time", "how long a deleted credential still works", "nothing; for runbooks", "deleted ones are used " +
		"until they are refused, timed", "", nil},
	{"deleted-key", "a request that is signed with a deleted API key", "proving", "GetUser", "401 NotAuthenticated",
		nil},
	{"s3-unknown-key", "the S3-compatible API's answer to an access key that doesn't exist", "proving",
		"an invented access key", "403 InvalidAccessKeyId", []string{"401 InvalidAccessKeyId"}},
	{"s3-wrong-secret", "its answer to a wrong secret key", "proving", "a wrong secret key",
		"403 SignatureDoesNotMatch", []string{"401 SignatureDoesNotMatch"}},
	{"s3-no-rights", "its answer to a user without any rights", "proving: refused, or only not allowed?",
		"ListBuckets by a user in no group", "200", []string{"403 AccessDenied", "404 NotAuthorizedOrNotFound"}},
	{"registry-user", "the registry takes <namespace>/<user name>, also of a user without rights",
		"proving, and the bundle's registry_user", "sign-ins with and without the domain's name", "namespace/name",
		[]string{"namespace/name, namespace/Default/name"}},
	{"registry-wrong-token", "the registry's answer to a wrong token", "proving", "a wrong token", "401",
		[]string{"403"}},
	{"registry-realm", "the registry sends sign-ins to /20180419/docker/token of its own host", "proving",
		"WWW-Authenticate of GET /v2/", "as assumed", nil},
	{"namespace-permission", "GetNamespace needs no permission", "the stack's policies, which grant it all the same",
		"GetNamespace by a user in no group", "none needed", []string{"denied"}},
	// The platform
	{"cold-start", "how long the first invocation takes", "nothing; for docs/performance.md",
		"an event that is none of Keyturn's, timed", "", nil},
	{"warm-start", "how long the next one takes", "the same", "the same again", "", nil},
	{"call-id", "the answer's Fn-Call-Id is the call id that the function saw", "finding log lines",
		"the header and the reply", "the same", nil},
	{"invoke-headers", "which headers the answer of an invocation has", "nothing", "their names", "", nil},
	{"publish-status", "the status of PublishMessage", "nothing: any success is one", "one mail to the function's " +
		"topic, which announces the run", "200", []string{"202"}},
	// Cloud Guard
	{"resolved-state", "a resolved problem is listed as ACTIVE", "the sweep, which asks for both",
		"ListProblems of the four rules, of problems that are there: only read, only counted", "ACTIVE",
		[]string{"INACTIVE", "ACTIVE and INACTIVE"}},
	{"event-comments", "the event has the comment of this closure", "what is rotated, without event_check",
		"not by a run: problems about age can't be made on demand. Compare the event of a real closure with " +
			"its problem", never, nil},
	{"password-permission", "CreateOrResetUIPassword needs USER_UIPASS_RESET (policy reference) or USER_UIPASS_SET " +
		"(tutorial)", "the stack's policies, which grant both", "not by a run: it would have to change policies. " +
		"Take password-set out of the policy of a staging stack and run again", never, nil},
}

func factOf(id string) fact {
	for _, f := range facts {
		if f.ID == id {
			return f
		}
	}
	panic("acceptance: no fact " + id)
}

// factTable is the table for the documentation.
func factTable() string {
	var b strings.Builder
	b.WriteString("| fact | Keyturn assumes | it matters for | how a run observes it |\n|---|---|---|---|\n")
	for _, f := range facts {
		assumes := f.Assumes
		if f.Expect != "" && f.Expect != never {
			assumes += " (`" + f.Expect + "`)"
		}
		if len(f.Ready) > 0 {
			assumes += "; ready for `" + strings.Join(f.Ready, "`, `") + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", f.ID, assumes, f.Matters, f.How)
	}
	return b.String()
}
