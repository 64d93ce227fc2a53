package credential

import (
	"crypto/sha256"
	"encoding/base32"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Ref names one credential of one user.
type Ref struct {
	Kind Kind
	User string // user OCID
	// ID is the fingerprint of an API key, the OCID of an auth token or the access key of a customer secret key. A
	// password has no id, and after a reset its old age can't be read any more: there it is the time at which the
	// problem was closed (TimeID), which every delivery of the same closure agrees on.
	ID string
}

// TimeID writes a time as the id of a password.
func TimeID(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// RotationID is a short hash of a Ref. Every delivery, retry and sweep computes the same one, whatever problem it
// came from: it is what makes them one rotation.
type RotationID string

var idEncoding = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// RotationID hashes the reference to 16 letters and digits (80 bits).
func (r Ref) RotationID() RotationID {
	sum := sha256.Sum256([]byte(string(r.Kind) + "\n" + r.User + "\n" + r.ID))
	return RotationID(idEncoding.EncodeToString(sum[:10]))
}

var versionName = regexp.MustCompile(`^keyturn-([a-z2-7]{16})-([1-9][0-9]{0,5})$`)

// VersionName is the name of the secret version that the rotation's given attempt (1, 2, ...) writes. OCI keeps
// version names unique within a secret, which keeps a second writer out.
func (id RotationID) VersionName(attempt int) string {
	return "keyturn-" + string(id) + "-" + strconv.Itoa(attempt)
}

// ParseVersionName is the inverse of VersionName; ok is false for a name that somebody else gave.
func ParseVersionName(name string) (id RotationID, attempt int, ok bool) {
	m := versionName.FindStringSubmatch(name)
	if m == nil {
		return "", 0, false
	}
	n, err := strconv.Atoi(m[2])
	return RotationID(m[1]), n, err == nil
}

// Mark is what the description of a credential made by OCI carries, so that one whose value got lost can be told from
// all others: which rotation made it, which maker (one invocation's random id), and for which secret.
type Mark struct {
	Rotation RotationID
	Maker    string
	Home     string // Home of the first secret that the value was made for
}

// Home is a short hash of a secret's OCID.
func Home(secretID string) string {
	sum := sha256.Sum256([]byte(secretID))
	return idEncoding.EncodeToString(sum[:5])
}

var (
	markPattern = regexp.MustCompile(`\s*\[keyturn ([a-z2-7]{16})/([a-z0-9]{1,32})/([a-z2-7]{8})\]`)
	// maxBase leaves room for the mark within 200 characters; OCI's own limit is not documented.
	maxBase = 130
)

// Describe appends the mark to the old credential's description, in place of a mark that it already carries.
func (m Mark) Describe(old string) string {
	base := strings.TrimSpace(old)
	for markPattern.MatchString(base) { // what is left of one mark and another could be a third
		base = strings.TrimSpace(markPattern.ReplaceAllString(base, ""))
	}
	if len(base) > maxBase {
		cut := maxBase
		for cut > 0 && !utf8.RuneStart(base[cut]) {
			cut--
		}
		base = strings.TrimSpace(base[:cut])
	}
	return strings.TrimSpace(base + " [keyturn " + string(m.Rotation) + "/" + m.Maker + "/" + m.Home + "]")
}

// ParseMark finds the mark in a description.
func ParseMark(description string) (Mark, bool) {
	all := markPattern.FindAllStringSubmatch(description, -1)
	if all == nil {
		return Mark{}, false
	}
	m := all[len(all)-1] // Describe writes it at the end
	return Mark{Rotation: RotationID(m[1]), Maker: m[2], Home: m[3]}, true
}
