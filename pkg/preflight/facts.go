package preflight

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/keyturn/keyturn/pkg/cloudguard"
	"github.com/keyturn/keyturn/pkg/config"
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/vault"
)

// Response is a service's answer to one question. Without Asked there was no call.
type Response[T any] struct {
	Asked bool
	Value T
	Err   error
}

// OK reports that there is an answer without an error.
func (s Response[T]) OK() bool { return s.Asked && s.Err == nil }

// Facts are all that the checks are made from.
type Facts struct {
	Function string
	Config   config.Config
	Refused  *config.Error
	Mail     bool // a test mail was requested

	Now time.Time // by the function's clock

	Claims   Response[map[string]any]
	Region   string // the function's own; "" if not known
	Clock    Response[Clocks]
	Tenancy  Response[credential.Tenancy]
	Home     Response[struct{}] // whether IAM answers in the home region
	UserList Response[struct{}] // the list of all users, which only the sweep needs

	Domains Response[[]credential.Domain] // of identity_domains, in any state
	Active  []Domain                      // the ACTIVE ones

	AnyProblem  Response[string]
	Problem     Response[cloudguard.Problem]
	Guard       Response[Guard]
	Topic       Response[Topic]
	TopicRegion string
	// Records is config.Config.RecordsTopic; it is not asked if there is none.
	Records       Response[Topic]
	RecordsRegion string
	Sent          Response[struct{}]

	Compartments []Compartment
	Secrets      []Bound
	Users        []User
	Namespace    Response[string]
	Registry, S3 Response[int] // HTTP status
}

type (
	// Clocks are OCI's and the function's at the same moment.
	Clocks struct{ Server, Local time.Time }
	// Guard is Cloud Guard's configuration.
	Guard struct{ Status, ReportingRegion string }
	// Topic is the one that mails go to.
	Topic struct{ Name, State, Compartment string }
	// Person is a user as IAM shows them. Domain and NoMail are zero for users of the Default domain.
	Person struct {
		credential.User
		Domain credential.Domain
		NoMail bool // the domain has no e-mail address of the user
	}
	// Knocked is the answer to a request without credentials.
	Knocked struct {
		Status int // of HTTP
		Clocks     // Server is zero if the answer has no Date
	}
	// Domain is an identity domain.
	Domain struct {
		credential.Domain
		Host  Response[Knocked]
		Lists map[credential.Kind]Response[struct{}] // "" is the list of users
	}
	// Compartment is one in which the function looks for secrets.
	Compartment struct {
		ID      string
		Secrets Response[[]vault.Secret]
	}
)

// Bound is a secret that has one of the binding tags.
type Bound struct {
	Listed   vault.Secret // as ListSecrets shows it
	Region   string       // of its OCID
	Secret   Response[vault.Secret]
	Versions Response[[]vault.Version]
	Current  Response[int64] // number of the version whose content was read
}

func (b Bound) about() string { return name(b.Listed) }

// User is one with credentials in bound secrets.
type User struct {
	ID     string
	Kinds  []credential.Kind
	Person Response[Person]
	Has    map[credential.Kind]Response[credential.Listing]
}

func (u User) about() string { return u.ID }

func (d Domain) about() string { return fmt.Sprintf("%q (%s)", d.Name, d.ID) }

// asksDomains reports whether there are identity domains to ask.
func (f *Facts) asksDomains() bool { return len(f.Config.IdentityDomains) > 0 }

// The token's claims that matter.
const (
	claimTenancy     = "res_tenant"
	claimCompartment = "res_compartment"
	claimResource    = "res_id"
)

// claim returns a text of the token.
func (f *Facts) claim(name string) string {
	text, _ := f.Claims.Value[name].(string)
	return text
}

// function returns the function's OCID, for commands.
func (f *Facts) function() string { return cmp.Or(f.claim(claimResource), "<FUNCTION>") }

// home returns the home region.
func (f *Facts) home() string { return f.Tenancy.Value.Home }

// proves reports whether new credentials are proven.
func (f *Facts) proves() bool { return f.Config.Prove != config.ProveOff }

// unsafe reports that the environment may expose requests and answers in the log, or redirect them.
func (f *Facts) unsafe() bool { return f.Refused != nil && f.Refused.Unsafe() }

// compartments returns the OCIDs of those with secrets: the configured ones, or the function's own.
func (f *Facts) compartments() []string {
	if own := f.claim(claimCompartment); own != "" && len(f.Config.SecretCompartments) == 0 {
		return []string{own}
	}
	return f.Config.SecretCompartments
}

// someDomain is the placeholder for a domain of a compartment.
const someDomain = "<IDENTITY_DOMAIN>"

// domains returns the OCIDs of the configured identity domains, with a placeholder for those of compartments.
func (f *Facts) domains() (ids []string) {
	for _, item := range f.Config.IdentityDomains {
		if !config.IsDomain(item) {
			item = someDomain
		}
		if !slices.Contains(ids, item) {
			ids = append(ids, item)
		}
	}
	return ids
}

// listed reports whether it is known which secrets are bound.
func (f *Facts) listed() bool {
	unknown := func(c Compartment) bool { return !c.Secrets.OK() }
	return len(f.Compartments) > 0 && !slices.ContainsFunc(f.Compartments, unknown)
}

// uses reports whether a secret is bound for a kind whose credentials are used at one of the endpoints.
func (f *Facts) uses(at ...credential.Endpoint) bool {
	for i := range f.Users { // by index: the answers about a user may be written at the same time
		for _, k := range f.Users[i].Kinds {
			if slices.Contains(at, k.Record().Endpoint) {
				return true
			}
		}
	}
	return false
}

// policy returns what the statements in remedies depend on, with placeholders for what the function doesn't know.
func (f *Facts) policy() Policy {
	p := Policy{Function: f.Function, Group: "<DYNAMIC_GROUP>", Protected: f.Config.ProtectedUsers,
		Compartments: f.compartments(), Domains: f.domains(),
		Topic: cmp.Or(f.Topic.Value.Compartment, "<COMPARTMENT_OF_TOPIC>"),
		Own:   cmp.Or(f.claim(claimCompartment), "<COMPARTMENT_OF_FUNCTION>")}
	if len(p.Compartments) == 0 {
		p.Compartments = []string{"<COMPARTMENT_OF_SECRETS>"}
	}
	if f.Config.RecordsTopic != "" {
		p.Records = cmp.Or(f.Records.Value.Compartment, "<COMPARTMENT_OF_RECORDS_TOPIC>")
	}
	for _, item := range f.Config.OwnerTopics {
		if strings.HasPrefix(item, "ocid1.onstopic.") {
			item = "<COMPARTMENT_OF_" + item + ">"
		}
		p.OwnerTopics = append(p.OwnerTopics, item)
	}
	_, p.Bucket = f.Config.Bucket()
	return p
}

// statement returns the text of a policy statement that is not about secrets.
func (f *Facts) statement(name string) string { return f.policy().statement(name, "") }

// restart is a remedy: a change of the function makes the platform start new containers.
func (f *Facts) restart() string {
	return "start new containers: oci fn function update --function-id " + f.function() +
		" --timeout-in-seconds <ANOTHER>"
}

// lookUp is a remedy if OCI doesn't say whether something is absent or not allowed.
func lookUp(command, statement, orElse string) string {
	return fmt.Sprintf("as an administrator: oci %s; if it exists, this is missing: %s; if not, %s",
		command, statement, orElse)
}
