package oci_test

import (
	"testing"
	"time"

	"github.com/keyturn/keyturn/test/ociemu"
)

func TestClosedProblemsAreListedWhicheverLifecycleStateTheyHave(t *testing.T) {
	for _, state := range []ociemu.ResolvedStateAnswer{ociemu.ResolvedStateActive, ociemu.ResolvedStateInactive} {
		o := ociemu.Calm()
		o.Answers.ResolvedState = state
		cloud, e := emulated(t, o)
		id := e.AddProblem(ociemu.ProblemSeed{Rule: "API_KEY_TOO_OLD", User: e.AddUser("web@example.com")})
		e.CloseProblem(id, "why", "secops@example.com")
		got, _ := closedProblems(t, cloud, time.Now().Add(-time.Hour))
		if len(got) != 1 || got[0] != id {
			t.Errorf("%s: the closed problems are %v, want %s", state, got, id)
		}
	}
}
