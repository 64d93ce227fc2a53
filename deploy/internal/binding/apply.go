package binding

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/keyturn/keyturn/pkg/background"
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
	"github.com/keyturn/keyturn/pkg/guard"
	"github.com/keyturn/keyturn/pkg/rotation"
	"github.com/keyturn/keyturn/pkg/vault"
)

// Vault is what Apply needs of secrets. Errors carry a fault.Class.
type Vault interface {
	Secret(ctx context.Context, id string) (vault.Secret, error)
	Update(ctx context.Context, id, etag string, u vault.Update) (vault.Secret, error)
	Create(ctx context.Context, n vault.New) (vault.Secret, error)
}

// Place is where new secrets are made.
type Place struct {
	Vault, Key, Compartment string // OCIDs
}

// Applier makes the bindings of plans. Set all fields before use.
type Applier struct {
	Vault    Vault
	Clock    rotation.Clock
	Freeform bool // guard.FreeformTags or guard.DefinedTags
	Place    Place
	Progress func(n int) // called after each binding
}

// Done is what became of one binding. It can be printed.
type Done struct {
	Binding
	State string `json:"state"` // bound, created, bound already, failed, not done
	Error string `json:"error,omitempty"`
}

// The states of Done.
const (
	WasBound   = "bound"
	WasCreated = "created"
	WasAlready = "bound already"
	HasFailed  = "failed"
	NotDone    = "not done" // the work ended before it
)

// workers is how many secrets are changed in parallel. Vault's control plane throttles.
const workers = 4

// Apply makes the bindings, and returns what became of each. It goes on after a failure, and may be run again. When the
// context ends, it finishes the calls that it has begun, and leaves the rest.
func (a Applier) Apply(ctx context.Context, p Plan) []Done {
	left := p.Left()
	out := make([]Done, len(left))
	group := background.Group{Limit: workers}
	var mu sync.Mutex
	for i, b := range left {
		out[i] = Done{Binding: b, State: NotDone}
		if ctx.Err() != nil {
			continue
		}
		group.Do(func() {
			if ctx.Err() != nil {
				return
			}
			done := a.one(context.WithoutCancel(ctx), b)
			mu.Lock()
			out[i] = done
			mu.Unlock()
			a.Progress(1)
		})
	}
	group.Join()
	return out
}

func (a Applier) one(ctx context.Context, b Binding) Done {
	d := Done{Binding: b, State: HasFailed}
	var err error
	if b.Secret == "" {
		var made vault.Secret
		made, err = a.create(ctx, b)
		if err == nil {
			d.State, d.Secret = WasCreated, made.ID
		}
	} else {
		d.State, err = a.bind(ctx, b)
	}
	if err != nil {
		d.State, d.Error = HasFailed, err.Error()
	}
	return d
}

// create makes a secret with the placeholder as its content, which a rotation of any kind replaces.
func (a Applier) create(ctx context.Context, b Binding) (vault.Secret, error) {
	made, err := a.Vault.Create(ctx, vault.New{Name: b.SecretName, Compartment: a.Place.Compartment,
		Vault: a.Place.Vault,
		Key:   a.Place.Key, Content: credential.NewValue([]byte(credential.Placeholder)),
		Tags: guard.TagsFor(vault.Secret{}, b.Kind, b.User, b.Role, a.Freeform)})
	if fault.Of(err) == fault.Conflict {
		return made, fmt.Errorf("the vault has a secret named %s already. Bind that one: keyturn bind %s %s "+
			"--secret OCID",
			b.SecretName, b.User, b.Kind)
	}
	if err != nil {
		return made, fmt.Errorf("creating the secret: %w", err)
	}
	return made, nil
}

const maxTries = 6 // of a secret that others change at the same time

// bind writes the tags. It reads the secret first, each time: OCI replaces all tags, and others may have changed them.
func (a Applier) bind(ctx context.Context, b Binding) (state string, err error) {
	for try := 1; ; try++ {
		s, err := a.Vault.Secret(ctx, b.Secret)
		if err != nil {
			return "", fmt.Errorf("reading the secret: %w", err)
		}
		kind, user, bound := guard.BoundTo(s)
		role, _ := guard.RoleOf(s, kind)
		mine := kind == b.Kind && strings.EqualFold(user, b.User)
		switch {
		case bound && mine && role == b.Role:
			return WasAlready, nil
		case bound && !mine:
			return "", fmt.Errorf("it was bound to the %s of %s meanwhile", kind.Noun(), user)
		}
		if err := guard.Writable(s); err != nil && s.State != vault.Updating && s.State != "CREATING" {
			return "", err
		}
		_, err = a.Vault.Update(ctx, s.ID, s.ETag, vault.Update{Tags: guard.TagsFor(s, b.Kind, b.User, b.Role,
			a.Freeform)})
		if err == nil {
			return WasBound, nil
		}
		class := fault.Of(err)
		if try == maxTries || class != fault.Conflict && class != fault.Busy && class != fault.Unclear {
			return "", fmt.Errorf("writing the tags: %w", err)
		}
		if err := a.Clock.Sleep(ctx, time.Duration(try)*time.Second/4); err != nil {
			return "", fmt.Errorf("waiting: %w", err)
		}
	}
}

// Count counts the states.
func Count(all []Done) map[string]int {
	n := map[string]int{}
	for _, d := range all {
		n[d.State]++
	}
	return n
}

// Failed returns those that are not bound.
func Failed(all []Done) []Done {
	bad := slices.DeleteFunc(slices.Clone(all), func(d Done) bool { return d.State != HasFailed && d.State != NotDone })
	slices.SortStableFunc(bad, func(x, y Done) int { return cmp.Compare(x.State, y.State) })
	return bad
}
