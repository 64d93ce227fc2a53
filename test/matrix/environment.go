package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/keyturn/keyturn/test/fnhost"
	"github.com/keyturn/keyturn/test/judge"
	"github.com/keyturn/keyturn/test/ociemu"
	"github.com/keyturn/keyturn/test/tenancy"
)

// redelivery is when the event is delivered again.
type redelivery string

const (
	atOnce redelivery = "at once" // within seconds of the first delivery
	later  redelivery = "later"   // after the longest lifetime of the first process
	never  redelivery = "swept"   // the event is not delivered again; the sweep continues after that time
)

// cell is one rotation with one or two faults.
type cell struct {
	form       form
	redelivery redelivery
	sites      []site
	faults     []fault
}

func (c cell) String() string { return c.form.name + " | " + string(c.redelivery) + c.faultNames() }

// withoutRedelivery is the cell's name without its redelivery.
func (c cell) withoutRedelivery() string { return c.form.name + c.faultNames() }

func (c cell) faultNames() string {
	var b strings.Builder
	for i, s := range c.sites {
		fmt.Fprintf(&b, " | %s: %s", s, c.faults[i].name)
	}
	return b.String()
}

// result is the result of a cell.
type result struct {
	cell         cell
	failures     []string // none if the cell passed
	inconclusive bool     // a fault did not happen as planned: the cell doesn't count
	unmailed     bool     // no mail was sent; the platform counted a failed invocation
	finished     bool     // by the first delivery
	deliveries   int
	reclosed     int // how often an operator closed the problem again
	versions     int // the most new versions of a secret
	trace        string
}

// A cell starts with the services' clock clockShift behind the clients'. When time passes, the services' clock goes
// clockShift ahead, and serviceShift more for the dates of resources. The sum is more than the ten minutes after which
// the engine believes that a resource missing from every list doesn't exist. clockShift stays within the five minutes
// by which OCI lets the date of a signature differ.
const (
	clockShift   = 4*time.Minute + 30*time.Second
	serviceShift = 3 * time.Minute
	// attemptLife is more than the time for which the engine waits for another process's attempt.
	attemptLife = 11 * time.Minute
)

// The timeouts of an invocation: of one that waits for its deadline because of a fault, and of all others.
const (
	shortTime = 4 * time.Second
	longTime  = 30 * time.Second
	// refusedTime is more than a delivery needs to give up on a refused credential; see pkg/rotation.
	refusedTime = 9 * time.Second
)

// runner runs cells with one build of the functions.
type runner struct{ binary, sweeper string }

// environment is the test tenancy of one cell.
type environment struct {
	*tenancy.Deployment
	c            *tenancy.Case
	form         form
	injector     *injector
	history      *judge.History
	clock        tenancy.Clock
	refusal      *ociemu.Injection
	logLines     []string
	last         fnhost.Reply      // of the last invocation
	forbidden    atomic.Bool       // the functions may not read the secret any more
	otherSecrets map[string]string // the secrets of an operator's second closure
	wroteBefore  bool              // the function had written something before the operator's action
}

// newEnvironment sets up a tenancy with one credential that is too old.
func (p runner) newEnvironment(ctx context.Context, f form, timeout time.Duration) (*environment, error) {
	env := &environment{form: f}
	env.clock.Set(-clockShift)
	o := ociemu.Calm()
	o.Now = env.clock.Now
	if f.variant == lagging {
		o.ListLag = time.Minute
	}
	o.Authorizer = env.authorize
	s, err := tenancy.New(ctx, tenancy.Options{Emulator: o, Binary: p.binary, Sweeper: p.sweeper, Timeout: timeout,
		Config: []string{"log_level=debug"}})
	if err != nil {
		return nil, err
	}
	c := s.Add(f.want)
	env.Deployment, env.c, env.injector, env.history = s, c, &injector{s: s}, judge.Follow(s, c)
	env.injector.onLateEffect = env.dateLateEffect
	s.SetCreatedOffset(0) // shows the judge the first state
	s.ResetCalls()
	return env, nil
}

// refuseNewCredential makes OCI refuse the new credential, in the form undo. The credential is old enough that the
// function doesn't wait for it to spread.
func (env *environment) refuseNewCredential() {
	if env.form.variant != undo {
		return
	}
	env.SetCreatedOffset(-31 * time.Minute)
	// After the effect, so that other faults can hit before it.
	env.refusal = env.Inject(ociemu.Fault{Match: isProof, When: ociemu.After, Times: -1, Do: env.form.refusal()})
}

// afterFirstDelivery empties the metadata in the form wiped, and ends the refusal in the form undo.
func (env *environment) afterFirstDelivery() {
	if env.form.variant == wiped {
		for _, id := range env.c.Secrets {
			env.WipeMetadata(id)
		}
	}
	if env.refusal != nil {
		env.refusal.Remove()
		env.SetCreatedOffset(0)
		env.refusal = nil
	}
}

// dateLateEffect gives what a late call creates the date of its request, whose process ended long ago.
func (env *environment) dateLateEffect(begins bool) {
	offset := time.Duration(0)
	if begins && env.clock.Offset() > 0 {
		offset = -2*clockShift - serviceShift
	}
	if env.refusal == nil {
		env.SetCreatedOffset(offset)
	}
}

// letTimePass makes all that was done older than a process can live. Further calls do nothing.
func (env *environment) letTimePass() {
	if env.clock.Offset() < 0 {
		env.clock.Set(clockShift)
		env.Forward(serviceShift)
	}
}

