package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/keyturn/keyturn/test/stage"
)

// measureProcess lets one process do many rotations, one after the other, and looks at its memory and processor time.
func measureProcess(ctx context.Context, b *bench, cost costs) (err error) {
	r, err := newRig(ctx, b.settings, b.rotate)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.End()) }()
	early := max(1, b.serial/10)
	var peaks []int
	spent, signatures := map[stage.Kind]float64{}, map[stage.Kind]int{}
	for i := range b.serial {
		if err := ctx.Err(); err != nil {
			return err
		}
		kind := kinds()[i%len(kinds())]
		c := r.Add(stage.Want{Kind: kind})
		before, err := r.Host.CPUTime()
		if err != nil {
			return err
		}
		m, err := r.rotate(c, false)
		if err != nil {
			return fmt.Errorf("rotation %d: %w", i+1, err)
		}
		after, err := r.Host.CPUTime()
		if err != nil {
			return err
		}
		spent[kind] += milliseconds(after - before)
		signatures[kind] += signed(m.calls)
		if n := i + 1; n == early || n == b.serial {
			peak, _, err := r.Host.ResidentKB()
			if err != nil {
				return err
			}
			peaks = append(peaks, peak)
		}
	}
	for i, kind := range kinds() {
		n := (b.serial + len(kinds()) - 1 - i) / len(kinds())
		keys := 0
		if kind == stage.APIKey {
			keys = n
		}
		b.report.add(cost.row(fmt.Sprintf("one process, %s", kind), spent[kind], n, keys, signatures[kind]))
	}
	first, last := megabytes(peaks[0]), megabytes(peaks[len(peaks)-1])
	b.report.add(
		Row{Section: burst, What: fmt.Sprintf("one process: peak memory after %d rotations", early), Unit: "MB", Build: figure(first)},
		Row{Section: burst, What: fmt.Sprintf("one process: peak memory after %d rotations", b.serial), Unit: "MB", Build: figure(last)}.below(targetMB),
		Row{Section: burst, What: fmt.Sprintf("one process: growth of the peak from %d to %d", early, b.serial), Unit: "x", Build: figure(last / first)}.atMost(targetGrowth))
	return nil
}
