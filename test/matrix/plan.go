package main

import (
	"math/rand/v2"
)

// plan lists the cells. In short form each call meets every shareOf-th of the disturbances, in turn, so that every
// call of every form is met, and every disturbance by some form.
func plan(f form, sites []site, short bool, seed uint64) []cell {
	var cells []cell
	for i, s := range sites {
		for j, d := range singles() {
			if !d.fits(s.operation) {
				continue
			}
			for k, p := range []pace{atOnce, later, swept} {
				if short && (uint64(i+j+k*shareOf/3)+seed)%shareOf != 0 {
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

// pairs lists cells with two disturbances in a row: n of the whole product, drawn with the seed; all if n is 0.
func pairs(f form, sites []site, n int, seed uint64) []cell {
	var faults []disturbance
	for _, d := range singles() {
		if !d.slow() {
			faults = append(faults, d)
		}
	}
	var cells []cell
	for _, a := range sites {
		for _, x := range faults {
			for _, b := range sites {
				for _, y := range faults {
					if x.fits(a.operation) && y.fits(b.operation) {
						p := []pace{atOnce, later, swept}[len(cells)%3]
						cells = append(cells, cell{form: f, pace: p, sites: []site{a, b}, faults: []disturbance{x, y}})
					}
				}
			}
		}
	}
	if n == 0 || n >= len(cells) {
		return cells
	}
	r := rand.New(rand.NewPCG(seed, 2))
	r.Shuffle(len(cells), func(i, j int) { cells[i], cells[j] = cells[j], cells[i] })
	return cells[:n]
}
