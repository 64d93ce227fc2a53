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

// eventually delivers all events again and sweeps, until what is young has become old and was looked at again.
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

// follow lets the judge see every change of the case, and fails the test for each promise that is broken.
func follow(t *testing.T, s *tenancy.Deployment, c *tenancy.Case) *judge.History {
	t.Helper()
	h := judge.Follow(s, c)
	t.Cleanup(func() {
		for _, fault := range h.Faults() {
			t.Errorf("%s, %s: %s", c.UserName, c.Kind, fault)
		}
	})
	return h
}

// settled checks what has to be so in every end: nothing lives whose value is nowhere, and a problem whose credential
// is gone is closed.
func (sc *scene) settled(t *testing.T) {
	t.Helper()
	c := sc.c
	values := map[string]bool{c.OldID: true, sc.own.ID: true}
	sc.Look(func(v ociemu.View) {
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
	if sc.User(c.User).ID == "" { // OCI answers the same of a user who can't be seen
		return
	}
	// A second closure that can't be carried out is refused while the old one still lives, though the first goes on.
	if p := sc.Problem(c.Problem); !slices.Contains(c.IDs(), c.OldID) && p.Status != "RESOLVED" &&
		!strings.Contains(p.Comment, "an earlier closure named another secret") &&
		p.History[len(p.History)-1].ActorType != "CLOUD_GUARD_SERVICE" {
		t.Errorf("the credential is gone, and its problem is %s (%s)", p.Status, p.Comment)
	}
}
