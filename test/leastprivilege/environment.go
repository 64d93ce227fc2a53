package main

import (
	"context"
	"errors"
	"fmt"
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

// newEnvironment sets up a tenancy without policies.
func newEnvironment(ctx context.Context, b Binaries, protected string, answers ociemu.Answers,
	config ...string) (*environment, error) {
	env := &environment{ctx: ctx, clock: &tenancy.Clock{}}
	o := ociemu.Calm()
	o.Now = env.clock.Now
	answers.BundleLag = -1
	o.Answers = answers
	s, err := tenancy.New(ctx, tenancy.Options{Emulator: o, Binary: b.Rotate, Sweeper: b.Sweep, Timeout: limit,
		Config: config,
		Places: func(e *ociemu.Emulator) tenancy.Places {
			env.keyturn = e.AddCompartment("keyturn", "")
			env.workload = e.AddCompartment("workload", "")
			env.elsewhere = e.AddCompartment("elsewhere", "")
			return tenancy.Places{Functions: env.keyturn, Topic: env.keyturn, Secrets: env.keyturn, DefinedTags: true,
				Config: []string{"secret_compartments=" + env.keyturn + "," + env.workload, "protected_users=" +
					protected}}
		}})
	if err != nil {
		return nil, fmt.Errorf("setting up the tenancy: %w", err)
	}
	env.Deployment = s
	return env, nil
}

// place returns the OCIDs of the stack's resources in this tenancy.
func (s *environment) place() Place {
	return Place{Tenancy: s.Tenancy(), Keyturn: s.keyturn, Workload: s.workload,
		Functions: map[string]string{"rotate": s.Function.FunctionID, "sweep": s.SweepFunction().FunctionID}}
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
	// Refused are the denied operations, with the permissions that no statement granted.
	Refused []string
	Took    time.Duration
}

// rules returns the policies of a tenancy; nil: none.
type rules func(Place) (ocipolicy.Set, error)

// runCase runs a case in a new tenancy.
func runCase(ctx context.Context, b Binaries, protected string, c Case, policies rules) (out Result) {
	began := time.Now()
	defer func() { out.Took = time.Since(began) }()
	s, err := newEnvironment(ctx, b, protected, c.Answers, c.Config...)
	if err != nil {
		return Result{Err: err}
	}
	defer func() { out.Err = errors.Join(out.Err, s.End()) }()
	if policies != nil {
		set, err := policies(s.place())
		if err != nil {
			return Result{Err: err}
		}
		s.SetPolicies(&ociemu.Policies{Set: set})
	}
	out = Result{Err: c.Run(s), Used: map[Use]bool{}, Called: map[string]bool{}}
	for _, call := range s.Calls() {
		if call.Decision == nil || call.Caller.Kind != "function" {
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
