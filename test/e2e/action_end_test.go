package e2e

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/test/judge"
	"github.com/keyturn/keyturn/test/ociemu"
	"github.com/keyturn/keyturn/test/tenancy"
)

// eventually delivers all events again and sweeps, before and after enough time for everything to be old.
func eventually(t *testing.T, s *tenancy.Deployment) {
	t.Helper()
	for range 2 {
		for _, event := range s.Events() {
			if _, err := s.Invoke(t.Context(), event); err != nil {
				t.Fatal(err)
			}
		}
		for range 2 { // before the time has passed, and after that
			if _, err := s.Sweep(t.Context()); err != nil {
				t.Fatal(err)
			}
			s.Forward(20 * time.Minute)
		}
	}
}

// judgeCase fails the test for each promise that a function breaks for the case.
func judgeCase(t *testing.T, s *tenancy.Deployment, c *tenancy.Case) *judge.History {
	t.Helper()
	h := judge.Follow(s, c)
	t.Cleanup(func() {
		for _, fault := range h.Faults() {
			t.Errorf("%s, %s: %s", c.UserName, c.Kind, fault)
		}
	})
	return h
}

// checkEnd checks what every end must have: the value of each credential is stored or known, and the problem of a
// deleted credential is closed.
func (rt *rotationTest) checkEnd(t *testing.T) {
	t.Helper()
	c := rt.c
	values := map[string]bool{c.OldID: true, rt.own.ID: true}
	rt.Look(func(v ociemu.View) {
		for _, secret := range v.Secrets() {
			for _, version := range v.Secret(secret).Versions {
				for _, id := range c.IDsIn(v) {
					values[id] = values[id] || v.Holds(string(c.Kind), c.User, id, string(version.Content))
				}
			}
		}
	})
	for _, id := range c.IDs() {
		if !values[id] {
			t.Errorf("the user has %s, and no secret has its value", id)
		}
	}
	if rt.User(c.User).ID == "" { // OCI gives the same answer for a user that the function may not see
		return
	}
	// A second closure may be refused while the old credential exists, though the first one continues.
	if p := rt.Problem(c.Problem); !slices.Contains(c.IDs(), c.OldID) && p.Status != "RESOLVED" &&
		!strings.Contains(p.Comment, "an earlier closure named another secret") &&
		p.History[len(p.History)-1].ActorType != "CLOUD_GUARD_SERVICE" {
		t.Errorf("the credential is gone, and its problem is %s (%s)", p.Status, p.Comment)
	}
}
