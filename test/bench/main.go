// Command bench prints Keyturn's figures on this machine: API calls, TLS handshakes and times of one rotation, the
// function's memory and the time of its start. Start with
//
//	go run ./test/bench
//
// from the module's folder. The figures are of the function's own binary against the emulator, which answers at once:
// times are what the function itself costs, without the cloud's. They are never tests, so that a slow machine fails
// nothing; the exit code says only whether they could be taken. Memory is read from /proc, so on Linux only.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/keyturn/keyturn/test/stage"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// settings say how much is measured.
type settings struct {
	warm   int    // rotations for the median, and starts
	events int    // rotations of one process, after which its memory is read again
	sweep  bool   // the sweep's figures instead of the rotations'
	file   string // for the figures as JSON; none if empty
}

const usage = `Usage: go run ./test/bench [flags]

Prints the figures of the function on this machine.

  -n N        warm rotations and starts of which the median is told (20)
  -short      less of everything: 5 warm rotations and starts, memory after 20 rotations instead of 200
  -sweep      the sweep over 100, 1,000 and 10,000 users instead; takes minutes
  -json FILE  write the figures to FILE, too, as JSON
  -h          this help
`

// readFlags reads the flags. If ok is false there is nothing to measure, and code is the exit code.
func readFlags(args []string, stdout, stderr io.Writer) (s settings, code int, ok bool) {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.IntVar(&s.warm, "n", 0, "")
	short := flags.Bool("short", false, "")
	flags.BoolVar(&s.sweep, "sweep", false, "")
	flags.StringVar(&s.file, "json", "", "")
	err := flags.Parse(args)
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprint(stdout, usage)
		return s, 0, false
	}
	given := map[string]bool{}
	flags.Visit(func(f *flag.Flag) { given[f.Name] = true })
	switch {
	case err != nil:
	case flags.NArg() > 0:
		err = fmt.Errorf("unexpected argument %q", flags.Arg(0))
	case given["n"] && s.warm < 1:
		err = fmt.Errorf("-n is %d, but it must be 1 at least", s.warm)
	case given["json"] && s.file == "":
		err = errors.New("-json needs the name of a file")
	}
	if err != nil {
		fmt.Fprintf(stderr, "bench: %v\nHelp: go run ./test/bench -h\n", err)
		return s, 2, false
	}
	s.events = 200
	if *short {
		s.events = 20
	}
	if !given["n"] {
		s.warm = map[bool]int{true: 5, false: 20}[*short]
	}
	return s, 0, true
}

// run is the whole command.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	s, code, ok := readFlags(args, stdout, stderr)
	if !ok {
		return code
	}
	do := measure
	if s.sweep {
		do = func(ctx context.Context, _ settings, stdout, stderr io.Writer) error {
			_, err := runSweeps(ctx, nil, stdout, stderr)
			return err
		}
	}
	if err := do(ctx, s, stdout, stderr); err != nil {
		if ctx.Err() != nil {
			err = errors.New("interrupted")
		}
		fmt.Fprintln(stderr, "bench:", err)
		return 1
	}
	return 0
}

// measure takes all figures and prints them. Progress goes to stderr.
func measure(ctx context.Context, s settings, stdout, stderr io.Writer) (err error) {
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return fmt.Errorf("making a folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	fmt.Fprintln(stderr, "building functions/rotate and test/bench/nothing ...")
	rotate, err := stage.Build(ctx, dir)
	if err != nil {
		return err
	}
	nothing, err := buildNothing(ctx, dir)
	if err != nil {
		return err
	}
	s.events = max(s.events, s.warm+1)
	r := Report{Machine: thisMachine(), WarmEvents: s.warm, Events: s.events}
	for _, f := range forms() {
		fmt.Fprintf(stderr, "%s: %d rotations ...\n", f.name, s.events)
		figures, err := measureForm(ctx, rotate, f, s)
		if err != nil {
			return fmt.Errorf("%s: %w", f.name, err)
		}
		r.Rotations = append(r.Rotations, figures)
	}
	for _, p := range []struct{ name, binary string }{{"functions/rotate", rotate}, {"a function that does nothing", nothing}} {
		fmt.Fprintf(stderr, "%s: %d starts ...\n", p.name, s.warm)
		figures, err := measureStart(ctx, p.name, p.binary, s.warm)
		if err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		r.Starts = append(r.Starts, figures)
	}
	if _, err := io.WriteString(stdout, r.Table()); err != nil {
		return fmt.Errorf("writing the figures: %w", err)
	}
	if s.file == "" {
		return nil
	}
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("encoding the figures: %w", err)
	}
	if err := os.WriteFile(s.file, append(text, '\n'), 0o644); err != nil {
		return fmt.Errorf("writing the figures: %w", err)
	}
	return nil
}

// buildNothing compiles the function that does nothing, as stage.Build does the other.
func buildNothing(ctx context.Context, dir string) (string, error) {
	binary := filepath.Join(dir, "nothing")
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags=-s -w", "-o", binary, "github.com/keyturn/keyturn/test/bench/nothing")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building test/bench/nothing: %w\n%s", err, out)
	}
	return binary, nil
}
