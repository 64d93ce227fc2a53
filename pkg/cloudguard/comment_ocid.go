package cloudguard

import (
	"fmt"
	"strings"
)

// uniqueLength is the length of the last part of the OCIDs that OCI assigns today: eight characters that many OCIDs
// share, and 52 in base32. Oracle documents no length, so cutShort needs more than the length.
const uniqueLength = 60

// typeNouns names the types of OCIDs that people may paste instead of a secret's.
var typeNouns = map[string]string{
	"vault": "a vault", "key": "an encryption key", "keyversion": "a version of an encryption key", "user": "a user",
	"group": "a group", "compartment": "a compartment", "tenancy": "a tenancy",
	"credential":         "an auth token or another credential",
	"vaultsecretversion": "a version of a secret", "vaultsecretbundle": "a secret bundle",
	"secretbundle": "a secret bundle", "cloudguardproblem": "a problem",
	"fnfunc": "a function", "onstopic": "a topic", "bucket": "a bucket", "instance": "an instance",
}

const needsSecret = "needs the OCID of a Vault secret, ocid1.vaultsecret..."

// readSecretOCID reads the OCID of a Vault secret. The problem completes a sentence about the key, and never has the
// value.
func readSecretOCID(value string) (id OCID, problem string) {
	v := trim(value)
	id, err := ParseOCID(v, TypeSecret)
	if err == nil && !cutShort(id) {
		return id, ""
	}
	lower := asciiLower(v)
	switch {
	case v == "":
		return "", "has no value: it " + needsSecret
	case strings.HasPrefix(lower, "ocid of"), strings.HasPrefix(lower, "ocid1.vaultsecret.<"):
		return "", "still has the placeholder of the instructions: replace it with the OCID of the Vault secret"
	case err == nil:
		return "", fmt.Sprintf("has an OCID that looks cut short or joined to other text: its last part has %d "+
			"characters, not %d. Copy the whole OCID",
			len(lastPart(id)), uniqueLength)
	case strings.HasSuffix(v, ".") && isSecretOCID(v[:len(v)-1]):
		return "", "has more than the OCID as its value: leave the full stop out"
	case isCut(lower):
		return "", "has an OCID that looks cut short. Copy the whole OCID of the Vault secret"
	}
	if other, err := ParseOCID(v); err == nil {
		if noun, ok := typeNouns[other.Type()]; ok {
			return "", fmt.Sprintf("has the OCID of %s (type %q): it %s", noun, other.Type(), needsSecret)
		}
	}
	if first, _, more := strings.Cut(v, " "); more {
		if _, err := ParseOCID(unquote(first), TypeSecret); err == nil {
			return "", "has more than the OCID as its value: put a comma between the OCID and other text"
		}
	}
	return "", needsSecret + ": " + err.Error()
}

func isSecretOCID(v string) bool {
	id, err := ParseOCID(v, TypeSecret)
	return err == nil && !cutShort(id)
}

func lastPart(id OCID) string { return string(id[strings.LastIndexByte(string(id), '.')+1:]) }

// cutShort reports whether the last part of a well-formed OCID begins like OCI's but has another length. A last part
// without a digit may be invented for a test; it is left to OCI.
func cutShort(id OCID) bool {
	unique := lastPart(id)
	for _, begin := range []string{"amaaaaaa", "aaaaaaaa"} {
		if len(unique) <= len(begin) {
			if strings.HasPrefix(begin, unique) {
				return true
			}
			continue
		}
		if strings.HasPrefix(unique, begin) && len(unique) != uniqueLength &&
			strings.ContainsAny(unique, "0123456789") {
			return true
		}
	}
	return false
}

// isCut reports whether a value that isn't an OCID is the beginning of a secret's OCID, or has the ellipsis of a
// shortened one.
func isCut(lower string) bool {
	bare := strings.TrimRight(lower, ".\u2026- ")
	begins := strings.HasPrefix(bare, "ocid1.") || bare != "" && strings.HasPrefix("ocid1.", bare)
	if strings.HasPrefix(bare, "ocid1."+TypeSecret) &&
		(strings.Contains(bare, "\u2026") || strings.Contains(bare, "...")) {
		return true
	}
	if !strings.ContainsAny(bare, " /:") && begins {
		kind, _, _ := strings.Cut(strings.TrimPrefix(bare, "ocid1."), ".")
		fits := strings.HasPrefix(TypeSecret, kind) || strings.HasPrefix("ocid1.", bare)
		return fits && (strings.Count(bare, ".") < 4 || bare != lower)
	}
	return strings.HasPrefix(lower, "...") || strings.HasPrefix(lower, "\u2026")
}
