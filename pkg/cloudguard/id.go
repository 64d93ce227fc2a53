package cloudguard

import "strings"

// Form is the form of a credential's id. Two ids of different forms can't be compared: both may name one credential.
type Form string

// The forms. OCI's classic identity API lists API keys by fingerprint, auth tokens by OCID, and customer secret keys by
// access key or by OCID (oci-go-sdk, identity/customer_secret_key.go says the first, published answers show both). An
// identity domain has SCIM ids as well.
const (
	FormUnknown     Form = ""
	FormFingerprint Form = "fingerprint" // 16 pairs of hex digits, with colons
	FormOCID        Form = "OCID"        // ocid1.credential...
	FormAccessKey   Form = "access key"  // 40 hex digits
	FormSCIM        Form = "SCIM id"     // 32 hex digits
)

const typeCredential = "credential"

var (
	fingerprintForm = lazily(func() string { return `^[0-9a-f]{2}(:[0-9a-f]{2}){15}$` })
	hexForm         = lazily(func() string { return `^[0-9a-f]+$` })
	// The first character keeps out "." and "..", which are paths of their own.
	credentialIDForm = lazily(func() string { return `^[A-Za-z0-9][A-Za-z0-9._:-]{0,254}$` })
	pairsForm        = lazily(func() string { return `^[0-9a-f]{2}([ :-][0-9a-f]{2}){15}$` })
)

// FormOf returns the form of an id, whatever its case.
func FormOf(id string) Form {
	lower := asciiLower(id)
	switch {
	case fingerprintForm().MatchString(lower):
		return FormFingerprint
	case hexForm().MatchString(lower) && len(lower) == 40:
		return FormAccessKey
	case hexForm().MatchString(lower) && len(lower) == 32:
		return FormSCIM
	}
	if _, err := ParseOCID(id, typeCredential); err == nil {
		return FormOCID
	}
	return FormUnknown
}

// normalID brings an id into the spelling in which OCI lists it: an OCID, a fingerprint and hex digits in lower case.
// An id of no known form stays as it is.
func normalID(text string) string {
	text = bare(text)
	lower := strings.TrimPrefix(asciiLower(text), "md5:")
	if pairsForm().MatchString(lower) {
		lower = strings.NewReplacer(" ", ":", "-", ":").Replace(lower)
	}
	if FormOf(lower) != FormUnknown {
		return lower
	}
	return text
}

// ValidID reports whether an id is one that normalID could have written for a credential of the rule, so that it is
// safe as one element of a URL's path.
func ValidID(rule Rule, id string) bool {
	if rule == APIKeyTooOld {
		return fingerprintForm().MatchString(id)
	}
	return rule.hasIDs() && credentialIDForm().MatchString(id) && !isOtherThing(id) && normalID(id) == id
}

// isOtherThing reports whether id is an OCID, but not that of a credential.
func isOtherThing(id string) bool {
	return strings.HasPrefix(asciiLower(id), "ocid1.") && FormOf(id) != FormOCID
}

// bare cuts blanks, invisible characters, quotes and brackets off both ends: Cloud Guard writes lists as "[a, b]".
func bare(s string) string {
	for {
		cut := strings.Trim(trim(s), `"'<>[]`)
		if cut == s {
			return s
		}
		s = cut
	}
}
