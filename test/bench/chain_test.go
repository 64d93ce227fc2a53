package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/test/ociemu"
)

// at returns a time, ms after the start of a log.
func at(ms int) time.Time { return time.Unix(0, 0).Add(time.Duration(ms) * time.Millisecond) }

func call(operation string, began, answered int) ociemu.Call {
	c := ociemu.Call{Operation: operation, Began: at(began)}
	if answered > 0 {
		c.Answered = at(answered)
	}
	return c
}

func names(chain []span) string {
	var all []string
	for _, s := range chain {
		all = append(all, s.name)
	}
	return strings.Join(all, " ")
}

func TestTheCallsOfTheLongestChainDoNotOverlap(t *testing.T) {
	cases := map[string]struct {
		calls []ociemu.Call
		want  string
	}{
		"no call":             {nil, ""},
		"one":                 {[]ociemu.Call{call("a", 0, 20)}, "a"},
		"one after the other": {[]ociemu.Call{call("a", 0, 20), call("b", 21, 41), call("c", 50, 70)}, "a b c"},
		"in parallel":         {[]ociemu.Call{call("a", 0, 20), call("b", 1, 21), call("c", 2, 22)}, "a"},
		"begun at the answer": {[]ociemu.Call{call("a", 0, 20), call("b", 20, 40)}, "a b"},
		"a fork and a join": {[]ociemu.Call{call("a", 0, 20), call("b", 21, 41), call("c", 22, 42),
			call("d", 43, 63)}, "a b d"},
		"a long one in parallel with two": {[]ociemu.Call{call("a", 0, 100), call("b", 1, 21), call("c", 22, 42),
			call("d", 101, 121)}, "b c d"},
		"in the order of ends": {[]ociemu.Call{call("c", 50, 70), call("a", 0, 20), call("b", 21, 41)}, "a b c"},
		"without an answer":    {[]ociemu.Call{call("a", 0, 20), call("cut", 21, 0), call("b", 30, 50)}, "a b"},
		"metrics in parallel": {[]ociemu.Call{call("a", 0, 20), call("PostMetricData", 21, 41), call("b", 42, 62)},
			"a b"},
		"metrics answered last": {[]ociemu.Call{call("a", 0, 20), call("PublishMessage", 21, 41),
			call("PostMetricData", 42, 62)}, "a PublishMessage PostMetricData"},
		"a trace that ends last": {[]ociemu.Call{call("a", 0, 20), call("PostMetricData", 1, 21),
			call("PublicSpan", 30, 50)}, "a PublicSpan"},
	}
	for name, c := range cases {
		if got := names(longest(callSpans(c.calls))); got != c.want {
			t.Errorf("%s: the chain is %q, want %q", name, got, c.want)
		}
	}
}

func TestASetUpOfAConnectionCountsItsRoundTrips(t *testing.T) {
	m := measured{
		calls: []ociemu.Call{call("a", 40, 60), call("b", 41, 61), call("c", 62, 82)},
		setUps: []ociemu.SetUp{{Host: "identity.eu", RoundTrips: 2, Began: at(0), Ended: at(40)},
			{Host: "ns.compat.x", RoundTrips: 3, Began: at(0), Ended: at(40)},
			{Host: "vaults.eu", RoundTrips: 2, Began: at(62), Ended: at(102)}},
	}
	c := chainOf(m)
	if c.calls != 3 || c.handshakes != 3 || strings.Join(c.dependent, " ") != "a c" || c.roundTrips != 6 {
		t.Errorf("%+v, want the chain a, c and 3 + 1 + 2 round trips", c)
	}
}

// slowest is the longest chain by trying every set of spans.
func slowest(spans []span) int {
	best := 0
	for set := range 1 << len(spans) {
		var chosen []span
		for i, s := range spans {
			if set>>i&1 == 1 {
				chosen = append(chosen, s)
			}
		}
		slices.SortFunc(chosen, func(a, b span) int { return a.began.Compare(b.began) })
		fits := true
		for i := 1; i < len(chosen); i++ {
			fits = fits && !chosen[i].began.Before(chosen[i-1].ended)
		}
		if fits {
			best = max(best, trips(chosen))
		}
	}
	return best
}

func TestNoChainIsLongerThanTheLongest(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		var spans []span
		for i := range random.IntN(9) {
			began := random.IntN(30)
			spans = append(spans, span{fmt.Sprint(i), at(began), at(began + 1 + random.IntN(15)), 1 + random.IntN(3)})
		}
		chain := longest(spans)
		if got, want := trips(chain), slowest(spans); got != want {
			t.Fatalf("%d round trips, want %d, of %v", got, want, spans)
		}
		for i := 1; i < len(chain); i++ {
			if chain[i].began.Before(chain[i-1].ended) {
				t.Fatalf("%v is no chain", chain)
			}
		}
	}
}

func TestTheShortestOfSeveralChainsCounts(t *testing.T) {
	slow := measured{calls: []ociemu.Call{call("a", 0, 20), call("b", 20, 40)}}
	quick := measured{calls: []ociemu.Call{call("a", 0, 20), call("b", 19, 39)}}
	if c := shortest([]measured{slow, quick, slow}); len(c.dependent) != 1 {
		t.Errorf("the chain is %v: what overlaps once is not needed", c.dependent)
	}
}
