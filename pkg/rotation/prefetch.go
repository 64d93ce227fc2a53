package rotation

import (
	"context"
	"sync"
	"time"

	"github.com/keyturn/keyturn/pkg/background"
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/vault"
)

// PrefetchLife is how old a prefetched answer may be when it is used: about as old as one that a slow network has
// brought.
const PrefetchLife = 2 * time.Second

// Prefetch is what a rotation begins with, asked for before it is known whether there is anything to rotate: the user's
// credentials, the secrets, and a key pair where Keyturn generates the value. It changes nothing in OCI, and its
// answers are reported nowhere. The first look of a run whose job names the same user and secrets takes each answer
// once, instead of a read of its own. An answer that failed, or is older than PrefetchLife, is not used.
type Prefetch struct {
	owner string // OwnerOf the reference
	begun time.Time
	key   *keyPair

	mu      sync.Mutex
	listing *background.Task[credential.Listing]
	secrets map[string]*background.Task[vault.Secret]
}

// Prefetch begins to read. Secrets in regions that Known rejects are left out: the ids come from an unverified
// event.
func (e *Engine) Prefetch(ctx context.Context, ref credential.Ref, secrets []string) *Prefetch {
	p := &Prefetch{owner: OwnerOf(ref), begun: e.Clock.Now(), secrets: map[string]*background.Task[vault.Secret]{}}
	if ref.Kind.Origin() == credential.Local {
		p.key = newKeyPair(e.bits())
		p.key.start()
	}
	if issuer := e.Issuers[ref.Kind]; issuer != nil {
		p.listing = background.Start(func() (credential.Listing, error) { return issuer.List(ctx, ref.User) })
	}
	for _, id := range secrets {
		if p.secrets[id] == nil && (e.Known == nil || e.Known(id)) {
			p.secrets[id] = background.Start(func() (vault.Secret, error) { return e.Vault.Secret(ctx, id) })
		}
	}
	return p
}

// of is the prefetch if it is about this job; else nil, which has nothing.
func (p *Prefetch) of(job Job) *Prefetch {
	if p == nil || p.owner != OwnerOf(job.Ref) {
		return nil
	}
	return p
}

// question asks OCI for an answer that was not prefetched.
type question[T any] func() (T, error)

// list takes the listing, or asks for it.
func (p *Prefetch) list(ctx context.Context, now time.Time,
	ask question[credential.Listing]) (credential.Listing, error) {
	if p == nil {
		return ask()
	}
	p.mu.Lock()
	t := p.listing
	p.listing = nil
	p.mu.Unlock()
	return taken(ctx, t, now.Sub(p.begun), ask)
}

// secret takes the secret, or asks for it.
func (p *Prefetch) secret(ctx context.Context, id string, now time.Time,
	ask question[vault.Secret]) (vault.Secret, error) {
	if p == nil {
		return ask()
	}
	p.mu.Lock()
	t := p.secrets[id]
	delete(p.secrets, id)
	p.mu.Unlock()
	return taken(ctx, t, now.Sub(p.begun), ask)
}

// taken is the answer of the task, if it is good and young enough; else that of the question.
func taken[T any](ctx context.Context, t *background.Task[T], age time.Duration, ask question[T]) (T, error) {
	if t != nil && age <= PrefetchLife {
		if answer, err := t.Wait(ctx); err == nil {
			return answer, nil
		}
	}
	return ask()
}

// keyPair takes the key pair, or one that is made when it is first asked for.
func (p *Prefetch) keyPair(bits int) *keyPair {
	if p == nil || p.key == nil {
		return newKeyPair(bits)
	}
	return p.key
}

// keyPair is generated in parallel, once it was started.
type keyPair struct {
	start func() *background.Task[credential.Material]
}

func newKeyPair(bits int) *keyPair {
	return &keyPair{sync.OnceValue(func() *background.Task[credential.Material] {
		return background.Start(func() (credential.Material, error) { return credential.GenerateAPIKey(bits) })
	})}
}

// wait returns the key pair, or the context's error if that ends first.
func (k *keyPair) wait(ctx context.Context) (credential.Material, error) { return k.start().Wait(ctx) }
