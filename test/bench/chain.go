package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/keyturn/keyturn/test/ociemu"
)

// span is something that a client waits for: a call, or the set-up of a connection.
type span struct {
	name         string
	began, ended time.Time // as the emulator sees it
	trips        int       // round trips
}

// longest is the chain of spans with the most round trips in which each span began after the previous one had ended.
// Spans that overlap don't depend on each other; others may. So no chain of real dependencies is longer. Of equally
// long chains it is the one that ends first.
func longest(spans []span) (best []span) {
	spans = slices.Clone(spans)
	slices.SortStableFunc(spans, func(a, b span) int { return a.ended.Compare(b.ended) })
	chains := make([][]span, len(spans)) // the longest that end with each span
	for i, s := range spans {
		for _, c := range chains[:i] {
			if !c[len(c)-1].ended.After(s.began) && trips(c) > trips(chains[i]) {
				chains[i] = c
			}
		}
		chains[i] = append(slices.Clone(chains[i]), s)
		if trips(chains[i]) > trips(best) {
			best = chains[i]
		}
	}
	return best
}

// trips are the round trips of a chain.
func trips(chain []span) int {
	n := 0
	for _, s := range chain {
		n += s.trips
	}
	return n
}

// background are the calls that run in parallel with the others; their answers are not used.
var background = map[string]bool{"PostMetricData": true, "PublicSpan": true}

// callSpans are the answered calls. A background call counts only if it was answered last: then the function's answer
// waited for it.
func callSpans(calls []ociemu.Call) []span {
	var last time.Time
	for _, c := range calls {
		if c.Answered.After(last) {
			last = c.Answered
		}
	}
	var spans []span
	for _, c := range calls {
		if !c.Answered.IsZero() && (!background[c.Operation] || c.Answered.Equal(last)) {
			spans = append(spans, span{c.Operation, c.Began, c.Answered, 1})
		}
	}
	return spans
}

// chain says what one form of rotation waits for.
type chain struct {
	form              string // the credential's, warm or cold, and the added round trip
	calls, handshakes int
	// dependent is the longest chain of calls; roundTrips is the longest chain with the set-ups of connections.
	dependent  []string
	roundTrips int
}

// chainOf is the chain of one rotation.
func chainOf(m measured) chain {
	spans := callSpans(m.calls)
	c := chain{calls: len(m.calls), handshakes: len(m.setUps)}
	for _, s := range longest(spans) {
		c.dependent = append(c.dependent, s.name)
	}
	for _, s := range m.setUps {
		spans = append(spans, span{"connect", s.Began, s.Ended, s.RoundTrips})
	}
	c.roundTrips = trips(longest(spans))
	return c
}

// shortest is the shortest of the rotations' chains: calls that overlap once don't depend on each other.
func shortest(all []measured) chain {
	var chains []chain
	for _, m := range all {
		chains = append(chains, chainOf(m))
	}
	return slices.MinFunc(chains, func(a, b chain) int {
		return cmp.Or(len(a.dependent)-len(b.dependent), a.roundTrips-b.roundTrips)
	})
}

// chainList lists the calls of each longest chain.
func (r *report) chainList() string {
	var b strings.Builder
	for _, c := range r.chains {
		if len(c.dependent) == 0 {
			continue
		}
		fmt.Fprintf(&b, "%s: %d dependent of %d calls: %s\n", c.form, len(c.dependent), c.calls,
			strings.Join(c.dependent, ", "))
	}
	return b.String()
}
