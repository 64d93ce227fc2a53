package cloudguard

import (
	"fmt"
	"slices"
	"strings"

	"time"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/phrase"
)

// MaxComment is the longest closure comment that is read, in bytes.
const MaxComment = 8 << 10

// Roles returns the roles that belong to credentials of the rule, without
// [credential.RoleBundle], which fits all. A comment names all of them or none.
func (r Rule) Roles() []credential.Role {
	var roles []credential.Role
	for _, k := range keys() {
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
	// rule's roles, nor one secret under two roles; credential.RoleBundle may stand alone or
	// with the others.
	Secrets map[credential.Role]OCID
	Rotate  *bool          // rotate:yes or rotate:no; nil if not given
	Replace bool           // replace:yes, the old credential may go first
	Grace   *time.Duration // grace:..., 0 to 90 days; nil if not given
	DryRun  bool           // dry_run:yes
	Free    []string       // the free text, item by item; never blank
}

// String returns the canonical form: pairs in a fixed order, then the free text,
// with commas between them. [ParseComment] of it gives an equal Comment.
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
		items = append(items, keyRotate+":"+yesNo(*c.Rotate))
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

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
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
// Keys and values may be in any case, in quotes or angle brackets, with blanks
// and invisible characters around them, and a pair may have a bullet before it. A
// line break next to a known key's colon separates nothing, unless another pair
// follows it. The order of items doesn't matter, and a pair may be repeated.
//
// Everything else is either clearly free text or refused with a [*CommentError]:
// see [CommentError] for what it holds, and checkText for what counts as free.
// Refused are text with the name of an option or key in any other spelling, text
// that wishes something of the rotation, and text that says no; a key of another
// kind of credential; a value that the key can't have, or that looks cut short; one
// key with two values; one secret for two roles; half of a pair of secrets; a Vault
// secret's OCID without a key (unless the same OCID also stands under a key); more
// than [MaxComment] bytes.
//
// An empty comment is understood. Whether a comment orders a rotation is another
// question: ask [Comment.Ordered].
//
// A rule that isn't one of [Rules] is the caller's mistake and an error of its
// own.
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

// Ordered returns nil if the comment orders a rotation, or at least a dry run, of a
// credential of the rule, and else a [*CommentError] that says what to write.
//
// rotate:no never orders one. The other pairs do: a secret's OCID, rotate:yes,
// replace:yes, grace:... and dry_run:yes. A comment without any of them orders
// nothing, as in Oracle's tutorial, apart from a password's, whose closures need no
// comment. bare says that it does order a rotation for every rule.
func (c Comment) Ordered(rule Rule, bare bool) error {
	no := Fault{"it", "has no secret and no option", true}
	if c.Rotate != nil && !*c.Rotate {
		no = Fault{keyRotate + ":no", "says so", true}
	} else if bare || rule.resets() || len(c.pairs()) > 0 {
		return nil
	}
	c.Rotate = nil
	return &CommentError{Faults: []Fault{no}, Corrected: suggestion{Comment: c}.text(rule)}
}

// Fault is one thing in a comment that can't be accepted.
type Fault struct {
	// Item names the place: the key as it was typed, an OCID, or words of our own
	// lists. It is never the value of a key, which may be a secret pasted into the
	// wrong place.
	Item    string
	Problem string
	// NoOrder says that the comment may mean that nothing is to be rotated.
	NoOrder bool
}

// CommentError says why nothing is done on a closure comment.
type CommentError struct {
	Faults []Fault // at least one
	// Corrected is the comment to write instead; never empty. What was right is
	// kept; where several things may have been meant it has the most careful of
	// them. It is accepted as it stands, unless it needs an OCID that only a person
	// knows: then it has a placeholder in angle brackets, such as
	// "auth_secret_ocid:<OCID of the auth token secret>".
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

// Remedy says what to do, and ends with the corrected comment on a line of its own.
func (e *CommentError) Remedy() string {
	const leave = "To leave the credential as it is, dismiss the problem in Cloud Guard. "
	again := "Close the problem again with this comment:\n" + e.Corrected
	switch {
	case slices.Contains(strings.Split(e.Corrected, ","), keyRotate+":no"):
		return leave + "A comment says it as below; to rotate, write rotate:yes there instead. " + again
	case slices.ContainsFunc(e.Faults, func(f Fault) bool { return f.NoOrder }):
		return leave + "To rotate it: " + again
	}
	return again
}

// Error is the reason and the remedy in one line.
func (e *CommentError) Error() string {
	return e.Reason() + ". " + strings.ReplaceAll(e.Remedy(), "\n", " ")
}
