// Command matrix plays the fault matrix: every kind and form of credential, every API call of its rotation, every
// fault at that call. After each, the event is delivered again, and what happened is judged from the outside.
//
// Run it from within the module: go run ./test/matrix -short. The last line of its output says how many cells were
// played and how many passed; it exits with 1 if any failed. docs/fault-matrix.md says how to read the table.
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

// page is written from the top folder of the module.
const page = "docs/fault-matrix.md"

type options struct {
	short    bool
	paces    bool
	kind     string
	run      string
	seed     uint64
	rows     int
	product  int
	persons  int
	parallel int
	write    bool
	verbose  bool
	ledger   string
	binary   string
	sweeper  string
}

func main() {
	var o options
	flag.BoolVar(&o.short, "short", false, "play the fixed part that CI plays")
	flag.BoolVar(&o.paces, "paces", false, "let the event come again at once, later and never, each in a cell of "+
		"its own, instead of in turn")
	flag.StringVar(&o.kind, "kind", "", "play the rows whose name begins with this")
	flag.StringVar(&o.run, "run", "", "play the cells whose name this regular expression fits")
	flag.Uint64Var(&o.seed, "seed", 1, "draws what the short form plays")
	flag.IntVar(&o.rows, "rows", -1, "how many cells with two faults in a row to draw for each form; -1: all for "+
		"the plain API key and 150 for each other form, or 2 in short form")
	flag.IntVar(&o.product, "product", -1, "how many cells with two faults anywhere to draw for each form; -1: "+
		"1000 for the plain API key and 50 for each other form, or 1 in short form")
	flag.IntVar(&o.persons, "persons", -1, "how many cells with a person's act to draw for each form; -1: all, or "+
		"a third of the acts once in short form")
	flag.IntVar(&o.parallel, "parallel", 8*runtime.NumCPU(), "how many cells to play in parallel; most of their "+
		"time they wait")
	flag.BoolVar(&o.write, "write", false, "write the table to "+page)
	flag.BoolVar(&o.verbose, "v", false, "name every cell")
	flag.StringVar(&o.ledger, "ledger", "", "a `file` that keeps what was played; cells that the same build has "+
		"passed before are not played again")
	flag.StringVar(&o.binary, "binary", "", "the function; both are built if empty")
	flag.StringVar(&o.sweeper, "sweeper", "", "the sweep that belongs to it")
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
		if o.binary, err = tenancy.Build(ctx, dir); err != nil {
			return 0, err
		}
		if o.sweeper, err = tenancy.BuildSweep(ctx, dir); err != nil {
			return 0, err
		}
	}
	if o.write && (o.kind != "" || o.run != "") {
		return 0, errors.New("-write is for the whole, or for -short: leave -kind and -run out")
	}
	filter, err := regexp.Compile(o.run)
	if err != nil {
		return 0, fmt.Errorf("reading -run: %w", err)
	}
	p := player{o.binary, o.sweeper}
	cells, err := p.cells(ctx, o, filter)
	if err != nil {
		return 0, err
	}
	l, err := openLedger(o.ledger, o.binary, o.sweeper)
	if err != nil {
		return 0, err
	}
	if len(cells) == 0 {
		return 0, errors.New("no cell has such a name")
	}
	results, equal, err := p.playAll(ctx, cells, l, o)
	if err = errors.Join(err, l.close()); err != nil {
		return 0, err
	}
	passed, void := 0, 0
	for _, r := range results {
		switch {
		case len(r.faults) > 0:
		case r.void:
			void++
		default:
			passed++
		}
	}
	fmt.Print(summary(results))
	if equal > 0 {
		fmt.Printf("%d more differ only in when the event comes again from a cell whose first delivery had "+
			"finished everything\n", equal)
	}
	if void > 0 {
		fmt.Printf("%d do not count: what was done before kept their fault from meeting a call\n", void)
	}
	due := len(cells) - equal - void
	unplayed := len(cells) - equal - len(results)
	if unplayed > 0 {
		fmt.Printf("interrupted: %d cells were not played\n", unplayed)
	}
	if o.write && unplayed == 0 {
		if err := os.WriteFile(page, []byte(document(results, equal, o.short)), 0o644); err != nil {
			return 0, fmt.Errorf("writing the table: %w", err)
		}
	}
	fmt.Printf("cells: %d, passed: %d\n", due, passed)
	return due - passed, ctx.Err()
}

// cells lists what is to be played.
func (p player) cells(ctx context.Context, o options, filter *regexp.Regexp) ([]cell, error) {
	forms := slices.DeleteFunc(allForms(), func(f form) bool { return !strings.HasPrefix(f.name, o.kind) })
	listed, failed := make([][]cell, len(forms)), make([]error, len(forms))
	var group sync.WaitGroup
	room := make(chan struct{}, max(2, o.parallel/2))
	for i, f := range forms {
		room <- struct{}{}
		group.Go(func() {
			defer func() { <-room }()
			sites, err := p.calls(ctx, f)
			if err != nil {
				failed[i] = fmt.Errorf("learning the calls of %s: %w", f.name, err)
				return
			}
			listed[i] = slices.Concat(plan(f, i, sites, o), twice(f, sites, o), acted(f, i, sites, o))
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
