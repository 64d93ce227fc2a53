package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/keyturn/keyturn/test/ociemu"
	"github.com/keyturn/keyturn/test/tenancy"
)

// tryKeyturn is what `go run ./test/demo keyturn` prints.
const tryKeyturn = `Usage: go run ./test/demo keyturn ARGS...

Runs the operator's command keyturn in an emulated tenancy on this machine, with some 40 users in three identity domains,
their credentials, bound secrets and open problems. Each run begins with a new tenancy. In ARGS these become OCIDs:
{tenancy}, and {function} and {sweep} for the functions. Try:

  go run ./test/demo keyturn --help
  go run ./test/demo keyturn report
  go run ./test/demo keyturn report --html report.html
  go run ./test/demo keyturn status
  go run ./test/demo keyturn preflight --compartment {tenancy}
  go run ./test/demo keyturn preflight --function {function} --json
  go run ./test/demo keyturn version

  go run ./test/demo keyturn -serve   keeps one tenancy running, and prints the variables with which you
                                      run keyturn in it yourself
`

// seed makes each tenancy alike.
const seed = 1

// keyturn runs the operator's command in a populated tenancy, and returns its exit code.
func (d demo) keyturn(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	if len(args) == 0 {
		fmt.Fprint(stdout, tryKeyturn)
		return exitFine
	}
	code, err := d.runKeyturn(ctx, args, stdout, stderr)
	if err != nil {
		fmt.Fprintln(stderr, "demo:", err)
		return exitWrong
	}
	return code
}

func (d demo) runKeyturn(ctx context.Context, args []string, stdout, stderr io.Writer) (code int, err error) {
	dir, err := os.MkdirTemp("", "demo")
	if err != nil {
		return 0, fmt.Errorf("making a folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	fmt.Fprintln(stderr, "Building deploy/keyturn and the functions (the first time takes a while) ...")
	s, census, err := d.populated(ctx, dir)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, s.End()) }()
	s.DeployFunctions()
	binary, err := tenancy.BuildCommand(ctx, dir)
	if err != nil {
		return 0, err
	}
	shell, err := tenancy.NewCommand(binary, dir, s.Emulator, census.Operator)
	if err != nil {
		return 0, err
	}
	if args[0] == "-serve" {
		return exitFine, serveKeyturn(ctx, s, shell, stdout)
	}
	ids := []string{"{tenancy}", s.Tenancy(), "{function}", s.Function.FunctionID}
	if d.sweep != nil {
		ids = append(ids, "{sweep}", s.SweepFunction().FunctionID)
	}
	for i, a := range args {
		args[i] = strings.NewReplacer(ids...).Replace(a)
	}
	cmd := exec.Command(binary, args...) // a signal of the terminal reaches it, too, and it ends by itself
	cmd.Env = append(shell.Environment(), "TERM="+os.Getenv("TERM"))
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, stdout, stderr
	err = cmd.Run()
	if _, ended := errors.AsType[*exec.ExitError](err); err != nil && !ended {
		return 0, fmt.Errorf("running keyturn: %w", err)
	}
	return max(cmd.ProcessState.ExitCode(), 0), nil
}

// populated builds the functions, and sets up a tenancy with them. It is populated before the events of its closed
// problems could reach a function.
func (d demo) populated(ctx context.Context, dir string) (s *tenancy.Deployment, c tenancy.Census, err error) {
	var o tenancy.Options
	o.Binary, err = d.build(ctx, dir)
	if err != nil {
		return nil, c, err
	}
	if d.sweep != nil {
		o.Sweeper, err = d.sweep(ctx, dir)
		if err != nil {
			return nil, c, err
		}
	}
	var failure error
	o.Places = func(e *ociemu.Emulator) tenancy.Places {
		c, failure = tenancy.Populate(e, seed, tenancy.Size{})
		return tenancy.Places{}
	}
	s, err = tenancy.New(ctx, o)
	if err != nil {
		return nil, c, errors.Join(failure, fmt.Errorf("setting up the tenancy: %w", err))
	}
	if failure != nil {
		return nil, c, errors.Join(failure, s.End())
	}
	return s, c, nil
}

// serveKeyturn prints the variables for a shell, and keeps the tenancy running until ctx ends.
func serveKeyturn(ctx context.Context, s *tenancy.Deployment, shell *tenancy.Command, stdout io.Writer) error {
	fmt.Fprintln(stdout, "For a shell:")
	fmt.Fprintln(stdout)
	for _, name := range []string{"HTTPS_PROXY", "SSL_CERT_FILE"} {
		for _, v := range shell.Environment() {
			if value, ok := strings.CutPrefix(v, name+"="); ok {
				fmt.Fprintf(stdout, "  export %s=%s\n", name, quote(value))
			}
		}
	}
	fmt.Fprintf(stdout, "  export OCI_CLI_CONFIG_FILE=%s\n", quote(shell.Home+"/.oci/config"))
	fmt.Fprintf(stdout, "  export TENANCY=%s\n  export FUNCTION=%s\n", s.Tenancy(), s.Function.FunctionID)
	fmt.Fprintf(stdout, "  alias keyturn=%s\n\n", quote(shell.Binary))
	fmt.Fprintln(stdout, "Then: keyturn preflight --compartment $TENANCY")
	fmt.Fprintln(stdout, "Ctrl-C ends it.")
	renew := time.NewTicker(renewal)
	defer renew.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-renew.C:
			if err := errors.Join(s.Function.Renew(), s.SweepFunction().Renew()); err != nil {
				return fmt.Errorf("renewing the functions' tokens: %w", err)
			}
		}
	}
}
