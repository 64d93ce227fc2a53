package credential

import (
	"crypto/sha256"
	"encoding/base32"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/keyturn/keyturn/pkg/phrase"
)

// Ref names one credential of one user.
type Ref struct {
	Kind Kind
	User string // user OCID
	// ID is the fingerprint of an API key, the OCID of an auth token or the access key of a customer secret key. A
	// password has no id, and a reset changes its creation time. Its ID is the time at which the problem was closed
	// (TimeID), which is the same in every delivery of the closure.
	ID string
}

// TimeID formats a time as the id of a password.
func TimeID(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// RotationID is a short hash of a Ref. Every delivery, retry and sweep for a credential computes the same one, whatever
// the problem: it identifies the rotation.
type RotationID string

var idEncoding = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// RotationID hashes the reference to 16 letters and digits (80 bits).
func (r Ref) RotationID() RotationID {
	return RotationID(shortHash(string(r.Kind)+"\n"+r.User+"\n"+r.ID, 10))
}

// shortHash returns the first n bytes of the SHA-256 of a text, in letters and digits.
func shortHash(text string, n int) string {
	sum := sha256.Sum256([]byte(text))
	return idEncoding.EncodeToString(sum[:n])
}

var versionName = regexp.MustCompile(`^keyturn-([a-z2-7]{16})-([1-9][0-9]{0,5})$`)

// VersionName is the name of the secret version that the given attempt (1, 2, ...) of the rotation writes. Version
// names are unique within a secret, so OCI refuses a second writer of the same attempt.
func (id RotationID) VersionName(attempt int) string {
	return "keyturn-" + string(id) + "-" + strconv.Itoa(attempt)
}

// ParseVersionName is the inverse of VersionName; ok is false for a name that is not from VersionName.
func ParseVersionName(name string) (id RotationID, attempt int, ok bool) {
	m := versionName.FindStringSubmatch(name)
	if m == nil {
		return "", 0, false
	}
	n, err := strconv.Atoi(m[2])
	return RotationID(m[1]), n, err == nil
}

// Mark is a part of the description of a credential that OCI generates. It identifies a credential whose value got
// lost.
type Mark struct {
	Rotation RotationID
	Maker    string // the random id of the invocation that created the credential
	Home     string // Home of the first secret of the rotation
}

// Home is a short hash of a secret's OCID.
func Home(secretID string) string { return shortHash(secretID, 5) }

var (
	markPattern = regexp.MustCompile(`\s*\[keyturn ([a-z2-7]{16})/([a-z0-9]{1,32})/([a-z2-7]{8})\]`)
	// maxBase leaves room for the mark within 200 bytes; OCI's limit is not documented.
	maxBase = 130
)

// Describe appends the mark to the old credential's description, in place of a mark that it already has.
func (m Mark) Describe(old string) string {
	base := strings.TrimSpace(old)
	for markPattern.MatchString(base) { // removing a mark could leave text that forms another one
		base = strings.TrimSpace(markPattern.ReplaceAllString(base, ""))
	}
	base = strings.TrimSpace(phrase.Prefix(base, maxBase))
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
