package cloudguard

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Role says which part of a credential a Vault secret is for.
type Role string

// The roles, one for each key of a closure comment that names a secret.
const (
	RolePrivateKey Role = "private-key" // api_secret_ocid
	RoleToken      Role = "auth-token"  // auth_secret_ocid
	RoleAccessKey  Role = "access-key"  // accesskey_secret_ocid
	RoleSecretKey  Role = "secret-key"  // secretkey_secret_ocid
	RolePassword   Role = "password"    // password_secret_ocid
	RoleBundle     Role = "bundle"      // bundle_secret_ocid
)

// secretKey is one key of a comment that names a secret.
type secretKey struct {
	name  string
	role  Role
	rule  Rule   // "" for a key that fits every rule
	thing string // what the secret holds, for messages
}

// secretKeys is the one table of them, in the order in which they are printed.
var secretKeys = []secretKey{
	{"api_secret_ocid", RolePrivateKey, APIKeyTooOld, "API key"},
	{"auth_secret_ocid", RoleToken, AuthTokenTooOld, "auth token"},
	{"accesskey_secret_ocid", RoleAccessKey, SecretKeyTooOld, "access key"},
	{"secretkey_secret_ocid", RoleSecretKey, SecretKeyTooOld, "secret key"},
	{"password_secret_ocid", RolePassword, PasswordTooOld, "one-time password"},
	{"bundle_secret_ocid", RoleBundle, "", "bundle"},
}

// The keys of the options.
const (
	keyReplace = "replace"
	keyGrace   = "grace"
	keyDryRun  = "dry_run"
)

var options = []string{keyReplace, keyGrace, keyDryRun}

// MaxComment is the longest closure comment that is read, in bytes.
const MaxComment = 64 << 10

// Key returns the key by which a comment names the secret of role r, such as
// "api_secret_ocid"; "" for an unknown role.
func (r Role) Key() string {
	if i := slices.IndexFunc(secretKeys, func(k secretKey) bool { return k.role == r }); i >= 0 {
		return secretKeys[i].name
	}
	return ""
}

// Roles returns the roles that belong to credentials of the rule, without
// [RoleBundle], which fits all. A comment names all of them or none.
func (r Rule) Roles() []Role {
	var roles []Role
	for _, k := range secretKeys {
		if k.rule == r && r != "" {
			roles = append(roles, k.role)
		}
	}
	return roles
}

// Comment is a closure comment that was understood completely.
type Comment struct {
	// Secrets are the OCIDs of the Vault secrets that it names. It may be empty:
	// then the secret is to be found by its tags. It never holds a part of the
	// rule's roles, nor one secret under two roles; RoleBundle may stand alone or
	// beside the others.
	Secrets map[Role]OCID
	Replace bool           // replace:yes, the old credential may go first
	Grace   *time.Duration // grace:..., 0 to 90 days; nil if not given
	DryRun  bool           // dry_run:yes
	Free    []string       // the free text, item by item; never blank
}

// String returns the canonical form: pairs in a fixed order, then the free text,
// with commas between them. [ParseComment] of it gives an equal Comment.
func (c Comment) String() string {
	var items []string
	for _, k := range secretKeys {
		if id, ok := c.Secrets[k.role]; ok {
			items = append(items, k.name+":"+string(id))
		}
	}
	if c.Replace {
		items = append(items, keyReplace+":yes")
	}
	if c.Grace != nil {
		items = append(items, keyGrace+":"+formatGrace(*c.Grace))
	}
	if c.DryRun {
		items = append(items, keyDryRun+":yes")
	}
	return strings.Join(append(items, c.Free...), ",")
}

// ParseComment reads the closure comment of a problem of the given rule.
//
//	comment   = [ item ] { separator [ item ] } .
//	separator = "," | ";" | line break .
//	item      = pair | free text .
//	pair      = key ":" value .
//	key       = "api_secret_ocid" | "auth_secret_ocid" | "accesskey_secret_ocid"
//	          | "secretkey_secret_ocid" | "password_secret_ocid" | "bundle_secret_ocid"
//	          | "replace" | "grace" | "dry_run" .
//	value     = vault secret OCID                  (keys that end in _secret_ocid)
//	          | "yes" | "no" | "true" | "false"    (replace, dry_run)
//	          | "0" | [ n "d" ] [ n "h" ] [ n "m" ] (grace; not more than 90 days) .
//
// Keys and values may be in any case, in quotes or angle brackets, with blanks,
// line breaks and invisible characters around them. A line break separates two
// items, except beside the colon of a pair: "key:\nvalue" is one pair, unless
// what follows the line break is itself a known key with its colon. The order of
// items doesn't matter, and a pair may be repeated. Free text is anything else,
// with colons too ("see: CHG-1:2", "https://example.com/x"). An empty comment is
// a good one.
//
// Everything doubtful is refused with a [*CommentError] that lists all faults
// and the comment to write instead: a key that is nearly a known one, or looks
// like the name of a secret's OCID; a key of another kind of credential; a key
// without a value; a value that isn't the OCID of a Vault secret, or of an
// option, that it can't have; one key with two values; one secret for two roles;
// half of a pair of secrets; a Vault secret's OCID without a key (unless the same
// OCID also stands under a key); a pair that no separator parts from the text
// before it; more than [MaxComment] bytes.
//
// A rule that isn't one of [Rules] is the caller's mistake and an error of its
// own.
func ParseComment(rule Rule, text string) (Comment, error) {
	if !rule.Known() {
		return Comment{}, fmt.Errorf("reading the closure comment: the rule %q is not about a credential's age", clip(string(rule)))
	}
	r := newReading(rule)
	if len(text) > MaxComment {
		r.fault("the comment", fmt.Sprintf("is longer than %d bytes", MaxComment))
		for _, role := range rule.Roles() {
			r.spoilt[role.Key()] = rule != PasswordTooOld
		}
	} else {
		r.read(text)
	}
	if len(r.faults) > 0 {
		return Comment{}, &CommentError{Faults: r.faults, Corrected: r.corrected()}
	}
	return r.comment(), nil
}

// Fault is one thing in a comment that can't be accepted.
type Fault struct {
	// Item names the place: the key as it was typed, or an OCID. It is never the
	// value of a key, which may be a secret pasted into the wrong place.
	Item    string
	Problem string
}

// CommentError tells why a closure comment was refused.
type CommentError struct {
	Faults []Fault // at least one
	// Corrected is the comment to write instead. What was right is kept, what can
	// be mended is mended, and for the rest it has a placeholder in angle brackets,
	// such as "auth_secret_ocid:<OCID of the auth token secret>". Without
	// placeholders it is accepted as it stands; "" means an empty comment.
	Corrected string
}

// Error lists the faults and ends with the corrected comment.
func (e *CommentError) Error() string {
	const most = 20
	var b strings.Builder
	b.WriteString("the closure comment was not understood: ")
	for i, f := range e.Faults[:min(most, len(e.Faults))] {
		if i > 0 {
			b.WriteString("; ")
		}
		b.WriteString(f.Item + " " + f.Problem)
	}
	if more := len(e.Faults) - most; more > 0 {
		fmt.Fprintf(&b, "; and %d more", more)
	}
	if e.Corrected == "" {
		b.WriteString(". Leave the comment empty")
	} else {
		b.WriteString(". Write instead: " + e.Corrected)
	}
	return b.String()
}
