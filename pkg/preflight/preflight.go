// Package preflight checks from inside a function, with its own principal, what a rotation will need, and changes
// nothing.
//
// Asked tells whether an invocation is meant for it; then use Preflight.Run. It gathers facts from OCI side by side,
// each with a time limit, and judges them by pure functions (see Facts and Table). An answer that nobody gave is
// "unknown", never "passed"; what can't be tried without writing is listed with the policy statement that it needs.
//
// It is not for guarding a rotation: what holds now may not hold when a problem is closed. package guard decides then.
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

// Principal is who the function is, and where.
type Principal interface {
	// Claims are those of the resource principal's token.
	Claims(ctx context.Context) (map[string]any, error)
	// Region is the identifier of the function's own region, e.g. us-ashburn-1.
	Region(ctx context.Context) (string, error)
	// RegionOf is the identifier of the region in an OCID; "" if it has none.
	RegionOf(ocid string) string
}

// Network knocks at addresses.
type Network interface {
	// Knock makes one GET without credentials. Any answer is one, a refusal too; server is its Date.
	Knock(ctx context.Context, url string) (status int, server time.Time, err error)
	// IdentityURL is IAM's address in a region.
	IdentityURL(region string) string
}

// Directory knows the tenancy and its users.
type Directory interface {
	Tenancy(ctx context.Context) (credential.Tenancy, error)
	// TenancyIn reads the tenancy in a region: does IAM answer there?
	TenancyIn(ctx context.Context, tenancy, region string) error
	// User returns a user's name and lifecycle state, and the kinds of credential that the user may not have.
	User(ctx context.Context, id string) (name, state string, mayNot []credential.Kind, err error)
	// Users returns the first page of the tenancy's users, as any page.
	Users(ctx context.Context, page string) (ids []string, next string, err error)
	// Namespace returns the tenancy's Object Storage namespace.
	Namespace(ctx context.Context) (string, error)
	Hosts(region, namespace string) (credential.Hosts, error)
}

// CloudGuard reads problems, and what Cloud Guard is set to.
type CloudGuard interface {
	// AnyProblem returns the id of one problem of the tenancy; "" if there is none.
	AnyProblem(ctx context.Context, tenancy string) (id string, err error)
	Problem(ctx context.Context, id string) (cloudguard.Problem, error)
	// GuardConfiguration returns Cloud Guard's status (ENABLED, DISABLED) and its reporting region.
	GuardConfiguration(ctx context.Context, tenancy string) (status, reportingRegion string, err error)
}

// Topics reads a topic, and sends a mail to it.
type Topics interface {
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

// Clock tells the function's time.
type Clock interface{ Now() time.Time }

// Preflight checks one function. Its fields are set once.
type Preflight struct {
	Function string // rotate or sweep
	Config   config.Config
	// Refused says that the configuration was refused; nil if it wasn't. Config is empty then.
	Refused *config.Error

	Principal  Principal
	Network    Network
	Directory  Directory
	CloudGuard CloudGuard
	Topics     Topics
	Secrets    Secrets
	Issuers    map[credential.Kind]Issuer
	Clock      Clock
}

// Result is what came of a check.
type Result string

// The results. A preflight has passed if each check has, warnings aside.
const (
	Passed  Result = "passed"
	Warning Result = "warning" // a rotation will go through; something should be done
	Failed  Result = "failed"
	Unknown Result = "unknown" // nobody gave an answer from which it could be told
)

// Check is one thing that was looked at.
type Check struct {
	Check  string `json:"check"` // a name of Table
	Result Result `json:"result"`
	Found  string `json:"found"`
	Remedy string `json:"mend,omitempty"` // a policy statement or a command, with what has to be filled in as <NAME>

	about string // the secret or user, for merge
}

// NotChecked is something that a rotation needs and that was not looked at.
type NotChecked struct {
	What  string `json:"what"`
	Why   string `json:"why"`
	Needs string `json:"needs,omitempty"` // the policy statement that allows it
}

// Answer is what the invocation answers.
type Answer struct {
	Preflight  Result       `json:"preflight"` // Passed or Failed
	Function   string       `json:"function"`
	Version    string       `json:"version"` // of the function
	Checks     []Check      `json:"checks"`
	NotChecked []NotChecked `json:"not_checked"`
}

// Run checks all, within the context's time. It always has an answer: what could not be found out is one, too. Each
// check that has not passed is a line of the context's log, and the whole is another.
func (p *Preflight) Run(ctx context.Context, r Request) Answer {
	a := Answer{Function: p.Function, Version: version.Version(), NotChecked: []NotChecked{}}
	if r.Fault != nil {
		a.Checks = []Check{*r.Fault}
	} else {
		work, cancel := p.reserve(ctx)
		defer cancel()
		f := p.gather(work, r)
		a.Checks, a.NotChecked = f.Judge()
	}
	a.Preflight = Passed
	counts := map[Result]int{}
	log := zerolog.Ctx(ctx)
	for _, c := range a.Checks {
		counts[c.Result]++
		if c.Result == Failed || c.Result == Unknown {
			a.Preflight = Failed
			log.Error().Str("check", c.Check).Str("result", string(c.Result)).Str("found", c.Found).Str("mend",
				c.Remedy).Msg("preflight check")
		}
	}
	log.Info().Str("preflight", string(a.Preflight)).Int("passed", counts[Passed]).Int("warnings", counts[Warning]).
		Int("failed", counts[Failed]).Int("unknown", counts[Unknown]).Int("not_checked", len(a.NotChecked)).Msg(
		"preflight")
	return a
}

// reserve keeps a quarter of the time, five seconds at most, for the answer.
func (p *Preflight) reserve(ctx context.Context) (context.Context, context.CancelFunc) {
	return clock.WithReserve(ctx, p.Clock.Now(), 5*time.Second)
}
