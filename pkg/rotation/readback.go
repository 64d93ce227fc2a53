package rotation

import (
	"context"
	"fmt"
	"time"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
)

// readBack makes sure that every secret holds the value, side by side.
func (r *run) readBack(ctx context.Context) error {
	name := r.id.VersionName(r.attempt)
	var reads []func() error
	for _, h := range r.obs.homes {
		if v := h.version(name); v == nil || h.verified || v.Current {
			continue
		}
		reads = append(reads, func() error {
			if err := r.verify(ctx, h); err != nil {
				return fmt.Errorf("reading secret %s back: %w", h.Name, err)
			}
			return nil
		})
	}
	return side(reads...)
}

// verify reads this attempt's version back, checks that it holds the value, and learns its number. Vault may take a
// moment until a new version can be read.
func (r *run) verify(ctx context.Context, h *home) error {
	v := h.version(r.id.VersionName(r.attempt))
	for pause := firstPause; ; pause = min(2*pause, time.Second) {
		number, content, err := r.Vault.Read(ctx, h.SecretID, v.Name)
		if err == nil {
			if !r.matches(h.Role, content) {
				return fault.New(fault.Invalid, "GetSecretBundle", "the content is not what was written")
			}
			v.Number, h.verified = number, true
			return nil
		}
		if fault.Of(err) != fault.Absent || pause >= time.Second {
			return err
		}
		if err := r.Clock.Sleep(ctx, pause); err != nil {
			return err
		}
	}
}

func (r *run) matches(role credential.Role, content credential.Value) bool {
	if role == credential.RoleAccessKey {
		return content.Equal(credential.NewValue([]byte(r.material.ID)))
	}
	m, err := credential.Decode(r.job.Ref.Kind, role, r.material.ID, content)
	return err == nil && m.Value.Equal(r.material.Value)
}
