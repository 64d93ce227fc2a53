package ociemu

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Answers hold one choice for each point where no documentation says what the real services answer. A client should
// work with every value of every field. An empty field means the first value listed. If a real answer was published, it
// is the first, and a comment names the source.
type Answers struct {
	// RetryToken: the answer to a create that repeats an opc-retry-token.
	RetryToken RetryTokenAnswer
	// FullSlot: the refusal when the user has the maximum of credentials of the kind.
	FullSlot FullSlotAnswer
	// DomainMessage: the form of a refusal by the identity domain behind the classic API.
	DomainMessage DomainMessageAnswer
	// DuplicateKey: the refusal of an API key that the user has already; "<status> <code>".
	DuplicateKey DuplicateKeyAnswer
	// EventComments: the comments in a closing event.
	EventComments EventCommentsAnswer
	// SecondPending: what happens when a second PENDING version is written.
	SecondPending SecondPendingAnswer
	// EtagOnSettle: whether a secret's etag changes again when UPDATING ends.
	EtagOnSettle bool
	// UpdateState: the lifecycle state in the answer to UpdateSecret.
	UpdateState UpdateStateAnswer
	// S3Rejects: the status of a refused S3 request, 403 (default) or 401.
	S3Rejects int
	// S3NewKey: the S3-compatible API's code for a customer secret key that has not reached it yet.
	S3NewKey S3NewKeyAnswer
	// PublishStatus: the status of PublishMessage, 200 (default) or 202.
	PublishStatus int
	// DeleteStatus: the status of a deleted credential, 204 (default) or 200.
	DeleteStatus int
	// BundleLag: how many reads of a new secret version by number or name are answered with 404. 0: 1; negative: none.
	BundleLag int
	// ResolvedState: the lifecycle state of a resolved or dismissed problem.
	ResolvedState ResolvedStateAnswer
	// PasswordPermission: what CreateOrResetUIPassword needs in addition to USER_UPDATE. It matters only with policies.
	PasswordPermission PasswordPermissionAnswer
	// SecretKeyID: the id of a customer secret key in this API, which is also its access key.
	SecretKeyID SecretKeyIDAnswer
	// NamespacePermission: what GetNamespace needs for the caller's own tenancy. It matters only with policies.
	NamespacePermission NamespacePermissionAnswer
}

// RetryTokenAnswer is a choice for [Answers].
type RetryTokenAnswer string

// FullSlotAnswer is a choice for [Answers].
type FullSlotAnswer string

// DomainMessageAnswer is a choice for [Answers].
type DomainMessageAnswer string

// S3NewKeyAnswer is a choice for [Answers].
type S3NewKeyAnswer string

// DuplicateKeyAnswer is a choice for [Answers].
type DuplicateKeyAnswer string

// EventCommentsAnswer is a choice for [Answers].
type EventCommentsAnswer string

// SecondPendingAnswer is a choice for [Answers].
type SecondPendingAnswer string

// UpdateStateAnswer is a choice for [Answers].
type UpdateStateAnswer string

// ResolvedStateAnswer is a choice for [Answers].
type ResolvedStateAnswer string

// PasswordPermissionAnswer is a choice for [Answers].
type PasswordPermissionAnswer string

// SecretKeyIDAnswer is a choice for [Answers].
type SecretKeyIDAnswer string

// NamespacePermissionAnswer is a choice for [Answers].
type NamespacePermissionAnswer string

// The first choice of each group is the default.
const (
	RetryTokenValue    RetryTokenAnswer = "value"    // the same resource with its secret value
	RetryTokenNoValue  RetryTokenAnswer = "no-value" // the same resource; token, key and password are null
	RetryTokenConflict RetryTokenAnswer = "conflict" // 409 InvalidatedRetryToken
	RetryTokenIgnored  RetryTokenAnswer = "ignored"  // a second resource

	// In a tenancy with identity domains. Two public programs that set up tenancies quote the message for API keys, one
	// of them with the code; a public operator's knowledge base (entry KB-022) quotes it for auth tokens. No source has
	// it for customer secret keys.
	FullSlotDomain FullSlotAnswer = "400 IdcsConversionError"
	// According to the catalogue of API errors (docs.oracle.com, References/apierrors.htm).
	FullSlotLimitExceeded FullSlotAnswer = "400 LimitExceeded"
	// For API keys in tenancies without identity domains; the same two programs handle it. Other kinds: as
	// FullSlotDomain.
	FullSlotAPIKeyLimit FullSlotAnswer = "409 ApiKeyLimitExceeded"
	// LimitExceeded for customer secret keys, according to a comment in a public program. Other kinds: as
	// FullSlotDomain.
	FullSlotMixed         FullSlotAnswer = "mixed"
	FullSlotConflict      FullSlotAnswer = "409 Conflict"
	FullSlotQuotaExceeded FullSlotAnswer = "400 QuotaExceeded"

	DomainMessagePlain DomainMessageAnswer = "plain" // only the domain's message
	// The SCIM error of the domain as JSON within the message (chadgeary/cloudoffice#14).
	DomainMessageEmbedded DomainMessageAnswer = "embedded"

	S3NewKeyMismatch S3NewKeyAnswer = "SignatureDoesNotMatch" // according to public reports of new keys
	S3NewKeyUnknown  S3NewKeyAnswer = "InvalidAccessKeyId"

	DuplicateKeyConflict         DuplicateKeyAnswer = "409 Conflict"
	DuplicateKeyInvalidParameter DuplicateKeyAnswer = "400 InvalidParameter"

	EventCommentsLast   EventCommentsAnswer = "last"   // the comment of this closure
	EventCommentsJoined EventCommentsAnswer = "joined" // all comments of the history, oldest first, joined with ", "
	EventCommentsAbsent EventCommentsAnswer = "absent" // none

	SecondPendingDeprecates SecondPendingAnswer = "deprecates" // the older becomes DEPRECATED
	SecondPendingRefused    SecondPendingAnswer = "refused"    // 409 IncorrectState
	SecondPendingKeeps      SecondPendingAnswer = "keeps"      // both are PENDING

	UpdateStateUpdating UpdateStateAnswer = "updating"
	UpdateStateActive   UpdateStateAnswer = "active" // ACTIVE, although the secret is still UPDATING

	ResolvedStateActive   ResolvedStateAnswer = "active"   // ListProblems shows closed problems by default
	ResolvedStateInactive ResolvedStateAnswer = "inactive" // ListProblems shows them only with lifecycleState=INACTIVE

	PasswordNeedsReset PasswordPermissionAnswer = "USER_UIPASS_RESET" // according to the Policy Reference
	// according to Oracle's tutorial, which its author has tested
	PasswordNeedsSet PasswordPermissionAnswer = "USER_UIPASS_SET"

	SecretKeyIDAccessKey SecretKeyIDAnswer = "access-key" // 40 hex digits; oci-go-sdk, customer_secret_key.go
	// The OCID that the domain's own API shows in addition to the access key. Published answers have such ids. The
	// S3-compatible API then accepts both.
	SecretKeyIDOCID SecretKeyIDAnswer = "ocid"

	NamespaceFree  NamespacePermissionAnswer = "none" // according to the Policy Reference's table of operations
	NamespaceReads NamespacePermissionAnswer = "read" // OBJECTSTORAGE_NAMESPACE_READ, a reading of its verbs
)

