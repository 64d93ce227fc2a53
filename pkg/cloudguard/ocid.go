package cloudguard

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/keyturn/keyturn/pkg/phrase"
)

// OCID is an Oracle Cloud Identifier, "ocid1.<type>.<realm>.[region].<unique>", in lower case. An OCID from [ParseOCID]
// has only a-z, 0-9, '-' and '.', so it is safe as one element of a URL's path. Oracle's documentation describes the
// form under "Resource Identifiers".
type OCID string

// The types that this project uses.
const (
	TypeProblem = "cloudguardproblem"
	TypeSecret  = "vaultsecret"
	TypeTopic   = "onstopic"
	TypeTenancy = "tenancy"
	TypeUser    = "user"
)

// maxOCID is the length limit of an OCID in OCI's own API model.
const maxOCID = 255

// ParseOCID checks the form of s, without spaces and invisible characters around it, in lower case. With wantTypes, the
// type must be one of them. The error quotes s only if it begins like an OCID, because other text may be a secret
// pasted into the wrong place.
func ParseOCID(s string, wantTypes ...string) (OCID, error) {
	s = asciiLower(trim(s))
	if s == "" {
		return "", errors.New("OCID is empty")
	}
	if !strings.HasPrefix(s, "ocid1.") {
		return "", errors.New(`OCID does not begin with "ocid1."`)
	}
	if len(s) > maxOCID {
		return "", fmt.Errorf("OCID has %d characters, more than %d", len(s), maxOCID)
	}
	parts := strings.Split(s, ".")
	if len(parts) < 5 {
		return "", fmt.Errorf("OCID has %d parts between dots, want 5: ocid1.<type>.<realm>.[region].<unique>",
			len(parts))
	}
	if err := checkParts(parts); err != nil {
		return "", err
	}
	if len(wantTypes) > 0 && !slices.Contains(wantTypes, parts[1]) {
		return "", fmt.Errorf(`OCID has type %q, want "%s"`, phrase.Excerpt(parts[1]),
			strings.Join(wantTypes, `" or "`))
	}
	return OCID(s), nil
}

func checkParts(parts []string) error {
	names := []string{"version", "type", "realm", "region"}
	for i, p := range parts {
		name, mayBeEmpty, dash := "unique", false, false
		if i < len(names) {
			name = names[i]
			mayBeEmpty, dash = name == "region", name == "region"
		}
		if p == "" && !mayBeEmpty {
			return fmt.Errorf("OCID has an empty %s part", name)
		}
		for _, r := range p {
			if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || dash && r == '-' {
				continue
			}
			return fmt.Errorf("OCID has the character %q in its %s part", r, name)
		}
	}
	return nil
}

// Type returns the second part, such as "vaultsecret"; "" if o isn't an OCID.
func (o OCID) Type() string { return o.part(1) }

// Region returns the fourth part: the long region name, the short key for the regions iad and phx, or "" for a resource
// without a region, such as a user.
func (o OCID) Region() string { return o.part(3) }

func (o OCID) part(i int) string {
	parts := strings.Split(string(o), ".")
	if len(parts) < 5 {
		return ""
	}
	return parts[i]
}

// asciiLower lower-cases only A-Z. strings.ToLower would also turn other characters, such as the Kelvin sign, into
// plain letters.
func asciiLower(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}

// trim cuts spaces, control and invisible characters off both ends.
func trim(s string) string {
	return strings.TrimFunc(s, func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r) || invisible(r)
	})
}

// invisible reports zero-width and direction marks, which browsers and chat programs leave in copied text.
func invisible(r rune) bool {
	return unicode.Is(unicode.Cf, r)
}
