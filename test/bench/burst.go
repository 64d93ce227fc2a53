package main

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"net/http"
	"sync"
	"time"

	"github.com/keyturn/keyturn/test/fnhost"
	"github.com/keyturn/keyturn/test/ociemu"
	"github.com/keyturn/keyturn/test/tenancy"
)

const (
	burst         = "burst"
	throttledPart = 0.05 // of all calls

	targetCPU = 5  // ms of processor time, key generation apart
	targetMB  = 24 // peak memory after the last rotation of one process
	// of the peak, from the 100th rotation on: the kernel's counters are approximate (proc_pid_status(5))
	targetGrowth = 1.05
)

// measureBursts measures many events at once, with and without throttling, and one process for long.
func measureBursts(ctx context.Context, b *bench) error {
	alone, crowded, err := measureCosts(b)
	if err != nil {
		return err
	}
	for _, throttled := range []bool{false, true} {
		b.progress("a burst of %d events, throttled: %t", b.events, throttled)
		if err := measureBurst(ctx, b, throttled, crowded); err != nil {
			return err
		}
	}
	b.progress("%d rotations in one process", b.serial)
	if err := measureProcess(ctx, b, alone); err != nil {
		return err
	}
	return profileRotations(ctx, b)
}

// kinds are what the events are of, in turn: a quarter each.
func kinds() []tenancy.Kind { return tenancy.Kinds() }

// keysAmong is how many of so many events are of API keys.
func keysAmong(events int) int {
	n := 0
	for i := range events {
		if kinds()[i%len(kinds())] == tenancy.APIKey {
			n++
		}
	}
	return n
}

// crowd is the platform's side of a burst: it counts what came of each invocation.
type crowd struct {
	mu     sync.Mutex
	took   []float64 // ms of each invocation in its process
	others []error   // what was not a rotation
}

func (c *crowd) note(reply fnhost.Reply, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.took = append(c.took, milliseconds(reply.Took))
	if err = errors.Join(err, rotated(reply)); err != nil {
		c.others = append(c.others, err)
	}
}

// measureBurst sends all events at once. The platform starts as many containers as it may and hands each its next event
// when it has answered the last.
func measureBurst(ctx context.Context, b *bench, throttled bool, cost costs) (err error) {
	calm := ociemu.Calm()
	calm.Seed = b.seed
	s, err := tenancy.New(ctx, tenancy.Options{Emulator: calm, Binary: b.rotate, Parallel: b.containers})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.End()) }()
	var c crowd
	s.HandleFunction(s.Function.FunctionID, func(ctx context.Context, body []byte) error {
		reply, err := s.Host.Invoke(ctx, body)
		c.note(reply, err)
		return err
	})
	cases := make([]*tenancy.Case, b.events)
	for i := range cases {
		cases[i] = s.Add(tenancy.Want{Kind: kinds()[i%len(kinds())]})
	}
	var hits *ociemu.Injection
	name := "burst"
	if throttled {
		name = "throttled burst"
		hits = s.Inject(ociemu.Fault{Match: drawn(b.seed, throttledPart), Times: -1,
			Do: ociemu.Answer(http.StatusTooManyRequests, "TooManyRequests")})
	}
	before, err := s.Host.CPUTime()
	if err != nil {
		return err
	}
	began := time.Now()
	for _, one := range cases {
		s.CloseProblem(one.Problem, one.Comment(), "bench@example.com")
	}
	s.Deliver()
	seconds := time.Since(began).Seconds()
	if err := ctx.Err(); err != nil {
		return err
	}
	after, err := s.Host.CPUTime()
	if err != nil {
		return err
	}
	peak, _, err := s.Host.ResidentKB()
	if err != nil {
		return err
	}
	what := fmt.Sprintf("%d events of 4 kinds, %d containers", b.events, b.containers)
	if throttled {
		what = fmt.Sprintf("%d of %d calls throttled", hits.Hits(), len(s.Calls()))
	}
	if len(c.others) > 0 {
		what += fmt.Sprintf("; %d did not rotate: %v", len(c.others), c.others[0])
	}
	b.report.add(
		Row{Section: burst, What: name + ": rotations a second", Unit: "1/s",
			Build: figure(float64(b.events-len(c.others)) / seconds), Detail: what},
		Row{Section: burst, What: name + ": one invocation, p50", Unit: "ms", Build: figure(quantile(c.took, 0.5))},
		Row{Section: burst, What: name + ": one invocation, p99", Unit: "ms", Build: figure(quantile(c.took, 0.99))})
	calls := s.Calls()
	b.report.add(cost.row(name, milliseconds(after-before), b.events, keysAmong(b.events), signed(calls)).below(
		targetCPU),
		Row{Section: burst, What: name + ": peak memory of a process", Unit: "MB", Build: figure(megabytes(peak))})
	return nil
}

// drawn draws a part of all calls by lot. What is drawn depends on the seed, on what is called, and on how often it was
// called before, so that the order in which calls of different users arrive doesn't matter.
func drawn(seed uint64, part float64) func(ociemu.Call) bool {
	var mu sync.Mutex
	count := map[string]int{}
	return func(c ociemu.Call) bool {
		mu.Lock()
		defer mu.Unlock()
		call := c.Operation + " " + c.Path
		count[call]++
		h := fnv.New64a()
		fmt.Fprintf(h, "%d %s %d", seed, call, count[call])
		// The upper bits of FNV hardly depend on the last bytes; a product with a large odd number spreads them.
		x := h.Sum64()
		x = (x ^ x>>32) * 0x9e3779b97f4a7c15
		return float64(x>>11)/(1<<53) < part
	}
}
