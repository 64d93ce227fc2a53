package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/keyturn/keyturn/test/fnhost"
	"github.com/keyturn/keyturn/test/ociemu"
	"github.com/keyturn/keyturn/test/tenancy"
)

// form is a kind of credential and the way its value is kept.
type form struct {
	name string
	want tenancy.Want
}

// forms are those that are measured.
func forms() []form {
	return []form{
		{"API key", tenancy.Want{Kind: tenancy.APIKey}},
		{"API key, bundle", tenancy.Want{Kind: tenancy.APIKey, Bundle: true}},
		{"auth token", tenancy.Want{Kind: tenancy.AuthToken}},
		{"customer secret key, pair", tenancy.Want{Kind: tenancy.CustomerSecretKey}},
		{"customer secret key, bundle", tenancy.Want{Kind: tenancy.CustomerSecretKey, Bundle: true}},
		{"password", tenancy.Want{Kind: tenancy.Password}},
	}
}

// rig is a tenancy that measures each invocation.
type rig struct {
	*tenancy.Deployment
	last measured
	used bool // its process has answered before
}

// measured is one rotation.
type measured struct {
	began  time.Time     // when the call was sent to the process
	took   time.Duration // from then to the answer
	total  time.Duration // with the start of the process, if one had to be started
	ready  time.Duration // how long that start took until the socket was there
	reply  fnhost.Reply
	calls  []ociemu.Call
	setUps []ociemu.SetUp
}

// newRig sets up a tenancy with one process, on an emulator without delays of its own.
func newRig(ctx context.Context, s settings, binary string, config ...string) (*rig, error) {
	calm := ociemu.Calm()
	calm.Seed = s.seed
	st, err := tenancy.New(ctx, tenancy.Options{Emulator: calm, Binary: binary, Parallel: 1, Config: config})
	if err != nil {
		return nil, err
	}
	r := &rig{Deployment: st}
	st.HandleFunction(st.Function.FunctionID, func(ctx context.Context, body []byte) error {
		began := time.Now()
		reply, err := st.Host.Invoke(ctx, body)
		answered := time.Now()
		r.last = measured{began: answered.Add(-reply.Took), took: reply.Took, total: answered.Sub(began),
			ready: st.Host.TimeToReady(), reply: reply}
		return err
	})
	return r, nil
}

// rotate closes the case's problem and waits for the function. Nobody but the function calls the emulator meanwhile:
// the problem is closed without a call.
func (r *rig) rotate(c *tenancy.Case, cold bool) (measured, error) {
	if cold {
		r.Host.Kill()
	}
	fresh := cold || !r.used
	r.used = true
	r.ResetCalls()
	r.last = measured{}
	failed := len(r.Failures())
	r.CloseProblem(c.Problem, c.Comment(), "bench@example.com")
	r.Deliver()
	m := r.last
	if now := r.Failures(); len(now) > failed {
		return m, fmt.Errorf("calling the function: %w", now[failed].Err)
	}
	if err := rotated(m.reply); err != nil {
		return m, err
	}
	if m.reply.Started != fresh {
		return m, errors.New("the function's process was replaced, so that the figures would be of several")
	}
	m.calls, m.setUps = r.Calls(), r.SetUps()
	return m, nil
}

// rotated is an error if the function didn't answer that it has rotated.
func rotated(reply fnhost.Reply) error {
	var answer struct{ Outcome string }
	if err := json.Unmarshal(reply.Body, &answer); err != nil || reply.Status != http.StatusOK ||
		answer.Outcome != "rotated" {
		return fmt.Errorf("the function answered %d: %s", reply.Status, reply.Body)
	}
	return nil
}

// roundTrip is what a client that does nothing else waits for an answer, on a connection that is there: the floor of
// every call.
func (r *rig) roundTrip(ctx context.Context, n int) (Figure, error) {
	client := r.Client()
	var waited []float64
	for i := range n + 1 {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://identity."+r.Region()+
			".oci.oraclecloud.com/20160918/users", nil)
		if err != nil {
			return Figure{}, fmt.Errorf("making a request: %w", err)
		}
		began := time.Now()
		answer, err := client.Do(req)
		if err != nil {
			return Figure{}, fmt.Errorf("measuring the round trip: %w", err)
		}
		_, err = io.Copy(io.Discard, answer.Body)
		if i > 0 { // the first one has set up the connection
			waited = append(waited, milliseconds(time.Since(began)))
		}
		if err = errors.Join(err, answer.Body.Close()); err != nil {
			return Figure{}, fmt.Errorf("measuring the round trip: %w", err)
		}
	}
	client.CloseIdleConnections()
	return figure(waited...), nil
}

