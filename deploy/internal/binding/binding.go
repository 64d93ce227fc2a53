// Package binding finds and makes the bindings of secrets to users and kinds of credential, for the operator's command.
//
// Use Propose for living credentials without a bound secret, or ReadCSV for a list, and then Apply. Both make a Plan,
// by
// pure functions. pkg/guard defines what a binding is. Nothing in the package has a secret value but Candidate.Content,
// which can't be printed.
package binding

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/guard"
	"github.com/keyturn/keyturn/pkg/vault"
)

// Binding is one secret to bind, or one that is bound. It can be printed.
type Binding struct {
	Kind       credential.Kind `json:"kind"`
	User       string          `json:"user"` // OCID
	UserName   string          `json:"userName"`
	Role       credential.Role `json:"role"`
	Secret     string          `json:"secret,omitempty"` // OCID; "" for one to create
	SecretName string          `json:"secretName"`
	Confidence Confidence      `json:"confidence"`
	Why        string          `json:"why"`
}

// Confidence says how sure a proposal is.
type Confidence string

// The confidences.
const (
	Certain Confidence = "certain" // the secret's content is a living credential's
	Likely  Confidence = "likely"  // the secret's tags or its name say the user and the kind
	Stated  Confidence = "stated"  // the operator says so
)

// Unclear is a credential or a secret that is not bound, and why. It can be printed.
type Unclear struct {
	Kind       credential.Kind `json:"kind,omitempty"`
	User       string          `json:"user,omitempty"`
	UserName   string          `json:"userName,omitempty"`
	Secret     string          `json:"secret,omitempty"`
	SecretName string          `json:"secretName,omitempty"`
	Why        string          `json:"why"`
	Commands   []string        `json:"commands"` // each one decides it in one way
}

// Plan is what to bind. It can be printed.
type Plan struct {
	Bind   []Binding `json:"bind"`
	Create []Binding `json:"create"`
	Bound  []Binding `json:"bound"`       // bound already: skipped
	Not    []Unclear `json:"notProposed"` // needs a decision
}

// Left returns the bindings that are to be made.
func (p Plan) Left() []Binding { return slices.Concat(p.Bind, p.Create) }

// Subject is the living credentials of one kind that a user has.
type Subject struct {
	Kind credential.Kind
	User string // OCID
	Name string // see credential.Domain.UserName
	IDs  []string
}

func (s Subject) String() string { return "the " + s.Kind.Noun() + " of " + cmp.Or(s.Name, s.User) }

func (s Subject) key() string { return string(s.Kind) + " " + strings.ToLower(s.User) }

// Candidate is a secret of the tenancy.
type Candidate struct {
	vault.Secret
	Content credential.Value // of CURRENT, if Read
	Read    bool
	Unread  string // why the content could not be read; "" if it was not to be read
}

// command is the command that binds a secret to a subject.
func command(s Subject, secret string, role credential.Role) string {
	text := fmt.Sprintf("keyturn bind %s %s --secret %s", s.User, s.Kind, secret)
	if role != "" && role != s.Kind.DefaultRole() {
		text += " --role " + string(role)
	}
	return text
}

// boundSecrets are the secrets that are bound, by the subject's key and the role.
type boundSecrets map[string]map[credential.Role][]vault.Secret

// boundOf sorts the secrets that are bound.
func boundOf(all []Candidate) boundSecrets {
	found := boundSecrets{}
	for _, c := range all {
		kind, user, ok := guard.BoundTo(c.Secret)
		role, fits := guard.RoleOf(c.Secret, kind)
		if !ok || !fits || leaving(c.Secret) {
			continue
		}
		key := Subject{Kind: kind, User: user}.key()
		if found[key] == nil {
			found[key] = map[credential.Role][]vault.Secret{}
		}
		found[key][role] = append(found[key][role], c.Secret)
	}
	return found
}

// leaving reports whether a secret is deleted or about to be.
func leaving(s vault.Secret) bool {
	return strings.HasSuffix(s.State, "_DELETION") || s.State == "DELETING" || s.State == "DELETED"
}

// whole reports whether the roles hold a whole credential: a bundle, the value, or both halves of a pair.
func whole[T any](k credential.Kind, has map[credential.Role]T) bool {
	if _, ok := has[credential.RoleBundle]; ok {
		return true
	}
	for _, p := range k.Record().Parts {
		if _, ok := has[p.Role]; !ok {
			return false
		}
	}
	return true
}

// NewName is the name of a secret that is made for a subject.
func NewName(s Subject) string {
	var b strings.Builder
	b.WriteString("keyturn-" + string(s.Kind) + "-")
	for _, r := range strings.ToLower(cmp.Or(s.Name, s.User)) {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '.' || r == '_' {
			b.WriteRune(r)
		} else {
			b.WriteByte('-')
		}
	}
	return b.String()[:min(b.Len(), 200)]
}
