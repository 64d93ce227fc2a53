package e2e

import (
	"context"
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/keyturn/keyturn/test/ociemu"
	"github.com/keyturn/keyturn/test/tenancy"
)

// The old credential is the only one that is known to work. An operator deletes the other one while its successor is
// staged.
func TestReplaceStopsWhenASlotIsFreeAgain(t *testing.T) {
	t.Parallel()
	s := newTenancy(t, calm)
	c := s.Add(tenancy.Want{Kind: tenancy.APIKey, Bystander: 2})
	judgeCases(t, s, c) // with a free slot nothing has to be deleted first
	rt := &rotationTest{Deployment: s, c: c}
	wait := duringCall(t, s, ociemu.Before, beforeStage.fits(s, c), func(ctx context.Context, _ int) {
		for _, id := range c.Bystander {
			if err := rt.c.Delete(ctx, id); err != nil {
				t.Error(err)
			}
		}
	})
	if err := s.Close(t.Context(), c.Problem, c.Comment("replace:yes")); err != nil {
		t.Fatal(err)
	}
	if !wait() {
		t.Fatal("the moment never came")
	}
	c.Bystander = nil
	rotated(t, s, c)
}

// A user who names a credential can forge a mark. A credential whose value may be in some version is kept.
func TestTheSweepKeepsAMarkedCredentialWhoseValueMayExist(t *testing.T) {
	t.Parallel()
	s := newTenancy(t, calm)
	c := s.Add(tenancy.Want{Kind: tenancy.AuthToken, Bundle: true})
	id := c.Secrets["bundle_secret_ocid"]
	s.SetCreatedOffset(-time.Hour)
	token, value := s.AddAuthToken(c.User, markFor(rotationOf(c.Kind, c.User, c.OldID), id))
	s.SetCreatedOffset(0)
	content, err := json.Marshal(map[string]string{"kind": "auth-token", "user": c.User, "token_id": token,
		"token": value})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.PutSecret(t.Context(), id, content); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		swept(t, s)
		s.Forward(time.Hour)
	}
	if !slices.Contains(c.IDs(), token) {
		t.Error("the sweep deleted the credential that CURRENT holds")
	}
}