const rotations = "rotation"

// measureRotations measures each form, warm and cold, at each round trip.
func measureRotations(ctx context.Context, b *bench) (err error) {
	r, err := newRig(ctx, b.settings, b.rotate)
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
		b.report.add(Row{Section: rotations, What: fmt.Sprintf("a bare client's round trip, %g ms added",
			milliseconds(trip)), Unit: "ms", Build: alone})
		for _, f := range forms() {
			b.progress("%s, %s a round trip", f.name, trip)
			if err := measureForm(ctx, b, r, f, trip, alone); err != nil {
				return fmt.Errorf("%s, %s a round trip: %w", f.name, trip, err)
			}
		}
	}
	return nil
}

// measureForm measures one form, cold and warm. The first warm rotation of the form in its process isn't counted: it
// opens connections. Without a round trip's time calls that are made side by side hardly overlap, so that they tell of
// no chain.
func measureForm(ctx context.Context, b *bench, r *rig, f form, trip time.Duration, alone Figure) error {
	var cold, warm []measured
	for i := range b.cold + 1 + b.warm {
		if err := ctx.Err(); err != nil {
			return err
		}
		m, err := r.rotate(r.Add(f.want), i < b.cold)
		switch {
		case err != nil:
			return fmt.Errorf("rotation %d: %w", i+1, err)
		case i < b.cold:
			cold = append(cold, m)
		case i > b.cold:
			warm = append(warm, m)
		}
	}
	for _, set := range []struct {
		warm bool
		all  []measured
	}{{false, cold}, {true, warm}} {
		c := shortest(set.all)
		c.Form, c.Warm, c.RoundTripMS = f.name, set.warm, milliseconds(trip)
		if trip == 0 {
			c.Dependent, c.RoundTrips = nil, 0
		}
		b.report.Chains = append(b.report.Chains, c)
		b.report.add(c.rows(set.all, alone)...)
		if trip > 0 {
			if err := b.profile(fmt.Sprintf("rotation-%s-%s.txt", slug(f.name), c.temperature()),
				[]byte(timeline(set.all[len(set.all)-1]))); err != nil {
				return err
			}
		}
	}
	return nil
}

func slug(name string) string { return strings.ReplaceAll(strings.ReplaceAll(name, ",", ""), " ", "-") }

func (c Chain) temperature() string {
	if c.Warm {
		return "warm"
	}
	return "cold"
}

// Targets of a warm rotation over a network.
const (
	targetRatio = 1.15
	targetChain = 7 // dependent calls, API key
)

// rows are the table's: the time against the chain's, and for an API key the chain.
func (c Chain) rows(all []measured, alone Figure) []Row {
	var took []float64
	for _, m := range all {
		took = append(took, milliseconds(m.took))
	}
	row := Row{Section: rotations, What: fmt.Sprintf("%s: %s, %g ms", c.Form, c.temperature(), c.RoundTripMS),
		Unit: "ms", Build: figure(took...),
		Detail: fmt.Sprintf("%d calls, %d handshakes", c.Calls, c.Handshakes)}
	if c.RoundTripMS == 0 {
		return []Row{row}
	}
	calls := float64(len(c.Dependent))
	floor := Figure{Median: calls * alone.Median, Min: calls * alone.Min, Max: calls * alone.Max, N: alone.N}
	row = row.over(floor)
	row.Detail = fmt.Sprintf("%d dependent of %s", len(c.Dependent), row.Detail)
	if !c.Warm {
		row.Detail += fmt.Sprintf("; %d round trips with them", c.RoundTrips)
		return []Row{row}
	}
	rows := []Row{row.ratioAtMost(targetRatio)}
	if c.Form == forms()[0].name {
		rows = append(rows, Row{Section: rotations, What: c.Form + ": dependent calls", Unit: "calls",
			Build: figure(calls)}.atMost(targetChain))
	}
	return rows
}
