package responder

import (
	"context"
	"fmt"
	"slices"

	"github.com/keyturn/keyturn/pkg/cloudguard"
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/rotation"
)

// identify replaces the id of the request's credential by the one under which OCI lists it. A problem may name a
// credential by an id that only the user's identity domain knows.
func (c *response) identify(ctx context.Context) error {
	ref := &c.request.Ref
	form := cloudguard.FormOf(ref.ID)
	if forms := ref.Kind.Record().IDForms; form == credential.FormUnknown || len(forms) == 0 || form == forms[0] {
		return nil
	}
	id, living, err := c.Directory.CredentialID(ctx, *ref)
	if err != nil {
		return fmt.Errorf("looking for the credential %s in the user's identity domain: %w", ref.ID, err)
	}
	if id == "" {
		c.gone = true
		id, err = c.recorded(ctx, living)
	}
	if id != "" {
		ref.ID, c.out.OldID = id, id
	}
	return err
}

// recorded is the id of the problem's credential according to the journals of the secrets. An earlier delivery may have
// deleted the credential, and still owe its successor. The id of a living credential doesn't count, since other users
// may write to a secret.
func (c *response) recorded(ctx context.Context, living []string) (string, error) {
	for _, t := range c.request.Secrets {
		s, err := c.Secrets.Secret(ctx, t.SecretID)
		switch {
		case passing(err):
			return "", fmt.Errorf("reading secret %s: %w", t.SecretID, err)
		case err != nil:
			continue // the rotation reports it
		}
		j := rotation.JournalOf(s.Metadata)
		if old := j.OldOf(c.request.Problem); old != "" && j.Owner == rotation.OwnerOf(c.request.Ref) &&
			!slices.Contains(living, old) {
			return old, nil
		}
	}
	return "", nil
}
