package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/keyturn/keyturn/deploy/internal/acceptance"
)

const acceptText = `Tests a deployed Keyturn with throw-away users and secrets, and removes them at
the end. The OCIDs are Terraform's outputs function_ids, vault_id and key_id.
Use a staging stack if you have one:

Cloud Guard takes days to find a credential too old, so the run sends its own
events to the function. Cloud Guard has no record of them, and the function
accepts them only with event_check=off. While it is off, anyone who may invoke
the function or write events decides what is rotated. If event_check is on, the
run refuses to start. With --switch-event-check it turns the check off, and on
again at the end. dry_run must be no.

The run sends about 15 mails to the function's topic. The secrets are scheduled
for deletion, which takes a day. An interrupt ends the current call and removes
everything; a second one stops at once, and --clean-up removes the rest later.
docs/acceptance.md says what the run needs, creates and checks.

The exit code is 0 only if all checks passed and everything was removed. With
--json the report for programs is the output: {"run", "passed", "checks",
"facts", "left"}, and each check is shown on the standard error as it runs.`

type acceptFlags struct {
	acceptance.Options
	report, cleanUp string
}

func acceptCommand(a *app) *cobra.Command {
	var o acceptFlags
	c := &cobra.Command{Use: "accept", Short: "Test a deployed Keyturn with throw-away users", Args: cobra.NoArgs,
		GroupID: groupDeploy, Long: acceptText,
		Example: `  keyturn accept --function OCID --vault OCID --key OCID
  keyturn accept --function OCID --vault OCID --key OCID --sweep OCID \
    --report report.json --switch-event-check
  keyturn accept --clean-up keyturn-acceptance-RUN.json`,
		RunE: func(c *cobra.Command, _ []string) error {
			if o.cleanUp != "" {
				return a.cleanUp(c.Context(), o.cleanUp)
			}
			return a.accept(c.Context(), o)
		}}
	f := c.Flags()
	f.StringVar(&o.Function, "function", "", "the `OCID` of the function rotate")
	f.StringVar(&o.Sweep, "sweep", "", "the `OCID` of the function sweep, to test it too")
	f.StringVar(&o.Vault, "vault", "", "the `OCID` of the vault for the secrets")
	f.StringVar(&o.Key, "key", "", "the `OCID` of the key that encrypts them")
	f.StringVar(&o.Compartment, "compartment", "", "the `OCID` of the compartment of the secrets (default: the first "+
		"of the function's secret_compartments, or its own)")
	f.StringVar(&o.Domain, "domain", "", "the `OCID` of an identity domain other than Default, to test its users "+
		"too; the function's identity_domains must include it")
	f.StringVar(&o.Mail, "mail", "", "your e-mail `address`, to which --domain sends one mail with a link to set a "+
		"password, when the run resets the password of a throw-away user (default: it resets none by mail)")
	f.BoolVar(&o.FreeformTags, "freeform-tags", false, "bind secrets by freeform tags, for a stack with "+
		"secret_policy = compartment")
	f.BoolVar(&o.SwitchEventCheck, "switch-event-check", false, "turn the function's event_check off for the run, "+
		"and on again at the end")
	f.StringVar(&o.State, "state", "", "the state `file`, which lists what was created (default: "+
		"keyturn-acceptance-<run>.json here)")
	f.StringVar(&o.report, "report", "", "also write the report for programs to this `file`, as JSON")
	f.StringVar(&o.cleanUp, "clean-up", "", "remove what the run of this state `file` left, and end")
	return c
}

// runner returns a run that is signed as the operator and tells signals what to say.
func (a *app) runner() (*acceptance.Runner, error) {
	p, err := a.operator().Provider()
	if err != nil {
		return nil, exit{exitUsage, fmt.Errorf("signing in: %w", err)}
	}
	r := &acceptance.Runner{Signer: p, Out: a.out, Ask: func(question string) error {
		yes, err := a.ask(question)
		if err == nil && !yes {
			err = declined
		}
		return err
	}}
	if a.json {
		r.Out = a.err
	}
	a.stop.Store(&stopping{first: acceptance.Interrupted, second: func() {
		fmt.Fprintln(a.err, "keyturn:", r.Abandoned())
	}})
	return r, nil
}

func (a *app) accept(ctx context.Context, o acceptFlags) error {
	r, err := a.runner()
	if err != nil {
		return err
	}
	report, err := r.Accept(ctx, o.Options)
	if report.Run.Run == "" { // it didn't begin
		return accepted(err)
	}
	if o.report != "" {
		err = errors.Join(err, writeReport(o.report, report))
	}
	if a.json {
		err = errors.Join(err, a.print(report, nil))
	}
	if err == nil && !report.Passed {
		return exit{exitWrong, nil}
	}
	return accepted(err)
}

func (a *app) cleanUp(ctx context.Context, file string) error {
	r, err := a.runner()
	if err != nil {
		return err
	}
	left, err := r.CleanUp(ctx, file)
	if _, refused := errors.AsType[acceptance.Refusal](err); !refused && a.json {
		err = errors.Join(err, a.print(left, nil))
	}
	return accepted(err)
}

// accepted gives an error of the run its exit code: an interrupted one, too, has cleaned up.
func accepted(err error) error {
	_, typed := errors.AsType[exit](err)
	_, refused := errors.AsType[acceptance.Refusal](err)
	switch {
	case err == nil, typed:
		return err
	case refused:
		return exit{exitUsage, err}
	}
	return exit{exitWrong, err}
}

func writeReport(path string, report acceptance.Report) error {
	var text bytes.Buffer
	if err := writeJSON(&text, report); err != nil {
		return fmt.Errorf("encoding the report: %w", err)
	}
	if err := os.WriteFile(path, text.Bytes(), 0o600); err != nil {
		return fmt.Errorf("writing --report: %w", err)
	}
	return nil
}
