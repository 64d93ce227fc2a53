package cloudguard

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/phrase"
)

// MaxComment is the length limit of a closure comment, in bytes.
const MaxComment = 8 << 10

// Roles returns the roles of the rule's credentials, without [credential.RoleBundle], which fits every rule.
// A comment names all of them or none.
func (r Rule) Roles() []credential.Role {
	var roles []credential.Role
	for _, k := range keys() {
		if k.rule == r && r != "" {
			roles = append(roles, k.role)
		}
	}
	return roles
}

// Comment is a completely understood closure comment.
type Comment struct {
	// Secrets are the OCIDs of the Vault secrets in the comment. If it is empty, the secret is found by its tags. It
	// has all roles of the rule or none, and possibly credential.RoleBundle. No secret has two roles.
	Secrets map[credential.Role]OCID
	Rotate  *bool          // rotate:yes or rotate:no; nil if not given
	Replace bool           // replace:yes: the old credential may be deleted first
	Grace   *time.Duration // grace:..., 0 to 90 days; nil if not given
	DryRun  bool           // dry_run:yes
	Free    []string       // the items of free text; none is blank
}

// String returns the canonical form: the pairs in a fixed order, then the free text, separated by commas.
// [ParseComment] of it gives an equal Comment.
func (c Comment) String() string {
	return strings.Join(append(c.pairs(), c.Free...), ",")
}

func (c Comment) pairs() []string {
	var items []string
	for _, k := range keys() {
		if id, ok := c.Secrets[k.role]; ok {
			items = append(items, k.name+":"+string(id))
		}
	}
	if c.Rotate != nil {
		items = append(items, keyRotate+":"+map[bool]string{true: "yes", false: "no"}[*c.Rotate])
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
	return items
}

// ParseComment reads the closure comment of a problem of the given rule.
//
//	comment   = [ item ] { separator [ item ] } .
//	separator = "," | ";" | line break .
//	item      = pair | free text .
//	pair      = key ":" value .
//	key       = "api_secret_ocid" | "auth_secret_ocid" | "accesskey_secret_ocid"
//	          | "secretkey_secret_ocid" | "password_secret_ocid" | "bundle_secret_ocid"
//	          | "rotate" | "replace" | "grace" | "dry_run" .
//	value     = vault secret OCID                     (keys that end in _secret_ocid)
//	          | "yes" | "no" | "true" | "false"       (rotate, replace, dry_run)
//	          | "0" | [ n "d" ] [ n "h" ] [ n "m" ]   (grace; not more than 90 days) .
//
// Keys and values may be in any case, and may have quotes, angle brackets, spaces or invisible characters around them.
// A pair may have a bullet before it. A line break next to a key's colon is no separator, unless another pair follows.
// The order of items doesn't matter, and a pair may be repeated.
//
// Everything else must be clearly free text; checkText defines it. Other comments are refused with a [*CommentError]:
//
//   - with text that has the name of an option or key in any other spelling, asks for something about the rotation,
//     or says no;
//   - with a key of another kind of credential;
//   - with a value that the key can't have, or that looks cut short;
//   - with two values of one key, one secret for two roles, or one secret of a pair;
//   - with the OCID of a Vault secret that no key names;
//   - with more than [MaxComment] bytes.
//
// An empty comment is understood. [Comment.Ordered] decides whether a comment orders a rotation. For a rule that isn't
// one of [Rules] the error is not a CommentError.
func ParseComment(rule Rule, text string) (Comment, error) {
	if !rule.Known() {
		return Comment{}, fmt.Errorf("reading the closure comment: the rule %q is not about a credential's age",
			phrase.Excerpt(string(rule)))
	}
	c, faults := understand(rule, text)
	if len(faults) == 0 {
		return c, nil
	}
	return Comment{}, &CommentError{Faults: faults, Corrected: suggest(rule, text)}
}

// Ordered returns nil if the comment orders a rotation or a dry run of a credential of the rule. Otherwise it returns a
// [*CommentError] that says what to write.
//
// rotate:no never orders a rotation. All other pairs do. A comment without pairs, as in Oracle's tutorial, orders only
// the rotation of a password; with bare, of every credential.
func (c Comment) Ordered(rule Rule, bare bool) error {
	no := Fault{"it", "has no secret and no option", true}
	if c.Rotate != nil && !*c.Rotate {
		no = Fault{keyRotate + ":no", "forbids it", true}
	} else if bare || rule.resets() || len(c.pairs()) > 0 {
		return nil
	}
	c.Rotate = nil
	return &CommentError{Faults: []Fault{no}, Corrected: suggestion{Comment: c}.text(rule)}
}

// Fault is one reason why a comment is refused.
type Fault struct {
	// Item is the key as typed, an OCID, or words of the package's own lists. It is never the value of a key, which may
	// be a secret pasted into the wrong place.
	Item    string
	Problem string // completes the sentence that Item begins
	// NoOrder says that the comment may mean that nothing is to be rotated.
	NoOrder bool
}

// CommentError says why a closure comment causes no rotation.
type CommentError struct {
	Faults []Fault // at least one
	// Corrected is the comment to write instead; never empty. It keeps what was right. Where several things may have
	// been meant, it has the most careful one. It is accepted as it is, unless it needs an OCID that only a person
	// knows: then it has a placeholder, such as "auth_secret_ocid:<OCID of the auth token secret>".
	Corrected string
}

// Reason lists the faults.
func (e *CommentError) Reason() string {
	const most = 20
	var b strings.Builder
	if slices.ContainsFunc(e.Faults, func(f Fault) bool { return !f.NoOrder }) {
		b.WriteString("the closure comment was not understood: ")
	} else {
		b.WriteString("the closure comment orders no rotation: ")
	}
	for i, f := range e.Faults[:min(most, len(e.Faults))] {
		if i > 0 {
			b.WriteString("; ")
		}
		b.WriteString(f.Item + " " + f.Problem)
	}
	if more := len(e.Faults) - most; more > 0 {
		fmt.Fprintf(&b, "; and %d more", more)
	}
	return b.String()
}

// Remedy says what to do. It ends with the corrected comment on a separate line.
func (e *CommentError) Remedy() string {
	const leave = "To leave the credential as it is, dismiss the problem in Cloud Guard. "
	again := "Close the problem again with this comment:\n" + e.Corrected
	switch {
	case slices.Contains(strings.Split(e.Corrected, ","), keyRotate+":no"):
		return leave + "Or use the comment below; to rotate, write rotate:yes in it. " + again
	case slices.ContainsFunc(e.Faults, func(f Fault) bool { return f.NoOrder }):
		return leave + "To rotate it: " + again
	}
	return again
}

// Error is the reason and the remedy in one line.
func (e *CommentError) Error() string {
	return e.Reason() + ". " + strings.ReplaceAll(e.Remedy(), "\n", " ")
}
