package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/keyturn/keyturn/test/need"
)

var setting = regexp.MustCompile(`(?m)^(\w+)\s*=\s*"([^"]*)"`)

// The domains of the applied example. Each has one of the three ways in which a stack can allow the functions to work
// in a domain, and a user whom the stack excludes.
var ways = []struct{ domain, id, input string }{
	{byPermissions, "ocid1.domain.oc1..aaaaaaaaexamplepartners", "identity_domains"},
	{byManage, "ocid1.domain.oc1..aaaaaaaaexampleplant", "identity_domains_manage_users"},
	{byRole, "ocid1.domain.oc1..aaaaaaaaexamplecorp", "identity_domains_app_role"},
}

// overrides are files for Terraform, by path: the example's inputs about domains, and what the fake provider can't look
// up.
func overrides() map[string]string {
	var ids, inputs, found strings.Builder
	for _, w := range ways {
		fmt.Fprintf(&ids, "%q, ", w.id)
		if w.input != "identity_domains" {
			fmt.Fprintf(&inputs, "  %s = [%q]\n", w.input, w.id)
		}
		fmt.Fprintf(&found, "    %q = { url = \"https://idcs-0.identity.oraclecloud.com:443\", "+
			"home_region = var.region, state = \"ACTIVE\" }\n", w.id)
	}
	return map[string]string{
		"examples/complete/domains_override.tf": fmt.Sprintf("module \"keyturn\" {\n  identity_domains = [%s]\n%s"+
			"  excluded_users = [%q, \"admin-*\", %q, %q]\n}\n", ids.String(), inputs.String(), excluded,
			byPermissions+"/"+excludedInDomain, byManage+"/"+excludedInDomain),
		"lookups_override.tf": fmt.Sprintf("locals {\n  domains = {\n%s  }\n  user_administrators = { for id in "+
			"var.identity_domains_app_role : id => { role = \"role\", app = \"app\" } }\n}\n", found.String()),
	}
}

// Apply applies a copy of terraform/examples/complete of the project at root with its example values, with or without
// identity domains, and reads the result.
func Apply(ctx context.Context, root, name string) (Stack, error) {
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
	var domains map[string]string
	if name == withDomains {
		for path, text := range overrides() {
			if err := os.WriteFile(filepath.Join(copied, path), []byte(text), 0o600); err != nil {
				return Stack{}, fmt.Errorf("writing the inputs: %w", err)
			}
		}
		domains = map[string]string{}
		for _, w := range ways {
			domains[w.domain] = w.id
		}
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
	s.Domains = domains
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
