package main

import (
	"fmt"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/keyturn/keyturn/test/ociemu"
)

// span is something that a client waits for: a call, or the set-up of a connection.
type span struct {
	name         string
	began, ended time.Time // as the emulator sees it
	trips        int       // round trips that it takes
}

// longest is the chain of spans with the most round trips, each of which began after the one before had ended. Nothing
// that overlaps can have waited for the other; what doesn't overlap may have. So no chain of calls that really depend
// on each other is longer. Of chains that are as long it is the one that ends first.
func longest(spans []span) []span {
	spans = slices.Clone(spans)
	slices.SortStableFunc(spans, func(a, b span) int { return a.ended.Compare(b.ended) })
	// best[i] is the most round trips among the first i spans, and took[i] whether that chain ends with span i-1.
	best, took, before := make([]int, len(spans)+1), make([]bool, len(spans)+1), make([]int, len(spans))
	for i, s := range spans {
		before[i] = sort.Search(i, func(j int) bool { return spans[j].ended.After(s.began) })
		best[i+1] = best[i]
		if with := best[before[i]] + s.trips; with > best[i] {
			best[i+1], took[i+1] = with, true
		}
	}
	var chain []span
	for i := len(spans); i > 0; {
		if !took[i] {
			i--
			continue
		}
		chain = append(chain, spans[i-1])
		i = before[i-1]
	}
	slices.Reverse(chain)
	return chain
}

// trips are the round trips of a chain.
func trips(chain []span) int {
	n := 0
	for _, s := range chain {
		n += s.trips
	}
	return n
}

// aside are the calls that run beside the others: nothing that they answer is used.
var aside = map[string]bool{"PostMetricData": true, "PublicSpan": true}

// callSpans are the answered calls. One that runs aside counts only if it was answered last, so that the function's own
// answer waited for it; no other call can have.
func callSpans(calls []ociemu.Call) []span {
	var last time.Time
	for _, c := range calls {
		if c.Answered.After(last) {
			last = c.Answered
		}
	}
	var spans []span
	for _, c := range calls {
		if c.Answered.IsZero() || aside[c.Operation] && c.Answered.Before(last) {
			continue
		}
		spans = append(spans, span{c.Operation, c.Began, c.Answered, 1})
	}
	return spans
}

// setUpSpans are the connections that were made.
func setUpSpans(setUps []ociemu.SetUp) []span {
	var spans []span
	for _, s := range setUps {
		spans = append(spans, span{"connect " + service(s.Host), s.Began, s.Ended, s.RoundTrips})
	}
	return spans
}

// service is a host's first label, or a name where that is a namespace's.
func service(host string) string {
	name, rest, _ := strings.Cut(host, ".")
	switch {
	case strings.HasPrefix(rest, "compat."):
		return "S3"
	case strings.HasPrefix(host, "secrets.vaults."):
		return "secrets"
	}
	return name
}

// Chain tells what one kind of rotation waits for.
type Chain struct {
	Form        string  `json:"form"`
	Warm        bool    `json:"warm"`
	RoundTripMS float64 `json:"round_trip_ms"` // that the emulator adds
	Calls       int     `json:"calls"`         // requests that reached a service, with the proof and the mail
	Handshakes  int     `json:"tls_handshakes"`
	// Dependent is the longest chain, of the rotation that had the shortest; RoundTrips is the length of the longest
	// one if the set-ups of connections count too. Without a round trip's time there are none.
	Dependent  []string `json:"dependent_calls,omitempty"`
	RoundTrips int      `json:"round_trips_with_set_ups,omitempty"`
}

// chainOf is the chain of one rotation.
func chainOf(m measured) Chain {
	calls := callSpans(m.calls)
	c := Chain{Calls: len(m.calls), Handshakes: len(m.setUps),
		RoundTrips: trips(longest(append(setUpSpans(m.setUps), calls...)))}
	for _, s := range longest(calls) {
		c.Dependent = append(c.Dependent, s.name)
	}
	return c
}

// shortest is the chain of the rotation with the shortest: what happened not to overlap in the others didn't need to.
func shortest(all []measured) Chain {
	var best Chain
	for i, m := range all {
		c := chainOf(m)
		if i == 0 || len(c.Dependent) < len(best.Dependent) || len(c.Dependent) == len(best.Dependent) &&
			c.RoundTrips < best.RoundTrips {
			best = c
		}
	}
	return best
}

// timeline is what a rotation waited for, in the order of beginning; a star marks the longest chain.
func timeline(m measured) string {
	calls := callSpans(m.calls)
	onChain := map[time.Time]bool{}
	for _, s := range longest(calls) {
		onChain[s.began] = true
	}
	all := setUpSpans(m.setUps)
	for _, c := range m.calls {
		if !c.Answered.IsZero() {
			all = append(all, span{fmt.Sprintf("%s %d", c.Operation, c.Status), c.Began, c.Answered, 1})
		}
	}
	slices.SortFunc(all, func(a, b span) int { return a.began.Compare(b.began) })
	var b strings.Builder
	fmt.Fprintf(&b, "%9s %9s\n", "from ms", "to ms")
	for _, s := range all {
		mark := " "
		if onChain[s.began] && !strings.HasPrefix(s.name, "connect ") {
			mark = "*"
		}
		fmt.Fprintf(&b, "%9.1f %9.1f %s %s\n", milliseconds(s.began.Sub(m.began)), milliseconds(s.ended.Sub(m.began)),
			mark, s.name)
	}
	fmt.Fprintf(&b, "%9s %9.1f   the function's answer\n", "", milliseconds(m.took))
	return b.String()
}
