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

// pace says when the event is delivered again.
type pace string

const (
	atOnce pace = "at once" // what the first process left behind is young; later deliveries find it old
	later  pace = "later"   // more time has passed than the first process can have lived
	swept  pace = "swept"   // the event never comes again: more time has passed, and the sweep goes on
)

// cell is one square of the matrix: a rotation that is disturbed once or twice.
type cell struct {
	form   form
	pace   pace
	sites  []site
	faults []disturbance
}

func (c cell) String() string { return c.form.name + " | " + string(c.pace) + c.disturbances() }

// disturbed is what the cell is but for its pace.
func (c cell) disturbed() string { return c.form.name + c.disturbances() }

func (c cell) disturbances() string {
	var b strings.Builder
	for i, s := range c.sites {
		fmt.Fprintf(&b, " | %s: %s", s, c.faults[i].name)
	}
	return b.String()
}

// result is how a cell ended.
type result struct {
	cell       cell
	faults     []string // what is wrong; none if the cell passed
	void       bool     // a disturbance has not happened as its name says: the cell doesn't count
	unmailed   bool     // the only word was a failed invocation
	finished   bool     // the first delivery left nothing to do
	deliveries int
	reclosed   int // how often a person closed the problem again
	versions   int // new versions of a secret, the most of any
	trace      string
}

// timeLeap is how far the services' clock is put back at first. It is put forward by twice as much when time passes,
// and by extraLeap without the clocks of clients: more in all than the ten minutes after which the engine believes that
// what no list shows is not there. Without the latter it is within the five minutes by which a signature's date may be
// off in either direction.
const (
	timeLeap  = 4*time.Minute + 30*time.Second
	extraLeap = 3 * time.Minute
	// stagedLife is more than the time for which the engine waits for somebody else's attempt.
	stagedLife = 11 * time.Minute
)

// limits of a function's invocation: of one that a disturbance makes wait for its deadline, and of all others.
const (
	shortTime = 4 * time.Second
	longTime  = 30 * time.Second
	// refusedTime is more than a delivery needs to see that a credential is refused for good; see pkg/rotation.
	refusedTime = 9 * time.Second
)

// player plays cells with one binary.
type player struct{ binary, sweeper string }

// scene is the tenancy of one cell.
type scene struct {
	*tenancy.Deployment
	c         *tenancy.Case
	form      form
	d         *director
	h         *judge.History
	leap      *atomic.Int64
	refusal   *ociemu.Injection
	notes     []string
	last      fnhost.Reply      // of the newest invocation
	forbidden atomic.Bool       // the right to read the person's secret is taken away
	others    map[string]string // the secrets that a person named in another closure
	written   bool              // by then the function had written something that its next delivery can see
}

// open sets a scene up.
func (p player) open(ctx context.Context, f form, timeout time.Duration) (*scene, error) {
	leap := &atomic.Int64{}
	leap.Store(int64(-timeLeap))
	o := ociemu.Calm()
	o.Now = func() time.Time { return time.Now().Add(time.Duration(leap.Load())) }
	if f.variant == lagging {
		o.ListLag = time.Minute
	}
	sc := &scene{form: f, leap: leap}
	o.Authorizer = sc.permitted
	s, err := tenancy.New(ctx, tenancy.Options{Emulator: o, Binary: p.binary, Sweeper: p.sweeper, Timeout: timeout,
		Config: []string{"log_level=debug"}})
	if err != nil {
		return nil, err
	}
	c := s.Add(f.want)
	sc.Deployment, sc.c, sc.d, sc.h = s, c, &director{s: s}, judge.Follow(s, c)
	sc.d.late = sc.asOfItsRequest
	s.SetCreatedOffset(0) // announces a first state
	s.ResetCalls()
	return sc, nil
}

// spoil makes the new credential be refused, as if it had had the time to spread.
func (sc *scene) spoil() {
	if sc.form.variant != undo {
		return
	}
	sc.SetCreatedOffset(-31 * time.Minute)
	// After the effect, so that there is an effect for other faults to meet.
	sc.refusal = sc.Inject(ociemu.Fault{Match: isProof, When: ociemu.After, Times: -1, Do: sc.form.refused()})
}

// restore ends what spoil began, and lets somebody wipe what the first delivery wrote beside the values.
func (sc *scene) restore() {
	if sc.form.variant == wiped {
		for _, id := range sc.c.Secrets {
			sc.WipeMetadata(id)
		}
	}
	if sc.refusal != nil {
		sc.refusal.Remove()
		sc.SetCreatedOffset(0)
		sc.refusal = nil
	}
}

// asOfItsRequest gives what a late call makes the age of its request: the process that sent it ended long ago.
func (sc *scene) asOfItsRequest(begins bool) {
	offset := time.Duration(0)
	if begins && sc.leap.Load() > 0 {
		offset = -2*timeLeap - extraLeap
	}
	if sc.refusal == nil {
		sc.SetCreatedOffset(offset)
	}
}

// pass lets time pass.
func (sc *scene) pass() {
	if sc.leap.Swap(int64(timeLeap)) != int64(timeLeap) {
		sc.Forward(extraLeap)
	}
}

