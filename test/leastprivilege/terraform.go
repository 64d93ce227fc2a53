package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
)

// ErrNoTerraform says that the stack can't be applied here.
var ErrNoTerraform = errors.New("terraform, or a provider that works without a tenancy (TF_CLI_CONFIG_FILE), is missing")

// offline tells whether a stack can be applied without touching anything: with Terraform and a stand-in for the
// provider, which is given by TF_CLI_CONFIG_FILE.
func offline() bool {
	_, err := exec.LookPath("terraform")
	_, missing := os.Stat(os.Getenv("TF_CLI_CONFIG_FILE"))
	return err == nil && missing == nil
}

var setting = regexp.MustCompile(`(?m)^(\w+)\s*=\s*"([^"]*)"`)

// Apply applies terraform/examples/complete of the project at root with its example values, in a copy, and reads what
// came of it.
func Apply(ctx context.Context, root string) (Stack, error) {
	if !offline() {
		return Stack{}, ErrNoTerraform
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
		cmd := exec.CommandContext(ctx, "terraform", args...)
		cmd.Dir = example
		// Nothing of the user's: with a real provider, an apply must find no credentials.
		cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "TF_CLI_CONFIG_FILE=" + os.Getenv("TF_CLI_CONFIG_FILE"), "TF_IN_AUTOMATION=1", "NO_COLOR=1"}
		var failed bytes.Buffer
		cmd.Stderr = &failed
		if show, err = cmd.Output(); err != nil {
			return Stack{}, fmt.Errorf("terraform %s: %w\n%s", args[0], err, failed.String())
		}
	}
	s, err := ReadStack(show, inputs)
	return s.named().steady(), err
}

var invented = regexp.MustCompile(`\boffline\.[a-z0-9_]+\.id\.[0-9]+`)

// steady is the stack without the OCIDs that the stand-in for the provider makes up, which differ from time to time.
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
