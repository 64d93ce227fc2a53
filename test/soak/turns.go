package main

import (
	"cmp"
	"context"
	"net/http"
	"sync"

	"github.com/keyturn/keyturn/test/ociemu"
	"github.com/keyturn/keyturn/test/tenancy"
)

// turn is one rotation to come, as it was drawn.
type turn struct {
	person *person
	copies int  // how often the event is delivered at once
	graced bool // the closure asks for a grace
	sweep  bool // a sweep runs beside it
	edit   *edit
	at     int // the call of the functions, counted from 1, at which that is done
}

// draw draws the turns of an epoch before it begins: everybody has one at most, so that whose turn it is follows from
// the seed alone, not from who is ready first.
func (r *run) draw() []turn {
	var turns []turn
	for _, p := range r.people {
		if !p.violated && !p.left {
			plain := p.Kind != tenancy.Password && len(p.Bystander) == 0
			t := turn{person: p, copies: 1 + max(0, r.random.IntN(6)-3), graced: r.random.IntN(4) == 0 &&
				plain, sweep: r.random.IntN(40) == 0}
			t.edit, t.at = r.editFor(p)
			turns = append(turns, t)
		}
	}
	r.random.Shuffle(len(turns), func(i, j int) { turns[i], turns[j] = turns[j], turns[i] })
	return turns[:min(len(turns), r.settings.epoch, r.settings.rotations-r.rotations)]
}

// play plays the turns, some side by side, until time is over.
func (r *run) play(ctx context.Context, turns []turn) error {
	next := make(chan turn)
	var group sync.WaitGroup
	var mu sync.Mutex
	var failed error
	for range r.side {
		group.Go(func() {
			for t := range next {
				if err := r.turn(ctx, t); err != nil {
					mu.Lock()
					failed = cmp.Or(failed, err)
					mu.Unlock()
				}
			}
		})
	}
	for _, t := range turns {
		if ctx.Err() != nil || r.timeIsUp() {
			break
		}
		next <- t
		r.progress()
	}
	close(next)
	group.Wait()
	return cmp.Or(failed, ctx.Err())
}

// turn closes the person's problem, delivers the event one to three times at once, and once more what failed; now and
// then a sweep runs beside it. What is finished then is judged; the rest waits for peace.
func (r *run) turn(ctx context.Context, t turn) error {
	p := t.person
	p.graced = t.graced
	if err := r.begin(ctx, p); err != nil {
		return err
	}
	end := func(context.Context) error { return nil }
	if t.edit != nil {
		end = r.editing(ctx, p, t.edit, t.at)
	}
	var group sync.WaitGroup
	if t.sweep {
		group.Go(func() { _, _ = r.Sweep(ctx) }) // a failed one is followed by the sweep of the peace
	}
	for range t.copies {
		group.Go(func() { r.deliver(ctx, p) })
	}
	group.Wait()
	if err := end(ctx); err != nil {
		return err
	}
	if r.Problem(p.Problem).Status == "RESOLVED" && p.judge(r.told(p)) == "" {
		return r.done(ctx, p)
	}
	return nil
}

// begin makes the person's credential too old, and somebody close the problem.
func (r *run) begin(ctx context.Context, p *person) error {
	resource := p.OldID
	switch p.Kind {
	case tenancy.APIKey:
		resource = r.Tenancy() + "/" + p.User + "/" + p.OldID
	case tenancy.Password:
		resource = ""
		if err := r.otherSecond(ctx, p); err != nil {
			return err
		}
		p.mails = len(r.Mails())
	}
	if p.turns > 0 {
		p.Problem = r.AddProblem(ociemu.ProblemSeed{Rule: p.Kind.Rule(), User: p.User, ResourceID: resource})
	}
	p.begin()
	r.trouble.own(p.UserName, p.Problem)
	r.mu.Lock()
	r.rotations++
	r.active = append(r.active, p)
	r.byProblem[p.Problem] = p
	plant := r.plant && p.Kind != tenancy.Password && len(p.Bystander) == 0
	r.plant = r.plant && !plant
	r.mu.Unlock()
	if plant {
		p.blamed = true
		// As a rotation must not do before the new one is CURRENT.
		if err := p.Delete(ctx, p.OldID); err != nil {
			return err
		}
	}
	r.closing.Lock() // Deliver delivers what others have closed as well, and returns before that has arrived
	defer r.closing.Unlock()
	r.CloseProblem(p.Problem, p.comment(), r.Operator.Name)
	r.Deliver()
	return nil
}

// deliver delivers the person's event once, and again if that failed.
func (r *run) deliver(ctx context.Context, p *person) {
	for range 2 {
		reply, err := r.Host.Invoke(ctx, p.event)
		p.heard(reply)
		if err != nil || reply.Status == http.StatusOK {
			return
		}
	}
}

// done takes a person off the active ones, and dismisses the problem so that later sweeps pass it by.
func (r *run) done(ctx context.Context, p *person) error {
	if p.Kind != tenancy.Password { // its next turn begins with another
		p.settle()
	}
	r.mu.Lock()
	delete(r.byProblem, p.Problem)
	for i, other := range r.active {
		if other == p {
			r.active = append(r.active[:i], r.active[i+1:]...)
			break
		}
	}
	r.mu.Unlock()
	if err := r.Dismiss(ctx, p.Problem); err != nil {
		return err
	}
	return p.next()
}
