package main

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/keyturn/keyturn/test/ociemu"
)

// edit is what an operator does to a user's secret or credential during a rotation.
type edit struct {
	name string
	do   func(context.Context, *run, *user) error
	// undo reverts the edit before the recovery phase; nil: it stays.
	undo     func(context.Context, *run, *user) error
	password bool // it also applies to passwords
}

// edits lists all of them.
var edits = []edit{
	{name: "binds the secret to another user", password: true,
		do: func(ctx context.Context, r *run, u *user) error { return r.bind(ctx, u, r.Operator.UserID) },
		undo: func(ctx context.Context, r *run, u *user) error {
			return r.bind(ctx, u, u.User)
		}},
	{name: "writes another version", password: true, undo: restore, do: func(ctx context.Context, r *run,
		u *user) error {
		for _, id := range u.Secrets {
			if err := r.PutSecret(ctx, id, []byte("written by an operator")); err != nil {
				return err
			}
		}
		return nil
	}},
	{name: "rolls back", undo: restore, do: func(ctx context.Context, r *run, u *user) error {
		for _, id := range u.Secrets {
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
	{name: "empties the metadata", password: true, do: func(_ context.Context, r *run, u *user) error {
		for _, id := range u.Secrets {
			r.WipeMetadata(id)
		}
		u.mu.Lock()
		defer u.mu.Unlock()
		u.wiped = true
		return nil
	}},
	{name: "deletes the new credential", do: func(ctx context.Context, r *run, u *user) error {
		ids := u.IDs()
		for _, id := range ids {
			if id != u.OldID && !slices.Contains(u.Bystander, id) && slices.Contains(ids, u.OldID) {
				_ = u.Delete(ctx, id) // a function may have been faster
				return nil
			}
		}
		return nil
	}},
	{name: "deletes the old credential", do: func(ctx context.Context, r *run, u *user) error {
		if ids := u.IDs(); len(ids) == 1+len(u.Bystander) || !slices.Contains(ids, u.OldID) {
			return nil
		}
		u.mu.Lock()
		u.oldDeleted = true
		u.mu.Unlock()
		_ = u.Delete(ctx, u.OldID) // as above
		return nil
	}},
}

// bind binds all secrets of u to a user.
func (r *run) bind(ctx context.Context, u *user, user string) error {
	for _, id := range u.Secrets {
		if err := r.Tag(ctx, id, map[string]string{"keyturn-user": user}); err != nil {
			return err
		}
	}
	return nil
}

// current returns the numbers of the CURRENT versions, by secret.
func (u *user) current(r *run) map[string]int64 {
	numbers := map[string]int64{}
	for _, id := range u.Secrets {
		numbers[id] = r.Secret(id).CurrentVersion
	}
	return numbers
}

// restore makes the versions from before the edit CURRENT again, in each secret where the edit's version still is.
func restore(ctx context.Context, r *run, u *user) error {
	for id, number := range u.beforeEdit {
		if now := r.Secret(id).CurrentVersion; now == number || now != u.afterEdit[id] {
			continue
		}
		if err := r.Promote(ctx, id, number); err != nil {
			return err
		}
	}
	return nil
}

// injectEdit makes an edit while the n-th call of the functions for the user waits. The returned function waits for the
// edit and reverts it. If there is no n-th call, the edit doesn't happen.
func (r *run) injectEdit(ctx context.Context, u *user, e *edit, n int) (end func(context.Context) error) {
	released := make(chan struct{})
	var mu sync.Mutex
	var failed error
	begun := false
	injected := r.Inject(ociemu.Fault{Do: ociemu.Hold(released), Match: func(c ociemu.Call) bool {
		if c.Caller.Kind != "function" || !u.concerns(c) {
			return false
		}
		n--
		if n != 0 {
			return false
		}
		mu.Lock()
		begun = true
		mu.Unlock()
		go func() {
			defer close(released)
			u.history().InFlight(c.Seq)
			mu.Lock()
			defer mu.Unlock()
			u.beforeEdit = u.current(r)
			failed = e.do(ctx, r, u)
			u.afterEdit = u.current(r)
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
			return fmt.Errorf("%s %s: %w", e.name, u.UserName, failed)
		}
		if e.undo == nil {
			return nil
		}
		if err := e.undo(ctx, r, u); err != nil {
			return fmt.Errorf("undoing the edit %q: %w", e.name, err)
		}
		return nil
	}
}

// drawEdit draws an edit for a rotation of the user, and the call for it; nil for none.
func (r *run) drawEdit(u *user) (*edit, int) {
	odds, which, at := r.random.Float64(), r.random.IntN(len(edits)), 3+r.random.IntN(12)
	e := &edits[which]
	if odds >= r.edits || len(u.Secrets) == 0 || u.Kind.Resets() && !e.password {
		return nil, 0
	}
	return e, at
}
