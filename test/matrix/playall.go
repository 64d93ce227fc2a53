package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
)

// playAll plays the cells side by side, prints those that fail, and returns those that were played, in their order. A
// cell that differs only in its pace from one whose first delivery had finished everything is not played: what comes
// after such a delivery comes after a rotation that nothing has disturbed. Their number is returned as well. An error
// means that the ledger can't be written.
func (p player) playAll(ctx context.Context, cells []cell, l *ledger, o options) (results []result, equal int,
	err error) {
	groups := groupsOf(cells)
	played := make([][]result, len(groups))
	spared := make([]int, len(groups))
	next := make(chan int)
	var group sync.WaitGroup
	var mu sync.Mutex
	for range max(1, o.parallel) {
		group.Go(func() {
			for i := range next {
				finished := false
				for _, c := range groups[i] {
					if finished && c.pace != atOnce {
						spared[i]++
						continue
					}
					r, known := l.passed(c)
					if !known {
						if r = p.play(ctx, c); ctx.Err() != nil {
							break // cut short: it says nothing
						}
						mu.Lock()
						err = cmp.Or(err, l.add(r))
						r.print(o.verbose)
						mu.Unlock()
					}
					played[i] = append(played[i], r)
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
		equal += spared[i]
	}
	return slices.Concat(played...), equal, err
}

// groupsOf puts the cells together that differ in their pace only and follow each other.
func groupsOf(cells []cell) [][]cell {
	var groups [][]cell
	for i, c := range cells {
		if i > 0 && c.disturbed() == cells[i-1].disturbed() {
			groups[len(groups)-1] = append(groups[len(groups)-1], c)
		} else {
			groups = append(groups, []cell{c})
		}
	}
	return groups
}

func (r result) print(verbose bool) {
	if len(r.faults) > 0 {
		fmt.Printf("FAILED %s\n  %s\n%s", r.cell, strings.Join(r.faults, "\n  "), r.trace)
	} else if verbose {
		fmt.Printf("passed %s (%d deliveries)\n", r.cell, r.deliveries)
	}
}
