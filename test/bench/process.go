package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/keyturn/keyturn/test/tenancy"
)

// measureProcess lets one process do many rotations, one after the other, and looks at its memory and processor time.
func measureProcess(ctx context.Context, b *bench, cost costs) (err error) {
	r, err := newRig(ctx, b.settings, b.rotate)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.End()) }()
	early := max(1, b.serial/10)
	var spent float64
	var signatures int
	var peaks []int
	for _, part := range []int{early, b.serial - early} {
		took, signed, err := spend(ctx, r, part, kinds()...)
		if err != nil {
			return err
		}
		spent, signatures = spent+took, signatures+signed
		peak, _, err := r.Host.ResidentKB()
		if err != nil {
			return err
		}
		peaks = append(peaks, peak)
	}
	keys := keysAmong(early) + keysAmong(b.serial-early)
	b.report.add(cost.row("one process", spent, b.serial, keys, signatures))
	for _, kind := range kinds() {
		if kind == tenancy.APIKey {
			continue
		}
		// Before them, so many that a key pair is finished that was begun for a next API key.
		if _, _, err := spend(ctx, r, max(1, early/10), kind); err != nil {
			return err
		}
		spent, signatures, err := spend(ctx, r, early, kind)
		if err != nil {
			return err
		}
		b.report.add(cost.row(fmt.Sprintf("one process, %s", kind), spent, early, 0, signatures))
	}
	first, last := megabytes(peaks[0]), megabytes(peaks[1])
	b.report.add(
		Row{Section: burst, What: fmt.Sprintf("one process: peak memory after %d rotations", early), Unit: "MB",
			Build: figure(first)},
		Row{Section: burst, What: fmt.Sprintf("one process: peak memory after %d rotations", b.serial), Unit: "MB",
			Build: figure(last)}.below(targetMB),
		Row{Section: burst, What: fmt.Sprintf("one process: growth of the peak from %d to %d", early, b.serial),
			Unit: "x", Build: figure(last / first)}.atMost(targetGrowth))
	return nil
}

// spend plays n rotations of these kinds in turn, and tells the processor time of the process, in ms, and the
// signatures.
func spend(ctx context.Context, r *rig, n int, among ...tenancy.Kind) (spent float64, signatures int, err error) {
	before, err := r.Host.CPUTime()
	if err != nil {
		return 0, 0, err
	}
	for i := range n {
		if err := ctx.Err(); err != nil {
			return 0, 0, err
		}
		m, err := r.rotate(r.Add(tenancy.Want{Kind: among[i%len(among)]}), false)
		if err != nil {
			return 0, 0, fmt.Errorf("rotation %d: %w", i+1, err)
		}
		signatures += signed(m.calls)
	}
	after, err := r.Host.CPUTime()
	return milliseconds(after - before), signatures, err
}
