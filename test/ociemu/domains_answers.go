package ociemu

import (
	"fmt"
	"slices"
	"strconv"
	"time"
)

// DomainAnswers hold one choice for each point about identity domains where no documentation says what the real
// services answer. A client should work with every value of every field. The zero value is the first choice of each. It
// is the one with a public source, if there is one; see README.md.
type DomainAnswers struct {
	// ClassicSeesAll makes the classic API serve the users of all domains by OCID and list them.
	ClassicSeesAll bool
	// HostPort: whether the signed Host header must have the port of the domain's URL.
	HostPort HostPortAnswer
	// MessageIDs: whether a SCIM error has the extension with its messageId.
	MessageIDs MessageIDsAnswer
	// EmptyUnauthorized sends 401 without a body.
	EmptyUnauthorized bool
	// Quota: the refusal of a credential beyond the user's maximum.
	Quota QuotaAnswer
	// RetryToken: the answer to a create that repeats an opc-retry-token.
	RetryToken RetryTokenAnswer
	// InactiveSlot: whether an INACTIVE credential counts for the maximum.
	InactiveSlot InactiveSlotAnswer
	// InactiveUse: what the use of an INACTIVE credential is answered.
	InactiveUse InactiveUseAnswer
	// InactiveLag is how long an INACTIVE credential works with InactiveUseLags. 0: a minute.
	InactiveLag time.Duration
	// ClassicInactive shows INACTIVE in the classic API too.
	ClassicInactive bool
	// ListedSecrets shows the secretKey of customer secret keys in lists, unless the attributes of the call omit it.
	ListedSecrets bool
	// RegistryNames: the user names that the registry accepts.
	RegistryNames RegistryNamesAnswer
	// OneTimePassword: when UserPasswordResetter returns a one-time password for a user without an e-mail address.
	OneTimePassword OneTimePasswordAnswer
	// PasswordMustChange makes the user change a password that UserPasswordChanger set.
	PasswordMustChange bool
	// WholeLists: whether a list of credentials may lack a filter for one user.
	WholeLists WholeListsAnswer
	// IgnoresSortBy returns every list in the order of the SCIM ids, whatever sortBy says.
	IgnoresSortBy bool
	// NoPasswordDate never returns when a password was set.
	NoPasswordDate bool
	// HidesAppSecret never returns the client secret of an existing app.
	HidesAppSecret bool
	// RegeneratorStatus is the status of a new client secret, 201 (default) or 200.
	RegeneratorStatus int
	// ProblemIDs: the resource id in Cloud Guard's problems about users of other domains than Default.
	ProblemIDs ProblemIDsAnswer
	// ProblemDomains puts the domain before the name of such a user in a problem's resource name.
	ProblemDomains bool
	// Authorization: what SCIM calls need. It matters only with policies, except AuthorizationAppRole.
	Authorization AuthorizationAnswer
}

// HostPortAnswer is a choice for [DomainAnswers].
type HostPortAnswer string

// MessageIDsAnswer is a choice for [DomainAnswers].
type MessageIDsAnswer string

// QuotaAnswer is a choice for [DomainAnswers].
type QuotaAnswer string

// InactiveSlotAnswer is a choice for [DomainAnswers].
type InactiveSlotAnswer string

// InactiveUseAnswer is a choice for [DomainAnswers].
type InactiveUseAnswer string

// RegistryNamesAnswer is a choice for [DomainAnswers].
type RegistryNamesAnswer string

// OneTimePasswordAnswer is a choice for [DomainAnswers].
type OneTimePasswordAnswer string

// WholeListsAnswer is a choice for [DomainAnswers].
type WholeListsAnswer string

// ProblemIDsAnswer is a choice for [DomainAnswers].
type ProblemIDsAnswer string

// AuthorizationAnswer is a choice for [DomainAnswers].
type AuthorizationAnswer string

