package preflight

import (
	"cmp"
	"slices"
	"time"

	"github.com/keyturn/keyturn/pkg/config"
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/vault"
)

// Said is a service's answer to one question. Without Asked nobody was asked.
type Said[T any] struct {
	Asked bool
	Value T
	Err   error
}

// OK tells that there is an answer without an error.
func (s Said[T]) OK() bool { return s.Asked && s.Err == nil }

// Facts are all that the judgement is made from.
type Facts struct {
	Function string
	Config   config.Config
	Refused  *config.Error
	Mail     bool // a test mail is wanted

	Now time.Time // by the function's clock

	Claims  Said[map[string]any]
	Region  string // the function's own; "" if nobody knows
	Clock   Said[Clocks]
	Tenancy Said[credential.Tenancy]
	Home    Said[struct{}] // does IAM answer in the home region?
	People  Said[struct{}] // the list of all users, which the sweep alone needs

	AnyProblem  Said[string]
	Problem     Said[struct{}]
	Guard       Said[Guard]
	Topic       Said[Topic]
	TopicRegion string
	Sent        Said[struct{}]

	Compartments []Compartment
	Secrets      []Bound
	Users        []User
	Namespace    Said[string]
	Registry, S3 Said[int] // HTTP status
}

// Clocks are OCI's and the function's at the same moment.
type Clocks struct{ Server, Local time.Time }

// Guard is what Cloud Guard is set to.
type Guard struct{ Status, ReportingRegion string }

// Topic is the one that mails go to.
type Topic struct{ Name, State, Compartment string }

// Compartment is one in which secrets are looked for.
type Compartment struct {
	ID      string
	Secrets Said[[]vault.Secret]
}

// Bound is a secret that has one of the binding tags.
type Bound struct {
	Listed   vault.Secret // as ListSecrets shows it
	Region   string       // of its OCID
	Secret   Said[vault.Secret]
	Versions Said[[]vault.Version]
	Current  Said[int64] // number of the version whose content was read
}

// User is one whose credentials go to bound secrets.
type User struct {
	ID    string
	Kinds []credential.Kind
	Who   Said[Person]
	Has   map[credential.Kind]Said[[]credential.Issued]
}

// Person is a user as IAM has him.
type Person struct {
	Name, State string
	MayNot      []credential.Kind
}

// claim is a text of the token.
func (f *Facts) claim(name string) string {
	text, _ := f.Claims.Value[name].(string)
	return text
}

// expiry is when the token ends; the zero time if it doesn't say so.
func (f *Facts) expiry() time.Time {
	seconds, ok := f.Claims.Value["exp"].(float64)
	if !ok {
		return time.Time{}
	}
	return time.Unix(int64(seconds), 0).UTC()
}

// compartments are the OCIDs of those with secrets: the configured ones, or the function's own.
func compartments(c config.Config, own string) []string {
	if len(c.SecretCompartments) > 0 || own == "" {
		return c.SecretCompartments
	}
	return []string{own}
}

// policy is what the statements that are shown depend on.
func (f *Facts) policy() Policy {
	p := Policy{Function: f.Function, Group: groupToFill, Protected: f.Config.ProtectedUsers,
		Compartments: compartments(f.Config, f.claim(claimCompartment)), Topic: cmp.Or(f.Topic.Value.Compartment,
			topicToFill),
		Own: cmp.Or(f.claim(claimCompartment), ownToFill)}
	if len(p.Compartments) == 0 {
		p.Compartments = []string{compartmentToFill}
	}
	return p
}

// uses reports whether a secret is bound for a kind whose credentials are used at the endpoint.
func (f *Facts) uses(at credential.Endpoint) bool {
	for i := range f.Users { // by index: somebody may be writing the answers about a user
		if slices.ContainsFunc(f.Users[i].Kinds, func(k credential.Kind) bool { return k.Record().Endpoint == at }) {
			return true
		}
	}
	return false
}

// The token's claims that matter.
const (
	claimTenancy     = "res_tenant"
	claimCompartment = "res_compartment"
	claimResource    = "res_id"
)
