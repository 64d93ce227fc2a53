package main

import (
	"fmt"
	"hash/fnv"
	"maps"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/keyturn/keyturn/test/tenancy"
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
// or with all of them.
func singleFaultCells(f form, sites []site, o options) []cell {
	var cells []cell
	for i, s := range sites {
		for j, d := range allFaults() {
			if !d.appliesTo(s.operation) {
				continue
			}
			for k, p := range redeliveries {
				if o.redeliveries || k == (i+j)%len(redeliveries) {
					cells = append(cells, cell{form: f, redelivery: p, sites: []site{s}, faults: []fault{d}})
				}
			}
		}
	}
	return cells
}

// sampledSingles lists the form's cells with one fault: all of them, or with -short one for each group of faults, and
// one for each call for which the form has the turn. The seed draws them.
func sampledSingles(f form, sites []site, o options) (cells []cell) {
	all := singleFaultCells(f, sites, o)
	if !o.short {
		return all
	}
	mine := map[site]bool{}
	for _, s := range sites {
		mine[s] = f.turn(o, s.String()) || f.want.Domain != "" && domainCall.MatchString(s.String())
	}
	groups, done := map[string]bool{}, map[site]bool{}
	take := func(wanted func(group string, s site) bool) {
		for _, c := range all {
			if group, s := groupColumn(c), c.sites[0]; wanted(group, s) {
				groups[group], done[s] = true, true
				cells = append(cells, c)
			}
		}
	}
	all = shuffled(all, o.seed)
	take(func(group string, s site) bool { return mine[s] && !done[s] && !groups[group] })
	take(func(_ string, s site) bool { return mine[s] && !done[s] })
	take(func(group string, _ site) bool { return !groups[group] })
	return cells
}

// domainCall matches the calls of a rotation that a domain's own API gets, and those that list the domains.
var domainCall = regexp.MustCompile(`^((List|Create|Delete)(ApiKey|AuthToken|CustomerSecretKey|User|Domain)s?|` +
	`PutUserPassword\w+) `)

// families has the names of the forms of each family.
var families = sync.OnceValue(func() map[string][]string {
	all := map[string][]string{}
	for _, f := range allForms() {
		all[f.family()] = append(all[f.family()], f.name)
	}
	return all
})

// turn reports whether -short runs something with this form. The seed draws one form of the family.
func (f form) turn(o options, what string) bool {
	family := families()[f.family()]
	return family[random(o.seed, f.family()+what).IntN(len(family))] == f.name
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

// sampleSize is how many cells of a sort to draw: for fullForm and for each other form; -1 means all.
type sampleSize struct{ full, others int }

var (
	consecutiveSize = sampleSize{-1, 150}
	anywhereSize    = sampleSize{1000, 50}
)

func (s sampleSize) of(f form, asked int) int {
	switch {
	case asked >= 0:
		return asked
	case f.name == fullForm:
		return s.full
	}
	return s.others
}

// sampledPairs draws the form's cells with two faults. With -short it is one of each sort.
func sampledPairs(f form, sites []site, o options) []cell {
	consecutive, anywhere := consecutiveSize.of(f, o.consecutive), anywhereSize.of(f, o.anywhere)
	if o.short && o.consecutive < 0 {
		consecutive = 1
	}
	if o.short && o.anywhere < 0 {
		anywhere = 1
	}
	return append(sample(consecutivePairs(f, sites), consecutive, o.seed),
		sample(anyPairs(f, sites), anywhere, o.seed)...)
}

// sampledActions lists the form's cells with an operator's action: all or a sample. With -short it takes every third
// action, starting with a different one for each family, and the rare actions, each at one call and for one form of the
// family. Every form has one. The seed draws them.
func sampledActions(f form, sites []site, o options) []cell {
	all := actionCells(f, sites)
	if o.actions >= 0 || !o.short {
		return sample(all, o.actions, o.seed)
	}
	var cells []cell
	first := slices.Index(slices.Sorted(maps.Keys(families())), f.family()) +
		slices.Index(tenancy.Kinds(), f.want.Kind)
	for i := range actions {
		if ((i+first)%3 == 0 || actions[i].rare) && f.turn(o, actions[i].name) {
			mine := slices.DeleteFunc(slices.Clone(all), func(c cell) bool { return c.action() != &actions[i] })
			cells = append(cells, sample(mine, 1, o.seed+uint64(i))...)
		}
	}
	if len(cells) == 0 {
		return sample(all, 1, o.seed)
	}
	return cells
}

// sample draws n of a form's cells by the seed; all if n is negative or there are no more.
func sample(cells []cell, n int, seed uint64) []cell {
	if n < 0 || n >= len(cells) {
		return cells
	}
	return shuffled(cells, seed)[:n]
}

// shuffled returns a form's cells in an order that the seed draws.
func shuffled(cells []cell, seed uint64) []cell {
	if len(cells) > 0 {
		random(seed, cells[0].form.name).Shuffle(len(cells), func(i, j int) { cells[i], cells[j] = cells[j], cells[i] })
	}
	return cells
}

// random is a source of random numbers for the seed and a name.
func random(seed uint64, name string) *rand.Rand {
	h := fnv.New64a()
	_, _ = h.Write([]byte(name)) // a hash's Write never fails
	return rand.New(rand.NewPCG(seed, h.Sum64()))
}
