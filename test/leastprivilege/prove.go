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

// Weakening takes something away from one statement: one of its permissions, or one step of its verb.
type Weakening struct {
	Statement  int
	Permission string         // of a statement with permissions in braces
	Verb       ocipolicy.Verb // else: the weaker verb; empty: the statement goes
}

// Weakenings are all single steps by which policies can be made weaker. Taking a whole statement away is more than one
// step of it, so it fails where a step fails: statements only ever add.
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

// weaker is the strongest verb that grants less on a resource type; empty if none grants anything.
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

// Apply gives the weaker policies.
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

// Lost are the permissions that the statement no longer grants.
func (w Weakening) Lost(set ocipolicy.Set) []string {
	after := w.Apply(set).Statements[w.Statement]
	return slices.DeleteFunc(ocipolicy.KnownPermissions(), func(p string) bool {
		return !set.Statements[w.Statement].Grants(p) || after.Grants(p)
	})
}

// Needed says what fails without something.
type Needed struct {
	Weakening
	Lost      []string
	Case      string // the first case that fails; empty: none does, so it is superfluous
	Operation string // what is refused then
}

// Proof is what came out.
type Proof struct {
	Stack  Stack
	Cases  []Case
	Played map[string]Played // by the cases' names, with exactly the stack's statements
	Needed []Needed
}

// Faults are what keeps the proof from holding.
func (p Proof) Faults() []string {
	var out []string
	for _, c := range p.Cases {
		if err := p.Played[c.Name].Err; err != nil {
			out = append(out, fmt.Sprintf("%s: %v (refused: %s)", c.Name, err, strings.Join(p.Played[c.Name].Refused,
				", ")))
		}
	}
	for _, n := range p.Needed {
		if n.Case == "" {
			out = append(out, fmt.Sprintf("%s: nothing fails without %s", p.Stack.Statements[n.Statement].Name,
				strings.Join(n.Lost, ", ")))
		}
	}
	return out
}

// Prove plays the cases with exactly the stack's statements. Then it takes each single permission away, and plays the
// cases that used it until one fails.
func Prove(ctx context.Context, b Binaries, s Stack, cases []Case) (Proof, error) {
	set, err := s.Policies(s.own())
	if err != nil {
		return Proof{}, err
	}
	proof := Proof{Stack: s, Cases: cases, Played: map[string]Played{}}
	played := make([]Played, len(cases))
	each(len(cases), func(i int) { played[i] = play(ctx, b, s.Protected, cases[i], s.Policies) })
	for i, c := range cases {
		proof.Played[c.Name] = played[i]
	}
	weakenings := Weakenings(set)
	proof.Needed = make([]Needed, len(weakenings))
	each(len(weakenings), func(i int) { proof.Needed[i] = proof.need(ctx, b, weakenings[i], set) })
	return proof, ctx.Err()
}

// need looks for a case that fails without something.
func (p Proof) need(ctx context.Context, b Binaries, w Weakening, set ocipolicy.Set) Needed {
	n := Needed{Weakening: w, Lost: w.Lost(set)}
	for _, c := range p.Cases {
		if !slices.ContainsFunc(n.Lost, func(lost string) bool {
			return p.Played[c.Name].Used[Use{w.Statement, lost}]
		}) {
			continue
		}
		r := play(ctx, b, p.Stack.Protected, c, func(at Place) (ocipolicy.Set, error) {
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
		n.Case = "" // it failed for another reason
	}
	return n
}

// each does n things, a few at a time: most of a case is waiting for processes and for the emulator's answers.
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
