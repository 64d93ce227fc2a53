package e2e

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/test/ociemu"
	"github.com/keyturn/keyturn/test/stage"
)

// eventually delivers all events again and sweeps, until what is young has become old and was looked at again.
func eventually(t *testing.T, s *stage.Stage) {
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

// watchOld checks that the function deletes the old credential only while CURRENT holds another one that lives.
func watchOld(t *testing.T, sc *scene) {
	t.Helper()
	c, told, gone := sc.c, false, false
	byHand := func() bool {
		calls := sc.Calls()
		for i := len(calls) - 1; i >= 0; i-- {
			if calls[i].Operation == deletes[c.Kind] {
				return calls[i].Caller.Operator
			}
		}
		return true
	}
	sc.OnChange(func(v ociemu.View) {
		if gone || told || v.Holds(string(c.Kind), c.User, c.OldID, c.Old.Value) {
			return
		}
		gone = true
		if !byHand() && !v.Works(string(c.Kind), c.User, c.CurrentIn(v)...) {
			told = true
			t.Error("the function deleted the old credential, and CURRENT holds none that works")
		}
	})
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
	if p := sc.Problem(c.Problem); !slices.Contains(c.IDs(), c.OldID) && p.Status != "RESOLVED" && !strings.Contains(p.Comment, "an earlier closure named another secret") && p.History[len(p.History)-1].ActorType != "CLOUD_GUARD_SERVICE" {
		t.Errorf("the credential is gone, and its problem is %s (%s)", p.Status, p.Comment)
	}
}
