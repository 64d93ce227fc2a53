// Command mutate changes the code a little, one change at a time, and reports which changes no test notices: the
// mutants that live. Each stands for a mistake that somebody could make without hearing of it.
//
// Start with
//
//	go run ./test/mutate -packages ./pkg/guard
//
// from within the module. A mutant is noticed if a test of its own package fails, hangs or panics, or one of a package
// of pkg that imports it. Only the tests that run the changed line are tried. One that doesn't compile isn't counted.
//
// The tree is never changed: many mutants share a build, made with the go command's -overlay, and an environment
// variable chooses one. test/mutate/survivors.txt lists the mutants that may live, each with a reason. The command
// fails if any other lives, or if fewer than 95 % of a package's mutants are noticed; of a sample only the former
// counts.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"syscall"
)

const (
	defaultPackages = "./pkg/rotation,./pkg/responder,./pkg/guard,./pkg/sweep,./pkg/oci"
	goal            = 95 // percent
)

type settings struct {
	packages, tests string
	sample          int
	seed            uint64
	parallel        int
	json, list      bool
	survivors       string
	skip            string
	dir             string
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := realMain(ctx, ".", os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

func realMain(ctx context.Context, dir string, args []string, stdout, stderr io.Writer) int {
	set := settings{dir: dir}
	flags := flag.NewFlagSet("mutate", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&set.packages, "packages", defaultPackages, "mutate these `packages`, with commas between them")
	flags.StringVar(&set.tests, "tests", "./pkg/...", "`packages` whose tests may notice a mutant, if they import "+
		"its package")
	flags.IntVar(&set.sample, "sample", 0, "try this `number` of mutants of each package, none of them listed as a "+
		"survivor; 0: all")
	flags.Uint64Var(&set.seed, "seed", 1, "draws the sample")
	flags.IntVar(&set.parallel, "parallel", runtime.NumCPU(), "how many mutants are tried at a time")
	flags.StringVar(&set.skip, "skip", "", "leave out the tests whose names match this `pattern`, since they take long")
	flags.BoolVar(&set.json, "json", false, "write the result as JSON")
	flags.BoolVar(&set.list, "list", false, "list the mutants and try none")
	flags.StringVar(&set.survivors, "survivors", "test/mutate/survivors.txt", "the `file` with the survivors that "+
		"are accepted, from the root of the module")
	flags.Usage = func() {
		fmt.Fprintln(stderr, "usage: go run ./test/mutate [flags]")
		flags.PrintDefaults()
		fmt.Fprintln(stderr, "\noperators:")
		for _, o := range operators {
			fmt.Fprintf(stderr, "  %-11s %s\n", o[0], o[1])
		}
	}
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return 0
		}
		return 2
	}
	if flags.NArg() > 0 {
		fmt.Fprintln(stderr, "mutate takes flags only")
		return 2
	}
	ok, err := run(ctx, set, stdout, stderr)
	switch {
	case err != nil:
		fmt.Fprintln(stderr, "mutate:", err)
		return 2
	case !ok:
		return 1
	}
	return 0
}

// run measures the packages, and reports whether all is as it should be.
func run(ctx context.Context, set settings, stdout, stderr io.Writer) (bool, error) {
	tmp, err := os.MkdirTemp("", "keyturn-mutate")
	if err != nil {
		return false, err
	}
	defer os.RemoveAll(tmp)
	m, err := load(ctx, set.dir, tmp)
	if err != nil {
		return false, err
	}
	if set.skip != "" {
		if m.skip, err = regexp.Compile(set.skip); err != nil {
			return false, err
		}
	}
	packages, err := m.find(ctx, strings.Split(set.packages, ","))
	if err != nil {
		return false, err
	}
	among, err := m.find(ctx, strings.Split(set.tests, ","))
	if err != nil {
		return false, err
	}
	file := set.survivors
	if !filepath.IsAbs(file) {
		file = filepath.Join(m.root, file)
	}
	accepted, err := readSurvivors(file)
	if err != nil {
		return false, err
	}
	r := report{accepted: accepted, used: map[key]bool{}, sample: set.sample > 0}
	for _, p := range packages {
		mutants, err := m.mutants(p)
		if err != nil {
			return false, err
		}
		if set.list {
			for _, one := range mutants {
				fmt.Fprintf(stdout, "%s\n\t- %s\n\t+ %s\n", one.ID, one.Before, one.After)
			}
			continue
		}
		want := len(mutants)
		if set.sample > 0 {
			want = set.sample
			mutants = draw(mutants, accepted, set.seed)
		}
		s, err := m.measure(ctx, p, m.testers(p, among), mutants, want, set.parallel, func(s score) {
			fmt.Fprintf(stderr, "%s: %d mutants, %d noticed\n", s.Package, s.Mutants, s.Noticed)
		})
		if err != nil {
			return false, err
		}
		r.add(s)
	}
	if set.list {
		return true, nil
	}
	if set.json {
		return r.ok(), json.NewEncoder(stdout).Encode(r.scores)
	}
	r.write(stdout)
	return r.ok(), nil
}

// draw shuffles the mutants that aren't accepted as survivors.
func draw(mutants []*mutant, accepted map[key]string, seed uint64) []*mutant {
	var out []*mutant
	for _, one := range mutants {
		if accepted[one.key()] == "" {
			out = append(out, one)
		}
	}
	rand.New(rand.NewPCG(seed, 0)).Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}

func readSurvivors(file string) (map[key]string, error) {
	text, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	out, err := parseSurvivors(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return out, nil
}
