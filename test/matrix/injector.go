package main

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/keyturn/keyturn/test/ociemu"
	"github.com/keyturn/keyturn/test/tenancy"
)

// injector injects the faults of one cell. The emulator calls its matchers one at a time, under a lock.
type injector struct {
	s *tenancy.Deployment

	mu           sync.Mutex
	onLateEffect func(requested time.Time, begins bool) // called before and after a held call takes effect
	delivery     int                                    // the number of the current delivery, from 1
	hits         []int                                  // by fault: the number of the call that it hit; 0: none yet
	held         []*heldCall
	delayed      []int // the numbers of the calls whose effect was held
	tooLate      int   // held calls that took effect after the next delivery, which made too few writes
	noEffect     int   // held calls that never took effect
	act          func(call int, a *action)
	actionErr    error // why the operator's action failed
	nothingToDo  bool  // the operator's action was not possible at that moment
}

// heldCall is a call whose effect or answer is delayed.
type heldCall struct {
	once         sync.Once
	seq          int
	at           time.Time // of the request
	release      chan struct{}
	effectAt     moment
	beforeEffect bool // it takes effect only when it is released
	delivery     int  // the delivery that made the call
}

func (h *heldCall) released() bool {
	select {
	case <-h.release:
		return true
	default:
		return false
	}
}

// inject injects a fault at a site. A second site counts calls from the one after the first fault's call.
func (inj *injector) inject(index int, at site, f fault) {
	inj.hits = append(inj.hits, 0)
	count, until := 0, 0
	release := make(chan struct{})
	match := func(c ociemu.Call) bool {
		inj.mu.Lock()
		defer inj.mu.Unlock()
		if !at.matches(c.Operation) || c.Caller.Operator {
			return false
		}
		if inj.hits[index] > 0 {
			return f.repeats && inj.delivery == until
		}
		if index > 0 && (inj.hits[index-1] == 0 || c.Seq <= inj.hits[index-1]) {
			return false
		}
		count++
		if count != at.number() {
			return false
		}
		inj.hits[index], until = c.Seq, inj.delivery
		if f.late && f.when == ociemu.Before {
			inj.delayed = append(inj.delayed, c.Seq)
		}
		if f.late {
			inj.held = append(inj.held, &heldCall{seq: c.Seq, at: c.At, release: release, effectAt: f.lateAt,
				beforeEffect: f.when == ociemu.Before,
				delivery:     inj.delivery})
		}
		if f.action != nil {
			go func() {
				inj.act(c.Seq, f.action)
				close(release)
			}()
		} else if f.kill && !f.late {
			go func() {
				inj.s.Kill()
				close(release)
			}()
		} else if f.kill {
			go inj.s.Kill()
		}
		return true
	}
	same := func(c ociemu.Call) bool {
		inj.mu.Lock()
		defer inj.mu.Unlock()
		return c.Seq == inj.hits[index]
	}
	if f.status != 0 {
		times := 1
		if f.repeats {
			times = -1
		}
		inj.s.Inject(ociemu.Fault{Match: match, When: f.when, Do: ociemu.Answer(f.status, f.code), Times: times})
		return
	}
	if !f.kill && !f.late && f.action == nil {
		inj.s.Inject(ociemu.Fault{Match: match, When: f.when, Do: ociemu.Cut})
		return
	}
	inj.s.Inject(ociemu.Fault{Match: match, When: f.when, Do: ociemu.Hold(release)})
	if f.cut {
		inj.s.Inject(ociemu.Fault{Match: same, When: f.when, Do: ociemu.Cut})
	}
}

// beginDelivery starts a delivery, and arranges for the held calls that take effect during it.
func (inj *injector) beginDelivery() {
	inj.mu.Lock()
	inj.delivery++
	held := slices.Clone(inj.held)
	inj.mu.Unlock()
	for _, h := range held {
		if h.effectAt.write == 0 {
			continue
		}
		count, reached := 0, make(chan struct{})
		inj.s.Inject(ociemu.Fault{When: h.effectAt.when, Do: ociemu.Hold(reached), Match: func(c ociemu.Call) bool {
			if c.Caller.Kind != "function" || !writes[c.Operation] || c.Seq == h.seq {
				return false
			}
			count++
			if count != h.effectAt.write {
				return false
			}
			go func() {
				defer close(reached)
				if h.effectAt.when == ociemu.After {
					inj.awaitEffect(c.Seq)
				}
				inj.release(h)
			}()
			return true
		}})
	}
}

// endDelivery releases the calls that are still held, except those of this delivery that take effect in the next one.
func (inj *injector) endDelivery() {
	inj.mu.Lock()
	var due, later []*heldCall
	for _, h := range inj.held {
		if h.effectAt.write > 0 && h.delivery == inj.delivery {
			later = append(later, h)
			continue
		}
		due = append(due, h)
		if h.effectAt.write > 0 && !h.released() {
			inj.tooLate++
		}
	}
	inj.held = later
	inj.mu.Unlock()
	for _, h := range due {
		inj.release(h)
	}
}

// release releases a held call and waits for its effect. Further calls do nothing.
func (inj *injector) release(h *heldCall) {
	h.once.Do(func() {
		inj.onLateEffect(h.at, true)
		defer inj.onLateEffect(h.at, false)
		close(h.release)
		if h.beforeEffect && !inj.awaitEffect(h.seq) {
			inj.mu.Lock()
			inj.noEffect++
			inj.mu.Unlock()
		}
	})
}

// awaitEffect waits until a call has taken effect. It reports false if that takes more than 20 seconds.
func (inj *injector) awaitEffect(seq int) bool {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for limit := time.Now().Add(20 * time.Second); time.Now().Before(limit); <-tick.C {
		for _, c := range inj.s.Calls() {
			if c.Seq == seq && (c.Effect != 0 || c.Status != 0) {
				return true
			}
		}
	}
	return false
}

// inconclusive reports whether a fault did not happen as planned: it hit no call, a late call met no write, or the
// operator's action was not possible.
func (inj *injector) inconclusive() bool {
	return inj.missed() > 0 || inj.tooLate > 0 || inj.nothingToDo
}

// mismatch compares the only fault of a cell with the emulator's log of the call that it hit. It returns "" if they
// agree.
func (inj *injector) mismatch(f fault) string {
	inj.mu.Lock()
	seq := inj.hits[0]
	inj.mu.Unlock()
	for _, c := range inj.s.Calls() {
		switch {
		case c.Seq != seq || f.late || f.action != nil:
		case f.status != 0 && c.Status != f.status, f.status == 0 && c.Status != 0,
			!f.kill && f.when == ociemu.Before && c.Effect != 0, f.when == ociemu.After && c.Effect == 0,
			f.when == ociemu.After && c.Effect >= 300 && writes[c.Operation]:
			return fmt.Sprintf("%s has the status %d and the effect %d", c.Operation, c.Status, c.Effect)
		}
	}
	return ""
}

// missed returns how many faults have hit no call.
func (inj *injector) missed() int {
	inj.mu.Lock()
	defer inj.mu.Unlock()
	n := 0
	for _, seq := range inj.hits {
		if seq == 0 {
			n++
		}
	}
	return n
}
