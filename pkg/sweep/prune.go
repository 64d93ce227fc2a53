package sweep

import (
	"context"
	"fmt"
	"slices"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/guard"
	"github.com/keyturn/keyturn/pkg/inventory"
	"github.com/keyturn/keyturn/pkg/rotation"
	"github.com/keyturn/keyturn/pkg/vault"
)

const (
	// crowded is how many versions a secret may have before deprecated ones are deleted; OCI keeps 30.
	crowded = 20
	// keptVersions is how many are kept then.
	keptVersions = 10
)

// pruneAll deletes old versions of crowded secrets.
func (r *run) pruneAll(ctx context.Context) {
	var ids []string
	for _, h := range r.boundSecrets {
		ids = append(ids, h.id)
	}
	bound := func(string) ([]string, string, error) { return ids, "", nil }
	r.forEach(ctx, []inventory.IDs{{Doing: "list the bound secrets", Read: bound}}, "list the versions of secrets",
		r.prune)
}

// prune schedules the deletion of the oldest unneeded versions of a crowded secret. It lists the versions of every
// secret, since the number of CURRENT is too low after a rollback.
func (r *run) prune(ctx context.Context, id string) error {
	versions, err := r.Vault.Versions(ctx, id)
	if err != nil {
		return fmt.Errorf("listing the versions of secret %s: %w", id, err)
	}
	versions = slices.DeleteFunc(slices.Clone(versions), func(v vault.Version) bool { return v.Leaving })
	if len(versions) <= crowded {
		return nil
	}
	s, err := r.Vault.Secret(ctx, id)
	if err != nil {
		return fmt.Errorf("reading secret %s: %w", id, err)
	}
	kind, user, ok := guard.BoundTo(s)
	journal, err := rotation.ReadJournal(s.Metadata)
	if !ok || err != nil || s.State != vault.Active {
		return nil // it isn't known which versions are needed
	}
	going, what := surplus(versions, journal, kind, user), "would be"
	if !r.Config.DryRun {
		what = "is"
		for _, v := range going {
			if err := r.Vault.ScheduleDeletion(ctx, s.ID, v.Number); err != nil {
				return fmt.Errorf("scheduling the deletion of version %d of secret %s: %w", v.Number, s.ID, err)
			}
		}
	}
	if len(going) > 0 {
		r.addFound("Secret %s (%s) had %d versions; OCI keeps %d. The deletion of %d deprecated ones %s scheduled.",
			s.Name, s.ID, len(versions), vault.MaxVersions, len(going), what)
	}
	return nil
}

// surplus returns the oldest versions that may be deleted. CURRENT, PENDING, PREVIOUS, and all versions of rotations in
// the journal always stay. It sorts the versions by number.
func surplus(versions []vault.Version, j rotation.Journal, kind credential.Kind, user string) []vault.Version {
	needed := map[credential.RotationID]bool{}
	living := func(old string) { needed[credential.Ref{Kind: kind, User: user, ID: old}.RotationID()] = true }
	name, number := "", int64(0)
	if j.Staged != nil {
		name = j.Staged.Version
		living(j.Staged.Old)
	}
	if j.Current != nil {
		number = j.Current.Version
	}
	for _, e := range j.Retire {
		living(e.Credential)
	}
	slices.SortFunc(versions, func(a, b vault.Version) int { return int(a.Number - b.Number) })
	var going []vault.Version
	for _, v := range versions {
		rotation, _, ours := credential.ParseVersionName(v.Name)
		stays := !v.Stale || v.Current || v.Pending || v.Previous || v.Number == number || v.Name != "" &&
			v.Name == name || ours && needed[rotation]
		if !stays && len(going) < len(versions)-keptVersions {
			going = append(going, v)
		}
	}
	return going
}
