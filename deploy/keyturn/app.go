package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"

	"github.com/spf13/cobra"

	"github.com/keyturn/keyturn/pkg/oci"
)

// The exit codes. docs/command.md has them for users.
const (
	exitFine        = 0
	exitWrong       = 1   // it failed, or found something that a person has to do
	exitUsage       = 2   // the flags, arguments or the login are wrong; nothing was done
	exitIncomplete  = 3   // a part of the tenancy could not be asked, so that the answer is not complete
	exitDeclined    = 4   // the user said no to the plan, or nobody could be asked; nothing was done
	exitInterrupted = 130 // a signal ended it
)

// exit is an error with its exit code. With a nil error nothing is printed: the result said what is wrong.
type exit struct {
	code int
	err  error
}

func (e exit) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.err.Error()
}

func (e exit) Unwrap() error { return e.err }

// usage is an error of the caller: exit code 2.
func usage(format string, args ...any) error { return exit{exitUsage, fmt.Errorf(format, args...)} }

// incomplete is an answer in which a part of the tenancy is missing: exit code 3.
func incomplete(format string, args ...any) error {
	return exit{exitIncomplete, fmt.Errorf(format, args...)}
}

// declined is the error of a command whose plan was refused: exit code 4.
var declined = exit{exitDeclined, errors.New("nothing was done")}

// app is one run of the command. Its commands are the functions in commands.
type app struct {
	in       io.Reader
	out, err io.Writer
	env      map[string]string // the environment
	terminal func(any) bool    // whether in, out or err is a terminal

	json  bool // --json: print one JSON document to out, and nothing else
	yes   bool // --yes: don't ask before a change
	login oci.Login

	began bool // a command is running, so its errors are no longer about flags
	stop  atomic.Pointer[stopping]
}

// stopping is what a command says when a signal arrives.
type stopping struct {
	first  string // instead of the usual message about the first signal
	second func() // called at the second signal, before the process ends
}

// newApp returns an app. Only main may pass the process's environment.
func newApp(in io.Reader, out, err io.Writer, environ []string) *app {
	a := &app{in: in, out: out, err: err, env: map[string]string{}, terminal: isTerminal}
	for _, e := range environ {
		name, value, _ := strings.Cut(e, "=")
		a.env[name] = value
	}
	return a
}

// commands makes each subcommand. One file has one of them.
var commands = []func(*app) *cobra.Command{
	reportCommand,
	bindCommand, rotateCommand, undoCommand, statusCommand,
	preflightCommand, acceptCommand,
	completionCommand, manCommand, versionCommand,
	deployCommand,
}

// run runs the command, and returns its exit code.
func (a *app) run(ctx context.Context, args []string) int {
	root := a.root()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	e, typed := errors.AsType[exit](err)
	switch {
	case err == nil:
		return exitFine
	case typed && e.err == nil:
		return e.code
	case ctx.Err() != nil && !typed:
		fmt.Fprintln(a.err, "keyturn: interrupted")
		return exitInterrupted
	}
	fmt.Fprintln(a.err, "keyturn:", err)
	switch {
	case typed:
		return e.code
	case !a.began: // cobra refused the flags or arguments
		return exitUsage
	}
	return exitWrong
}

// interrupted is called at the first signal, before the context of the command ends.
func (a *app) interrupted() {
	message := "interrupted; it finishes the current call. Interrupt again to stop at once."
	if s := a.stop.Load(); s != nil && s.first != "" {
		message = s.first
	}
	fmt.Fprintln(a.err, "keyturn:", message)
}

// abandoned is called at the second signal. The process ends when it returns.
func (a *app) abandoned() {
	if s := a.stop.Load(); s != nil && s.second != nil {
		s.second()
	}
}

// print prints a result: as JSON if that was asked for, else with text. A command calls it once.
func (a *app) print(result any, text func(io.Writer) error) error {
	if !a.json {
		return text(a.out)
	}
	return writeJSON(a.out, result)
}

// writeJSON writes a value as one JSON document, and keeps < readable.
func writeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}
