// Command acceptance tries out a deployed Keyturn in a real tenancy. With an administrator's OCI configuration it makes
// throw-away users with a credential of each kind and bound secrets, sends the deployed function the events that Cloud
// Guard would have sent, checks each result from the outside, and removes all that it made, also when it is
// interrupted. Its report says besides what the services really answer where no documentation does.
//
//	go run ./deploy/acceptance -function <OCID> -vault <OCID> -key <OCID>
//
// docs/acceptance.md says how to run it, and what it makes and costs. -h lists the flags.
//
// It touches nothing that it has not made, but for two things that it says before: the function's event_check, if
// -switch-event-check allows it, and one mail to the function's topic. It never prints the value of a credential.
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
	exitInterrupted = 130 // at a second signal, without a clean-up
)

func main() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	r := &runner{stdout: os.Stdout, stderr: os.Stderr}
	background.Go(ctx, "waiting for a signal", func() {
		<-signals
		fmt.Fprintln(os.Stderr, "acceptance: interrupted; what is under way is finished, then all is removed. Once "+
			"more to stop at once.")
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
	statePath      atomic.Pointer[string] // of the file that says what was made; nil: nothing was
}

// abandon says how to remove what is left.
func (r *runner) abandon() {
	if path := r.statePath.Load(); path != nil {
		fmt.Fprintf(r.stderr, "acceptance: stopped. Something may be left; remove it with:\n  go run "+
			"./deploy/acceptance -clean-up %s\n", *path)
		return
	}
	fmt.Fprintln(r.stderr, "acceptance: stopped. Nothing was made.")
}

// main is the whole command; it returns the exit code.
func (r *runner) main(ctx context.Context, args []string) int {
	o, code, ok := readFlags(args, r.stdout, r.stderr)
	if !ok {
		return code
	}
	a, err := newAdmin(ctx, o.config, o.profile)
	if err != nil {
		fmt.Fprintln(r.stderr, "acceptance:", err)
		return exitUsage
	}
	if o.cleanUp != "" {
		return r.cleanUp(ctx, a, o)
	}
	return r.accept(ctx, a, o)
}

// cleanUp removes what an interrupted run has left.
func (r *runner) cleanUp(ctx context.Context, a *admin, o options) int {
	s, err := readState(o.cleanUp)
	if err != nil {
		fmt.Fprintln(r.stderr, "acceptance:", err)
		return exitUsage
	}
	r.statePath.Store(&o.cleanUp)
	left := s.remove(ctx, a)
	for _, line := range left.lines() {
		fmt.Fprintln(r.stdout, line)
	}
	if !left.clean() {
		return exitWrong
	}
	if err := s.discard(); err != nil {
		fmt.Fprintln(r.stderr, "acceptance:", err)
		return exitWrong
	}
	return exitFine
}