func (a Answers) withDefaults() Answers {
	a.RetryToken = orDefault(a.RetryToken, RetryTokenValue)
	a.FullSlot = orDefault(a.FullSlot, FullSlotDomain)
	a.DomainMessage = orDefault(a.DomainMessage, DomainMessagePlain)
	a.S3NewKey = orDefault(a.S3NewKey, S3NewKeyMismatch)
	a.DuplicateKey = orDefault(a.DuplicateKey, DuplicateKeyConflict)
	a.EventComments = orDefault(a.EventComments, EventCommentsLast)
	a.SecondPending = orDefault(a.SecondPending, SecondPendingDeprecates)
	a.UpdateState = orDefault(a.UpdateState, UpdateStateUpdating)
	a.ResolvedState = orDefault(a.ResolvedState, ResolvedStateActive)
	a.PasswordPermission = orDefault(a.PasswordPermission, PasswordNeedsReset)
	a.SecretKeyID = orDefault(a.SecretKeyID, SecretKeyIDAccessKey)
	a.NamespacePermission = orDefault(a.NamespacePermission, NamespaceFree)
	a.S3Rejects = orDefault(a.S3Rejects, 403)
	a.PublishStatus = orDefault(a.PublishStatus, 200)
	a.DeleteStatus = orDefault(a.DeleteStatus, 204)
	a.BundleLag = max(0, orDefault(a.BundleLag, 1))
	return a
}

// validate refuses a misspelt choice, which would silently behave like none of the documented ones.
func (a Answers) validate() error {
	for _, c := range []struct {
		field, value string
		allowed      []string
	}{
		{"RetryToken", string(a.RetryToken), []string{"value", "no-value", "conflict", "ignored"}},
		{"FullSlot", string(a.FullSlot), []string{"400 IdcsConversionError", "400 LimitExceeded",
			"409 ApiKeyLimitExceeded", "mixed",
			"409 Conflict", "400 QuotaExceeded"}},
		{"DomainMessage", string(a.DomainMessage), []string{"plain", "embedded"}},
		{"S3NewKey", string(a.S3NewKey), []string{"SignatureDoesNotMatch", "InvalidAccessKeyId"}},
		{"DuplicateKey", string(a.DuplicateKey), []string{"409 Conflict", "400 InvalidParameter"}},
		{"EventComments", string(a.EventComments), []string{"last", "joined", "absent"}},
		{"SecondPending", string(a.SecondPending), []string{"deprecates", "refused", "keeps"}},
		{"UpdateState", string(a.UpdateState), []string{"updating", "active"}},
		{"ResolvedState", string(a.ResolvedState), []string{"active", "inactive"}},
		{"PasswordPermission", string(a.PasswordPermission), []string{"USER_UIPASS_RESET", "USER_UIPASS_SET"}},
		{"SecretKeyID", string(a.SecretKeyID), []string{"access-key", "ocid"}},
		{"NamespacePermission", string(a.NamespacePermission), []string{"none", "read"}},
		{"S3Rejects", strconv.Itoa(a.S3Rejects), []string{"403", "401"}},
		{"PublishStatus", strconv.Itoa(a.PublishStatus), []string{"200", "202"}},
		{"DeleteStatus", strconv.Itoa(a.DeleteStatus), []string{"204", "200"}},
	} {
		if !slices.Contains(c.allowed, c.value) {
			return fmt.Errorf("ociemu: Answers.%s is %q, want one of %q", c.field, c.value, c.allowed)
		}
	}
	return nil
}

// statusAndCode splits an answer of the form "400 LimitExceeded", checked by validate.
func statusAndCode(answer string) (int, string) {
	status, code, _ := strings.Cut(answer, " ")
	n, err := strconv.Atoi(status)
	if err != nil {
		panic("ociemu: internal error: answer without status: " + answer)
	}
	return n, code
}
