package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/keyturn/keyturn/pkg/cloudguard"
	"github.com/keyturn/keyturn/pkg/oci"
	"github.com/keyturn/keyturn/pkg/preflight"
)

const preflightText = `Asks the deployed functions to check with their own rights what a rotation will
need: their configuration, policies, the network, Vault, Cloud Guard, the topic,
your bound secrets. It changes nothing, and sends no mail unless you add --mail.

Name the functions by --function, once for each, with the OCIDs of Terraform's
output function_ids; or their compartment by --compartment, to find the
functions rotate and sweep of its applications. You need the right to invoke
them: Allow group <GROUP> to use fn-invocation in compartment <COMPARTMENT>;
and to read them: Allow group <GROUP> to read fn-function in ...

Each check is a line: passed, warning, failed or unknown. Below a check that
needs you is its remedy: a policy statement or a command, with <NAME> for what
you have to fill in. docs/preflight.md explains each check.

The exit code is 0 if all have passed (a warning is no failure), 1 if a check
failed or a function didn't answer, 3 if none failed but some are unknown.
With --json: {"preflight", "functions": [{"id", "name", "answer", "error"}]}
with each function's own answer.`

type preflightFlags struct {
	functions   []string
	compartment string
	mail        bool
}

// preflighted is what a function answered.
type preflighted struct {
	ID     string            `json:"id"`
	Name   string            `json:"name,omitempty"`
	Answer *preflight.Answer `json:"answer,omitempty"`
	Error  string            `json:"error,omitempty"` // why there is no answer
}

// preflights is the result of keyturn preflight.
type preflights struct {
	Preflight preflight.Result `json:"preflight"` // the worst: failed, unknown, passed
	Functions []preflighted    `json:"functions"`
}

func preflightCommand(a *app) *cobra.Command {
	var o preflightFlags
	c := &cobra.Command{Use: "preflight", Short: "Ask the deployed functions whether a rotation will work",
		Args: cobra.NoArgs, GroupID: groupDeploy, Long: preflightText,
		Example: `  keyturn preflight --compartment ocid1.compartment.oc1..aaaa
  keyturn preflight --function ocid1.fnfunc.oc1.eu-frankfurt-1.aaaa
  keyturn preflight --function ocid1.fnfunc.oc1.eu-frankfurt-1.aaaa --mail
  keyturn preflight --compartment ocid1.compartment.oc1..aaaa --json`,
		RunE: func(c *cobra.Command, _ []string) error { return a.preflight(c.Context(), o) }}
	f := c.Flags()
	f.StringArrayVar(&o.functions, "function", nil, "the `OCID` of a function; can be repeated")
	f.StringVar(&o.compartment, "compartment", "", "the `OCID` of the compartment of the functions rotate and sweep")
	f.BoolVar(&o.mail, "mail", false, "send one test mail to the topic of each function")
	c.MarkFlagsMutuallyExclusive("function", "compartment")
	return c
}

