package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
)

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
						if r = p.runCell(ctx, c); ctx.Err() != nil {
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
