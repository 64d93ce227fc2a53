// Command acceptance tests a deployed Keyturn in a real tenancy. With an administrator's OCI configuration it creates
// throw-away users with a credential of each kind and bound secrets, sends the deployed function the events that Cloud
// Guard would have sent, checks each result from outside, and removes everything it created, even when it is
// interrupted. Its report also shows what the services really answer where no documentation says it.
//
//	go run ./deploy/acceptance -function <OCID> -vault <OCID> -key <OCID>
//
// docs/acceptance.md says how to run it, what it creates, and what it costs. -h lists the flags.
//
// It changes only what it created, with two exceptions: it switches the function's event_check off and on again if
// -switch-event-check allows it, and it sends one mail to the function's topic. It never prints the value of a
// credential.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"

	"github.com/keyturn/keyturn/pkg/background"
)

// The exit codes.
const (
	exitFine        = 0
	exitWrong       = 1   // a check failed, or something is left
	exitUsage       = 2   // the flags, or the function's configuration, don't allow a run
	exitInterrupted = 130 // a second signal arrived; nothing was cleaned up
)

func main() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	r := &runner{stdout: os.Stdout, stderr: os.Stderr}
	background.Go(ctx, "waiting for a signal", func() {
		<-signals
		fmt.Fprintln(os.Stderr, "acceptance: interrupted; it finishes the current call, then removes everything. "+
			"Interrupt again to stop at once.")
		cancel()
		<-signals
		r.abandon()
		os.Exit(exitInterrupted)
	})
	os.Exit(r.main(ctx, os.Args[1:]))
}

// runner is one run of the command.
type runner struct {
	stdout, stderr io.Writer
	statePath      atomic.Pointer[string] // path of the state file; nil: nothing was created
}

// abandon prints how to remove what is left.
func (r *runner) abandon() {
	if path := r.statePath.Load(); path != nil {
		fmt.Fprintf(r.stderr, "acceptance: stopped. Something may be left; remove it with:\n  go run "+
			"./deploy/acceptance -clean-up %s\n", *path)
		return
	}
	fmt.Fprintln(r.stderr, "acceptance: stopped. Nothing was created.")
}

// main is the whole command; it returns the exit code.
func (r *runner) main(ctx context.Context, args []string) int {
	o, code, ok := readFlags(args, r.stdout, r.stderr)
	if !ok {
		return code
	}
	a, err := newAdmin(ctx, o.config, o.profile)
	if err != nil {
		return r.fail(exitUsage, err)
	}
	if o.cleanUp != "" {
		return r.cleanUp(ctx, a, o)
	}
	return r.accept(ctx, a, o)
}

// cleanUp removes what an interrupted run left.
func (r *runner) cleanUp(ctx context.Context, a *admin, o options) int {
	s, err := readState(o.cleanUp)
	if err != nil {
		return r.fail(exitUsage, err)
	}
	r.statePath.Store(&o.cleanUp)
	left := s.remove(ctx, a)
	for _, line := range left.lines() {
		fmt.Fprintln(r.stdout, line)
	}
	return r.finish(s, left, exitFine)
}

// finish removes the state file if the run left nothing, and returns the exit code.
func (r *runner) finish(s *state, left remains, code int) int {
	if !left.clean() {
		return exitWrong
	}
	if err := s.discard(); err != nil {
		return r.fail(exitWrong, err)
	}
	return code
}

// fail prints an error and returns the exit code.
func (r *runner) fail(code int, err error) int {
	fmt.Fprintln(r.stderr, "acceptance:", err)
	return code
}
