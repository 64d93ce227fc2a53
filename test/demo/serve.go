package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/keyturn/keyturn/test/ociemu"
	"github.com/keyturn/keyturn/test/tenancy"
)

// renewal is how often the function's session token is renewed; it lives for 20 minutes.
const renewal = 5 * time.Minute

// serve adds a case of each kind, prints how to close its problem, and shows mails and failures until ctx ends.
func serve(ctx context.Context, out *screen, s *tenancy.Deployment, kinds []tenancy.Kind, dir string) error {
	config := filepath.Join(dir, "oci-config")
	if err := os.WriteFile(config, []byte(s.Config(s.Operator)), 0o600); err != nil {
		return fmt.Errorf("writing the operator's OCI configuration: %w", err)
	}
	var cases []*tenancy.Case
	for _, kind := range kinds {
		cases = append(cases, s.Add(tenancy.Want{Kind: kind}))
	}
	s.DeployFunctions()
	changed := make(chan struct{}, 1)
	s.OnChange(func(ociemu.View) {
		select {
		case changed <- struct{}{}:
		default: // the loop below will check anyway
		}
	})
	printInstructions(out, s, cases, config)

	renew := time.NewTicker(renewal)
	defer renew.Stop()
	mails, failures := 0, 0
	for {
		all, failed := s.Mails(), s.Failures()
		if len(all) > mails {
			showMails(out, all[mails:])
		}
		for _, f := range failed[failures:] {
			out.line("  " + out.paint(red, "The function failed: ") + f.Err.Error())
		}
		mails, failures = len(all), len(failed)
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
		case <-renew.C:
			if err := s.Function.Renew(); err != nil {
				return fmt.Errorf("renewing the function's token: %w", err)
			}
		}
	}
}

// printInstructions prints the variables for a shell. Ids and addresses are complete and on one line, for copying.
func printInstructions(out *screen, s *tenancy.Deployment, cases []*tenancy.Case, config string) {
	export := func(name, value string) { out.line("  export " + name + "=" + quote(value)) }
	out.rule("For a shell", "")
	export("HTTPS_PROXY", s.URL())
	export("SSL_CERT_FILE", s.CAFile())
	export("REQUESTS_CA_BUNDLE", s.CAFile())
	export("OCI_CLI_CONFIG_FILE", config)
	export("ORIGIN", s.URL())
	export("CONTROL", s.URL()+"/_emulator")
	export("TENANCY", s.Tenancy())
	export("FUNCTION", s.Function.FunctionID)
	export("TOPIC", s.Topic)
	for _, c := range cases {
		out.line("  " + out.paint(dim, "# "+c.Kind.Record().Noun+" of "+c.UserName+", too old"))
		export(variable(c.Kind, "USER"), c.User)
		export(variable(c.Kind, "PROBLEM"), c.Problem)
		for _, key := range slices.Sorted(maps.Keys(c.Secrets)) {
			export(strings.ToUpper(key), c.Secrets[key])
		}
	}
	out.line("")
	out.text("  ", "HTTPS_PROXY leads SDKs and the OCI CLI to the emulator under the services' real host names. Go "+
		"trusts its authority by "+
		"SSL_CERT_FILE, Python and so the OCI CLI by REQUESTS_CA_BUNDLE. Use a separate shell for them.")
	out.text("  ", "ORIGIN is one address of all services, for clients with a configurable endpoint.")
	out.text("  ", "CONTROL are the emulator's own routes; see test/ociemu/README.md.")
	out.text("  ", "The OCI configuration is that of "+s.Operator.Name+", who has all permissions.")

	c := cases[0]
	var items []string
	for _, key := range slices.Sorted(maps.Keys(c.Secrets)) {
		items = append(items, key+":$"+strings.ToUpper(key))
	}
	comment, problem := strings.Join(items, ","), "$"+variable(c.Kind, "PROBLEM")
	out.rule("Close a problem", "")
	out.line("  By the emulator's control routes, as at the console:", "",
		"    curl $CONTROL/problems/"+problem+"/close \\",
		`      -d '{"actor":"you@example.com","comment":"'"`+comment+`"'"}'`, "",
		"  Or with the OCI CLI:", "",
		"    oci cloud-guard problem update-problem-status --status RESOLVED \\",
		"      --problem-id "+problem+" \\",
		`      --comment "`+comment+`"`, "",
		"  Ask the function whether a rotation would work:", "",
		"    go run ./deploy/keyturn preflight --function $FUNCTION", "",
		"  Every problem that is closed starts the function. Its log and its mails appear here.",
		"  Ctrl-C ends it.", "")
}

// variable names a shell variable, such as AUTH_TOKEN_USER.
func variable(kind tenancy.Kind, what string) string {
	return strings.ToUpper(strings.ReplaceAll(string(kind), "-", "_")) + "_" + what
}

// quote quotes text for a POSIX shell.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
