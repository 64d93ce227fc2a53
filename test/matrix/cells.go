package main

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
)

// redelivery is when the event is delivered again.
type redelivery string

const (
	atOnce redelivery = "at once" // within seconds of the first delivery
	later  redelivery = "later"   // after the longest lifetime of the first process
	never  redelivery = "swept"   // the event is not delivered again; the sweep continues after that time
)

// cell is one rotation with one or two faults.
type cell struct {
	form       form
	redelivery redelivery
	sites      []site
	faults     []fault
}

func (c cell) String() string { return c.form.name + " | " + string(c.redelivery) + c.faultNames() }

// withoutRedelivery is the cell's name without its redelivery.
func (c cell) withoutRedelivery() string { return c.form.name + c.faultNames() }

func (c cell) faultNames() string {
	var b strings.Builder
	for i, s := range c.sites {
		fmt.Fprintf(&b, " | %s: %s", s, c.faults[i].name)
	}
	return b.String()
}

// result is the result of a cell.
type result struct {
	cell         cell
	failures     []string // none if the cell passed
	inconclusive bool     // a fault did not happen as planned: the cell doesn't count
	unmailed     bool     // no mail was sent; the platform counted a failed invocation
	finished     bool     // by the first delivery
	deliveries   int
	reclosed     int // how often an operator closed the problem again
	versions     int // the most new versions of a secret
	trace        string
}

// redeliveries lists all of them, in the order in which the cells of one fault run.
var redeliveries = []redelivery{atOnce, later, never}

// singleFaultCells lists the cells of one form with one fault: each fault at each call, with the redeliveries in turn,
// or with all of them. With -short each call gets one fault in shortShare, so that every call of every form has a
// fault, and every fault runs with some form. The form lagging gets half of that. Of two shared forms one has the call.
func singleFaultCells(f form, sites []site, o options) []cell {
	var cells []cell
	part, index := uint64(shortShare), f.index()
	if f.variant == lagging {
		part *= 2
	}
	for i, s := range sites {
		if !f.turn(o, s.String()) && !(f.want.Domain != "" && domainCall.MatchString(s.operation)) {
			continue
		}
		for j, d := range allFaults() {
			if !d.appliesTo(s.operation) {
				continue
			}
			for k, p := range redeliveries {
				if !o.redeliveries && k != (i+j)%len(redeliveries) || o.short && (uint64(i+j+index)+o.seed)%part != 0 {
					continue
				}
				cells = append(cells, cell{form: f, redelivery: p, sites: []site{s}, faults: []fault{d}})
			}
		}
	}
	return cells
}

// With -short one single fault in shortShare runs at each call.
const shortShare = 20

// domainCall matches the operations that a domain's own API has of a rotation, and the one that lists the domains.
var domainCall = regexp.MustCompile(`^(List|Create|Delete)(ApiKey|AuthToken|CustomerSecretKey|User|Domain)s?$`)

// turn reports whether -short runs something with this form and not with the one that shares it: the seed draws one of
// the two. A form that isn't shared has every turn.
func (f form) turn(o options, what string) bool {
	if !o.short || !f.shared {
		return true
	}
	name, elsewhere := strings.CutPrefix(f.name, domainPrefix)
	return (random(o.seed, name+what).IntN(2) == 1) == elsewhere
}

// index is the form's place among all forms. Shared forms have one place.
func (f form) index() int {
	name := strings.TrimPrefix(f.name, domainPrefix)
	return slices.IndexFunc(allForms(), func(other form) bool { return other.name == name })
}

// quickFaults lists the faults that don't make an invocation wait for its deadline. Only these are combined in pairs.
func quickFaults() []fault {
	var out []fault
	for _, d := range allFaults() {
		if !d.slow() {
			out = append(out, d)
		}
	}
	return out
}

// consecutivePairs lists the cells with two consecutive faults. The second one hits the next call (the next write, if
// it applies only to writes): a retry, the next step, or a call of the next delivery.
func consecutivePairs(f form, sites []site) []cell {
	var cells []cell
	for _, a := range sites {
		for _, x := range quickFaults() {
			if !x.appliesTo(a.operation) {
				continue
			}
			for _, y := range quickFaults() {
				second := nextCall
				if y.lateAt.write > 0 {
					second = nextWrite
				}
				cells = append(cells, cell{form: f, redelivery: redeliveries[len(cells)%len(redeliveries)],
					sites:  []site{a, second},
					faults: []fault{x, y}})
			}
		}
	}
	return cells
}

// anyPairs lists the cells with any two faults at any two calls.
func anyPairs(f form, sites []site) []cell {
	var cells []cell
	for _, a := range sites {
		for _, x := range quickFaults() {
			for _, b := range sites {
				for _, y := range quickFaults() {
					if x.appliesTo(a.operation) && y.appliesTo(b.operation) {
						cells = append(cells, cell{form: f, redelivery: redeliveries[len(cells)%len(redeliveries)],
							sites:  []site{a, b},
							faults: []fault{x, y}})
					}
				}
			}
		}
	}
	return cells
}

// fullForm is the form with which all consecutive pairs run, and more of the other pairs than with other forms.
var fullForm = allForms()[0].name

// sampleSize is how many cells of a sort to draw: for fullForm and for each other form, and for each form with -short;
// -1 means all.
type sampleSize struct{ full, others, short int }

var (
	consecutiveSize = sampleSize{-1, 150, 2}
	anywhereSize    = sampleSize{1000, 50, 1}
)

func (s sampleSize) of(f form, o options, asked int) int {
	switch {
	case asked >= 0:
		return asked
	case o.short && f.shared && f.turn(o, "pairs"):
		return (s.short + 1) / 2
	case o.short && f.shared:
		return s.short / 2
	case o.short:
		return s.short
	case f.name == fullForm:
		return s.full
	}
	return s.others
}

// sampledPairs draws the form's cells with two faults.
func sampledPairs(f form, sites []site, o options) []cell {
	return append(sample(consecutivePairs(f, sites), consecutiveSize.of(f, o, o.consecutive), o.seed),
		sample(anyPairs(f, sites), anywhereSize.of(f, o, o.anywhere), o.seed)...)
}

// sampledActions lists the form's cells with an operator's action: all or a sample. With -short it takes every third
// action, starting with a different one for each form, and the rare actions, each at one call that the seed selects. Of
// two shared forms one has the action.
func sampledActions(f form, sites []site, o options) []cell {
	all := actionCells(f, sites)
	if o.actions >= 0 || !o.short {
		return sample(all, o.actions, o.seed)
	}
	var cells []cell
	index := f.index()
	for i := range actions {
		if ((i+index)%3 == 0 || actions[i].rare) && f.turn(o, actions[i].name) {
			mine := slices.DeleteFunc(slices.Clone(all), func(c cell) bool { return c.action() != &actions[i] })
			cells = append(cells, sample(mine, 1, o.seed+uint64(i))...)
		}
	}
	return cells
}

// sample draws n of a form's cells by the seed; all if n is negative or there are no more.
func sample(cells []cell, n int, seed uint64) []cell {
	if n < 0 || n >= len(cells) {
		return cells
	}
	random(seed, cells[0].form.name).Shuffle(len(cells), func(i, j int) { cells[i], cells[j] = cells[j], cells[i] })
	return cells[:n]
}

// random is a source of random numbers for the seed and a name.
func random(seed uint64, name string) *rand.Rand {
	h := fnv.New64a()
	_, _ = h.Write([]byte(name)) // a hash's Write never fails
	return rand.New(rand.NewPCG(seed, h.Sum64()))
}
