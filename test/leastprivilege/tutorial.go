package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/keyturn/keyturn/test/ociemu"
	"github.com/keyturn/keyturn/test/ocipolicy"
)

// tutorialStatements are the statements in Oracle's tutorial F93259-01 (February 2024, "Auto Rotation of OCI IAM
// Credentials", Prerequisites) for its function's dynamic group. SECRET, VAULTS and FUNCTIONS replace its placeholders.
var tutorialStatements = []string{
	"Allow dynamic-group tutorial to inspect compartments in tenancy",
	"Allow dynamic-group tutorial to inspect users in tenancy",
	"Allow dynamic-group tutorial to manage users in tenancy where any {request.permission = 'USER_UPDATE', " +
		"request.permission = 'USER_AUTHTOKEN_SET', request.permission = 'USER_AUTHTOKEN_REMOVE', " +
		"request.permission = 'USER_SECRETKEY_ADD', request.permission = 'USER_SECRETKEY_REMOVE', " +
		"request.permission = 'USER_UIPASS_SET', request.permission = 'USER_APIKEY_ADD', request.permission = " +
		"'USER_APIKEY_REMOVE'}",
	"Allow dynamic-group tutorial to read repos in compartment id FUNCTIONS",
	"Allow dynamic-group tutorial to use secret-family in compartment id VAULTS where target.secret.id = 'SECRET'",
	"Allow dynamic-group tutorial to use ons-topics in tenancy",
}

// tutorialRule is its dynamic group's rule: every function of the compartment.
const tutorialRule = "All {resource.type = 'fnfunc', resource.compartment.id = 'FUNCTIONS'}"

// tutorial returns its policies for one secret; if empty, for every secret of the vault's compartment.
func tutorial(secret string) rules {
	return func(at Place) (ocipolicy.Set, error) {
		r := strings.NewReplacer("FUNCTIONS", at.Keyturn, "VAULTS", at.Keyturn, "'SECRET'", "'"+secret+"'")
		var set ocipolicy.Set
		for _, text := range tutorialStatements {
			st, err := ocipolicy.Parse(r.Replace(text))
			if err != nil {
				return set, fmt.Errorf("reading the tutorial's statement %q: %w", text, err)
			}
			if secret == "" && strings.HasPrefix(st.Type, "secret") {
				st.Where = nil
			}
			set.Statements = append(set.Statements, st)
		}
		rule, err := ocipolicy.ParseRule(r.Replace(tutorialRule))
		set.DynamicGroups = []ocipolicy.DynamicGroup{{Name: "tutorial", Rule: rule}}
		return set, err
	}
}

// Comparison compares the tutorial's policies with the stack's.
type Comparison struct {
	// Script are the calls of the tutorial's script, each with the missing permissions; empty: allowed.
	Script []ScriptCall
	// TooMuch are calls that the stack's policies deny and the tutorial's allow. Unused are permissions that the
	// tutorial's policies grant but its script doesn't use.
	TooMuch []Verdict
	Unused  []string
	// Fail are Keyturn's cases that fail with them, even if they allow all secrets of the compartment. Missing are the
	// permissions that Keyturn uses and they never grant.
	Fail    []string
	Missing []string
}

// ScriptCall is one call of the tutorial's script.
type ScriptCall struct{ Operation, Missing string }

// Compare runs everything with the tutorial's policies.
func Compare(ctx context.Context, b Binaries, p Proof) (Comparison, error) {
	var c Comparison
	granted, err := Granted(tutorial(""), "rotate", inDefault)
	if err != nil {
		return c, err
	}
	c.Unused = slices.Clone(granted)
	for _, answers := range []ociemu.Answers{{}, asksSet} {
		script, used, err := tutorialScript(ctx, b, answers)
		if err != nil {
			return c, err
		}
		c.Unused = slices.DeleteFunc(c.Unused, func(p string) bool { return slices.Contains(used, p) })
		for _, call := range script {
			if !slices.Contains(c.Script, call) {
				c.Script = append(c.Script, call)
			}
		}
	}
	c.TooMuch, err = Deny(ctx, b, p.Stack, tutorial("ocid1.vaultsecret.oc1..theone"))
	if err != nil {
		return c, err
	}
	c.TooMuch = slices.DeleteFunc(c.TooMuch, func(v Verdict) bool { return len(v.Allowed) == 0 || v.Who == "sweep" })
	results := make([]Result, len(p.Cases))
	each(len(p.Cases), func(i int) { results[i] = runCase(ctx, b, p.Stack, p.Cases[i], tutorial("")) })
	for i, r := range results {
		if r.Err != nil {
			c.Fail = append(c.Fail, p.Cases[i].Name)
		}
	}
	for _, used := range p.Results {
		for u := range used.Used {
			if !slices.Contains(granted, u.Permission) && !slices.Contains(c.Missing, u.Permission) {
				c.Missing = append(c.Missing, u.Permission)
			}
		}
	}
	slices.Sort(c.Missing)
	return c, nil
}

// tutorialScript makes the calls of the tutorial's script, and returns the permissions that they used.
func tutorialScript(ctx context.Context, b Binaries, answers ociemu.Answers) (out []ScriptCall, used []string,
	err error) {
	s, err := newEnvironment(ctx, b, "", Case{Answers: answers})
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, s.End()) }()
	named := s.AddSecret(ociemu.SecretSeed{Name: "named", Compartment: s.keyturn})
	second := s.AddSecret(ociemu.SecretSeed{Name: "second", Compartment: s.keyturn})
	user := s.user("joe")
	set, err := tutorial(named)(s.place())
	if err != nil {
		return nil, nil, err
	}
	s.SetPolicies(&ociemu.Policies{Set: set})
	update := func(id string) request { return ofSecret(id)[3] }
	calls := append([]request{s.ofTenancy()[0]}, user.changes()...)
	for _, r := range append(calls, publish(s.Topic), update(named), update(second)) {
		d, err := s.decide(s.Function, r)
		if err != nil {
			return nil, nil, err
		}
		for _, g := range d.Grants {
			used = append(used, g.Permission)
		}
		call := ScriptCall{r.operation, strings.Join(d.Missing, ", ")}
		if strings.Contains(r.path, second) {
			call.Operation += " of the second secret"
		}
		if answers == asksSet && r.operation == "CreateOrResetUIPassword" {
			call.Operation += ", if the service asks for USER_UIPASS_SET"
		}
		out = append(out, call)
	}
	return out, used, nil
}