func (sc *scene) took() {
	if r := sc.Replies(); len(r) > 0 {
		sc.last = r[len(r)-1]
	}
}

func (sc *scene) note(what string) {
	text := what
	if last := sc.last; last.Status > 0 {
		var a struct{ Outcome, Reason string }
		if json.Unmarshal(last.Body, &a) == nil && a.Outcome != "" {
			text += fmt.Sprintf(" -> %d %s (%s)", last.Status, a.Outcome, a.Reason)
		} else {
			text += fmt.Sprintf(" -> %d %s", last.Status, last.Body)
		}
	}
	sc.notes = append(sc.notes, text)
}

// close closes the problem as a person does.
func (sc *scene) close(ctx context.Context) error {
	sc.d.begin()
	err := sc.Close(ctx, sc.c.Problem, sc.c.Comment(sc.form.comment...))
	sc.d.end()
	sc.took()
	sc.note("closed")
	return err
}

// again delivers the newest event again.
func (sc *scene) again(ctx context.Context) error {
	events := sc.Events()
	if len(events) == 0 {
		return fmt.Errorf("no event was sent")
	}
	sc.d.begin()
	_, err := sc.Invoke(ctx, events[len(events)-1])
	sc.d.end()
	sc.took()
	sc.note("delivered again")
	return err
}

func (sc *scene) reopened() bool { return sc.Problem(sc.c.Problem).Status != "RESOLVED" }

// calls are the calls of an undisturbed rotation.
func (p player) calls(ctx context.Context, f form) ([]site, error) {
	sc, err := p.open(ctx, f, longTime)
	if err != nil {
		return nil, err
	}
	defer sc.End()
	sc.spoil()
	if err := sc.close(ctx); err != nil {
		return nil, err
	}
	if sc.last.Status != 200 || sc.reopened() != (f.variant == undo) {
		return nil, fmt.Errorf("undisturbed, it ends with %d %s", sc.last.Status, sc.last.Body)
	}
	var sites []site
	seen := map[string]int{}
	for _, c := range sc.Calls() {
		if !c.Caller.Operator {
			seen[c.Operation]++
			sites = append(sites, site{c.Operation, seen[c.Operation]})
		}
	}
	return sites, nil
}

// play plays one cell and judges it.
func (p player) play(ctx context.Context, c cell) result {
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
	sc, err := p.open(ctx, c.form, timeout)
	if err != nil {
		r.faults = []string{"the stage can't be set up: " + err.Error()}
		return r
	}
	defer func() {
		if err := sc.End(); err != nil {
			r.faults = append(r.faults, "the stage can't be taken down: "+err.Error())
		}
	}()
	sc.d.perform = func(call int, a *act) { sc.perform(ctx, call, a) }
	sc.spoil() // first: of two answers after the effect, the one that was arranged last is given
	for i := range c.sites {
		sc.d.arrange(i, c.sites[i], c.faults[i])
	}
	if err := sc.run(ctx, c.pace, &r); err != nil {
		r.faults = append(r.faults, "the cell can't be played: "+err.Error())
	}
	sc.judge(&r)
	return r
}

// run plays the deliveries: the first one, the platform's repetitions, and then a person who closes the problem again
// as long as it comes back open.
func (sc *scene) run(ctx context.Context, p pace, r *result) error {
	if err := sc.close(ctx); err != nil {
		return err
	}
	r.finished = sc.finished(r.cell)
	sc.restore()
	sc.SetTimeout(longTime)
	next := sc.again
	switch p {
	case later:
		sc.pass()
	case swept:
		sc.pass()
		next = sc.sweep
	}
	for range 2 {
		if err := next(ctx); err != nil {
			return err
		}
	}
	sc.pass()
	for i := range 4 {
		if i == 2 && !sc.settled() {
			sc.Forward(stagedLife) // what a slow delivery staged only now is waited for
		}
		if sc.reopened() && r.cell.person() != nil {
			break // it may well be: what the person wants is not ours to order
		}
		if !sc.reopened() && sc.settled() && (p != atOnce || r.reclosed > 0) {
			break
		}
		move := next
		if sc.reopened() {
			move = sc.close
			r.reclosed++
		}
		if err := move(ctx); err != nil {
			return err
		}
		if !sc.reopened() && sc.settled() {
			break
		}
	}
	sweeps := 1
	if r.cell.person() != nil {
		sweeps = 2
	}
	for range sweeps {
		if p == swept {
			sc.Forward(stagedLife) // sweeps are an hour apart: what one of them left young, the next finds old
		}
		if err := sc.sweep(ctx); err != nil {
			return err
		}
	}
	r.deliveries = len(sc.Replies())
	return nil
}

// sweep lets the sweep run once.
func (sc *scene) sweep(ctx context.Context) error {
	sc.d.begin()
	reply, err := sc.Sweep(ctx)
	sc.d.end()
	sc.last = reply
	sc.note("swept")
	return err
}

// settled: the last invocation had nothing left to do, or finished.
func (sc *scene) settled() bool { return sc.last.Status == 200 }
