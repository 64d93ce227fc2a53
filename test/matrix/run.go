package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
)

// runner runs cells with one build of the functions.
type runner struct{ binary, sweeper string }

// runCells runs the cells in parallel, prints those that fail, and returns the results in the order of the cells. It
// leaves out a cell that differs only in its redelivery from one that its first delivery finished, because the rest
// would be the same as without a fault. It also returns the number of those. An error means that the results can't be
// stored.
func (p runner) runCells(ctx context.Context, cells []cell, l *resultFile, o options) (results []result, equal int,
	err error) {
	groups := groupsOf(cells)
	done := make([][]result, len(groups))
	skipped := make([]int, len(groups))
	next := make(chan int)
	var group sync.WaitGroup
	var mu sync.Mutex
	for range max(1, o.parallel) {
		group.Go(func() {
			for i := range next {
				finished := false
				for _, c := range groups[i] {
					if finished && c.redelivery != atOnce {
						skipped[i]++
						continue
					}
					r, known := l.passed(c)
					if !known {
						r = p.runCell(ctx, c)
						if ctx.Err() != nil {
							break // interrupted: the result means nothing
						}
						mu.Lock()
						err = cmp.Or(err, l.add(r))
						r.print(o.verbose)
						mu.Unlock()
					}
					done[i] = append(done[i], r)
					finished = finished || r.finished
				}
			}
		})
	}
	for i := range groups {
		if ctx.Err() != nil {
			break
		}
		next <- i
	}
	close(next)
	group.Wait()
	for i := range groups {
		equal += skipped[i]
	}
	return slices.Concat(done...), equal, err
}

// groupsOf groups successive cells that differ only in their redelivery.
func groupsOf(cells []cell) [][]cell {
	var groups [][]cell
	for i, c := range cells {
		if i > 0 && c.withoutRedelivery() == cells[i-1].withoutRedelivery() {
			groups[len(groups)-1] = append(groups[len(groups)-1], c)
		} else {
			groups = append(groups, []cell{c})
		}
	}
	return groups
}

func (r result) print(verbose bool) {
	if len(r.failures) > 0 {
		fmt.Printf("FAILED %s\n  %s\n%s", r.cell, strings.Join(r.failures, "\n  "), r.trace)
	} else if verbose {
		fmt.Printf("passed %s (%d deliveries)\n", r.cell, r.deliveries)
	}
}

// calls returns the calls of a rotation without faults.
func (p runner) calls(ctx context.Context, f form) ([]site, error) {
	env, err := p.newEnvironment(ctx, f, longTime)
	if err != nil {
		return nil, err
	}
	defer env.End()
	env.refuseNewCredential()
	if err := env.closeProblem(ctx); err != nil {
		return nil, err
	}
	if env.last.Status != 200 || env.reopened() != (f.variant == undo) {
		return nil, fmt.Errorf("without faults it ends with %d %s", env.last.Status, env.last.Body)
	}
	var sites []site
	seen := map[string]int{}
	for _, c := range env.Calls() {
		if !c.Caller.Operator {
			seen[c.Operation]++
			sites = append(sites, site{c.Operation, seen[c.Operation]})
		}
	}
	return inFixedOrder(sites), nil
}

// inFixedOrder sorts the calls between two writes, since they may run in parallel: a seed draws the same cells in every
// run.
func inFixedOrder(sites []site) []site {
	begin := 0
	for i := 0; i <= len(sites); i++ {
		if i == len(sites) || writes[sites[i].operation] {
			slices.SortFunc(sites[begin:i], func(a, b site) int { return strings.Compare(a.String(), b.String()) })
			begin = i + 1
		}
	}
	return sites
}

// runCell runs one cell and checks it.
func (p runner) runCell(ctx context.Context, c cell) result {
	r := result{cell: c}
	timeout := longTime
	for _, f := range c.faults {
		if f.slow() {
			timeout = shortTime
			if c.form.variant == undo {
				timeout += refusedTime
			}
		}
	}
	env, err := p.newEnvironment(ctx, c.form, timeout)
	if err != nil {
		r.failures = []string{"setting up the tenancy: " + err.Error()}
		return r
	}
	defer func() {
		if err := env.End(); err != nil {
			r.failures = append(r.failures, "ending the tenancy: "+err.Error())
		}
	}()
	env.injector.act = func(call int, a *action) { env.act(ctx, call, a) }
	env.refuseNewCredential() // first: of two faults after the effect, the emulator uses the newer one
	for i := range c.sites {
		env.injector.inject(i, c.sites[i], c.faults[i])
	}
	if err := env.deliverAll(ctx, c.redelivery, &r); err != nil {
		r.failures = append(r.failures, "running the cell: "+err.Error())
	}
	env.check(&r)
	return r
}

// deliverAll makes the deliveries: the first one, then the redeliveries or sweeps. Then an operator closes the problem
// again while it is open.
func (env *environment) deliverAll(ctx context.Context, p redelivery, r *result) error {
	if err := env.closeProblem(ctx); err != nil {
		return err
	}
	r.finished = env.finished(r.cell)
	env.afterFirstDelivery()
	env.SetTimeout(longTime)
	next := env.redeliver
	switch p {
	case later:
		env.letTimePass()
	case never:
		env.letTimePass()
		next = env.sweep
	}
	for range 2 {
		if err := next(ctx); err != nil {
			return err
		}
	}
	env.letTimePass()
	for i := range 4 {
		if i == 2 && !env.settled() {
			env.Forward(attemptLife) // the function waits this long for what a slow delivery has just staged
		}
		if env.reopened() && r.cell.action() != nil {
			break // that may be correct: the operator's action counts
		}
		if !env.reopened() && env.settled() && (p != atOnce || r.reclosed > 0) {
			break
		}
		move := next
		if env.reopened() {
			move = env.closeProblem
			r.reclosed++
		}
		if err := move(ctx); err != nil {
			return err
		}
		if !env.reopened() && env.settled() {
			break
		}
	}
	sweeps := 1
	if r.cell.action() != nil {
		sweeps = 2
	}
	for range sweeps {
		if p == never {
			env.Forward(attemptLife) // as sweeps are an hour apart
		}
		if err := env.sweep(ctx); err != nil {
			return err
		}
	}
	r.deliveries = len(env.Replies())
	return nil
}

// sweep runs the sweep once.
func (env *environment) sweep(ctx context.Context) error {
	env.injector.beginDelivery()
	reply, err := env.Sweep(ctx)
	env.injector.endDelivery()
	env.last = reply
	env.log("swept")
	return err
}

// settled reports whether the last invocation left nothing to do.
func (env *environment) settled() bool { return env.last.Status == 200 }
