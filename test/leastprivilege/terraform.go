package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"

	"github.com/keyturn/keyturn/test/need"
)

var setting = regexp.MustCompile(`(?m)^(\w+)\s*=\s*"([^"]*)"`)

// Apply applies a copy of terraform/examples/complete of the project at root with its example values, and reads the
// result.
func Apply(ctx context.Context, root string) (Stack, error) {
	if err := need.Offline(); err != nil {
		return Stack{}, err
	}
	dir, err := os.MkdirTemp("", "leastprivilege")
	if err != nil {
		return Stack{}, fmt.Errorf("making a folder: %w", err)
	}
	defer os.RemoveAll(dir)
	copied := filepath.Join(dir, "terraform")
	if err := os.CopyFS(copied, os.DirFS(filepath.Join(root, "terraform"))); err != nil {
		return Stack{}, fmt.Errorf("copying the stack: %w", err)
	}
	example := filepath.Join(copied, "examples", "complete")
	const values = "terraform.tfvars.example"
	text, err := os.ReadFile(filepath.Join(example, values))
	if err != nil {
		return Stack{}, fmt.Errorf("reading the example's values: %w", err)
	}
	inputs := map[string]string{}
	for _, m := range setting.FindAllStringSubmatch(string(text), -1) {
		inputs[m[1]] = m[2]
	}
	var show []byte
	for _, args := range [][]string{{"init", "-backend=false", "-input=false"},
		{"apply", "-auto-approve", "-input=false", "-var-file=" + values}, {"show", "-json"}} {
		cmd := need.Terraform(ctx, dir, example, args...)
		var failed bytes.Buffer
		cmd.Stderr = &failed
		show, err = cmd.Output()
		if err != nil {
			return Stack{}, fmt.Errorf("terraform %s: %w\n%s", args[0], err, failed.String())
		}
	}
	s, err := ReadStack(show, inputs)
	return s.named().steady(), err
}

var invented = regexp.MustCompile(`\boffline\.[a-z0-9_]+\.id\.[0-9]+`)

// steady removes the fake provider's OCIDs, which differ in every run.
func (s Stack) steady() Stack {
	plain := func(list []Statement) []Statement {
		out := make([]Statement, len(list))
		for i, st := range list {
			st.Text = invented.ReplaceAllString(st.Text, "ocid1.invented")
			out[i] = st
		}
		return out
	}
	s.Statements, s.Others = plain(s.Statements), plain(s.Others)
	return s
}
