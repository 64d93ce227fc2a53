package operate

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/pkg/vault"
)

// settling is a Vault whose secret is UPDATING for the first reads, and a clock that only counts.
type settling struct {
	UndoVault
	busy   int // reads until the change has settled
	slept  time.Duration
	sleeps int
}

func (s *settling) Secret(_ context.Context, id string) (vault.Secret, error) {
	s.busy--
	if s.busy >= 0 {
		return vault.Secret{ID: id, Name: "n", State: vault.Updating}, nil
	}
	return vault.Secret{ID: id, Name: "n", State: vault.Active}, nil
}

func (s *settling) Now() time.Time { return time.Time{}.Add(s.slept) }

func (s *settling) Sleep(_ context.Context, d time.Duration) error {
	s.slept += d
	s.sleeps++
	return nil
}

func TestAnUndoWaitsForAChangeToSettle(t *testing.T) {
	for busy, refused := range map[int]bool{0: false, 1: false, maxTries - 1: false, maxTries: true, 1000: true} {
		v := &settling{busy: busy}
		got, err := Undo{Vault: v, Clock: v}.settled(t.Context(), "id")
		switch {
		case refused && (err == nil || !strings.Contains(err.Error(), "UPDATING")):
			t.Errorf("with %d busy reads: %v, want a refusal", busy, err)
		case !refused && (err != nil || got.State != vault.Active || v.sleeps != busy):
			t.Errorf("with %d busy reads it slept %d times: %+v, %v", busy, v.sleeps, got, err)
		}
	}
}
