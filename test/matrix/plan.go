package main

import (
	"hash/fnv"
	"math/rand/v2"
	"slices"
)

// paces are when the event comes again, in the order in which the cells of one disturbance are played.
var paces = []pace{atOnce, later, swept}

// plan lists the cells of one form with one disturbance: each disturbance at each call, in one of the paces in turn, or
// in all of them. In short form each call meets every shareOf-th of all those, so that every call of every form is met,
// and every disturbance by some form; with lists that lag it is half of that.
func plan(f form, index int, sites []site, o options) []cell {
	var cells []cell
	part := uint64(shareOf)
	if f.variant == lagging {
		part *= 2
	}
	for i, s := range sites {
		for j, d := range singles() {
			if !d.fits(s.operation) {
				continue
			}
			for k, p := range paces {
				if !o.paces && k != (i+j)%len(paces) || o.short && (uint64(i+j+index)+o.seed)%part != 0 {
					continue
				}
				cells = append(cells, cell{form: f, pace: p, sites: []site{s}, faults: []disturbance{d}})
			}
		}
	}
	return cells
}

// shareOf is which part of the single disturbances the short form plays.
const shareOf = 18

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
				cells = append(cells, cell{form: f, pace: paces[len(cells)%len(paces)], sites: []site{a, second},
					faults: []disturbance{x, y}})
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
						cells = append(cells, cell{form: f, pace: paces[len(cells)%len(paces)], sites: []site{a, b},
							faults: []disturbance{x, y}})
					}
				}
			}
		}
	}
	return cells
}

// fully is the form for which the whole matrix plays all pairs of disturbances in a row, and more of the others.
const fully = "api-key"

// share is how many cells of a sort to draw: of the form above and of each other one, in the whole matrix and in the
// short form. -1: all.
type share struct{ fully, whole, short int }

var (
	inRow    = share{-1, 150, 2}
	anywhere = share{1000, 50, 1}
)

func (s share) of(f form, o options, asked int) int {
	switch {
	case asked >= 0:
		return asked
	case o.short:
		return s.short
	case f.name == fully:
		return s.fully
	}
	return s.whole
}

// twice lists the cells with two disturbances, as many as there are to be for the form.
func twice(f form, sites []site, o options) []cell {
	return append(draw(rows(f, sites), inRow.of(f, o, o.rows), o.seed),
		draw(product(f, sites), anywhere.of(f, o, o.product), o.seed)...)
}

// acted lists the cells with a person's act: all, or in short form every third act, beginning with another one for each
// form, and those that fit few forms; each at one call that the seed draws.
func acted(f form, index int, sites []site, o options) []cell {
	all := people(f, sites)
	if o.persons >= 0 || !o.short {
		return draw(all, o.persons, o.seed)
	}
	var cells []cell
	for i := range acts {
		if (i+index)%3 == 0 || acts[i].rare {
			mine := slices.DeleteFunc(slices.Clone(all), func(c cell) bool { return c.person() != &acts[i] })
			cells = append(cells, draw(mine, 1, o.seed+uint64(i))...)
		}
	}
	return cells
}

// draw takes n of a form's cells, chosen by the seed; all if n is negative or there are no more.
func draw(cells []cell, n int, seed uint64) []cell {
	if n < 0 || n >= len(cells) {
		return cells
	}
	h := fnv.New64a()
	_, _ = h.Write([]byte(cells[0].form.name)) // a hash's Write never fails
	r := rand.New(rand.NewPCG(seed, h.Sum64()))
	r.Shuffle(len(cells), func(i, j int) { cells[i], cells[j] = cells[j], cells[i] })
	return cells[:n]
}
