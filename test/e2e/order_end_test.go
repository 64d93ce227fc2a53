package e2e

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oracle/oci-go-sdk/v65/vault"

	"github.com/keyturn/keyturn/test/judge"
	"github.com/keyturn/keyturn/test/ociemu"
	"github.com/keyturn/keyturn/test/tenancy"
)

// successorOnly checks that one new credential has replaced the old one.
func successorOnly(t *testing.T, c *tenancy.Case) {
	t.Helper()
	for _, fault := range judge.Replaced(c, false) {
		t.Error(fault)
	}
}

// OCI gives the same answer for a deleted credential and for one that may not be deleted. The function waits before it
// takes it as a refusal.
func TestADeniedDeletionIsRefusedOnceItsOrderIsOld(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w tenancy.Want) {
		s := newTenancy(t, calm)
		c := s.Add(w)
		judgeCases(t, s, c)
		s.Inject(ociemu.Fault{Operation: deletes[w.Kind], Times: -1, Do: ociemu.Answer(404, "NotAuthorizedOrNotFound")})
		if err := s.Close(t.Context(), c.Problem, c.Comment()); err != nil {
			t.Fatal(err)
		}
		if len(s.Mails()) != 1 {
			t.Errorf("%d mails, want one", len(s.Mails()))
		}
		for range 4 {
			s.Forward(20 * time.Minute)
			swept(t, s)
		}
		if p := s.Problem(c.Problem); p.Status != "OPEN" || !slices.Contains(c.IDs(), c.OldID) || len(s.Mails()) > 4 {
			t.Errorf("after an hour the problem is %s (%s), the user has %v, %d mails were sent", p.Status, p.Comment,
				c.IDs(), len(s.Mails()))
		}
	})
}

// A grace ends only while its problem is closed.
func TestAGraceOfAReopenedProblemIsNotEnded(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w tenancy.Want) {
		s := newTenancy(t, calm)
		c := s.Add(w)
		closeProblem(t, s, c, c.Comment("grace:1h"))
		s.Rescan(c.Problem, true)
		s.Forward(2 * time.Hour)
		swept(t, s)
		if !slices.Contains(c.IDs(), c.OldID) {
			t.Error("the old one was deleted")
		}
		if a := closeProblem(t, s, c, c.Comment()); a.Outcome != "rotated" {
			t.Fatalf("closed again, the answer is %+v", a)
		}
		successorOnly(t, c)
	})
}

// The journal only names the problem. The rotation follows the problem's record, not changes in the journal.
func TestAResumedRotationUsesTheRecordOfItsProblem(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w tenancy.Want) {
		s := newTenancy(t, calm)
		c, victim := s.Add(w), s.Add(w)
		judgeCases(t, s, c, victim)
		killDuringProof(s, c)
		if err := s.Close(t.Context(), c.Problem, c.Comment()); err != nil {
			t.Fatal(err)
		}
		for _, id := range c.Secrets {
			m := s.Secret(id).Metadata
			text, _ := m["keyturn"].(string)
			if !strings.Contains(text, c.OldID) {
				t.Fatalf("the journal is %s", text)
			}
			text = strings.ReplaceAll(text, c.OldID, victim.OldID)
			for key, own := range c.Secrets {
				text = strings.ReplaceAll(text, own, victim.Secrets[key])
			}
			edit(t, s, id, vault.UpdateSecretDetails{Metadata: map[string]any{"keyturn": text}})
		}
		eventually(t, s)
		if ids := victim.IDs(); !slices.Equal(ids, []string{victim.OldID}) {
			t.Errorf("the other user has %v", ids)
		}
		for _, id := range victim.Secrets {
			if n := len(s.Secret(id).Versions); n != 1 {
				t.Errorf("the other user's secret has %d versions", n)
			}
		}
		if ids := c.IDs(); len(ids) > 2 {
			t.Errorf("the user has %v", ids)
		}
	})
}

// A problem that Cloud Guard closed, or that was dismissed, is no order either.
func TestARotationWhoseProblemWasDismissedIsNotResumed(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w tenancy.Want) {
		s := newTenancy(t, calm)
		c := s.Add(w)
		killDuringProof(s, c)
		if err := s.Close(t.Context(), c.Problem, c.Comment()); err != nil {
			t.Fatal(err)
		}
		if err := s.Dismiss(t.Context(), c.Problem); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			s.Forward(20 * time.Minute)
			swept(t, s)
		}
		if !slices.Contains(c.IDs(), c.OldID) {
			t.Error("the old one was deleted")
		}
		for _, id := range c.Secrets {
			if s.Secret(id).CurrentVersion != 1 {
				t.Error("the new one was promoted")
			}
		}
	})
}
