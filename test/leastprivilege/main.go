// Command leastprivilege proves that the policies of the Terraform stack grant exactly what both functions need. It
// prints a table with the purpose of each permission.
//
// With -write it writes docs/policies.md. With -apply it first applies terraform/examples/complete with a fake provider
// (TF_CLI_CONFIG_FILE), and writes the result to testdata/complete.json, the input of the proof. Run it in the
// project's root.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/keyturn/keyturn/test/ociemu"
	"github.com/keyturn/keyturn/test/ocipolicy"
)

const (
	page     = "docs/policies.md"
	snapshot = "test/leastprivilege/testdata/complete.json"
)

func main() {
	write := flag.Bool("write", false, "write "+page)
	apply := flag.Bool("apply", false, "apply the stack with a fake provider, and keep the result")
	flag.Parse()
	if err := run(context.Background(), ".", *write, *apply); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, root string, write, apply bool) error {
	s, err := Committed()
	if apply {
		s, err = Apply(ctx, root)
		if err == nil {
			err = keep(filepath.Join(root, snapshot), s)
		}
	}
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "leastprivilege")
	if err != nil {
		return fmt.Errorf("making a folder: %w", err)
	}
	defer os.RemoveAll(dir)
	b, err := Build(ctx, dir)
	if err != nil {
		return err
	}
	r, err := Everything(ctx, b, s)
	if err != nil {
		return err
	}
	if write {
		if err := os.WriteFile(filepath.Join(root, page), []byte(r.Markdown()), 0o644); err != nil {
			return fmt.Errorf("writing the page: %w", err)
		}
	} else {
		fmt.Print(r.Markdown())
	}
	if faults := r.Faults(); len(faults) > 0 {
		for _, f := range faults {
			fmt.Fprintln(os.Stderr, f)
		}
		return fmt.Errorf("the proof fails: %d faults", len(faults))
	}
	return nil
}

// keep writes a stack to testdata.
func keep(path string, s Stack) error {
	text, err := json.MarshalIndent(s, "", "  ")
	if err == nil {
		err = os.WriteFile(path, append(text, '\n'), 0o644)
	}
	if err != nil {
		return fmt.Errorf("writing the stack: %w", err)
	}
	return nil
}

// Everything proves the stack, checks the denials, and compares with the tutorial.
func Everything(ctx context.Context, b Binaries, s Stack) (Report, error) {
	var r Report
	var err error
	r.Proof, err = Prove(ctx, b, s, Cases())
	if err != nil {
		return r, fmt.Errorf("proving: %w", err)
	}
	r.Denied, err = Deny(ctx, b, s.Protected, ociemu.Answers{}, s.Policies)
	if err != nil {
		return r, fmt.Errorf("checking the denials: %w", err)
	}
	otherwise := func(at Place) (ocipolicy.Set, error) {
		set, err := s.Policies(at)
		set.Inapplicable = ocipolicy.NegationHolds
		return set, err
	}
	r.Otherwise, err = Deny(ctx, b, s.Protected, ociemu.Answers{}, otherwise)
	if err != nil {
		return r, fmt.Errorf("checking the denials, if a negation holds: %w", err)
	}
	r.Granted = map[string][]string{}
	for _, function := range []string{"rotate", "sweep", "another"} {
		r.Granted[function], err = Granted(otherwise, function)
		if err != nil {
			return r, fmt.Errorf("listing the permissions of %s: %w", function, err)
		}
	}
	r.Comparison, err = Compare(ctx, b, r.Proof)
	if err != nil {
		return r, fmt.Errorf("comparing: %w", err)
	}
	return r, nil
}

// Faults returns the reasons why the claims are false.
func (r Report) Faults() []string {
	out := r.Proof.Faults()
	for _, v := range append(r.Denied, r.Otherwise...) {
		for _, operation := range v.Allowed {
			out = append(out, fmt.Sprintf("%s, by %s: %s is allowed", v.What, v.Who, operation))
		}
	}
	var tried []string
	for _, v := range r.Denied {
		if v.Who == "another" {
			tried = append(tried, v.Denied...)
		}
	}
	for _, c := range r.Proof.Cases {
		for operation := range r.Proof.Results[c.Name].Called {
			// a function reads its namespace without a permission
			if operation != "GetNamespace" && !slices.Contains(tried, operation) {
				out = append(out, fmt.Sprintf("a function calls %s, but another function did not try it", operation))
			}
		}
	}
	for function, granted := range r.Granted {
		if function == "another" && len(granted) > 0 {
			out = append(out, fmt.Sprintf("another function of the compartment is granted %v", granted))
		}
		if bad := Perilous(granted); len(bad) > 0 {
			out = append(out, fmt.Sprintf("%s is granted %v", function, bad))
		}
	}
	return out
}
