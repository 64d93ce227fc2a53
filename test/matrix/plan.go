package main

import (
	"math/rand/v2"
)

// paces are when the event comes again, in the order in which the cells of one disturbance are played.
var paces = []pace{atOnce, later, swept}

// plan lists the cells of one form with one disturbance: each disturbance at each call, in one of the paces in turn, or
// in all of them. In short form each call meets every shareOf-th of all those, so that every call of every form is met,
// and every disturbance by some form.
func plan(f form, sites []site, o options) []cell {
	var cells []cell
	for i, s := range sites {
		for j, d := range singles() {
			if !d.fits(s.operation) {
				continue
			}
			for k, p := range paces {
				if o.short && (uint64(i+j+k*shareOf/3)+o.seed)%shareOf != 0 || !o.short && !o.paces && k != (i+j)%len(paces) {
					continue
				}
				cells = append(cells, cell{form: f, pace: p, sites: []site{s}, faults: []disturbance{d}})
			}
		}
	}
	return cells
}

// shareOf is which part of the single disturbances the short form plays.
const shareOf = 27

// quick are the disturbances after which nobody has to wait for a deadline: those that are paired.
func quick() []disturbance {
	var out []disturbance
	for _, d := range singles() {
		if !d.slow() {
			out = append(out, d)
		}
	}
	return out
}

// rows lists the cells with two disturbances in a row: the second hits the very next call (the next write, if it is one
// that fits writes only), be it a retry of the first, the next step, or a call of the next delivery.
func rows(f form, sites []site) []cell {
	var cells []cell
	for _, a := range sites {
		for _, x := range quick() {
			if !x.fits(a.operation) {
				continue
			}
			for _, y := range quick() {
				second := nextCall
				if y.lateAt.write > 0 {
					second = nextWrite
				}
				cells = append(cells, cell{form: f, pace: paces[len(cells)%len(paces)], sites: []site{a, second}, faults: []disturbance{x, y}})
			}
		}
	}
	return cells
}

// product lists the cells with any two disturbances of any two calls, however far apart.
func product(f form, sites []site) []cell {
	var cells []cell
	for _, a := range sites {
		for _, x := range quick() {
			for _, b := range sites {
				for _, y := range quick() {
					if x.fits(a.operation) && y.fits(b.operation) {
						cells = append(cells, cell{form: f, pace: paces[len(cells)%len(paces)], sites: []site{a, b}, faults: []disturbance{x, y}})
					}
				}
			}
		}
	}
	return cells
}

// draw takes n of the cells, chosen by the seed; all if n is negative or there are no more.
func draw(cells []cell, n int, seed uint64) []cell {
	if n < 0 || n >= len(cells) {
		return cells
	}
	r := rand.New(rand.NewPCG(seed, 2))
	r.Shuffle(len(cells), func(i, j int) { cells[i], cells[j] = cells[j], cells[i] })
	return cells[:n]
}
