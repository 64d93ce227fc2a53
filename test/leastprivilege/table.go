package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/keyturn/keyturn/test/ocipolicy"
)

const head = `# What the policies allow, and why

Written by ` + "`go run ./test/leastprivilege -write`" + `, and compared by its test; don't edit it.

` + "`terraform apply`" + ` of [terraform/examples/complete](../terraform/examples/complete/main.tf) creates these statements. The emulator evaluates them as
Oracle's documentation says (see [its README](../test/ociemu/README.md#policies)), and the two built functions run against it. They were not tested in a real
tenancy. Where the documentation is unclear, both answers are tested.

`

// Markdown formats the report as docs/policies.md.
func (r Report) Markdown() string {
	var b strings.Builder
	b.WriteString(head)
	needed(&b, r.Proof)
	denied(&b, r)
	inDomains(&b, r)
	compared(&b, r)
	return b.String()
}

func needed(b *strings.Builder, p Proof) {
	fmt.Fprintf(b, "## Nothing is missing, nothing is superfluous\n\n"+
		"With exactly these statements all %d cases pass. If a single permission is removed, or a verb made one "+
		"step weaker, at least one fails. Statements only add\n"+
		"permissions, so the case also fails without the whole statement.\n\n", len(p.Cases))
	p.tables(b, "###", nil)
}

// tables writes what each permission is for, and the statements; only those with other texts than the other stack's.
func (p Proof) tables(b *strings.Builder, heading string, other []Statement) {
	for _, function := range []string{"rotate", "sweep"} {
		fmt.Fprintf(b, "%s functions/%s\n\n| statement | without | this is refused | and this fails first |\n| "+
			"--- | --- | --- | --- |\n", heading, function)
		var texts []string
		for i, st := range p.Stack.Statements {
			same := func(o Statement) bool { return o.Text == st.Text }
			if st.Function != function || slices.ContainsFunc(other, same) {
				continue
			}
			texts = append(texts, p.Stack.readable(st.Text))
			for _, n := range p.Needed {
				if n.Statement == i {
					fmt.Fprintf(b, "| %s | %s | %s | %s |\n", st.Name, n.what(), orNone(n.Operation), orNone(n.Case))
				}
			}
		}
		for _, n := range p.Roles {
			if n.Function == function {
				fmt.Fprintf(b, "| the App role %s | the role | %s | %s |\n", n.Role.Role, orNone(n.Operation),
					orNone(n.Case))
			}
		}
		fmt.Fprintf(b, "\n```\n%s\n```\n\n", strings.Join(texts, "\n"))
	}
}

func (n Needed) what() string {
	switch {
	case n.Permission != "":
		return n.Permission
	case n.Verb != "":
		return "only *" + string(n.Verb) + "*"
	}
	return "the statement"
}

func orNone(s string) string {
	if s == "" {
		return "**nothing**"
	}
	return s
}

// readable replaces the example's OCIDs with names.
func (s Stack) readable(text string) string {
	replace := []string{s.Keyturn, "<keyturn's compartment>", s.Workload, "<workload's compartment>", s.Tenancy,
		"<tenancy>"}
	for name, id := range s.Domains {
		replace = append(replace, id, "<"+name+">")
	}
	return strings.NewReplacer(replace...).Replace(text)
}

func denied(b *strings.Builder, r Report) {
	fmt.Fprintf(b, "## What is denied\n\nThe function makes and signs each of these calls, and gets the answer 404 "+
		"NotAuthorizedOrNotFound. *Another* is another function in the same\n"+
		"compartment. Of the %d permissions that the emulator knows, the statements grant functions/rotate at most "+
		"%d, functions/sweep at most %d, and the other function\n"+
		"none, for any target. None of them creates or changes users, groups, policies, compartments, functions, "+
		"keys or rules, or creates or deletes secrets.\n\n"+
		"| what | who | denied |\n| --- | --- | --- |\n", len(ocipolicy.KnownPermissions()), len(r.Granted["rotate"]),
		len(r.Granted["sweep"]))
	rows(b, r.Denied, func(v Verdict) []string { return v.Denied })
	b.WriteString("\n")
}

// distinct removes duplicates.
func distinct(list []string) []string {
	var out []string
	for _, s := range list {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

// rows writes a table. Functions with equal results share a line.
func rows(b *strings.Builder, verdicts []Verdict, of func(Verdict) []string) {
	type row struct{ what, operations string }
	var order []row
	who := map[row][]string{}
	for _, v := range verdicts {
		r := row{v.What, strings.Join(distinct(of(v)), ", ")}
		if who[r] == nil {
			order = append(order, r)
		}
		who[r] = append(who[r], v.Who)
	}
	for _, r := range order {
		fmt.Fprintf(b, "| %s | %s | %s |\n", r.what, strings.Join(who[r], ", "), r.operations)
	}
}

func compared(b *strings.Builder, r Report) {
	c := r.Comparison
	b.WriteString("## Oracle's tutorial, for comparison\n\nThe policies of Oracle's tutorial F93259, for a dynamic " +
		"group of every function in the compartment.\n\nToo little for its own script:\n\n| call | missing |\n| " +
		"--- | --- |\n")
	for _, call := range c.Script {
		missing := call.Missing
		if missing == "" {
			missing = "nothing"
		}
		fmt.Fprintf(b, "| %s | %s |\n", call.Operation, missing)
	}
	fmt.Fprintf(b, "\nToo little for Keyturn: %d of its %d cases fail, even if the one secret is widened to all of "+
		"the vault's compartment. Keyturn needs permissions that they never\n"+
		"grant: %s.\n\n", len(c.Fail), len(r.Proof.Cases), strings.Join(c.Missing, ", "))
	fmt.Fprintf(b, "Too much: its script doesn't use %s.\nThey also allow these calls, which Keyturn's policies "+
		"deny:\n\n| what | who | allowed |\n| --- | --- | --- |\n",
		strings.Join(c.Unused, ", "))
	rows(b, c.TooMuch, func(v Verdict) []string { return v.Allowed })
}
