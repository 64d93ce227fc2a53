package cloudguard

import (
	"errors"
	"fmt"
	"strings"
)

// Ours reports whether the event is about a remediated problem of one of the
// four rules; if not, reason says why.
//
// An event without status is ours: Cloud Guard's record of the problem decides,
// not the event. So is one without eventTypeVersion. A version whose major
// number isn't 2 is not: by Oracle's rules its fields may mean something else.
func (e Event) Ours() (ours bool, reason string) {
	switch {
	case e.Type == "":
		return false, "eventType is absent"
	case e.Type != TypeRemediated:
		return false, fmt.Sprintf("eventType is %q, not %q", clip(e.Type), TypeRemediated)
	}
	if major, _, _ := strings.Cut(e.TypeVersion, "."); e.TypeVersion != "" && major != "2" {
		return false, fmt.Sprintf("eventTypeVersion %s is not known", clip(e.TypeVersion))
	}
	switch {
	case e.Rule == "":
		return false, "data.additionalDetails.problemName is absent"
	case !e.Rule.Known():
		return false, fmt.Sprintf("the rule %q is not about a credential's age", clip(string(e.Rule)))
	case e.Status != "" && !strings.EqualFold(e.Status, "RESOLVED"):
		return false, fmt.Sprintf("the problem's status is %q, not RESOLVED", clip(e.Status))
	}
	return true, ""
}

var (
	fingerprintForm = lazily(func() string { return `^[0-9a-f]{2}(:[0-9a-f]{2}){15}$` })
	// The first character keeps out "." and "..", which are paths of their own.
	credentialIDForm = lazily(func() string { return `^[A-Za-z0-9][A-Za-z0-9._:-]{0,254}$` })
)

// Validate checks the identifiers of an event that is ours, so that they may
// become part of a request's path: the problem, the user, and for every rule but
// the password's the credential. The error joins one [*FormatError] for each
// fault; nil means that ProblemID and User are OCIDs of these types and that
// [Event.CredentialID] isn't empty.
func (e Event) Validate() error {
	var faults []error
	fault := func(field, problem, mend string) {
		faults = append(faults, &FormatError{field, problem, mend})
	}
	if _, err := ParseOCID(e.ProblemID, TypeProblem); err != nil {
		fault("data.resourceId", fmt.Sprintf("is not the OCID of a problem (%v)", err),
			"send the problem's OCID, ocid1.cloudguardproblem...")
	}
	user, err := ParseOCID(e.User, TypeUser)
	if err != nil {
		fault(`data.additionalDetails.problemAdditionalDetails["User OCID"]`,
			fmt.Sprintf("is not the OCID of a user (%v)", err), "send the user's OCID, ocid1.user...")
	}
	const resource = "data.additionalDetails.resourceId"
	switch {
	case e.Rule == PasswordTooOld:
	case e.ResourceID == "":
		fault(resource, "is absent", "send the id of the credential")
	case e.CredentialID() == "" && e.Rule == APIKeyTooOld:
		fault(resource, "does not end in the fingerprint of an API key",
			"send <tenancy OCID>/<user OCID>/<fingerprint>, where the fingerprint is 16 pairs of hex digits with colons between them")
	case e.CredentialID() == "":
		fault(resource, "is not the id of a credential",
			"send the id alone: letters, digits, '.', '_', ':' and '-', not more than 255 of them")
	}
	if named := e.resourceUser(); named != "" && err == nil && named != string(user) {
		fault(resource, fmt.Sprintf("belongs to the user %s, but the event names the user %s", named, user),
			"send the id of a credential of that user")
	}
	return errors.Join(faults...)
}

// CredentialID returns what names the credential among those of its user: the
// fingerprint of an API key (lower case), the OCID of an auth token, the access
// key id of a customer secret key. It is "" for a password, which has no id, and
// for a ResourceID that isn't well-formed, so that the result is always safe as
// one element of a URL's path.
func (e Event) CredentialID() string {
	switch e.Rule {
	case APIKeyTooOld:
		parts := strings.Split(e.ResourceID, "/")
		id := asciiLower(trim(parts[len(parts)-1]))
		if len(parts) != 1 && len(parts) != 3 || !fingerprintForm().MatchString(id) {
			return ""
		}
		return id
	case AuthTokenTooOld, SecretKeyTooOld:
		if credentialIDForm().MatchString(e.ResourceID) {
			return e.ResourceID
		}
	}
	return ""
}
