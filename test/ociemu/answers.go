package ociemu

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Answers hold one choice for each point on which no source says what the real services answer. A client that is ready for the cloud works
// with every value of every field. Empty fields mean the first value that is listed.
type Answers struct {
	// RetryToken: a create is repeated with the same opc-retry-token.
	RetryToken RetryTokenAnswer
	// FullSlot: a user has no room for another credential of the kind; "<status> <code>".
	FullSlot FullSlotAnswer
	// DuplicateKey: the user has that API key already; "<status> <code>".
	DuplicateKey DuplicateKeyAnswer
	// EventComments: what stands in the comments of a closing event.
	EventComments EventCommentsAnswer
	// SecondPending: a PENDING version is written while there is one.
	SecondPending SecondPendingAnswer
	// EtagOnSettle: a secret's etag changes once more when UPDATING ends.
	EtagOnSettle bool
	// UpdateState: the lifecycle state in the answer to UpdateSecret.
	UpdateState UpdateStateAnswer
	// S3Rejects: the status of a refused S3 request, 403 (default) or 401.
	S3Rejects int
	// PublishStatus: the status of PublishMessage, 200 (default) or 202.
	PublishStatus int
	// DeleteStatus: the status of a deleted credential, 204 (default) or 200.
	DeleteStatus int
	// BundleLag: how many reads of a new secret version by number or name the retrieval service answers with 404.
	// 0: 1; negative: none.
	BundleLag int
	// ResolvedState: the lifecycle state of a resolved or dismissed problem.
	ResolvedState ResolvedStateAnswer
	// PasswordPermission: what CreateOrResetUIPassword needs beside USER_UPDATE. It matters under policies only.
	PasswordPermission PasswordPermissionAnswer
	// NamespacePermission: what GetNamespace needs for the caller's own tenancy. It matters under policies only.
	NamespacePermission NamespacePermissionAnswer
}

// RetryTokenAnswer is a choice for [Answers].
type RetryTokenAnswer string

// FullSlotAnswer is a choice for [Answers].
type FullSlotAnswer string

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

// NamespacePermissionAnswer is a choice for [Answers].
type NamespacePermissionAnswer string

// The choices. The first of each group is the default.
const (
	RetryTokenValue    RetryTokenAnswer = "value"    // the same resource with its secret value
	RetryTokenNoValue  RetryTokenAnswer = "no-value" // the same resource; token, key and password are null
	RetryTokenConflict RetryTokenAnswer = "conflict" // 409 InvalidatedRetryToken
	RetryTokenIgnored  RetryTokenAnswer = "ignored"  // a second resource

	FullSlotLimitExceeded FullSlotAnswer = "400 LimitExceeded"
	FullSlotConflict      FullSlotAnswer = "409 Conflict"
	FullSlotQuotaExceeded FullSlotAnswer = "400 QuotaExceeded"

	DuplicateKeyConflict         DuplicateKeyAnswer = "409 Conflict"
	DuplicateKeyInvalidParameter DuplicateKeyAnswer = "400 InvalidParameter"

	EventCommentsLast   EventCommentsAnswer = "last"   // the comment of this closure
	EventCommentsJoined EventCommentsAnswer = "joined" // all comments of the history, oldest first, joined with ", "
	EventCommentsAbsent EventCommentsAnswer = "absent" // no comments at all

	SecondPendingDeprecates SecondPendingAnswer = "deprecates" // the older becomes DEPRECATED
	SecondPendingRefused    SecondPendingAnswer = "refused"    // 409 IncorrectState
	SecondPendingKeeps      SecondPendingAnswer = "keeps"      // both are PENDING

	UpdateStateUpdating UpdateStateAnswer = "updating"
	UpdateStateActive   UpdateStateAnswer = "active" // ACTIVE, although the secret is still UPDATING

	ResolvedStateActive   ResolvedStateAnswer = "active"   // ListProblems shows closed problems by default
	ResolvedStateInactive ResolvedStateAnswer = "inactive" // ListProblems shows them only with lifecycleState=INACTIVE

	PasswordNeedsReset PasswordPermissionAnswer = "USER_UIPASS_RESET" // as the Policy Reference has it
	PasswordNeedsSet   PasswordPermissionAnswer = "USER_UIPASS_SET"   // as Oracle's tutorial grants it, which its author has tested

	NamespaceFree  NamespacePermissionAnswer = "none" // as the Policy Reference's table of operations has it
	NamespaceReads NamespacePermissionAnswer = "read" // OBJECTSTORAGE_NAMESPACE_READ, as its table of verbs can be read
)

func (a Answers) withDefaults() Answers {
	a.RetryToken = orDefault(a.RetryToken, RetryTokenValue)
	a.FullSlot = orDefault(a.FullSlot, FullSlotLimitExceeded)
	a.DuplicateKey = orDefault(a.DuplicateKey, DuplicateKeyConflict)
	a.EventComments = orDefault(a.EventComments, EventCommentsLast)
	a.SecondPending = orDefault(a.SecondPending, SecondPendingDeprecates)
	a.UpdateState = orDefault(a.UpdateState, UpdateStateUpdating)
	a.ResolvedState = orDefault(a.ResolvedState, ResolvedStateActive)
	a.PasswordPermission = orDefault(a.PasswordPermission, PasswordNeedsReset)
	a.NamespacePermission = orDefault(a.NamespacePermission, NamespaceFree)
	a.S3Rejects = orDefault(a.S3Rejects, 403)
	a.PublishStatus = orDefault(a.PublishStatus, 200)
	a.DeleteStatus = orDefault(a.DeleteStatus, 204)
	a.BundleLag = max(0, orDefault(a.BundleLag, 1))
	return a
}

// validate refuses a misspelt choice: it would silently behave like none of the documented ones.
func (a Answers) validate() error {
	for _, c := range []struct {
		field, value string
		allowed      []string
	}{
		{"RetryToken", string(a.RetryToken), []string{"value", "no-value", "conflict", "ignored"}},
		{"FullSlot", string(a.FullSlot), []string{"400 LimitExceeded", "409 Conflict", "400 QuotaExceeded"}},
		{"DuplicateKey", string(a.DuplicateKey), []string{"409 Conflict", "400 InvalidParameter"}},
		{"EventComments", string(a.EventComments), []string{"last", "joined", "absent"}},
		{"SecondPending", string(a.SecondPending), []string{"deprecates", "refused", "keeps"}},
		{"UpdateState", string(a.UpdateState), []string{"updating", "active"}},
		{"ResolvedState", string(a.ResolvedState), []string{"active", "inactive"}},
		{"PasswordPermission", string(a.PasswordPermission), []string{"USER_UIPASS_RESET", "USER_UIPASS_SET"}},
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

// statusAndCode splits an answer of the form "400 LimitExceeded", which validate has checked.
func statusAndCode(answer string) (int, string) {
	status, code, _ := strings.Cut(answer, " ")
	n, err := strconv.Atoi(status)
	if err != nil {
		panic("ociemu: internal error: answer without status: " + answer)
	}
	return n, code
}
