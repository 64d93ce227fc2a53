package main

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/keyturn/keyturn/test/ociemu"
	"github.com/keyturn/keyturn/test/tenancy"
)

// edit is what somebody does to a person's secret or credential in the middle of a rotation.
type edit struct {
	name string
	do   func(context.Context, *run, *person) error
	// back takes it back before the peace; nil: nobody does.
	back     func(context.Context, *run, *person) error
	password bool // it is also done to passwords
}

// edits are all of them.
var edits = []edit{
	{name: "binds the secret to somebody else", password: true,
		do: func(ctx context.Context, r *run, p *person) error { return r.bind(ctx, p, r.Operator.UserID) },
		back: func(ctx context.Context, r *run, p *person) error {
			return r.bind(ctx, p, p.User)
		}},
	{name: "writes a version of their own", password: true, back: restore, do: func(ctx context.Context, r *run,
		p *person) error {
		for _, id := range p.Secrets {
			if err := r.PutSecret(ctx, id, []byte("written by a person")); err != nil {
				return err
			}
		}
		return nil
	}},
	{name: "rolls back", back: restore, do: func(ctx context.Context, r *run, p *person) error {
		for _, id := range p.Secrets {
			for _, v := range r.Secret(id).Versions {
				if !slices.Contains(v.Stages, "PREVIOUS") {
					continue
				}
				if err := r.Promote(ctx, id, v.Number); err != nil {
					return err
				}
				break
			}
		}
		return nil
	}},
	{name: "empties the metadata", password: true, do: func(_ context.Context, r *run, p *person) error {
		for _, id := range p.Secrets {
			r.WipeMetadata(id)
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		p.wiped = true
		return nil
	}},
	{name: "deletes the new credential", do: func(ctx context.Context, r *run, p *person) error {
		ids := p.IDs()
		for _, id := range ids {
			if id != p.OldID && !slices.Contains(p.Bystander, id) && slices.Contains(ids, p.OldID) {
				_ = p.Delete(ctx, id) // a function may have been faster
				return nil
			}
		}
		return nil
	}},
	{name: "deletes the old credential", do: func(ctx context.Context, r *run, p *person) error {
		if ids := p.IDs(); len(ids) == 1+len(p.Bystander) || !slices.Contains(ids, p.OldID) {
			return nil
		}
		p.mu.Lock()
		p.cut = true
		p.mu.Unlock()
		_ = p.Delete(ctx, p.OldID) // likewise
		return nil
	}},
}

// bind binds all secrets of the person to a user.
func (r *run) bind(ctx context.Context, p *person, user string) error {
	for _, id := range p.Secrets {
		if err := r.Tag(ctx, id, map[string]string{"keyturn-user": user}); err != nil {
			return err
		}
	}
	return nil
}

// current are the numbers of the CURRENT versions, by secret.
func (p *person) current(r *run) map[string]int64 {
	numbers := map[string]int64{}
	for _, id := range p.Secrets {
		numbers[id] = r.Secret(id).CurrentVersion
	}
	return numbers
}

// restore makes the versions CURRENT again that were so before the edit, where its own still are.
func restore(ctx context.Context, r *run, p *person) error {
	for id, number := range p.before {
		if now := r.Secret(id).CurrentVersion; now == number || now != p.after[id] {
			continue
		}
		if err := r.Promote(ctx, id, number); err != nil {
			return err
		}
	}
	return nil
}

// editing lets somebody edit while the n-th call of the functions for the person waits, and returns what waits for the
// end of that, and takes the edit back. An edit that comes too late is not done.
func (r *run) editing(ctx context.Context, p *person, e *edit, n int) (end func(context.Context) error) {
	released := make(chan struct{})
	var mu sync.Mutex
	var failed error
	begun := false
	injected := r.Inject(ociemu.Fault{Do: ociemu.Hold(released), Match: func(c ociemu.Call) bool {
		if c.Caller.Kind != "function" || !p.mine(c) {
			return false
		}
		if n--; n != 0 {
			return false
		}
		mu.Lock()
		begun = true
		mu.Unlock()
		go func() {
			defer close(released)
			p.history().Sent(c.Seq)
			mu.Lock()
			defer mu.Unlock()
			p.before = p.current(r)
			failed = e.do(ctx, r, p)
			p.after = p.current(r)
		}()
		return true
	}})
	return func(ctx context.Context) error {
		injected.Remove()
		mu.Lock()
		started := begun
		mu.Unlock()
		if !started {
			return nil
		}
		<-released
		r.mu.Lock()
		r.edited++
		r.mu.Unlock()
		if failed != nil {
			return fmt.Errorf("%s %s: %w", e.name, p.UserName, failed)
		}
		if e.back == nil {
			return nil
		}
		if err := e.back(ctx, r, p); err != nil {
			return fmt.Errorf("somebody who %s takes it back: %w", e.name, err)
		}
		return nil
	}
}

// editFor draws an edit for a turn of the person, and at which call; nil for none.
func (r *run) editFor(p *person) (*edit, int) {
	odds, which, at := r.random.Float64(), r.random.IntN(len(edits)), 3+r.random.IntN(12)
	e := &edits[which]
	if odds >= r.edits || len(p.Secrets) == 0 || p.Kind == tenancy.Password && !e.password {
		return nil, 0
	}
	return e, at
}
