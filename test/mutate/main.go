// Command mutate makes one small change to the code at a time, a mutant, and reports the survivors: the mutants that no
// test notices. Each survivor is a possible mistake that the tests would miss.
//
// Start with
//
//	go run ./test/mutate -packages ./pkg/guard
//
// from within the module. A mutant is noticed if a test fails, hangs or panics. The tests are those of its package and
// of the packages of pkg that import it, and of these only tests that run the changed line. A mutant that doesn't
// compile isn't counted.
//
// The command doesn't change the source files. Many mutants share a build, made with the go command's -overlay, and an
// environment variable selects one. test/mutate/survivors.txt lists the accepted survivors, each with a reason. The
// command fails if there is another survivor, or, without -sample, if fewer than 95 % of a package's mutants are
// noticed.
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
	defaultPackages = "./pkg/rotation,./pkg/responder,./pkg/guard,./pkg/inventory,./pkg/sweep,./pkg/oci"
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
	flags.IntVar(&set.sample, "sample", 0, "test this `number` of mutants of each package, without the "+
		"listed survivors; 0: all")
	flags.Uint64Var(&set.seed, "seed", 1, "selects the sample")
	flags.IntVar(&set.parallel, "parallel", runtime.NumCPU(), "how many mutants are tested in parallel")
	flags.StringVar(&set.skip, "skip", "", "leave out the tests whose names match this `pattern`")
	flags.BoolVar(&set.json, "json", false, "write the result as JSON")
	flags.BoolVar(&set.list, "list", false, "list the mutants and test none")
	flags.StringVar(&set.survivors, "survivors", "test/mutate/survivors.txt", "the `file` with the accepted "+
		"survivors, from the root of the module")
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

// run measures the packages, and reports whether they pass.
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
		m.skip, err = regexp.Compile(set.skip)
		if err != nil {
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
			mutants = sample(mutants, accepted, set.seed)
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

// sample shuffles the mutants that aren't accepted survivors.
func sample(mutants []*mutant, accepted map[key]string, seed uint64) []*mutant {
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
