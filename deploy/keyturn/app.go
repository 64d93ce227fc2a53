package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/keyturn/keyturn/pkg/oci"
	"github.com/keyturn/keyturn/pkg/version"
)

// The exit codes. docs/command.md has them for users.
const (
	exitFine       = 0
	exitWrong      = 1 // it failed, or found something that a person has to do
	exitUsage      = 2 // the flags or arguments are wrong; nothing was done
	exitIncomplete = 3 // a part of the tenancy could not be asked, so that the answer is not complete
	exitDeclined   = 4 // the user said no to the plan, or nobody could be asked; nothing was done
)

// exit is an error with its exit code.
type exit struct {
	code int
	err  error
}

func (e exit) Error() string { return e.err.Error() }
func (e exit) Unwrap() error { return e.err }

// usage is an error of the caller: exit code 2.
func usage(format string, args ...any) error { return exit{exitUsage, fmt.Errorf(format, args...)} }

// app is one run of the command. Its commands are the functions in commands.
type app struct {
	in       io.Reader
	out, err io.Writer

	json  bool // --json: print one JSON document to out, and nothing else
	yes   bool // --yes: don't ask before a change
	login oci.Login
}

// commands makes each subcommand. One file has one of them.
var commands = []func(*app) *cobra.Command{
	versionCommand,
}

// run runs the command, and returns its exit code.
func (a *app) run(ctx context.Context, args []string) int {
	root := a.root()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitFine
	}
	fmt.Fprintln(a.err, "keyturn:", err)
	if e, ok := errors.AsType[exit](err); ok {
		return e.code
	}
	return exitWrong
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "keyturn",
		Short: "See, bind and rotate the credentials of an Oracle Cloud tenancy",
		// Errors are printed once, by run, and not with the usage.
		SilenceErrors: true, SilenceUsage: true,
		Args: cobra.NoArgs,
	}
	root.SetIn(a.in)
	root.SetOut(a.out)
	root.SetErr(a.err)
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return exit{exitUsage, err} })
	f := root.PersistentFlags()
	f.BoolVar(&a.json, "json", false, "print the result as JSON")
	f.BoolVar(&a.yes, "yes", false, "make the changes of the plan without asking")
	f.StringVar(&a.login.File, "config-file", "", "the OCI CLI's configuration `file` (default ~/.oci/config)")
	f.StringVar(&a.login.Profile, "profile", "", "the `profile` in it (default DEFAULT)")
	f.StringVar(&a.login.Region, "region", "", "the `region` to use instead of the profile's")
	for _, make := range commands {
		root.AddCommand(make(a))
	}
	return root
}

// cloud returns the connections to OCI, signed as the operator.
func (a *app) cloud() (*oci.Cloud, error) {
	c, err := oci.NewAs(a.login)
	if err != nil {
		return nil, exit{exitUsage, err}
	}
	return c, nil
}

// print prints a result: as JSON if that was asked for, else with text.
func (a *app) print(result any, text func(io.Writer) error) error {
	if !a.json {
		return text(a.out)
	}
	e := json.NewEncoder(a.out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(result)
}

func versionCommand(a *app) *cobra.Command {
	return &cobra.Command{Use: "version", Short: "Print the version", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			v := version.Version()
			return a.print(map[string]string{"version": v}, func(w io.Writer) error {
				_, err := fmt.Fprintln(w, v)
				return err
			})
		}}
}
