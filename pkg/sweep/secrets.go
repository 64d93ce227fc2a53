package sweep

import (
	"context"
	"fmt"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/guard"
	"github.com/keyturn/keyturn/pkg/inventory"
	"github.com/keyturn/keyturn/pkg/rotation"
	"github.com/keyturn/keyturn/pkg/vault"
)

// boundSecret has what the sweep needs of a bound secret. It is small, since all are kept until the end of the sweep.
type boundSecret struct {
	id          string
	kind        credential.Kind
	user        string
	credentials []string // ids of the credentials that its journal mentions
}

// readSecrets reads every bound secret with the orders in its journal.
func (r *run) readSecrets(ctx context.Context) {
	compartments, err := r.compartments(ctx)
	if err != nil {
		r.failed(ctx, "find the function's own compartment", "", err)
		return
	}
	var lists []inventory.IDs
	for _, id := range compartments {
		lists = append(lists, inventory.IDs{Doing: "list the secrets of compartment " + id,
			Read: func(page string) ([]string, string, error) { return r.listBound(ctx, id, page) }})
	}
	r.forEach(ctx, lists, "read bound secrets", r.inspect)
}

// compartments returns the OCIDs of the compartments to search for secrets: the configured ones, or the function's own.
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

// listBound returns the ids of the bound, active secrets in one page of a compartment.
func (r *run) listBound(ctx context.Context, compartment, page string) (ids []string, next string, err error) {
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

// inspect reads one secret, and adds it and its orders to the run.
func (r *run) inspect(ctx context.Context, id string) error {
	s, err := r.Vault.Secret(ctx, id)
	if err != nil {
		return fmt.Errorf("reading secret %s: %w", id, err)
	}
	kind, user, ok := guard.BoundTo(s)
	journal := rotation.JournalOf(s.Metadata)
	r.addSecret(s, ok, &boundSecret{id: id, kind: kind, user: user, credentials: journal.Credentials()})
	if !ok {
		return nil
	}
	due := journal.Due(s.At)
	for _, d := range due[:min(len(due), maxDuties)] {
		r.addDuty(duty{secret: fmt.Sprintf("%s (%s)", s.Name, s.ID), kind: kind, user: user, old: d.Old}, d)
	}
	return nil
}

// addSecret stores the notes in a secret, and, if it is bound, the secret itself.
func (r *run) addSecret(s vault.Secret, bound bool, h *boundSecret) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.noted[s.ID] = notesOf(s.Metadata)
	if bound {
		r.boundSecrets[credential.Home(h.id)] = h
	}
}

func (r *run) addFound(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.digest.Found = append(r.digest.Found, fmt.Sprintf(format, args...))
}
