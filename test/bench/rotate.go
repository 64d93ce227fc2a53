package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/keyturn/keyturn/test/fnhost"
	"github.com/keyturn/keyturn/test/ociemu"
	"github.com/keyturn/keyturn/test/tenancy"
)

// forms are the measured kinds of credentials, and the ways in which their values are kept.
var forms = []struct {
	name string
	want tenancy.Want
}{
	{"API key", tenancy.Want{Kind: tenancy.APIKey}},
	{"API key, bundle", tenancy.Want{Kind: tenancy.APIKey, Bundle: true}},
	{"auth token", tenancy.Want{Kind: tenancy.AuthToken}},
	{"customer secret key, pair", tenancy.Want{Kind: tenancy.CustomerSecretKey}},
	{"customer secret key, bundle", tenancy.Want{Kind: tenancy.CustomerSecretKey, Bundle: true}},
	{"password", tenancy.Want{Kind: tenancy.Password}},
}

// Targets of a warm rotation over a network.
const (
	targetRatio = 1.15
	targetChain = 7 // dependent calls, API key
)

// rig is a tenancy that measures each invocation of the function.
type rig struct {
	*tenancy.Deployment
	used bool // the process has answered before

	mu  sync.Mutex
	all []measured
}

// measured is one rotation.
type measured struct {
	began  time.Time     // when the event was sent to the process
	took   time.Duration // from then to the answer
	total  time.Duration // with the start of the process, if it had to be started
	ready  time.Duration // from the start of the process to its socket
	reply  fnhost.Reply
	err    error
	calls  []ociemu.Call
	setUps []ociemu.SetUp
}

// newRig sets up a tenancy with an emulator without delays.
func newRig(ctx context.Context, s settings, binary string, containers int) (*rig, error) {
	d, err := tenancy.New(ctx, tenancy.Options{Emulator: calm(s), Binary: binary, Parallel: containers})
	if err != nil {
		return nil, err
	}
	r := &rig{Deployment: d}
	d.HandleFunction(d.Function.FunctionID, func(ctx context.Context, body []byte) error {
		sent := time.Now()
		reply, err := d.Host.Invoke(ctx, body)
		answered := time.Now()
		m := measured{began: answered.Add(-reply.Took), took: reply.Took, total: answered.Sub(sent),
			ready: d.Host.TimeToReady(), reply: reply, err: err}
		if err == nil {
			m.err = rotated(reply)
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.all = append(r.all, m)
		return err
	})
	return r, nil
}

func calm(s settings) ociemu.Options {
	o := ociemu.Calm()
	o.Seed = s.seed
	return o
}

// rotated returns an error unless the function answered that it rotated.
func rotated(reply fnhost.Reply) error {
	var answer struct{ Outcome string }
	if err := json.Unmarshal(reply.Body, &answer); err != nil || reply.Status != http.StatusOK ||
		answer.Outcome != "rotated" {
		return fmt.Errorf("the function answered %d: %s", reply.Status, reply.Body)
	}
	return nil
}

// play closes the problems of all cases at once, and returns the invocations when all are answered.
func (r *rig) play(cases ...*tenancy.Case) []measured {
	r.ResetCalls()
	r.all = nil
	for _, c := range cases {
		r.CloseProblem(c.Problem, c.Comment(), "bench@example.com") // without a call to the emulator
	}
	r.Deliver()
	return r.all
}

// rotate plays one case; cold means in a new process.
func (r *rig) rotate(c *tenancy.Case, cold bool) (measured, error) {
	if cold {
		r.Host.Kill()
	}
	fresh := cold || !r.used
	r.used = true
	all := r.play(c)
	if len(all) != 1 {
		return measured{}, fmt.Errorf("the function was invoked %d times", len(all))
	}
	m := all[0]
	if m.err == nil && m.reply.Started != fresh {
		m.err = errors.New("the function's process was replaced during the measurement")
	}
	m.calls, m.setUps = r.Calls(), r.SetUps()
	return m, m.err
}

// roundTrip measures how long a client without other work waits for an answer on an open connection, in ms.
func (r *rig) roundTrip(ctx context.Context, n int) (waited []float64, err error) {
	client := r.Client()
	defer client.CloseIdleConnections()
	url := "https://identity." + r.Region() + ".oci.oraclecloud.com/20160918/users"
	for i := range n + 1 {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return nil, fmt.Errorf("making a request: %w", err)
		}
		began := time.Now()
		answer, err := client.Do(req)
		if err != nil {
			return nil, fmt.Errorf("measuring the round trip: %w", err)
		}
		_, err = io.Copy(io.Discard, answer.Body)
		if i > 0 { // the first call opens the connection
			waited = append(waited, milliseconds(time.Since(began)))
		}
		err = errors.Join(err, answer.Body.Close())
		if err != nil {
			return nil, fmt.Errorf("measuring the round trip: %w", err)
		}
	}
	return waited, nil
}

// measureRotations measures each form, cold and warm, without and with an added round trip.
func measureRotations(ctx context.Context, b *bench) (err error) {
	r, err := newRig(ctx, b.settings, b.rotate, 1)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.End()) }()
	for _, trip := range []time.Duration{0, b.trip} {
		r.SetRoundTrip(trip)
		alone, err := r.roundTrip(ctx, 20)
		if err != nil {
			return err
		}
		b.add(fmt.Sprintf("a bare client's round trip, %g ms added", milliseconds(trip)), "ms", alone...)
		for _, f := range forms {
			b.progress("%s, %s a round trip", f.name, trip)
			var all []measured
			for i := range b.cold + 1 + b.warm {
				m, err := r.rotate(r.Add(f.want), i < b.cold)
				err = errors.Join(err, ctx.Err())
				if err != nil {
					return fmt.Errorf("%s, %s a round trip, rotation %d: %w", f.name, trip, i+1, err)
				}
				all = append(all, m)
			}
			b.addForm(f.name, "cold", all[:b.cold], trip, quantile(alone, 0.5))
			// The first warm rotation opens connections, so it doesn't count.
			b.addForm(f.name, "warm", all[b.cold+1:], trip, quantile(alone, 0.5))
		}
	}
	return nil
}

// addForm adds the rows of one form. Without an added round trip, parallel calls hardly overlap: then there is no
// chain. alone is the time of one round trip in ms.
func (b *bench) addForm(form, how string, all []measured, trip time.Duration, alone float64) {
	var took []float64
	for _, m := range all {
		took = append(took, milliseconds(m.took))
	}
	c := shortest(all)
	c.form = fmt.Sprintf("%s: %s, %g ms", form, how, milliseconds(trip))
	row := b.add(c.form, "ms", took...)
	if trip == 0 {
		c.dependent = nil
	} else {
		row.over(float64(len(c.dependent))*alone).note("%d dependent of ", len(c.dependent))
	}
	b.chains = append(b.chains, c)
	row.note("%d calls, %d handshakes", c.calls, c.handshakes)
	switch {
	case trip == 0:
	case how == "cold":
		row.note("; %d round trips with them", c.roundTrips)
	default:
		row.ratioAtMost(targetRatio)
		if form == forms[0].name {
			b.add(form+": dependent calls", "calls", float64(len(c.dependent))).atMost(targetChain)
		}
	}
}
