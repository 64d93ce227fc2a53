// Command matrix plays the fault matrix: every kind and form of credential, every API call of its rotation, every
// fault at that call. After each, the event is delivered again, and what happened is judged from the outside.
//
// Run it from within the module: go run ./test/matrix -short. The last line of its output says how many cells were
// played and how many passed; it exits with 1 if any failed. docs/fault-matrix.md says how to read the table.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"runtime"
	"strings"
	"sync"

	"github.com/keyturn/keyturn/test/stage"
)

// page is written from the top folder of the module.
const page = "docs/fault-matrix.md"

type options struct {
	short    bool
	kind     string
	run      string
	seed     uint64
	pairs    int
	parallel int
	write    bool
	verbose  bool
	binary   string
	sweeper  string
}

func main() {
	var o options
	flag.BoolVar(&o.short, "short", false, "play the fixed part that CI plays")
	flag.StringVar(&o.kind, "kind", "", "play the rows whose name begins with this")
	flag.StringVar(&o.run, "run", "", "play the cells whose name this regular expression fits")
	flag.Uint64Var(&o.seed, "seed", 1, "draws what the short form plays")
	flag.IntVar(&o.pairs, "pairs", -1, "how many pairs of faults to play; 0: all; -1: 100 in short form, else all")
	flag.IntVar(&o.parallel, "parallel", 3*runtime.NumCPU(), "how many cells to play side by side")
	flag.BoolVar(&o.write, "write", false, "write the table to "+page)
	flag.BoolVar(&o.verbose, "v", false, "name every cell")
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
		if o.binary, err = stage.Build(ctx, dir); err != nil {
			return 0, err
		}
		if o.sweeper, err = stage.BuildSweep(ctx, dir); err != nil {
			return 0, err
		}
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
	results := p.playAll(ctx, cells, o)
	passed := 0
	for _, r := range results {
		if len(r.faults) == 0 {
			passed++
		}
	}
	fmt.Print(summary(results))
	if o.write {
		if err := os.WriteFile(page, []byte(document(results)), 0o644); err != nil {
			return 0, fmt.Errorf("writing the table: %w", err)
		}
	}
	fmt.Printf("cells: %d, passed: %d\n", len(results), passed)
	return len(results) - passed, ctx.Err()
}

// cells lists what is to be played.
func (p player) cells(ctx context.Context, o options, filter *regexp.Regexp) ([]cell, error) {
	var all []cell
	for _, f := range allForms() {
		if !strings.HasPrefix(f.name, o.kind) {
			continue
		}
		sites, err := p.calls(ctx, f)
		if err != nil {
			return nil, fmt.Errorf("learning the calls of %s: %w", f.name, err)
		}
		all = append(all, plan(f, sites, o.short, o.seed)...)
		if f.name == "api-key" {
			n := o.pairs
			if n < 0 && o.short {
				n = 100
			}
			all = append(all, pairs(f, sites, max(n, 0), o.seed)...)
		}
	}
	var out []cell
	for _, c := range all {
		if filter.MatchString(c.String()) {
			out = append(out, c)
		}
	}
	return out, nil
}

// playAll plays the cells side by side and prints those that fail.
func (p player) playAll(ctx context.Context, cells []cell, o options) []result {
	results := make([]result, len(cells))
	next := make(chan int)
	var group sync.WaitGroup
	var printing sync.Mutex
	for range max(1, o.parallel) {
		group.Go(func() {
			for i := range next {
				r := p.play(ctx, cells[i])
				results[i] = r
				printing.Lock()
				if len(r.faults) > 0 {
					fmt.Printf("FAILED %s\n  %s\n%s", r.cell, strings.Join(r.faults, "\n  "), r.trace)
				} else if o.verbose {
					fmt.Printf("passed %s (%d deliveries)\n", r.cell, r.deliveries)
				}
				printing.Unlock()
			}
		})
	}
	for i := range cells {
		if ctx.Err() != nil {
			break
		}
		next <- i
	}
	close(next)
	group.Wait()
	return results
}