func (env *environment) noteReply() {
	if r := env.Replies(); len(r) > 0 {
		env.last = r[len(r)-1]
	}
}

func (env *environment) log(what string) {
	text := what
	if last := env.last; last.Status > 0 {
		var a struct{ Outcome, Reason string }
		if json.Unmarshal(last.Body, &a) == nil && a.Outcome != "" {
			text += fmt.Sprintf(" -> %d %s (%s)", last.Status, a.Outcome, a.Reason)
		} else {
			text += fmt.Sprintf(" -> %d %s", last.Status, last.Body)
		}
	}
	env.logLines = append(env.logLines, text)
}

// closeProblem closes the problem as an operator does.
func (env *environment) closeProblem(ctx context.Context) error {
	env.injector.beginDelivery()
	err := env.Close(ctx, env.c.Problem, env.c.Comment(env.form.comment...))
	env.injector.endDelivery()
	env.noteReply()
	env.log("closed")
	return err
}

// redeliver delivers the newest event again.
func (env *environment) redeliver(ctx context.Context) error {
	events := env.Events()
	if len(events) == 0 {
		return fmt.Errorf("no event was sent")
	}
	env.injector.beginDelivery()
	_, err := env.Invoke(ctx, events[len(events)-1])
	env.injector.endDelivery()
	env.noteReply()
	env.log("delivered again")
	return err
}

func (env *environment) reopened() bool { return env.Problem(env.c.Problem).Status != "RESOLVED" }

// calls returns the calls of a rotation without faults.
func (p runner) calls(ctx context.Context, f form) ([]site, error) {
	env, err := p.newEnvironment(ctx, f, longTime)
	if err != nil {
		return nil, err
	}
	defer env.End()
	env.refuseNewCredential()
	if err := env.closeProblem(ctx); err != nil {
		return nil, err
	}
	if env.last.Status != 200 || env.reopened() != (f.variant == undo) {
		return nil, fmt.Errorf("without faults it ends with %d %s", env.last.Status, env.last.Body)
	}
	var sites []site
	seen := map[string]int{}
	for _, c := range env.Calls() {
		if !c.Caller.Operator {
			seen[c.Operation]++
			sites = append(sites, site{c.Operation, seen[c.Operation]})
		}
	}
	return sites, nil
}

// runCell runs one cell and checks it.
func (p runner) runCell(ctx context.Context, c cell) result {
	r := result{cell: c}
	timeout := longTime
	for _, f := range c.faults {
		if f.slow() {
			timeout = shortTime
			if c.form.variant == undo {
				timeout += refusedTime
			}
		}
	}
	env, err := p.newEnvironment(ctx, c.form, timeout)
	if err != nil {
		r.failures = []string{"setting up the tenancy: " + err.Error()}
		return r
	}
	defer func() {
		if err := env.End(); err != nil {
			r.failures = append(r.failures, "ending the tenancy: "+err.Error())
		}
	}()
	env.injector.act = func(call int, a *action) { env.act(ctx, call, a) }
	env.refuseNewCredential() // first: of two faults after the effect, the emulator uses the newer one
	for i := range c.sites {
		env.injector.inject(i, c.sites[i], c.faults[i])
	}
	if err := env.deliverAll(ctx, c.redelivery, &r); err != nil {
		r.failures = append(r.failures, "running the cell: "+err.Error())
	}
	env.check(&r)
	return r
}

// deliverAll makes the deliveries: the first one, then the redeliveries or sweeps. Then an operator closes the problem
// again while it is open.
func (env *environment) deliverAll(ctx context.Context, p redelivery, r *result) error {
	if err := env.closeProblem(ctx); err != nil {
		return err
	}
	r.finished = env.finished(r.cell)
	env.afterFirstDelivery()
	env.SetTimeout(longTime)
	next := env.redeliver
	switch p {
	case later:
		env.letTimePass()
	case never:
		env.letTimePass()
		next = env.sweep
	}
	for range 2 {
		if err := next(ctx); err != nil {
			return err
		}
	}
	env.letTimePass()
	for i := range 4 {
		if i == 2 && !env.settled() {
			env.Forward(attemptLife) // the function waits this long for what a slow delivery has just staged
		}
		if env.reopened() && r.cell.action() != nil {
			break // that may be correct: the operator's action counts
		}
		if !env.reopened() && env.settled() && (p != atOnce || r.reclosed > 0) {
			break
		}
		move := next
		if env.reopened() {
			move = env.closeProblem
			r.reclosed++
		}
		if err := move(ctx); err != nil {
			return err
		}
		if !env.reopened() && env.settled() {
			break
		}
	}
	sweeps := 1
	if r.cell.action() != nil {
		sweeps = 2
	}
	for range sweeps {
		if p == never {
			env.Forward(attemptLife) // as sweeps are an hour apart
		}
		if err := env.sweep(ctx); err != nil {
			return err
		}
	}
	r.deliveries = len(env.Replies())
	return nil
}

// sweep runs the sweep once.
func (env *environment) sweep(ctx context.Context) error {
	env.injector.beginDelivery()
	reply, err := env.Sweep(ctx)
	env.injector.endDelivery()
	env.last = reply
	env.log("swept")
	return err
}

// settled reports whether the last invocation left nothing to do.
func (env *environment) settled() bool { return env.last.Status == 200 }
