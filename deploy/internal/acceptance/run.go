// Package acceptance tests a deployed Keyturn in a real tenancy. With an administrator's rights it creates throw-away
// users with a credential of each kind and bound secrets, sends the deployed function the events that Cloud Guard would
// have sent, checks each result from outside, and removes everything it created, even when it is interrupted. Its
// report also shows what the services really answer where no documentation says it.
//
// Start with Runner. docs/acceptance.md says what a run creates, and what it costs.
//
// A run changes only what it created, with two exceptions: it switches the function's event_check off and on again if
// Options.SwitchEventCheck allows it, and it sends one mail to the function's topic. It never prints the value of a
// credential.
package acceptance

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"

	"github.com/oracle/oci-go-sdk/v65/common"
)

// Runner is one run, or the clean-up after one.
type Runner struct {
	Signer common.ConfigurationProvider // an administrator's
	Out    io.Writer                    // gets each check as it runs, and the report
	// Ask asks whether to begin, when everything is checked and nothing is created. An error ends the run.
	Ask func(question string) error

	statePath atomic.Pointer[string] // path of the state file; nil: nothing was created
}

// Refusal is an error of a run that didn't begin: the options, or the function's configuration, don't allow it.
type Refusal struct{ Err error }

// Error implements error.
func (r Refusal) Error() string { return r.Err.Error() }

// Unwrap returns the cause.
func (r Refusal) Unwrap() error { return r.Err }

// Interrupted is what to say when a signal ends the context of a run.
const Interrupted = "interrupted; it finishes the current call, then removes everything. " +
	"Interrupt again to stop at once."

// Abandoned is what to say when the process ends before the run does: how to remove what is left.
func (r *Runner) Abandoned() string {
	if path := r.statePath.Load(); path != nil {
		return "stopped. Something may be left; remove it with:\n  keyturn accept --clean-up " + *path
	}
	return "stopped. Nothing was created."
}

// errLeft is the error of a clean-up after which something is left.
func errLeft(path string) error {
	return errors.New("something is left; remove it with:\n  keyturn accept --clean-up " + path)
}

// CleanUp removes what an interrupted run left, according to its state file.
func (r *Runner) CleanUp(ctx context.Context, file string) (Remains, error) {
	a, err := newAdmin(ctx, r.Signer)
	if err != nil {
		return Remains{}, Refusal{err}
	}
	s, err := readState(file)
	if err != nil {
		return Remains{}, Refusal{err}
	}
	r.statePath.Store(&file)
	left := s.remove(ctx, a)
	for _, line := range left.lines() {
		fmt.Fprintln(r.Out, line)
	}
	if !left.clean() {
		return left, errLeft(file)
	}
	return left, s.discard()
}
