package main

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"net/http"
	"sync"
	"time"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/test/fnhost"
	"github.com/keyturn/keyturn/test/ociemu"
	"github.com/keyturn/keyturn/test/tenancy"
)

const (
	throttledPart = 0.05 // of all calls

	targetCPU = 5  // ms of processor time, without key generation
	targetMB  = 24 // peak memory after the last rotation of one process
	// Growth of the peak from the 100th rotation on. The kernel's counters are approximate, see proc_pid_status(5).
	targetGrowth = 1.05
)

// measureBursts measures many events at once, with and without throttling, and many rotations in one process.
func measureBursts(ctx context.Context, b *bench) error {
	b.progress("generating %d RSA keys", 2*b.keys)
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
	return measureProcess(ctx, b, alone)
}

// addCases adds n cases of these kinds in turn.
func (r *rig) addCases(n int, kinds ...tenancy.Kind) []*tenancy.Case {
	cases := make([]*tenancy.Case, n)
	for i := range cases {
		cases[i] = r.Add(tenancy.Want{Kind: kinds[i%len(kinds)]})
	}
	return cases
}

// usage returns the processor time in ms that the host's processes spend in f, and their peak memory in MB after it.
func usage(host *fnhost.Host, f func() error) (cpu, peak float64, err error) {
	before, err := host.CPUTime()
	if err != nil {
		return 0, 0, err
	}
	if err := f(); err != nil {
		return 0, 0, err
	}
	after, err := host.CPUTime()
	if err != nil {
		return 0, 0, err
	}
	kib, _, err := host.ResidentKB()
	return milliseconds(after - before), megabytes(kib), err
}

// measureBurst sends all events at once. The platform hands each container its next event after an answer.
func measureBurst(ctx context.Context, b *bench, throttled bool, cost costs) (err error) {
	r, err := newRig(ctx, b.settings, b.rotate, b.containers)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.End()) }()
	cases := r.addCases(b.events, tenancy.Kinds()...)
	name, hits := "burst", (*ociemu.Injection)(nil)
	if throttled {
		name = "throttled burst"
		hits = r.Inject(ociemu.Fault{Match: drawn(b.seed, throttledPart), Times: -1,
			Do: ociemu.Answer(http.StatusTooManyRequests, "TooManyRequests")})
	}
	var all []measured
	var seconds float64
	cpu, peak, err := usage(r.Host, func() error {
		began := time.Now()
		all = r.play(cases...)
		seconds = time.Since(began).Seconds()
		return ctx.Err()
	})
	if err != nil {
		return err
	}
	var took []float64
	var failed []error
	for _, m := range all {
		took = append(took, milliseconds(m.took))
		if m.err != nil {
			failed = append(failed, m.err)
		}
	}
	calls := r.Calls()
	rate := b.add(name+": rotations a second", "1/s", float64(b.events-len(failed))/seconds)
	if throttled {
		rate.note("%d of %d calls throttled", hits.Hits(), len(calls))
	} else {
		rate.note("%d events of 4 kinds, %d containers", b.events, b.containers)
	}
	if len(failed) > 0 {
		rate.note("; %d did not rotate: %v", len(failed), failed[0])
	}
	b.add(name+": one invocation, p50", "ms", quantile(took, 0.5))
	b.add(name+": one invocation, p99", "ms", quantile(took, 0.99))
	b.addCPU(name, cost, work{b.events, cpu, signed(calls), keysOf(cases)}).below(targetCPU)
	b.add(name+": peak memory of a process", "MB", peak)
	return nil
}

// drawn selects a random part of all calls. The choice depends on the seed, on the call, and on how often it was made
// before. It doesn't depend on the order in which calls of different users arrive.
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

// measureProcess measures the memory and processor time of one process that does many rotations.
func measureProcess(ctx context.Context, b *bench, cost costs) (err error) {
	r, err := newRig(ctx, b.settings, b.rotate, 1)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.End()) }()
	early := max(1, b.serial/10)
	one, first, err := r.serial(ctx, early, tenancy.Kinds()...)
	if err != nil {
		return err
	}
	two, last, err := r.serial(ctx, b.serial-early, tenancy.Kinds()...)
	if err != nil {
		return err
	}
	b.addCPU("one process", cost,
		work{b.serial, one.cpu + two.cpu, one.signatures + two.signatures, one.keys + two.keys})
	for _, kind := range tenancy.Kinds() {
		if kind.Record().Origin == credential.Local {
			continue
		}
		// The first few don't count: the process may still be generating a key in advance.
		if _, _, err := r.serial(ctx, max(1, early/10), kind); err != nil {
			return err
		}
		w, _, err := r.serial(ctx, early, kind)
		if err != nil {
			return err
		}
		b.addCPU(fmt.Sprintf("one process, %s", kind), cost, w)
	}
	b.add(fmt.Sprintf("one process: peak memory after %d rotations", early), "MB", first)
	b.add(fmt.Sprintf("one process: peak memory after %d rotations", b.serial), "MB", last).below(targetMB)
	b.add(fmt.Sprintf("one process: growth of the peak from %d to %d", early, b.serial), "x", last/first).
		atMost(targetGrowth)
	return nil
}

// serial plays n rotations, one after another, and returns their cost and the peak memory after them in MB.
func (r *rig) serial(ctx context.Context, n int, kinds ...tenancy.Kind) (w work, peak float64, err error) {
	w.rotations = n
	w.cpu, peak, err = usage(r.Host, func() error {
		for i := range n {
			c := r.addCases(1, kinds[i%len(kinds)])
			m, err := r.rotate(c[0], false)
			err = errors.Join(err, ctx.Err())
			if err != nil {
				return fmt.Errorf("rotation %d: %w", i+1, err)
			}
			w.signatures, w.keys = w.signatures+signed(m.calls), w.keys+keysOf(c)
		}
		return nil
	})
	return w, peak, err
}