// The first choice of each group is the default.
const (
	HostPortRequired HostPortAnswer = "port-required" // as OCI's Go and Python clients sign the URL
	HostPortOptional HostPortAnswer = "port-optional"

	MessageIDsPresent MessageIDsAnswer = "message-ids" // docs.oracle.com, the identity domains API's ResponseBody
	MessageIDsAbsent  MessageIDsAnswer = "no-message-ids"

	QuotaText     QuotaAnswer = "quota-text"       // 400; see FullSlotDomain for the sources
	QuotaConflict QuotaAnswer = "quota-conflict"   // 409 with the same text
	QuotaOther    QuotaAnswer = "quota-other-text" // 400 with a text that doesn't name the quota

	InactiveKeepsSlot InactiveSlotAnswer = "keeps-slot" // no source
	InactiveFreesSlot InactiveSlotAnswer = "frees-slot"

	InactiveUseRefused InactiveUseAnswer = "use-refused" // no source
	InactiveUseLags    InactiveUseAnswer = "use-lags"    // refused after InactiveLag
	InactiveUseWorks   InactiveUseAnswer = "use-works"   // as if it were ACTIVE

	// Users of Default by their name, others with the name of their domain, according to the documentation of pushing
	// images.
	RegistryNamesDocumented RegistryNamesAnswer = "documented-names"
	RegistryNamesBoth       RegistryNamesAnswer = "both-names"   // either form for every user
	RegistryNamesDomain     RegistryNamesAnswer = "domain-names" // with the domain for every user, also in Default

	OneTimePasswordAsked  OneTimePasswordAnswer = "if-asked" // the SDK's user_password_resetter.go: "returned: request"
	OneTimePasswordAlways OneTimePasswordAnswer = "unasked"
	OneTimePasswordNever  OneTimePasswordAnswer = "not-at-all"

	WholeListsAllowed      WholeListsAnswer = "whole-lists"
	WholeListsUnauthorized WholeListsAnswer = "no-whole-lists-401" // no source; a refusal of a domain is a 401
	WholeListsForbidden    WholeListsAnswer = "no-whole-lists-403"

	// No source says whether Cloud Guard has problems about users of other domains, or what is in them.
	ProblemIDsOwn  ProblemIDsAnswer = "own-id" // as for users of Default: what the test seeds
	ProblemIDsOCID ProblemIDsAnswer = "credential-ocid"
	ProblemIDsPath ProblemIDsAnswer = "key-path" // tenancy/user/fingerprint, for other kinds with their own id
	ProblemIDsSCIM ProblemIDsAnswer = "scim-id"
	ProblemIDsNone ProblemIDsAnswer = "no-problems"

	// The permissions of the classic API, according to the Policy Reference, which has one set for both.
	AuthorizationClassic AuthorizationAnswer = "classic-permissions"
	AuthorizationManage  AuthorizationAnswer = "manage-users" // every write needs all permissions of manage users
	AuthorizationAppRole AuthorizationAnswer = "app-role"     // only Emulator.GrantDomainRole counts
)

func (a DomainAnswers) withDefaults() DomainAnswers {
	a.HostPort = orDefault(a.HostPort, HostPortRequired)
	a.MessageIDs = orDefault(a.MessageIDs, MessageIDsPresent)
	a.Quota = orDefault(a.Quota, QuotaText)
	a.RetryToken = orDefault(a.RetryToken, RetryTokenValue)
	a.InactiveSlot = orDefault(a.InactiveSlot, InactiveKeepsSlot)
	a.InactiveUse = orDefault(a.InactiveUse, InactiveUseRefused)
	a.InactiveLag = orDefault(a.InactiveLag, time.Minute)
	a.RegistryNames = orDefault(a.RegistryNames, RegistryNamesDocumented)
	a.OneTimePassword = orDefault(a.OneTimePassword, OneTimePasswordAsked)
	a.WholeLists = orDefault(a.WholeLists, WholeListsAllowed)
	a.RegeneratorStatus = orDefault(a.RegeneratorStatus, 201)
	a.ProblemIDs = orDefault(a.ProblemIDs, ProblemIDsOwn)
	a.Authorization = orDefault(a.Authorization, AuthorizationClassic)
	return a
}

// validate refuses a misspelt choice.
func (a DomainAnswers) validate() error {
	for _, c := range []struct {
		field, value string
		allowed      []string
	}{
		{"HostPort", string(a.HostPort), []string{"port-required", "port-optional"}},
		{"MessageIDs", string(a.MessageIDs), []string{"message-ids", "no-message-ids"}},
		{"Quota", string(a.Quota), []string{"quota-text", "quota-conflict", "quota-other-text"}},
		{"RetryToken", string(a.RetryToken), []string{"value", "no-value", "conflict", "ignored"}},
		{"InactiveSlot", string(a.InactiveSlot), []string{"keeps-slot", "frees-slot"}},
		{"InactiveUse", string(a.InactiveUse), []string{"use-refused", "use-lags", "use-works"}},
		{"RegistryNames", string(a.RegistryNames), []string{"documented-names", "both-names", "domain-names"}},
		{"OneTimePassword", string(a.OneTimePassword), []string{"if-asked", "unasked", "not-at-all"}},
		{"WholeLists", string(a.WholeLists), []string{"whole-lists", "no-whole-lists-401", "no-whole-lists-403"}},
		{"RegeneratorStatus", strconv.Itoa(a.RegeneratorStatus), []string{"201", "200"}},
		{"ProblemIDs", string(a.ProblemIDs), []string{"own-id", "credential-ocid", "key-path", "scim-id",
			"no-problems"}},
		{"Authorization", string(a.Authorization), []string{"classic-permissions", "manage-users", "app-role"}},
	} {
		if !slices.Contains(c.allowed, c.value) {
			return fmt.Errorf("ociemu: DomainAnswers.%s is %q, want one of %q", c.field, c.value, c.allowed)
		}
	}
	return nil
}
