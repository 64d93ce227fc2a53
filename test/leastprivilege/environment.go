package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/keyturn/keyturn/test/ociemu"
	"github.com/keyturn/keyturn/test/ocipolicy"
	"github.com/keyturn/keyturn/test/tenancy"
)

// Binaries are the paths of the built functions.
type Binaries struct{ Rotate, Sweep string }

// Build compiles both functions into dir.
func Build(ctx context.Context, dir string) (Binaries, error) {
	rotate, err := tenancy.Build(ctx, dir)
	if err != nil {
		return Binaries{}, err
	}
	sweep, err := tenancy.BuildSweep(ctx, dir)
	return Binaries{rotate, sweep}, err
}

// environment is a tenancy with the stack's compartments, for one case.
type environment struct {
	*tenancy.Deployment
	ctx                          context.Context
	keyturn, workload, elsewhere string // OCIDs of compartments; the last is not in the stack
	clock                        *tenancy.Clock
}

// limit is the time limit of an invocation, as on the real platform.
const limit = 5 * time.Minute

// reportBucket is the bucket of the example of the complete stack.
const reportBucket = "keyturn-reports"

// newEnvironment sets up a tenancy without policies for a case.
func newEnvironment(ctx context.Context, b Binaries, protected string, c Case) (*environment, error) {
	env := &environment{ctx: ctx, clock: &tenancy.Clock{}}
	o := ociemu.Calm()
	o.Now = env.clock.Now
	o.Answers = c.Answers
	o.Answers.BundleLag = -1
	o.DomainAnswers.Authorization = c.Reading
	for _, name := range []string{byPermissions, byManage, byRole, notNamed} {
		o.Domains = append(o.Domains, ociemu.DomainSeed{Name: name})
	}
	o.Domains[1].Compartment, o.Domains[1].HomeRegion = "ocid1.compartment.oc1..aaaaaaaaplant", "eu-frankfurt-1"
	s, err := tenancy.New(ctx, tenancy.Options{Emulator: o, Binary: b.Rotate, Sweeper: b.Sweep, Timeout: limit,
		Config: c.Config,
		Places: func(e *ociemu.Emulator) tenancy.Places {
			env.keyturn = e.AddCompartment("keyturn", "")
			env.workload = e.AddCompartment("workload", "")
			env.elsewhere = e.AddCompartment("elsewhere", "")
			config := []string{"secret_compartments=" + env.keyturn + "," + env.workload,
				"protected_users=" + protected, "owner_topics=" + env.workload}
			if c.Report {
				e.AddBucketSeed(ociemu.BucketSeed{Name: reportBucket, Compartment: env.keyturn})
				config = append(config, "report_bucket="+e.Namespace()+"/"+reportBucket)
			}
			if c.Domain != "" {
				config = append(config, "identity_domains="+e.Domain(c.Domain).ID)
			}
			return tenancy.Places{Functions: env.keyturn, Topic: env.keyturn, Secrets: env.keyturn, DefinedTags: true,
				Config: config}
		}})
	if err != nil {
		return nil, fmt.Errorf("setting up the tenancy: %w", err)
	}
	env.Deployment = s
	return env, nil
}

// place returns the OCIDs of the stack's resources in this tenancy.
func (s *environment) place() Place {
	at := Place{Tenancy: s.Tenancy(), Keyturn: s.keyturn, Workload: s.workload, Domains: map[string]string{},
		Functions: map[string]string{"rotate": s.Function.FunctionID, "sweep": s.SweepFunction().FunctionID}}
	for _, w := range ways {
		at.Domains[w.domain] = s.Domain(w.domain).ID
	}
	return at
}

// grant gives the functions the stack's App roles.
func (s *environment) grant(stack Stack) {
	at := s.place()
	for _, r := range stack.Roles {
		for name, id := range stack.Domains {
			if id == r.Domain {
				s.GrantDomainRole(name, at.Functions[r.Function])
			}
		}
	}
}

// Use is a permission that a statement granted.
type Use struct {
	Statement  int
	Permission string
}

// Result is the result of a case.
type Result struct {
	Err  error // nil: the case passed
	Used map[Use]bool
	// Called are the operations that the functions called.
	Called map[string]bool
	// Refused are the denied operations, with the permissions that no statement granted, or the domain that refused.
	Refused []string
	Took    time.Duration
}

// rules returns the policies of a tenancy; nil: none.
type rules func(Place) (ocipolicy.Set, error)

// runCase runs a case in a new tenancy, with the stack's excluded users and App roles.
func runCase(ctx context.Context, b Binaries, stack Stack, c Case, policies rules) (out Result) {
	began := time.Now()
	defer func() { out.Took = time.Since(began) }()
	s, err := newEnvironment(ctx, b, stack.Protected, c)
	if err != nil {
		return Result{Err: err}
	}
	defer func() { out.Err = errors.Join(out.Err, s.End()) }()
	s.grant(stack)
	if policies != nil {
		set, err := policies(s.place())
		if err != nil {
			return Result{Err: err}
		}
		s.SetPolicies(&ociemu.Policies{Set: set})
	}
	out = Result{Err: c.Run(s), Used: map[Use]bool{}, Called: map[string]bool{}}
	for _, call := range s.Calls() {
		if call.Caller.Kind != "function" {
			continue
		}
		if call.Decision == nil {
			if call.Domain != "" && call.Status == http.StatusUnauthorized {
				out.Refused = append(out.Refused, call.Operation+" ("+call.Domain+")")
			}
			continue
		}
		out.Called[call.Operation] = true
		for _, g := range call.Decision.Grants {
			if call.Decision.Allowed {
				out.Used[Use{g.Statement, g.Permission}] = true
			}
		}
		if !call.Decision.Allowed {
			line := call.Operation + " (" + strings.Join(call.Decision.Missing, ", ") + ")"
			if !slices.Contains(out.Refused, line) {
				out.Refused = append(out.Refused, line)
			}
		}
	}
	return out
}
