package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/keyturn/keyturn/test/fnhost"
	"github.com/keyturn/keyturn/test/ociemu"
	"github.com/keyturn/keyturn/test/stage"
)

// form is a kind of credential and the way its value is kept.
type form struct {
	name string
	want stage.Want
}

// forms are those that are measured.
func forms() []form {
	return []form{
		{"API key", stage.Want{Kind: stage.APIKey}},
		{"auth token", stage.Want{Kind: stage.AuthToken}},
		{"customer secret key, two secrets", stage.Want{Kind: stage.CustomerSecretKey}},
		{"customer secret key, bundle", stage.Want{Kind: stage.CustomerSecretKey, Bundle: true}},
		{"password, in a secret", stage.Want{Kind: stage.Password}},
		{"password, not kept", stage.Want{Kind: stage.Password, NoSecret: true}},
	}
}

// rig is a stage with one process of the function, on a calm emulator, that measures each rotation.
type rig struct {
	*stage.Stage
	took time.Duration // of the last invocation, as the platform sees it
}

// event is what one rotation cost.
type event struct {
	calls       int            // requests that reached a service, the proof and the mail included
	connections map[string]int // TLS handshakes by host
	took        time.Duration
}

func (e event) handshakes() int {
	n := 0
	for _, count := range e.connections {
		n += count
	}
	return n
}

func newRig(ctx context.Context, binary string) (*rig, error) {
	s, err := stage.New(ctx, stage.Options{Emulator: ociemu.Calm(), Binary: binary, Parallel: 1})
	if err != nil {
		return nil, err
	}
	r := &rig{Stage: s}
	s.HandleFunction(s.Function.FunctionID, func(ctx context.Context, body []byte) error {
		began := time.Now()
		_, err := s.Invoke(ctx, body)
		r.took = time.Since(began)
		return err
	})
	return r, nil
}

// rotate closes the case's problem and waits for the function. Nobody but the function calls the emulator meanwhile:
// the problem is closed without a call.
func (r *rig) rotate(c *stage.Case) (event, error) {
	r.ResetCalls()
	answered := len(r.Replies())
	r.CloseProblem(c.Problem, c.Comment(), "bench@example.com")
	r.Deliver()
	replies := r.Replies()
	if len(replies) != answered+1 {
		return event{}, fmt.Errorf("the function was called %d times, want once: %v", len(replies)-answered, r.Failures())
	}
	reply := replies[answered]
	var answer struct{ Outcome, Reason string }
	if err := json.Unmarshal(reply.Body, &answer); err != nil || reply.Status != 200 || answer.Outcome != "rotated" {
		return event{}, fmt.Errorf("the function answered %d: %s", reply.Status, reply.Body)
	}
	if reply.Started != (answered == 0) {
		return event{}, errors.New("the function's process was replaced, so that the figures would be of several")
	}
	return event{len(r.Calls()), r.Connections(), r.took}, nil
}

// measureForm rotates in one process: the first event is the cold one.
func measureForm(ctx context.Context, binary string, f form, s settings) (figures RotationFigures, err error) {
	r, err := newRig(ctx, binary)
	if err != nil {
		return RotationFigures{}, err
	}
	defer func() { err = errors.Join(err, r.End()) }()
	figures = RotationFigures{Form: f.name}
	var warm []time.Duration
	for i := range s.events {
		if err := ctx.Err(); err != nil {
			return figures, err
		}
		e, err := r.rotate(r.Add(f.want))
		if err != nil {
			return figures, fmt.Errorf("rotation %d: %w", i+1, err)
		}
		switch {
		case i == 0:
			figures.Cold = e.figures(e.took)
			if figures.MemoryAfterOne, err = memory(r.Host); err != nil {
				return figures, err
			}
		case i == 1:
			figures.Warm = e.figures(0)
			fallthrough
		case i <= s.warm:
			warm = append(warm, e.took)
		}
	}
	figures.Warm.Milliseconds = milliseconds(median(warm))
	if figures.MemoryAfterAll, err = memory(r.Host); err != nil {
		return figures, err
	}
	// A peak can't shrink, but the kernel's counters are approximate (proc_pid_status(5)).
	figures.MemoryAfterAll.PeakKB = max(figures.MemoryAfterAll.PeakKB, figures.MemoryAfterOne.PeakKB)
	return figures, nil
}

func (e event) figures(took time.Duration) EventFigures {
	return EventFigures{Calls: e.calls, Handshakes: e.handshakes(), Connections: e.connections, Milliseconds: milliseconds(took)}
}

// measureStart starts a function several times.
func measureStart(ctx context.Context, name, binary string, n int) (StartFigures, error) {
	figures := StartFigures{Function: name}
	info, err := os.Stat(binary)
	if err != nil {
		return figures, fmt.Errorf("looking at the binary: %w", err)
	}
	figures.BinaryBytes = info.Size()
	emulator, err := ociemu.Start(ociemu.Calm())
	if err != nil {
		return figures, err
	}
	env := append(emulator.Env(emulator.NewFunction("start", "")), "ons_topic="+emulator.AddTopic("secops"))
	var starts []time.Duration
	for range n {
		host, startErr := fnhost.Start(ctx, fnhost.Options{Binary: binary, Env: env})
		if startErr != nil {
			err = startErr
			break
		}
		starts = append(starts, host.TimeToReady())
		figures.Memory, err = memory(host)
		if err = errors.Join(err, host.Close()); err != nil {
			break
		}
	}
	if err = errors.Join(err, emulator.Close()); err != nil {
		return figures, err
	}
	figures.ReadyMilliseconds = milliseconds(median(starts))
	return figures, nil
}

func memory(host *fnhost.Host) (Memory, error) {
	peak, now, err := host.ResidentKB()
	return Memory{PeakKB: peak, NowKB: now}, err
}

// median is the middle one, or the mean of the middle two. Of nothing it is 0.
func median(all []time.Duration) time.Duration {
	if len(all) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(all))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
