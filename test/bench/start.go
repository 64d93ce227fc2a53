package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/keyturn/keyturn/test/fnhost"
	"github.com/keyturn/keyturn/test/tenancy"
)

const (
	coldStart   = "cold start"
	targetStart = 2 // times the function that does nothing
)

// measureStarts starts the function and one that does nothing, in turn so that both have the same machine.
func measureStarts(ctx context.Context, b *bench) (err error) {
	r, err := newRig(ctx, b.settings, b.rotate)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.End()) }()
	idle, err := fnhost.Start(ctx,
		fnhost.Options{Binary: b.nothing, Env: append(r.Env(r.Function), "ons_topic="+r.Topic), MaxContainers: 1})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, idle.Close()) }()
	b.progress("%d starts", b.starts)
	var ready, answered, idleReady, idleAnswered []float64
	for range b.starts {
		c := r.Add(tenancy.Want{Kind: tenancy.AuthToken}) // no key to generate
		m, err := r.rotate(c, true)
		if err != nil {
			return err
		}
		ready, answered = append(ready, milliseconds(m.ready)), append(answered, milliseconds(m.total))
		idle.Kill()
		began := time.Now()
		reply, err := idle.Invoke(ctx, []byte("{}"))
		took := time.Since(began)
		if err != nil {
			return fmt.Errorf("the function that does nothing: %w", err)
		}
		if reply.Status != http.StatusOK {
			return fmt.Errorf("the function that does nothing answered %d", reply.Status)
		}
		idleReady, idleAnswered = append(idleReady, milliseconds(idle.TimeToReady())),
			append(idleAnswered, milliseconds(took))
	}
	b.report.add(
		Row{Section: coldStart, What: "process start to ready socket", Unit: "ms", Build: figure(ready...)}.over(
			figure(idleReady...)).ratioAtMost(targetStart),
		Row{Section: coldStart, What: "process start to first answer", Unit: "ms", Build: figure(answered...),
			Detail: "a rotation of an auth token"}.over(figure(idleAnswered...)))
	if b.profiles == "" {
		return nil
	}
	return traceStart(ctx, b, r)
}

// traceStart writes what each package's initialization takes at a start, as the Go runtime tells it.
func traceStart(ctx context.Context, b *bench, r *rig) error {
	var printed bytes.Buffer
	host, err := fnhost.Start(ctx, fnhost.Options{Binary: b.rotate, Env: append(r.Env(r.Function), "ons_topic="+r.Topic,
		"GODEBUG=inittrace=1"), Stderr: &printed})
	if err != nil {
		return err
	}
	if err := host.Close(); err != nil {
		return err
	}
	return b.profile("start.txt", []byte(initOrder(printed.String())))
}

// initOrder sorts the lines of inittrace, the packages that take longest first:
//
//	init internal/bytealg @0.008 ms, 0 ms clock, 0 bytes, 0 allocs
func initOrder(trace string) string {
	var lines []string
	took := map[string]float64{}
	for line := range strings.Lines(trace) {
		fields := strings.Fields(line)
		if len(fields) < 6 || fields[0] != "init" {
			continue
		}
		if ms, err := strconv.ParseFloat(fields[4], 64); err == nil {
			lines = append(lines, line)
			took[line] = ms
		}
	}
	slices.SortStableFunc(lines, func(a, b string) int { return cmp.Compare(took[b], took[a]) })
	return strings.Join(lines, "")
}
