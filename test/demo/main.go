// Command demo shows rotations on this machine, with an emulated tenancy, the function's binary, and the Events rule
// between them. Start with
//
//	go run ./test/demo
//
// from the module's folder. For each kind of credential it adds one that is too old, closes its problem in Cloud Guard,
// and shows the result. It exits with 1 if a rotation isn't as expected. -h lists its other functions. With the
// argument keyturn it runs the operator's command in a populated tenancy. It needs only Go, reaches no cloud and
// changes nothing outside its temporary folder. It never shows the value of a credential.
//
// It doesn't test a real tenancy: test/ociemu/README.md says what the emulator doesn't emulate.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/keyturn/keyturn/test/tenancy"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// The exit codes.
const (
	exitFine  = 0
	exitWrong = 1 // a rotation isn't as expected, or the tenancy can't be set up
	exitUsage = 2
)

// run is the whole command.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	return demo{build: tenancy.Build, sweep: tenancy.BuildSweep}.run(ctx, args, stdout, stderr)
}

// demo holds what a test replaces.
type demo struct {
	build   func(ctx context.Context, dir string) (string, error)
	sweep   func(ctx context.Context, dir string) (string, error) // may be nil; only for the command keyturn
	prepare func(*tenancy.Deployment)                             // called when the tenancy is set up; may be nil
}

// errUnexpected is the error for a rotation that isn't as expected.
var errUnexpected = errors.New("not everything is as expected")

func (d demo) run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	if len(args) > 0 && args[0] == "keyturn" {
		return d.keyturn(ctx, args[1:], stdout, stderr)
	}
	o, code, ok := readFlags(args, stdout, stderr)
	if !ok {
		return code
	}
	out := newScreen(stdout)
	var drawn bytes.Buffer
	if o.svg != "" {
		out = &screen{w: &drawn, colour: true, width: 80}
	}
	err := d.play(ctx, o, out)
	if err == nil && o.svg != "" {
		err = draw(o.svg, drawn.String())
	}
	if err == nil && o.serve {
		out.line("", "  Ended.") // after the function's last log line
	}
	if err == nil {
		err = out.failed()
	}
	if err != nil {
		if ctx.Err() != nil {
			err = errors.New("interrupted")
		}
		fmt.Fprintln(stderr, "demo:", err)
		return exitWrong
	}
	return exitFine
}

// play builds the function, sets up a tenancy, and runs what the options select.
func (d demo) play(ctx context.Context, o options, out *screen) (err error) {
	event, err := o.readEvent()
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "demo")
	if err != nil {
		return fmt.Errorf("making a folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	out.line(out.paint(bold, "Keyturn demo") + ": an emulated tenancy on this machine. No cloud is reached.")
	out.line("")
	out.line("Building functions/rotate (the first time takes a while) ...")
	began := time.Now()
	binary, err := d.build(ctx, dir)
	if err != nil {
		return err
	}
	built := time.Since(began)

	so := tenancy.Options{Binary: binary}
	if o.verbose || o.serve {
		so.Log = &logWriter{out: out}
	}
	s, err := tenancy.New(ctx, so)
	if err != nil {
		return fmt.Errorf("setting up the tenancy: %w", err)
	}
	defer func() { err = errors.Join(err, s.End()) }()
	w := newLeakWatcher(s)
	if d.prepare != nil {
		d.prepare(s)
	}
	if err := introduce(out, s, binary, built); err != nil {
		return err
	}
	switch {
	case o.serve:
		return serve(ctx, out, s, o.kinds, dir)
	case o.event != "":
		return runEvent(ctx, out, s, event)
	}
	return runKinds(ctx, out, s, w, o)
}

// introduce describes the tenancy.
func introduce(out *screen, s *tenancy.Deployment, binary string, built time.Duration) error {
	info, err := os.Stat(binary)
	if err != nil {
		return fmt.Errorf("looking at the function: %w", err)
	}
	out.line("")
	out.table("  ", [][]cell{
		{plain("function"), plain(fmt.Sprintf("functions/rotate, built in %s, %.1f MB, listens %d ms after its start",
			seconds(built),
			float64(info.Size())/1e6, s.Host.TimeToReady().Milliseconds()))},
		{plain("tenancy"), plain(shorten(s.Tenancy()))},
		{plain("emulator"), plain(s.URL() + ", with its strict defaults")},
		{plain("rule"), plain("a problem of the four rules is closed → rotate → mail to the topic secops")},
	})
	return nil
}
