package cloudguard

import (
	"strings"

	"github.com/keyturn/keyturn/pkg/credential"
)

const typeCredential = "credential"

var (
	fingerprintForm = lazily(`^[0-9a-f]{2}(:[0-9a-f]{2}){15}$`)
	hexForm         = lazily(`^[0-9a-f]+$`)
	// The first character excludes "." and "..", which have a meaning in paths.
	credentialIDForm = lazily(`^[A-Za-z0-9][A-Za-z0-9._:-]{0,254}$`)
	pairsForm        = lazily(`^[0-9a-f]{2}([ :-][0-9a-f]{2}){15}$`)
)

// FormOf returns the form of an id, whatever its case.
func FormOf(id string) credential.IDForm {
	lower := asciiLower(id)
	switch {
	case fingerprintForm().MatchString(lower):
		return credential.FormFingerprint
	case hexForm().MatchString(lower) && len(lower) == 40:
		return credential.FormAccessKey
	case hexForm().MatchString(lower) && len(lower) == 32:
		return credential.FormSCIM
	}
	if _, err := ParseOCID(id, typeCredential); err == nil {
		return credential.FormOCID
	}
	return credential.FormUnknown
}

// normalID returns an id as OCI lists it: an OCID, a fingerprint and hex digits are in lower case. It doesn't change an
// id of an unknown form.
func normalID(text string) string {
	text = bare(text)
	lower := strings.TrimPrefix(asciiLower(text), "md5:")
	if pairsForm().MatchString(lower) {
		lower = strings.NewReplacer(" ", ":", "-", ":").Replace(lower)
	}
	if FormOf(lower) != credential.FormUnknown {
		return lower
	}
	return text
}

// hasIDs reports whether the credentials of the rule have ids; a user's password has none.
func (r Rule) hasIDs() bool { return len(r.record().IDForms) > 0 }

// onlyFingerprints reports whether lists show the credentials by fingerprints. All forms of their ids are known.
func (r Rule) onlyFingerprints() bool {
	return r.hasIDs() && r.record().IDForms[0] == credential.FormFingerprint
}

// isOtherThing reports whether id is an OCID, but not that of a credential.
func isOtherThing(id string) bool {
	return strings.HasPrefix(asciiLower(id), "ocid1.") && FormOf(id) != credential.FormOCID
}

// bare cuts spaces, invisible characters, quotes and brackets off both ends: Cloud Guard writes lists as "[a, b]".
func bare(s string) string {
	for {
		cut := strings.Trim(trim(s), `"'<>[]`)
		if cut == s {
			return s
		}
		s = cut
	}
}
