// Command bench measures the functions on this machine, and their lower limits. Run it in the module's folder:
//
//	go run ./test/bench
//
// It takes some minutes. With -only domains it measures sweeps of up to 100,000 users instead, which takes longer. It
// measures the functions' own binaries against the emulator. The lower limits, in the column
// "floor", are measured in the same run. A missed target is marked in the table and changes no exit code.
// Processor time and memory come from /proc, so the command needs Linux. docs/performance.md explains the figures.
package main

import (
	"context"
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
	amounts
	short, verbose, write bool
	only                  []string // sections; none: all
	seed                  uint64
	trip                  time.Duration // added round trip
}

type amounts struct {
	starts, cold, warm int // measurements for each median
	events, containers int // of a burst
	serial             int // rotations of one process
	keys               int // generated RSA keys
	sweeps             []sweepSize
	domains            []sweepSize // of the section that is measured apart
}

// sweepSize is the number of users of a tenancy, and how often it is swept.
type sweepSize struct{ users, times int }

var (
	wholeRun = amounts{25, 7, 25, 1000, 8, 1000, 150, []sweepSize{{100, 5}, {1000, 3}, {10000, 1}},
		[]sweepSize{{1000, 3}, {10000, 1}, {100000, 1}}}
	shortRun = amounts{2, 1, 2, 16, 2, 12, 2, []sweepSize{{5, 1}, {10, 1}, {20, 1}},
		[]sweepSize{{5, 1}, {10, 1}, {20, 1}}}
)

// apart is the section that takes long, and has its own table: it is measured only by its name.
const apart = "domains"

// sections are the parts of the table, in its order.
var sections = []struct {
	name, title string
	measure     func(context.Context, *bench) error
}{
	{"start", "cold start", measureStarts}, {"rotation", "rotation", measureRotations},
	{"burst", "burst", measureBursts},
	{"sweep", "sweep", measureSweeps}, {"size", "size", measureSizes},
	{apart, "sweep by domains", measureDomains},
}

// alone reports whether only the section with its own table is measured.
func (s settings) alone() bool { return slices.Equal(s.only, []string{apart}) }

// measures reports whether a section is measured.
func (s settings) measures(section string) bool {
	if len(s.only) == 0 {
		return section != apart
	}
	return slices.Contains(s.only, section)
}

// readFlags reads the flags. If ok is false there is nothing to measure, and code is the exit code.
func readFlags(args []string, stdout, stderr io.Writer) (s settings, code int, ok bool) {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	var names []string
	for _, section := range sections {
		names = append(names, section.name)
	}
	flags.BoolVar(&s.write, "write", false, "put the table into "+document)
	flags.Func("only", "measure only these sections, a `list` of "+strings.Join(names, ","), func(list string) error {
		s.only = strings.Split(list, ",")
		return nil
	})
	flags.BoolVar(&s.short, "short", false, "measure little of everything: a check that it runs, not for figures")
	flags.BoolVar(&s.verbose, "v", false, "print the calls of each longest chain")
	flags.DurationVar(&s.trip, "trip", 20*time.Millisecond, "round `trip` that the emulator adds to calls and "+
		"connections")
	flags.Uint64Var(&s.seed, "seed", 1, "the ids, and which calls are throttled, depend on this `number`")
	err := flags.Parse(args)
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprint(stdout, "Usage: go run ./test/bench [flags]\n\nMeasures the functions, and prints one table.\n\n")
		flags.SetOutput(stdout)
		flags.PrintDefaults()
		return s, 0, false
	}
	unknown := slices.IndexFunc(s.only, func(name string) bool { return !slices.Contains(names, name) })
	switch {
	case err != nil:
	case flags.NArg() > 0:
		err = fmt.Errorf("unexpected argument %q", flags.Arg(0))
	case s.trip <= 0:
		err = fmt.Errorf("-trip is %s, but it must be more than 0", s.trip)
	case s.write && (s.short || len(s.only) > 0 && !s.alone()):
		err = errors.New("-write needs all figures: remove -short, and -only unless it is " + apart)
	case unknown >= 0:
		err = fmt.Errorf("-only: no section %q; the sections are %s", s.only[unknown], strings.Join(names, ", "))
	}
	if err != nil {
		fmt.Fprintf(stderr, "bench: %v\nHelp: go run ./test/bench -h\n", err)
		return s, 2, false
	}
	s.amounts = wholeRun
	if s.short {
		s.amounts = shortRun
	}
	return s, 0, true
}

// run is the whole command; it returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var b bench
	return b.command(ctx, args, stdout, stderr)
}

func (b *bench) command(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	s, code, ok := readFlags(args, stdout, stderr)
	if !ok {
		return code
	}
	b.report, b.stderr = report{settings: s, machine: machine(), load: load()}, stderr
	return b.run(ctx, stdout)
}

func (b *bench) run(ctx context.Context, stdout io.Writer) int {
	err := b.measure(ctx)
	if err == nil {
		_, err = io.WriteString(stdout, b.table())
	}
	if err == nil && b.verbose {
		_, err = io.WriteString(stdout, "\n"+b.chainList())
	}
	if err == nil && b.write {
		place := allFigures
		if b.alone() {
			place = apart
		}
		err = writeInto(document, place, b.table())
	}
	if ctx.Err() != nil {
		err = errors.New("interrupted")
	}
	if err != nil {
		fmt.Fprintln(b.stderr, "bench:", err)
		return 1
	}
	return 0
}

// bench is one run.
type bench struct {
	report
	stderr                 io.Writer
	rotate, sweep, nothing string // binaries
	sweeper                string
}

func (b *bench) progress(format string, args ...any) {
	fmt.Fprintf(b.stderr, format+" ...\n", args...)
}

// measure takes all figures.
func (b *bench) measure(ctx context.Context) (err error) {
	began := time.Now()
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return fmt.Errorf("making a folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	b.progress("building the functions")
	for pkg, binary := range map[string]*string{rotatePackage: &b.rotate, sweepPackage: &b.sweep,
		nothingPackage: &b.nothing, sweeperPackage: &b.sweeper} {
		*binary, err = build(ctx, dir, pkg)
		if err != nil {
			return err
		}
	}
	for _, section := range sections {
		if !b.measures(section.name) {
			continue
		}
		b.section = section.title
		if err := section.measure(ctx, b); err != nil {
			return fmt.Errorf("%s: %w", section.name, err)
		}
	}
	b.seconds = time.Since(began).Seconds()
	return nil
}
