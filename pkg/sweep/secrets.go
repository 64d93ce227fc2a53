package sweep

import (
	"context"
	"fmt"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/guard"
	"github.com/keyturn/keyturn/pkg/rotation"
	"github.com/keyturn/keyturn/pkg/vault"
)

// home is what the sweep keeps of a bound secret, of each of them until its end, and therefore no more than is asked
// for.
type home struct {
	id    string
	kind  credential.Kind
	user  string
	known []string // ids of the credentials that its journal mentions
}

// secrets reads every bound secret, and what its journal says is left to do.
func (r *run) secrets(ctx context.Context) {
	compartments, err := r.compartments(ctx)
	if err != nil {
		r.failed(ctx, "find the function's own compartment", "", err)
		return
	}
	var lists []list
	for _, id := range compartments {
		lists = append(lists, list{"list the secrets of compartment " + id,
			func(page string) ([]string, string, error) { return r.bound(ctx, id, page) }})
	}
	r.ring(ctx, lists, "read bound secrets", r.inspect)
}

// compartments are those that the secrets are looked for in: the configured ones, or the function's own.
func (r *run) compartments(ctx context.Context) ([]string, error) {
	if len(r.Config.SecretCompartments) > 0 {
		return r.Config.SecretCompartments, nil
	}
	own, err := r.Inventory.Compartment(ctx)
	if err != nil {
		return nil, fmt.Errorf("finding the function's compartment: %w", err)
	}
	return []string{own}, nil
}

// bound returns the ids of the bound, active secrets of one page of a compartment: a whole secret is ten times as much.
func (r *run) bound(ctx context.Context, compartment, page string) (ids []string, next string, err error) {
	some, next, err := r.Vault.Secrets(ctx, compartment, page)
	if err != nil {
		return nil, "", fmt.Errorf("listing the secrets of compartment %s: %w", compartment, err)
	}
	for _, s := range some {
		if _, _, ok := guard.BoundTo(s); ok && s.State == vault.Active {
			ids = append(ids, s.ID)
			if r.notebook == "" || s.ID < r.notebook {
				r.notebook = s.ID
			}
		}
	}
	return ids, next, nil
}

// inspect reads one secret.
func (r *run) inspect(ctx context.Context, id string) error {
	s, err := r.Vault.Secret(ctx, id)
	if err != nil {
		return fmt.Errorf("reading secret %s: %w", id, err)
	}
	kind, user, ok := guard.BoundTo(s)
	journal := rotation.JournalOf(s.Metadata)
	r.keep(s, ok, &home{id: id, kind: kind, user: user, known: journal.Credentials()})
	if !ok {
		return nil
	}
	due := journal.Due(s.At)
	for _, d := range due[:min(len(due), maxDuties)] {
		r.claim(claim{secret: fmt.Sprintf("%s (%s)", s.Name, s.ID), kind: kind, user: user, old: d.Old}, d)
	}
	return nil
}

// keep keeps what a secret tells of itself: what an earlier sweep has noted, and, if it is bound, whose it is.
func (r *run) keep(s vault.Secret, bound bool, h *home) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.noted[s.ID] = notesOf(s.Metadata)
	if bound {
		r.homes[credential.Home(h.id)] = h
	}
}

func (r *run) found(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.digest.Found = append(r.digest.Found, fmt.Sprintf(format, args...))
}
