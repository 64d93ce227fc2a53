package main

import (
	"cmp"
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/keyturn/keyturn/test/ociemu"
)

// rotation is one planned rotation.
type rotation struct {
	user      *user
	copies    int  // how often the event is delivered at the same time
	withGrace bool // the closure comment has a grace
	sweep     bool // a sweep runs in parallel
	edit      *edit
	call      int // the functions' call, from 1, during which the edit happens
}

// plan draws the rotations of an epoch. Each user has at most one, so that the seed alone decides the users.
func (r *run) plan() []rotation {
	var rotations []rotation
	for _, u := range r.users {
		if !u.violated && !u.deletedAll {
			plain := !u.Kind.Resets() && len(u.Bystander) == 0
			t := rotation{user: u, copies: 1 + max(0, r.random.IntN(6)-3), withGrace: r.random.IntN(4) == 0 &&
				plain, sweep: r.random.IntN(40) == 0}
			t.edit, t.call = r.drawEdit(u)
			rotations = append(rotations, t)
		}
	}
	r.random.Shuffle(len(rotations), func(i, j int) { rotations[i], rotations[j] = rotations[j], rotations[i] })
	return rotations[:min(len(rotations), r.settings.epoch, r.settings.rotations-r.rotations)]
}

// rotateAll runs the rotations, some in parallel, until the time limit.
func (r *run) rotateAll(ctx context.Context, rotations []rotation) error {
	next := make(chan rotation)
	var group sync.WaitGroup
	var mu sync.Mutex
	var failed error
	for range r.parallel {
		group.Go(func() {
			for t := range next {
				if err := r.rotate(ctx, t); err != nil {
					mu.Lock()
					failed = cmp.Or(failed, err)
					mu.Unlock()
				}
			}
		})
	}
	for _, t := range rotations {
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

// rotate closes the user's problem and delivers the event, perhaps several times in parallel and with a sweep. A failed
// delivery is repeated once. A rotation that doesn't finish here waits for the recovery phase.
func (r *run) rotate(ctx context.Context, t rotation) error {
	u := t.user
	u.withGrace = t.withGrace
	if err := r.begin(ctx, u); err != nil {
		return err
	}
	end := func(context.Context) error { return nil }
	if t.edit != nil {
		end = r.injectEdit(ctx, u, t.edit, t.call)
	}
	var group sync.WaitGroup
	if t.sweep {
		group.Go(func() { _, _ = r.Sweep(ctx) }) // if it fails, the recovery phase sweeps again
	}
	for range t.copies {
		group.Go(func() { r.deliver(ctx, u) })
	}
	group.Wait()
	if err := end(ctx); err != nil {
		return err
	}
	if r.Problem(u.Problem).Status == "RESOLVED" && u.check(r.lossReported(u)) == "" {
		return r.finish(ctx, u)
	}
	return nil
}

// begin adds a problem for the user's credential and closes it.
func (r *run) begin(ctx context.Context, u *user) error {
	if u.Kind.Resets() {
		if err := r.awaitUnusedSecond(ctx, u); err != nil {
			return err
		}
		u.mails = len(r.Mails())
	}
	if u.rotations > 0 {
		u.Problem = r.AddProblem(ociemu.ProblemSeed{Rule: u.Kind.Rule(), User: u.User, ResourceID: u.Resource(u.OldID)})
	}
	u.begin()
	r.injector.setOwner(u.UserName, u.Problem)
	r.mu.Lock()
	r.rotations++
	r.active = append(r.active, u)
	r.byProblem[u.Problem] = u
	plant := r.breakFirst && !u.Kind.Resets() && len(u.Bystander) == 0
	r.breakFirst = r.breakFirst && !plant
	r.mu.Unlock()
	if plant {
		u.blameFunction = true
		// A rotation must not do this before the new one is CURRENT.
		if err := u.Delete(ctx, u.OldID); err != nil {
			return err
		}
	}
	r.closing.Lock() // Deliver also delivers other users' events, and may return before they have arrived
	defer r.closing.Unlock()
	r.CloseProblem(u.Problem, u.comment(), r.Operator.Name)
	r.Deliver()
	return nil
}

// awaitUnusedSecond waits for a second in which the user's problem was never closed. A password has no id, so the
// second of its closure identifies its rotation.
func (r *run) awaitUnusedSecond(ctx context.Context, u *user) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for u.closureSeconds[r.clock.Now().Unix()] {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	u.closureSeconds[r.clock.Now().Unix()] = true
	return nil
}

// deliver delivers the user's event, and repeats it once if that failed.
func (r *run) deliver(ctx context.Context, u *user) {
	for range 2 {
		reply, err := r.Host.Invoke(ctx, u.event)
		u.addAnswer(reply)
		if err != nil || reply.Status == http.StatusOK {
			return
		}
	}
}

// finish ends the user's rotation, and dismisses the problem so that later sweeps ignore it.
func (r *run) finish(ctx context.Context, u *user) error {
	if !u.Kind.Resets() { // its next rotation begins with another one
		u.remember()
	}
	r.mu.Lock()
	delete(r.byProblem, u.Problem)
	for i, other := range r.active {
		if other == u {
			r.active = append(r.active[:i], r.active[i+1:]...)
			break
		}
	}
	r.mu.Unlock()
	if err := r.Dismiss(ctx, u.Problem); err != nil {
		return err
	}
	return u.next()
}
