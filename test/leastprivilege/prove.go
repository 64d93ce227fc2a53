package main

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/keyturn/keyturn/test/ocipolicy"
)

// Weakening removes one permission from a statement, or makes its verb one step weaker.
type Weakening struct {
	Statement  int
	Permission string         // of a statement with permissions in braces
	Verb       ocipolicy.Verb // otherwise: the weaker verb; empty: without the statement
}

// Weakenings returns all single steps that make the policies weaker. Statements only add permissions, so if a case
// fails after a step, it also fails without the whole statement.
func Weakenings(set ocipolicy.Set) []Weakening {
	var out []Weakening
	for i, st := range set.Statements {
		for _, p := range st.Permissions {
			out = append(out, Weakening{Statement: i, Permission: p})
		}
		if st.Verb != "" {
			out = append(out, Weakening{Statement: i, Verb: weaker(st.Verb, st.Type)})
		}
	}
	return out
}

// weaker is the strongest verb that grants less on a resource type, or empty.
func weaker(v ocipolicy.Verb, kind string) ocipolicy.Verb {
	all := []ocipolicy.Verb{ocipolicy.Inspect, ocipolicy.Read, ocipolicy.Use, ocipolicy.Manage}
	has := len(ocipolicy.Permissions(v, kind))
	for _, w := range slices.Backward(all[:slices.Index(all, v)]) {
		if n := len(ocipolicy.Permissions(w, kind)); n > 0 && n < has {
			return w
		}
	}
	return ""
}

// Apply returns the weaker policies.
func (w Weakening) Apply(set ocipolicy.Set) ocipolicy.Set {
	set.Statements = slices.Clone(set.Statements)
	st := &set.Statements[w.Statement]
	switch {
	case w.Permission != "":
		st.Permissions = slices.DeleteFunc(slices.Clone(st.Permissions), func(p string) bool {
			return p == w.Permission
		})
	case w.Verb == "":
		st.Verb, st.Type = "", ""
	default:
		st.Verb = w.Verb
	}
	return set
}

// Lost returns the permissions that the statement no longer grants.
func (w Weakening) Lost(set ocipolicy.Set) []string {
	after := w.Apply(set).Statements[w.Statement]
	return slices.DeleteFunc(ocipolicy.KnownPermissions(), func(p string) bool {
		return !set.Statements[w.Statement].Grants(p) || after.Grants(p)
	})
}

// Needed says what fails after a weakening.
type Needed struct {
	Weakening
	Lost      []string
	Case      string // the first case that fails; empty: none, so the permission is superfluous
	Operation string // the refused operation
}

// NeededRole says what fails without an App role.
type NeededRole struct {
	Role
	Case      string // the first case that fails; empty: none, so the role is superfluous
	Operation string // the refused operation
}

// Proof is the result of Prove.
type Proof struct {
	Stack   Stack
	Cases   []Case
	Results map[string]Result // by the cases' names, with exactly the stack's statements
	Needed  []Needed
	Roles   []NeededRole
}

// Faults returns the reasons why the proof fails.
func (p Proof) Faults() []string {
	var out []string
	for _, c := range p.Cases {
		if err := p.Results[c.Name].Err; err != nil {
			out = append(out, fmt.Sprintf("%s: %v (refused: %s)", c.Name, err, strings.Join(p.Results[c.Name].Refused,
				", ")))
		}
	}
	for _, n := range p.Needed {
		if n.Case == "" {
			out = append(out, fmt.Sprintf("%s: nothing fails without %s", p.Stack.Statements[n.Statement].Name,
				strings.Join(n.Lost, ", ")))
		}
	}
	for _, n := range p.Roles {
		if n.Case == "" {
			out = append(out, fmt.Sprintf("nothing fails without the role of %s in %s", n.Function, n.Domain))
		}
	}
	return out
}

// Prove runs the cases with exactly the stack's statements and App roles. Then it removes each permission and each role
// alone, and runs the cases that used it until one fails.
func Prove(ctx context.Context, b Binaries, s Stack, cases []Case) (Proof, error) {
	set, err := s.Policies(s.own())
	if err != nil {
		return Proof{}, err
	}
	proof := Proof{Stack: s, Cases: cases, Results: map[string]Result{}}
	results := make([]Result, len(cases))
	each(len(cases), func(i int) { results[i] = runCase(ctx, b, s, cases[i], s.Policies) })
	for i, c := range cases {
		proof.Results[c.Name] = results[i]
	}
	weakenings := Weakenings(set)
	proof.Needed = make([]Needed, len(weakenings))
	each(len(weakenings), func(i int) { proof.Needed[i] = proof.need(ctx, b, weakenings[i], set) })
	proof.Roles = make([]NeededRole, len(s.Roles))
	each(len(s.Roles), func(i int) { proof.Roles[i] = proof.needRole(ctx, b, i) })
	return proof, ctx.Err()
}

// need looks for a case that fails after the weakening.
func (p Proof) need(ctx context.Context, b Binaries, w Weakening, set ocipolicy.Set) Needed {
	n := Needed{Weakening: w, Lost: w.Lost(set)}
	for _, c := range p.Cases {
		if !slices.ContainsFunc(n.Lost, func(lost string) bool {
			return p.Results[c.Name].Used[Use{w.Statement, lost}]
		}) {
			continue
		}
		r := runCase(ctx, b, p.Stack, c, func(at Place) (ocipolicy.Set, error) {
			set, err := p.Stack.Policies(at)
			if err != nil {
				return set, err
			}
			return w.Apply(set), nil
		})
		if r.Err == nil {
			continue
		}
		n.Case = c.Name
		slices.Sort(r.Refused)
		for _, line := range r.Refused {
			if slices.ContainsFunc(n.Lost, func(lost string) bool { return strings.Contains(line, lost) }) {
				n.Operation, _, _ = strings.Cut(line, " ")
				return n
			}
		}
		n.Case = "" // it failed for a different reason
	}
	return n
}

// needRole looks for a case that fails without an App role.
func (p Proof) needRole(ctx context.Context, b Binaries, i int) NeededRole {
	n := NeededRole{Role: p.Stack.Roles[i]}
	without := p.Stack
	without.Roles = slices.Delete(slices.Clone(p.Stack.Roles), i, i+1)
	for _, c := range p.Cases {
		if c.Domain == "" || p.Stack.Domains[c.Domain] != n.Domain {
			continue
		}
		r := runCase(ctx, b, without, c, p.Stack.Policies)
		if r.Err != nil && len(r.Refused) > 0 {
			n.Case = c.Name
			n.Operation, _, _ = strings.Cut(r.Refused[0], " ")
			return n
		}
	}
	return n
}

// each calls f n times, a few at once: a case mostly waits for processes and for the emulator's answers.
func each(n int, do func(int)) {
	var group sync.WaitGroup
	turn := make(chan struct{}, 2*runtime.GOMAXPROCS(0))
	for i := range n {
		turn <- struct{}{}
		group.Go(func() {
			defer func() { <-turn }()
			do(i)
		})
	}
	group.Wait()
}