func (a *app) preflight(ctx context.Context, o preflightFlags) error {
	if err := o.check(); err != nil {
		return err
	}
	cloud, err := a.cloud()
	if err != nil {
		return err
	}
	found := make([]oci.Function, 0, len(o.functions))
	for _, id := range o.functions {
		found = append(found, oci.Function{ID: id})
	}
	if o.compartment != "" {
		found, err = keyturnFunctions(ctx, cloud, o.compartment)
		if err != nil {
			return err
		}
	}
	result := preflights{Preflight: preflight.Passed}
	bar := a.progress(len(found), "functions")
	for _, f := range found {
		result.add(askPreflight(ctx, cloud, f, o.mail))
		bar.Add(1)
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	bar.Finish()
	if err := a.print(result, result.write); err != nil {
		return err
	}
	switch result.Preflight {
	case preflight.Failed:
		return exit{exitWrong, nil}
	case preflight.Unknown:
		return exit{exitIncomplete, nil}
	}
	return nil
}

func (o preflightFlags) check() error {
	if len(o.functions) == 0 && o.compartment == "" {
		return usage("name the functions by --function, or their compartment by --compartment")
	}
	for _, id := range o.functions {
		if _, err := cloudguard.ParseOCID(id, "fnfunc"); err != nil {
			return usage("--function: %w (want an OCID of Terraform's output function_ids)", err)
		}
	}
	if o.compartment == "" {
		return nil
	}
	if _, err := cloudguard.ParseOCID(o.compartment, "compartment", "tenancy"); err != nil {
		return usage("--compartment: %w", err)
	}
	return nil
}

// keyturnFunctions finds the functions rotate and sweep of a compartment.
func keyturnFunctions(ctx context.Context, cloud *oci.Cloud, compartment string) ([]oci.Function, error) {
	all, err := cloud.FunctionsIn(ctx, compartment)
	if err != nil {
		return nil, fmt.Errorf("looking for the functions: %w (name them by --function)", err)
	}
	var found []oci.Function
	for _, f := range all {
		if f.Name == "rotate" || f.Name == "sweep" {
			found = append(found, f)
		}
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("the compartment %s has no function named rotate or sweep in this region, among %d: "+
			"choose another --compartment or --region, or name them by --function", compartment, len(all))
	}
	slices.SortFunc(found, func(f, g oci.Function) int { return strings.Compare(f.Name, g.Name) })
	return found, nil
}

// askPreflight invokes a function for its preflight.
func askPreflight(ctx context.Context, cloud *oci.Cloud, f oci.Function, mail bool) preflighted {
	p := preflighted{ID: f.ID, Name: f.Name}
	whole, err := cloud.Function(ctx, f.ID)
	if err != nil {
		p.Error = err.Error()
		return p
	}
	p.Name = whole.Name
	body := `{"keyturn":"preflight"}`
	if mail {
		body = `{"keyturn":"preflight","mail":"yes"}`
	}
	answer, err := cloud.Invoke(ctx, whole, []byte(body))
	if err == nil {
		p.Answer, err = readAnswer(answer)
	}
	if err != nil {
		p.Error = err.Error()
	}
	return p
}

// readAnswer reads a function's answer. Another function may answer anything.
func readAnswer(text []byte) (*preflight.Answer, error) {
	var answer preflight.Answer
	if err := json.Unmarshal(text, &answer); err != nil || answer.Preflight == "" || len(answer.Checks) == 0 {
		return nil, errors.New("its answer is no preflight: it isn't Keyturn's function, or older than preflights")
	}
	return &answer, nil
}

// add adds a function, and makes the result the worst of all.
func (r *preflights) add(p preflighted) {
	r.Functions = append(r.Functions, p)
	worst := preflight.Failed // no answer
	if p.Answer != nil {
		worst = verdict(*p.Answer)
	}
	if worst == preflight.Failed || worst == preflight.Unknown && r.Preflight == preflight.Passed {
		r.Preflight = worst
	}
}

// verdict is the worst result of an answer's checks. The answer itself doesn't tell failed from unknown.
func verdict(a preflight.Answer) preflight.Result {
	worst := preflight.Passed
	for _, c := range a.Checks {
		switch c.Result {
		case preflight.Passed, preflight.Warning:
		case preflight.Unknown:
			worst = preflight.Unknown
		default: // failed, or a result of a newer function
			return preflight.Failed
		}
	}
	if worst == preflight.Passed && a.Preflight != preflight.Passed {
		return preflight.Failed
	}
	return worst
}

// write writes the result as text.
func (r preflights) write(w io.Writer) error {
	var b strings.Builder
	for i, f := range r.Functions {
		if i > 0 {
			b.WriteString("\n")
		}
		if f.Answer == nil {
			fmt.Fprintf(&b, "%s %s: no answer\n  %s\n", f.Name, f.ID, f.Error)
			continue
		}
		fmt.Fprintf(&b, "%s %s, version %s: %s\n", f.Name, f.ID, f.Answer.Version, verdict(*f.Answer))
		wide := 0
		for _, c := range f.Answer.Checks {
			wide = max(wide, len(c.Check))
		}
		for _, c := range f.Answer.Checks {
			fmt.Fprintf(&b, "  %-8s %-*s  %s\n", mark(c.Result), wide, c.Check, c.Found)
			if c.Remedy != "" {
				fmt.Fprintf(&b, "  %8s %*s  fix: %s\n", "", wide, "", c.Remedy)
			}
		}
		if n := len(f.Answer.NotChecked); n > 0 {
			fmt.Fprintf(&b, "  %d permissions can't be tested without writing; --json lists them with their policy "+
				"statements\n", n)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// mark is a result as the table shows it: in capitals if somebody has to act.
func mark(r preflight.Result) string {
	if r == preflight.Passed || r == preflight.Warning {
		return string(r)
	}
	return strings.ToUpper(string(r))
}
