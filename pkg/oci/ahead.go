package oci

import (
	"context"
	"sync"
	"time"

	"github.com/keyturn/keyturn/pkg/background"
	"github.com/keyturn/keyturn/pkg/credential"
)

// aheadTime is how old an answer may be that was asked for ahead: about as old as one that a slow network has brought.
const aheadTime = 2 * time.Second

// ahead are the reads that were begun before it was known whether they are needed. It belongs to one invocation.
type ahead struct {
	mu    sync.Mutex
	reads map[aheadKey]*aheadRead
}

type aheadKey struct{ operation, id string }

type aheadRead struct {
	begun  time.Time
	answer *background.Task[any]
}

type aheadContext struct{}

// Ahead begins the reads with which every rotation begins, and returns a context for the rotation that may follow. The
// first call within aheadTime that asks for one of them gets its answer; a read that failed is as if it had never been
// made. So nobody waits for them while Cloud Guard is asked whether there is anything to rotate, and nothing is decided
// on them that a read at that time would not have shown.
func (c *Cloud) Ahead(ctx context.Context, ref credential.Ref, secrets []string) context.Context {
	a := &ahead{reads: map[aheadKey]*aheadRead{}}
	issuer, vault := c.Issuer(ref.Kind), c.Vault()
	a.begin(aheadKey{issuer.ops.list, ref.User}, func() (any, error) { return issuer.List(ctx, ref.User) })
	a.begin(aheadKey{"GetUser", ref.User}, func() (any, error) { return c.UserName(ctx, ref.User) })
	for _, id := range secrets {
		if !c.knows(regionOf(id)) { // a client is kept for each region, and the id may be anybody's word
			continue
		}
		a.begin(aheadKey{"GetSecret", id}, func() (any, error) { return vault.Secret(ctx, id) })
	}
	return context.WithValue(ctx, aheadContext{}, a)
}

func (a *ahead) begin(key aheadKey, read func() (any, error)) {
	a.reads[key] = &aheadRead{time.Now(), background.Start(read)}
}

// early is the answer of a read that was begun ahead, if there is one that will do.
func early[T any](ctx context.Context, operation, id string) (T, bool) {
	var none T
	a, ok := ctx.Value(aheadContext{}).(*ahead)
	if !ok {
		return none, false
	}
	key := aheadKey{operation, id}
	a.mu.Lock()
	r := a.reads[key]
	delete(a.reads, key)
	a.mu.Unlock()
	if r == nil || time.Since(r.begun) > aheadTime {
		return none, false
	}
	answer, err := r.answer.Wait(ctx)
	if err != nil { // also where the read panicked: the caller's own will, too
		return none, false
	}
	return answer.(T), true
}
