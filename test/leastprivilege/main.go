// Command leastprivilege proves that the policies of the Terraform stack grant exactly what both functions need. It
// prints a table with the purpose of each permission.
//
// With -write it writes docs/policies.md. With -apply it first applies terraform/examples/complete with a fake provider
// (TF_CLI_CONFIG_FILE), without and with identity domains, and writes the results to testdata, the input of the proof.
// Run it in the project's root.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

const (
	page      = "docs/policies.md"
	snapshots = "test/leastprivilege/testdata"
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
	var stacks [2]Stack
	for i, name := range []string{complete, withDomains} {
		var err error
		if apply {
			stacks[i], err = Apply(ctx, root, name)
			if err == nil {
				err = keep(filepath.Join(root, snapshots, name+".json"), stacks[i])
			}
		} else {
			stacks[i], err = Committed(name)
		}
		if err != nil {
			return err
		}
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
	r, err := Everything(ctx, b, stacks[0], stacks[1])
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
