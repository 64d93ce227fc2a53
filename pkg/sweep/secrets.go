package sweep

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/guard"
	"github.com/keyturn/keyturn/pkg/outcome"
	"github.com/keyturn/keyturn/pkg/rotation"
	"github.com/keyturn/keyturn/pkg/secret"
)

const (
	// crowded is how many versions a secret may have before deprecated ones go; OCI keeps 30.
	crowded = 20
	// kept is how many stay then.
	kept = 10
)

// home is what the sweep keeps of a bound secret, of each of them until its end, and therefore no more than orphan asks
// for.
type home struct {
	id    string
	kind  credential.Kind
	user  string
	known []string // ids of the credentials that its journal mentions
}

// duty is a rotation that some secrets' journals tell of.
type duty struct {
	ref     credential.Ref
	targets []rotation.Target
	grace   time.Duration
}

// duties are those of one sweep, by credential: the secrets of a pair have one together.
type duties struct {
	mu sync.Mutex
	by map[credential.Ref]*duty
}

func (d *duties) add(ref credential.Ref, secrets rotation.Secrets, grace time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.by[ref] == nil {
		d.by[ref] = &duty{ref: ref, targets: secrets.Targets(ref.Kind)}
	}
	d.by[ref].grace = max(d.by[ref].grace, grace)
}

// secrets reads every bound secret, resumes the rotations that their journals tell of, and makes room in those that
// are crowded.
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
	due := duties{by: map[credential.Ref]*duty{}}
	r.ring(ctx, lists, "read bound secrets", func(ctx context.Context, id string) error { return r.inspect(ctx, id, &due) })
	for ref, d := range due.by {
		if ctx.Err() != nil {
			r.failed(ctx, "finish interrupted rotations", ref.ID, ctx.Err())
			continue
		}
		if r.reported(d.ref) {
			continue // its closed problem has been reviewed in this sweep: the engine would say the same again
		}
		r.add(r.Responder.Resume(ctx, r.callID, d.ref, d.targets, d.grace))
	}
}

// reported tells whether the digest has an outcome about the credential already.
func (r *run) reported(ref credential.Ref) bool {
	about := outcome.Outcome{Kind: string(ref.Kind), UserID: ref.User, OldID: ref.ID}.About()
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.ContainsFunc(r.digest.Outcomes, func(o outcome.Outcome) bool { return o.About() == about })
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
		if _, _, ok := guard.BoundTo(s); ok && s.State == secret.Active {
			ids = append(ids, s.ID)
			if r.notebook == "" || s.ID < r.notebook {
				r.notebook = s.ID
			}
		}
	}
	return ids, next, nil
}

// inspect reads one secret.
func (r *run) inspect(ctx context.Context, id string, duties *duties) error {
	s, err := r.Vault.Secret(ctx, id)
	if err != nil {
		return fmt.Errorf("reading secret %s: %w", id, err)
	}
	r.read(s)
	kind, user, ok := guard.BoundTo(s)
	if !ok {
		return nil
	}
	journal := rotation.JournalOf(s.Metadata)
	h := &home{id: id, kind: kind, user: user, known: journal.Credentials()}
	old, secrets, due := journal.Due(kind, s.At)
	if due && journal.Staged != nil && journal.Staged.Phase == rotation.PhaseIntent {
		// Announced and never done: whether it is still wanted is for its problem to say. Done and not followed up: go on.
		listing, err := r.Issuers[kind].List(ctx, user)
		if err != nil {
			return fmt.Errorf("listing the %ss of %s: %w", kind.Noun(), user, err)
		}
		due = !slices.ContainsFunc(listing.Credentials, func(c credential.Issued) bool { return c.ID == old })
	}
	ref := credential.Ref{Kind: kind, User: user, ID: old}
	r.keepHome(h)
	if due {
		duties.add(ref, secrets, journal.GraceOrdered())
	}
	if s.Current <= crowded { // numbers are given in order: there can't be more versions than that
		return nil
	}
	return r.prune(ctx, s)
}

func (r *run) read(s secret.Secret) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.noted[s.ID] = notesOf(s.Metadata)
}

func (r *run) keepHome(h *home) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.homes[credential.Home(h.id)] = h
}

// prune schedules the deletion of the oldest deprecated versions of a crowded secret. CURRENT, PENDING, the one before
// and the version of an attempt that is under way always stay.
func (r *run) prune(ctx context.Context, s secret.Secret) error {
	versions, err := r.Vault.Versions(ctx, s.ID)
	if err != nil {
		return fmt.Errorf("listing the versions of secret %s: %w", s.ID, err)
	}
	versions = slices.DeleteFunc(versions, func(v secret.Version) bool { return v.Leaving })
	if len(versions) <= crowded {
		return nil
	}
	under := ""
	if staged := rotation.JournalOf(s.Metadata).Staged; staged != nil {
		under = staged.Version
	}
	slices.SortFunc(versions, func(a, b secret.Version) int { return int(a.Number - b.Number) })
	surplus := len(versions) - kept
	deleted := 0
	for _, v := range versions {
		if deleted == surplus {
			break
		}
		if !v.Stale || v.Current || v.Pending || v.Name != "" && v.Name == under {
			continue
		}
		if r.Config.DryRun {
			deleted++
			continue
		}
		if err := r.Vault.ScheduleDeletion(ctx, s.ID, v.Number); err != nil {
			return fmt.Errorf("scheduling the deletion of version %d of secret %s: %w", v.Number, s.ID, err)
		}
		deleted++
	}
	what := "is"
	if r.Config.DryRun {
		what = "would be"
	}
	r.found("Secret %s (%s) had %d versions; OCI keeps %d. The deletion of %d deprecated ones %s scheduled.",
		s.Name, s.ID, len(versions), secret.MaxVersions, deleted, what)
	return nil
}

func (r *run) found(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.digest.Found = append(r.digest.Found, fmt.Sprintf(format, args...))
}
