package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/keyturn/keyturn/test/ocipolicy"
)

// Report is the content of docs/policies.md.
type Report struct {
	Proof      Proof // of the stack without identity domains
	Denied     []Verdict
	Otherwise  []Verdict           // the same with ocipolicy.NegationHolds
	Granted    map[string][]string // permissions, by function
	Comparison Comparison
	Domains    DomainReport
}

// DomainReport is about the stack with identity domains.
type DomainReport struct {
	Proof     Proof
	Denied    []Verdict
	Otherwise []Verdict
	// Granted are the permissions by function, for targets in every domain but the one with `manage users`. Managed are
	// those for targets there.
	Granted, Managed map[string][]string
}

// Everything proves both stacks, checks the denials, and compares with the tutorial.
func Everything(ctx context.Context, b Binaries, s, domains Stack) (Report, error) {
	var r Report
	var err error
	r.Proof, err = Prove(ctx, b, s, Cases())
	if err != nil {
		return r, fmt.Errorf("proving: %w", err)
	}
	r.Denied, r.Otherwise, err = denyBoth(ctx, b, s)
	if err != nil {
		return r, err
	}
	r.Granted, err = s.granted(inDefault)
	if err != nil {
		return r, err
	}
	r.Comparison, err = Compare(ctx, b, r.Proof)
	if err != nil {
		return r, fmt.Errorf("comparing: %w", err)
	}
	d := &r.Domains
	d.Proof, err = Prove(ctx, b, domains, append(Cases(), domainCases()...))
	if err != nil {
		return r, fmt.Errorf("proving, with identity domains: %w", err)
	}
	d.Denied, d.Otherwise, err = denyBoth(ctx, b, domains)
	if err != nil {
		return r, err
	}
	d.Granted, err = domains.granted(inDefault, byPermissions, byRole, notNamed)
	if err == nil {
		d.Managed, err = domains.granted(byManage)
	}
	return r, err
}

// otherwise are the stack's policies, if a negation holds for a variable that a request doesn't have.
func (s Stack) otherwise(at Place) (ocipolicy.Set, error) {
	set, err := s.Policies(at)
	set.Inapplicable = ocipolicy.NegationHolds
	return set, err
}

// denyBoth makes all calls that must be denied, in both readings of a variable that a request doesn't have.
func denyBoth(ctx context.Context, b Binaries, s Stack) (denied, otherwise []Verdict, err error) {
	denied, err = Deny(ctx, b, s, s.Policies)
	if err != nil {
		return nil, nil, fmt.Errorf("checking the denials: %w", err)
	}
	otherwise, err = Deny(ctx, b, s, s.otherwise)
	if err != nil {
		return nil, nil, fmt.Errorf("checking the denials, if a negation holds: %w", err)
	}
	return denied, otherwise, nil
}

// granted returns the permissions of each function, for targets in one of the domains.
func (s Stack) granted(domains ...string) (map[string][]string, error) {
	out := map[string][]string{}
	for _, function := range []string{"rotate", "sweep", "another"} {
		var err error
		out[function], err = Granted(s.otherwise, function, domains...)
		if err != nil {
			return nil, fmt.Errorf("listing the permissions of %s: %w", function, err)
		}
	}
	return out, nil
}

// managed are the dangerous permissions that `manage users` grants in the domain that asks for it.
var managed = []string{"USER_CREATE", "USER_DELETE"}

// Faults returns the reasons why the claims are false.
func (r Report) Faults() []string {
	out := append(r.Proof.Faults(), r.Domains.Proof.Faults()...)
	var tried []string
	for _, v := range slices.Concat(r.Denied, r.Otherwise, r.Domains.Denied, r.Domains.Otherwise) {
		for _, operation := range v.Allowed {
			out = append(out, fmt.Sprintf("%s, by %s: %s is allowed", v.What, v.Who, operation))
		}
		if v.Who == "another" {
			tried = append(tried, v.Denied...)
		}
	}
	for _, p := range []Proof{r.Proof, r.Domains.Proof} {
		for _, c := range p.Cases {
			for operation := range p.Results[c.Name].Called {
				// a function reads its namespace without a permission
				if operation != "GetNamespace" && !slices.Contains(tried, operation) {
					out = append(out, fmt.Sprintf("a function calls %s, but another function did not try it",
						operation))
				}
			}
		}
	}
	for _, all := range []map[string][]string{r.Granted, r.Domains.Granted} {
		for function, granted := range all {
			if bad := Perilous(granted); len(bad) > 0 {
				out = append(out, fmt.Sprintf("%s is granted %v", function, bad))
			}
		}
	}
	for function, granted := range r.Domains.Managed {
		if bad := Perilous(granted); function != "another" && !slices.Equal(bad, managed) {
			out = append(out, fmt.Sprintf("%s is granted %v where it may manage users", function, bad))
		}
	}
	for _, all := range []map[string][]string{r.Granted, r.Domains.Granted, r.Domains.Managed} {
		if granted := all["another"]; len(granted) > 0 {
			out = append(out, "another function of the compartment is granted "+strings.Join(granted, ", "))
		}
	}
	return out
}
