package sweep

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/rotation"
)

// orphans looks at every user's auth tokens and customer secret keys for those with our mark whose value is nowhere.
// It costs two calls a user. API keys are written ahead and passwords have no mark: neither can be an orphan.
func (r *run) orphans(ctx context.Context) {
	users := func(page string) ([]string, string, error) { return r.Inventory.Users(ctx, page) }
	r.ring(ctx, []list{{"list the users", users}}, "check the auth tokens and customer secret keys of users", func(ctx context.Context, user string) error {
		for _, kind := range []credential.Kind{credential.AuthToken, credential.CustomerSecretKey} {
			listing, err := r.Issuers[kind].List(ctx, user)
			if err != nil {
				return fmt.Errorf("listing the %ss of %s: %w", kind.Noun(), user, err)
			}
			for _, c := range listing.Credentials {
				if err := r.orphan(ctx, kind, user, c, listing.At); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// orphan deletes a credential if it is certain that its value is nowhere: it carries our mark, its maker can't be at
// work any more, the secret that it was made for can be seen, and that secret has never had a version of its rotation.
// Anything less certain is left alone: it might be in use.
func (r *run) orphan(ctx context.Context, kind credential.Kind, user string, c credential.Issued, now time.Time) error {
	mark, ok := credential.ParseMark(c.Description)
	if !ok || now.Sub(c.Created) < rotation.MakerLife {
		return nil
	}
	r.mu.Lock()
	h := r.homes[mark.Home]
	r.mu.Unlock()
	if h == nil || h.kind != kind || !strings.EqualFold(h.user, user) || slices.Contains(h.known, c.ID) {
		return nil
	}
	versions, err := r.Vault.Versions(ctx, h.id)
	if err != nil {
		return fmt.Errorf("listing the versions of secret %s: %w", h.id, err)
	}
	for _, v := range versions {
		if id, _, ok := credential.ParseVersionName(v.Name); ok && id == mark.Rotation {
			return nil
		}
	}
	if r.Config.DryRun {
		r.found("The %s %s of %s has the mark of a rotation, but its value is nowhere. It would be deleted.", kind.Noun(), c.ID, user)
		return nil
	}
	if err := r.Issuers[kind].Delete(ctx, user, c.ID); err != nil {
		return fmt.Errorf("deleting %s %s, whose value is nowhere: %w", kind.Noun(), c.ID, err)
	}
	r.found("The %s %s of %s was deleted: a rotation that died had made it, and its value is nowhere.", kind.Noun(), c.ID, user)
	return nil
}
