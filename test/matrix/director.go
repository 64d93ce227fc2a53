package main

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/keyturn/keyturn/test/ociemu"
	"github.com/keyturn/keyturn/test/tenancy"
)

// director arranges the disturbances of one cell. Its matchers run under the emulator's lock of faults, one at a time.
type director struct {
	s *tenancy.Deployment

	mu       sync.Mutex
	late     func(bool) // told before and after a held call takes effect
	delivery int        // the number of the delivery under way
	hits     []int      // sequence number of the call that each disturbance has hit; 0: none yet
	held     []*hold
	tardy    int // held calls that met no write of the next delivery, and took effect after it
	stuck    int // held calls whose effect didn't come
	perform  func(call int, a *act)
	unable   error // why a person could not act
	idle     bool  // there was nothing that the person could have done at that moment
}

// hold is a call whose effect or answer waits.
type hold struct {
	once    sync.Once
	seq     int
	release chan struct{}
	at      moment
	effect  bool // it has no effect before it is released
	in      int  // the delivery that made it
}

func (h *hold) released() bool {
	select {
	case <-h.release:
		return true
	default:
		return false
	}
}

// arrange injects a disturbance at a site. The n of a second site counts from the call after the hit of the first.
func (d *director) arrange(index int, at site, w disturbance) {
	d.hits = append(d.hits, 0)
	count, until := 0, 0
	release := make(chan struct{})
	match := func(c ociemu.Call) bool {
		d.mu.Lock()
		defer d.mu.Unlock()
		if !at.is(c.Operation) || c.Caller.Operator {
			return false
		}
		if d.hits[index] > 0 {
			return w.stays && d.delivery == until
		}
		if index > 0 && (d.hits[index-1] == 0 || c.Seq <= d.hits[index-1]) {
			return false
		}
		if count++; count != at.nth() {
			return false
		}
		d.hits[index], until = c.Seq, d.delivery
		if w.late {
			d.held = append(d.held, &hold{seq: c.Seq, release: release, at: w.lateAt, effect: w.when == ociemu.Before,
				in: d.delivery})
		}
		if w.act != nil {
			go func() {
				d.perform(c.Seq, w.act)
				close(release)
			}()
		} else if w.kill && !w.late {
			go func() {
				d.s.Host.Kill()
				close(release)
			}()
		} else if w.kill {
			go d.s.Host.Kill()
		}
		return true
	}
	same := func(c ociemu.Call) bool {
		d.mu.Lock()
		defer d.mu.Unlock()
		return c.Seq == d.hits[index]
	}
	if w.status != 0 {
		times := 1
		if w.stays {
			times = -1
		}
		d.s.Inject(ociemu.Fault{Match: match, When: w.when, Do: ociemu.Answer(w.status, w.code), Times: times})
		return
	}
	if !w.kill && !w.late && w.act == nil {
		d.s.Inject(ociemu.Fault{Match: match, When: w.when, Do: ociemu.Cut})
		return
	}
	d.s.Inject(ociemu.Fault{Match: match, When: w.when, Do: ociemu.Hold(release)})
	if w.cut {
		d.s.Inject(ociemu.Fault{Match: same, When: w.when, Do: ociemu.Cut})
	}
}

// begin says that a delivery begins, and arranges for the calls that are to take effect during it.
func (d *director) begin() {
	d.mu.Lock()
	d.delivery++
	held := slices.Clone(d.held)
	d.mu.Unlock()
	for _, h := range held {
		if h.at.write == 0 {
			continue
		}
		count, reached := 0, make(chan struct{})
		d.s.Inject(ociemu.Fault{When: h.at.when, Do: ociemu.Hold(reached), Match: func(c ociemu.Call) bool {
			if c.Caller.Kind != "function" || !writes[c.Operation] || c.Seq == h.seq {
				return false
			}
			if count++; count != h.at.write {
				return false
			}
			go func() {
				defer close(reached)
				if h.at.when == ociemu.After {
					d.await(c.Seq)
				}
				d.let(h)
			}()
			return true
		}})
	}
}

// end lets all calls that are still held take effect.
func (d *director) end() {
	d.mu.Lock()
	var due, later []*hold
	for _, h := range d.held {
		if h.at.write > 0 && h.in == d.delivery {
			later = append(later, h)
			continue
		}
		due = append(due, h)
		if h.at.write > 0 && !h.released() {
			d.tardy++
		}
	}
	d.held = later
	d.mu.Unlock()
	for _, h := range due {
		d.let(h)
	}
}

// let releases a held call and waits for its effect, once.
func (d *director) let(h *hold) {
	h.once.Do(func() {
		d.late(true)
		defer d.late(false)
		close(h.release)
		if h.effect && !d.await(h.seq) {
			d.mu.Lock()
			d.stuck++
			d.mu.Unlock()
		}
	})
}

// await waits until a call has taken effect. It is false if that doesn't happen.
func (d *director) await(seq int) bool {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for limit := time.Now().Add(20 * time.Second); time.Now().Before(limit); <-tick.C {
		for _, c := range d.s.Calls() {
			if c.Seq == seq && (c.Effect != 0 || c.Status != 0) {
				return true
			}
		}
	}
	return false
}

// void says whether a disturbance has not happened as its name says: it met no call, or no write to come in between of,
// or a person found nothing to do.
func (d *director) void() bool { return d.missed() > 0 || d.tardy > 0 || d.idle }

// disagree compares what the emulator's log says of the call that a single disturbance has hit with its name.
func (d *director) disagree(w disturbance) string {
	d.mu.Lock()
	seq := d.hits[0]
	d.mu.Unlock()
	for _, c := range d.s.Calls() {
		switch {
		case c.Seq != seq || w.late || w.act != nil:
		case w.status != 0 && c.Status != w.status, w.status == 0 && c.Status != 0,
			!w.kill && w.when == ociemu.Before && c.Effect != 0, w.when == ociemu.After && c.Effect == 0,
			w.when == ociemu.After && c.Effect >= 300 && writes[c.Operation]:
			return fmt.Sprintf("%s has the status %d and the effect %d", c.Operation, c.Status, c.Effect)
		}
	}
	return ""
}

// missed says how many disturbances have hit no call.
func (d *director) missed() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := 0
	for _, seq := range d.hits {
		if seq == 0 {
			n++
		}
	}
	return n
}
