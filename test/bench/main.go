// Command bench measures the functions on this machine, and the least that they could take. Start with
//
//	go run ./test/bench
//
// from the module's folder; it takes some minutes. The figures are of the functions' own binaries against the emulator,
// and every one, those of the column "floor" too, comes from a measurement of the same run. They are never tests: a
// target that is missed is marked in the table and changes no exit code, which says only whether the figures could be
// taken. Processor time and memory are read from /proc, so on Linux only. docs/performance.md tells how to read them.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// settings say what is measured, and how much of it.
type settings struct {
	short, verbose, write bool
	only                  []string // sections; none: all
	file, profiles        string   // where to write the figures as JSON, and the profiles; empty: nowhere
	seed                  uint64
	trip                  time.Duration // round trip that is added

	starts, cold, warm int // measurements of which the medians are told
	events, containers int // of the bursts
	serial             int // rotations of one process
	keys               int // RSA keys that are made
	sweeps             []sweepSize
}

// sweepSize is a tenancy's users, and how often it is swept.
type sweepSize struct{ users, times int }

// sections are the table's, in its order.
var sections = []struct {
	name    string
	measure func(context.Context, *bench) error
}{
	{"start", measureStarts}, {"rotation", measureRotations}, {"burst", measureBursts}, {"sweep", measureSweeps},
	{"size", measureSizes},
}

const usage = `Usage: go run ./test/bench [flags]

Measures the functions on this machine and prints one table.

  -json FILE     write the figures to FILE, too, as JSON
  -profile DIR   write a profile of each section into DIR
  -write         put the table into docs/performance.md
  -only LIST     only these sections: start, rotation, burst, sweep, size
  -short         little of everything: to see that it runs, not for figures
  -v             print the calls of each longest chain as well
  -trip D        round trip that the emulator adds to calls and connections (20ms)
  -seed N        makes ids, and which calls are throttled, repeatable (1)
  -h             this help
`

// readFlags reads the flags. If ok is false there is nothing to measure, and code is the exit code.
func readFlags(args []string, stdout, stderr io.Writer) (s settings, code int, ok bool) {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	only := flags.String("only", "", "")
	flags.BoolVar(&s.short, "short", false, "")
	flags.BoolVar(&s.verbose, "v", false, "")
	flags.BoolVar(&s.write, "write", false, "")
	flags.StringVar(&s.file, "json", "", "")
	flags.StringVar(&s.profiles, "profile", "", "")
	flags.Uint64Var(&s.seed, "seed", 1, "")
	flags.DurationVar(&s.trip, "trip", 20*time.Millisecond, "")
	err := flags.Parse(args)
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprint(stdout, usage)
		return s, 0, false
	}
	given := map[string]bool{}
	flags.Visit(func(f *flag.Flag) { given[f.Name] = true })
	if *only != "" {
		s.only = strings.Split(*only, ",")
	}
	switch {
	case err != nil:
	case flags.NArg() > 0:
		err = fmt.Errorf("unexpected argument %q", flags.Arg(0))
	case given["json"] && s.file == "":
		err = errors.New("-json needs the name of a file")
	case given["profile"] && s.profiles == "":
		err = errors.New("-profile needs the name of a folder")
	case s.trip <= 0:
		err = fmt.Errorf("-trip is %s, but it must be more than 0", s.trip)
	case s.write && (s.short || len(s.only) > 0):
		err = errors.New("-write needs all the figures: it goes with neither -short nor -only")
	default:
		err = checkSections(s.only)
	}
	if err != nil {
		fmt.Fprintf(stderr, "bench: %v\nHelp: go run ./test/bench -h\n", err)
		return s, 2, false
	}
	s.amounts()
	return s, 0, true
}

// amounts sets how much is measured.
func (s *settings) amounts() {
	s.starts, s.cold, s.warm = 25, 7, 25
	s.events, s.containers, s.serial, s.keys = 1000, 8, 1000, 150
	s.sweeps = []sweepSize{{100, 5}, {1000, 3}, {10000, 1}}
	if s.short {
		s.starts, s.cold, s.warm = 2, 1, 2
		s.events, s.containers, s.serial, s.keys = 16, 2, 12, 2
		s.sweeps = []sweepSize{{5, 1}, {10, 1}, {20, 1}}
	}
}

func checkSections(only []string) error {
	var names []string
	for _, s := range sections {
		names = append(names, s.name)
	}
	for _, name := range only {
		if !slices.Contains(names, name) {
			return fmt.Errorf("-only: there is no section %q; there are %s", name, strings.Join(names, ", "))
		}
	}
	return nil
}

// run is the whole command.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	s, code, ok := readFlags(args, stdout, stderr)
	if !ok {
		return code
	}
	report, err := measure(ctx, s, stderr)
	if err == nil {
		err = publish(report, s, stdout)
	}
	if err != nil {
		if ctx.Err() != nil {
			err = errors.New("interrupted")
		}
		fmt.Fprintln(stderr, "bench:", err)
		return 1
	}
	return 0
}

// bench is one run.
type bench struct {
	settings
	stderr                 io.Writer
	dir                    string // for what is built
	rotate, sweep, nothing string // binaries
	report                 *Report
}

// progress tells on stderr what is going on.
func (b *bench) progress(format string, args ...any) {
	fmt.Fprintf(b.stderr, format+" ...\n", args...)
}

// measure takes all figures.
func measure(ctx context.Context, s settings, stderr io.Writer) (report *Report, err error) {
	began := time.Now()
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return nil, fmt.Errorf("making a folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	b := &bench{settings: s, stderr: stderr, dir: dir, report: &Report{Machine: thisMachine(), Seed: s.seed,
		Short: s.short}}
	b.progress("building the functions")
	if b.rotate, err = build(ctx, dir, "functions/rotate"); err != nil {
		return nil, err
	}
	if b.sweep, err = build(ctx, dir, "functions/sweep"); err != nil {
		return nil, err
	}
	if b.nothing, err = build(ctx, dir, "test/bench/nothing"); err != nil {
		return nil, err
	}
	for _, section := range sections {
		if len(s.only) > 0 && !slices.Contains(s.only, section.name) {
			continue
		}
		if err := section.measure(ctx, b); err != nil {
			return nil, fmt.Errorf("%s: %w", section.name, err)
		}
	}
	b.report.Seconds = time.Since(began).Seconds()
	return b.report, nil
}

// publish prints the table, and writes it to wherever the flags say.
func publish(r *Report, s settings, stdout io.Writer) error {
	text := r.Table()
	if s.verbose {
		text += "\n" + r.chains()
	}
	if _, err := io.WriteString(stdout, text); err != nil {
		return fmt.Errorf("writing the figures: %w", err)
	}
	if s.file != "" {
		text, err := json.MarshalIndent(r, "", "  ")
		if err != nil {
			return fmt.Errorf("encoding the figures: %w", err)
		}
		if err := os.WriteFile(s.file, append(text, '\n'), 0o644); err != nil {
			return fmt.Errorf("writing the figures: %w", err)
		}
	}
	if s.write {
		return writeInto(document, r.Table())
	}
	return nil
}
