// Package preflight checks what a rotation will need, from inside a function and with the function's own principal. It
// changes nothing.
//
// Asked recognizes an invocation that requests a preflight; Preflight.Run then answers it. Run gathers facts from OCI
// in parallel, each with a time limit, and pure functions judge them: see Facts and Table. A question without an answer
// is "unknown", never "passed". What can't be tested without writing is listed with the policy statement that it needs.
//
// A preflight does not protect a rotation: the facts may have changed when a problem is closed. Package guard decides
// then.
package preflight

import (
	"context"
	"time"

	"github.com/rs/zerolog"

	"github.com/keyturn/keyturn/pkg/clock"
	"github.com/keyturn/keyturn/pkg/cloudguard"
	"github.com/keyturn/keyturn/pkg/config"
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/vault"
	"github.com/keyturn/keyturn/pkg/version"
)

// Cloud is what a preflight calls, except for secrets and credentials.
type Cloud interface {
	// Claims returns the claims of the resource principal's token.
	Claims(ctx context.Context) (map[string]any, error)
	// Region returns the function's own region, e.g. us-ashburn-1.
	Region(ctx context.Context) (string, error)
	// RegionOf returns the region in an OCID; "" if it has none.
	RegionOf(ocid string) string
	// Knock makes one GET without credentials. Any answer is one, a refusal too; server is its Date.
	Knock(ctx context.Context, url string) (status int, server time.Time, err error)
	// IdentityURL is IAM's address in a region.
	IdentityURL(region string) string
	Tenancy(ctx context.Context) (credential.Tenancy, error)
	// TenancyIn reads the tenancy from IAM of a region.
	TenancyIn(ctx context.Context, tenancy, region string) error
	// User returns a user's name and lifecycle state, and the kinds of credential that the user may not have.
	User(ctx context.Context, id string) (name, state string, mayNot []credential.Kind, err error)
	// AllDomains returns the identity domains of config.Config.IdentityDomains, also those that aren't ACTIVE.
	AllDomains(ctx context.Context) ([]credential.Domain, error)
	// DomainURL returns the address of a domain's API. It makes no call.
	DomainURL(d credential.Domain) (string, error)
	// TryDomainList lists the credentials of a kind in a domain, of a user that doesn't exist; with the kind "", that
	// user.
	TryDomainList(ctx context.Context, d credential.Domain, k credential.Kind) error
	// Membership returns the domain of a user outside the Default domain, whether the user signs in with another
	// identity provider, and whether the user has no e-mail address. For other users the domain is zero.
	Membership(ctx context.Context, id string) (d credential.Domain, federated, noMail bool, err error)
	// Users returns a page of the tenancy's users. The first page is "".
	Users(ctx context.Context, page string) (users []credential.User, next string, err error)
	Namespace(ctx context.Context) (string, error)
	Hosts(region, namespace string) (credential.Hosts, error)
	// AnyProblem returns the id of one problem of the tenancy; "" if there is none.
	AnyProblem(ctx context.Context, tenancy string) (id string, err error)
	Problem(ctx context.Context, id string) (cloudguard.Problem, error)
	// GuardConfiguration returns Cloud Guard's status (ENABLED, DISABLED) and its reporting region.
	GuardConfiguration(ctx context.Context, tenancy string) (status, reportingRegion string, err error)
	Topic(ctx context.Context, id string) (name, state, compartment string, err error)
	Publish(ctx context.Context, topic, title, body string) error
}

// Secrets reads secrets.
type Secrets interface {
	List(ctx context.Context, compartment string) ([]vault.Secret, error)
	Secret(ctx context.Context, id string) (vault.Secret, error)
	Versions(ctx context.Context, id string) ([]vault.Version, error)
	Read(ctx context.Context, id, name string) (number int64, content credential.Value, err error)
}

// Issuer lists the credentials of one kind.
type Issuer interface {
	List(ctx context.Context, user string) (credential.Listing, error)
}

// Preflight checks one function. Its fields are set once.
type Preflight struct {
	Function string // rotate or sweep
	Config   config.Config
	Refused  *config.Error // why the configuration was refused, with an empty Config; nil if it was not
	Cloud    Cloud
	Secrets  Secrets
	Issuers  map[credential.Kind]Issuer
	Clock    interface{ Now() time.Time }
}

// Result is the result of a check.
type Result string

// The results. A preflight passes if each check has passed or is a warning.
const (
	Passed  Result = "passed"
	Warning Result = "warning" // a rotation will work; something needs attention
	Failed  Result = "failed"
	Unknown Result = "unknown" // there was no conclusive answer
)

// Check is the result of one check.
type Check struct {
	Check  string `json:"check"` // a name of Table
	Result Result `json:"result"`
	Found  string `json:"found"`
	Remedy string `json:"mend,omitempty"` // a policy statement or a command, with <NAME> for what has to be filled in
}

// NotChecked is something that a rotation needs and that was not checked.
type NotChecked struct {
	What  string `json:"what"`
	Why   string `json:"why"`
	Needs string `json:"needs,omitempty"` // the policy statement that allows it
}

// Answer is the function's reply.
type Answer struct {
	Preflight  Result       `json:"preflight"` // Passed or Failed
	Function   string       `json:"function"`
	Version    string       `json:"version"` // of the function
	Checks     []Check      `json:"checks"`
	NotChecked []NotChecked `json:"not_checked"`
}

// Run makes all checks within the context's time, of which it keeps up to 5 seconds for the reply. It always answers:
// what it could not find out is unknown. Each check that failed or is unknown is a line of the context's log, and a
// last line counts the results.
func (p *Preflight) Run(ctx context.Context, r Request) Answer {
	a := Answer{Preflight: Passed, Function: p.Function, Version: version.Version(), NotChecked: []NotChecked{}}
	if r.Fault != nil {
		a.Checks = []Check{*r.Fault}
	} else {
		work, cancel := clock.WithReserve(ctx, p.Clock.Now(), 5*time.Second)
		defer cancel()
		a.Checks, a.NotChecked = p.gather(work, r).Judge()
	}
	counts := map[Result]int{}
	log := zerolog.Ctx(ctx)
	for _, c := range a.Checks {
		counts[c.Result]++
		if c.Result == Failed || c.Result == Unknown {
			a.Preflight = Failed
			log.Error().Str("check", c.Check).Str("result", string(c.Result)).Str("found", c.Found).
				Str("mend", c.Remedy).Msg("preflight check")
		}
	}
	log.Info().Str("preflight", string(a.Preflight)).Int("passed", counts[Passed]).Int("warnings", counts[Warning]).
		Int("failed", counts[Failed]).Int("unknown", counts[Unknown]).Int("not_checked", len(a.NotChecked)).
		Msg("preflight")
	return a
}
