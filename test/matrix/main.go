// Command matrix runs the fault matrix: every fault at every API call of a rotation, for every kind and form of a
// credential. After each fault the event is delivered again, and the result is checked from outside.
//
// Run it from within the module: go run ./test/matrix -short. The last line of its output says how many cells ran and
// how many passed. It exits with 1 if any failed. docs/fault-matrix.md explains the cells and the table.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/keyturn/keyturn/test/tenancy"
)

// page is the path of the document, from the module's root.
const page = "docs/fault-matrix.md"

type options struct {
	short        bool
	redeliveries bool
	kind         string
	run          string
	seed         uint64
	consecutive  int
	anywhere     int
	actions      int
	parallel     int
	write        bool
	verbose      bool
	results      string
	binary       string
	sweeper      string
}

func main() {
	var o options
	flag.BoolVar(&o.short, "short", false, "run the fixed part that CI runs")
	flag.BoolVar(&o.redeliveries, "redeliveries", false, "run each fault three times: with the event delivered again "+
		"at once, later and never; otherwise they take turns")
	flag.StringVar(&o.kind, "kind", "", "run the forms whose name begins with this")
	flag.StringVar(&o.run, "run", "", "run the cells whose name matches this regular expression")
	flag.Uint64Var(&o.seed, "seed", 1, "selects the cells of -short and of the samples")
	flag.IntVar(&o.consecutive, "consecutive", -1, "how many cells with two consecutive faults to draw for each "+
		"form; -1: all "+
		"for the plain API key and 150 for each other form, or 1 with -short")
	flag.IntVar(&o.anywhere, "anywhere", -1, "how many cells with two faults anywhere to draw for each form; -1: "+
		"1000 for the plain API key and 50 for each other form, or 1 with -short")
	flag.IntVar(&o.actions, "actions", -1, "how many cells with an operator's action to draw for each form; -1: "+
		"all, or "+
		"a third of the actions once with -short")
	flag.IntVar(&o.parallel, "parallel", 8*runtime.NumCPU(), "how many cells run in parallel; they mostly "+
		"wait")
	flag.BoolVar(&o.write, "write", false, "write the table to "+page)
	flag.BoolVar(&o.verbose, "v", false, "print every cell")
	flag.StringVar(&o.results, "results", "", "a `file` for the results; cells that passed before with the same build "+
		"don't run again")
	flag.StringVar(&o.binary, "binary", "", "the path of functions/rotate; empty: build both functions")
	flag.StringVar(&o.sweeper, "sweeper", "", "the path of functions/sweep")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	failed, err := realMain(ctx, o)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "matrix:", err)
		os.Exit(2)
	}
	if failed > 0 {
		os.Exit(1)
	}
}

func realMain(ctx context.Context, o options) (failed int, err error) {
	if o.binary == "" {
		dir, err := os.MkdirTemp("", "matrix")
		if err != nil {
			return 0, fmt.Errorf("making a folder: %w", err)
		}
		defer os.RemoveAll(dir)
		if err := o.build(ctx, dir); err != nil {
			return 0, err
		}
	}
	if o.write && (o.kind != "" || o.run != "") {
		return 0, errors.New("-write can't be combined with -kind or -run")
	}
	if o.short && o.redeliveries {
		return 0, errors.New("-short can't be combined with -redeliveries")
	}
	filter, err := regexp.Compile(o.run)
	if err != nil {
		return 0, fmt.Errorf("reading -run: %w", err)
	}
	p := runner{o.binary, o.sweeper}
	cells, err := p.cells(ctx, o, filter)
	if err != nil {
		return 0, err
	}
	stored, err := openResults(o.results, o.binary, o.sweeper)
	if err != nil {
		return 0, err
	}
	if len(cells) == 0 {
		return 0, errors.New("no cell matches")
	}
	results, equal, err := p.runCells(ctx, cells, stored, o)
	err = errors.Join(err, stored.close())
	if err != nil {
		return 0, err
	}
	passed, inconclusive := 0, 0
	for _, r := range results {
		switch {
		case len(r.failures) > 0:
		case r.inconclusive:
			inconclusive++
		default:
			passed++
		}
	}
	fmt.Print(summary(results))
	if equal > 0 {
		fmt.Printf("%d more cells did not run: they differ only in the redelivery from a cell that its first "+
			"delivery finished\n", equal)
	}
	if inconclusive > 0 {
		fmt.Printf("%d do not count, because their fault could not happen\n", inconclusive)
	}
	due := len(cells) - equal - inconclusive
	left := len(cells) - equal - len(results)
	if left > 0 {
		fmt.Printf("interrupted: %d cells did not run\n", left)
	}
	if o.write && left == 0 {
		if err := os.WriteFile(page, []byte(document(results, equal, o.short)), 0o644); err != nil {
			return 0, fmt.Errorf("writing the table: %w", err)
		}
	}
	fmt.Printf("cells: %d, passed: %d\n", due, passed)
	return due - passed, ctx.Err()
}

// build builds both functions in the folder.
func (o *options) build(ctx context.Context, dir string) (err error) {
	o.binary, err = tenancy.Build(ctx, dir)
	if err != nil {
		return err
	}
	o.sweeper, err = tenancy.BuildSweep(ctx, dir)
	return err
}

// cells lists the cells to run.
func (p runner) cells(ctx context.Context, o options, filter *regexp.Regexp) ([]cell, error) {
	forms := slices.DeleteFunc(allForms(), func(f form) bool { return !strings.HasPrefix(f.name, o.kind) })
	listed, failed := make([][]cell, len(forms)), make([]error, len(forms))
	var group sync.WaitGroup
	limit := make(chan struct{}, max(2, o.parallel/2))
	for i, f := range forms {
		limit <- struct{}{}
		group.Go(func() {
			defer func() { <-limit }()
			sites, err := p.calls(ctx, f)
			if err != nil {
				failed[i] = fmt.Errorf("listing the calls of %s: %w", f.name, err)
				return
			}
			listed[i] = slices.Concat(sampledSingles(f, sites, o), sampledPairs(f, sites, o),
				sampledActions(f, sites, o))
		})
	}
	group.Wait()
	if err := errors.Join(failed...); err != nil {
		return nil, err
	}
	all := slices.Concat(listed...)
	var out []cell
	for _, c := range all {
		if filter.MatchString(c.String()) {
			out = append(out, c)
		}
	}
	return out, nil
}
