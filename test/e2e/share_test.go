package e2e

import (
	"slices"
	"testing"

	"github.com/keyturn/keyturn/test/need"
	"github.com/keyturn/keyturn/test/tenancy"
)

// share is how many cases of a test stand for one that is played: one in the suite of combinations, otherwise n.
func share(t *testing.T, n int) int {
	t.Helper()
	if need.Chosen(t, need.Combinations) {
		return 1
	}
	return n
}

// plays reports whether the i-th case of a test is played: each one in the suite of combinations, otherwise one in n.
func plays(t *testing.T, i, n int) bool {
	t.Helper()
	return i%share(t, n) == 0
}

// killed plays rotations of one credential in which functions/rotate is killed right after a call: a tenancy and a case
// for one call in n of those that a rotation makes, beginning with another one for each kind. After the kill it calls
// then.
func killed(t *testing.T, o tenancy.Options, w tenancy.Want, n int, then func(*tenancy.Deployment, *tenancy.Case)) {
	t.Helper()
	probe := play(t, o)
	c := probe.Add(w)
	probe.ResetCalls()
	closeProblem(t, probe, c, c.Comment())
	calls := functionCalls(probe)
	if len(calls) < 12 {
		t.Fatalf("only %d calls to be killed at", len(calls))
	}
	seen := map[string]int{}
	for i, operation := range calls {
		skip := seen[operation]
		seen[operation]++
		if (i+slices.Index(tenancy.Kinds(), w.Kind))%n != 0 {
			continue
		}
		s := play(t, o)
		c := s.Add(w)
		neverLost(t, s, c)
		s.KillAt(operation, skip)
		if err := s.Close(t.Context(), c.Problem, c.Comment()); err != nil {
			t.Fatal(err)
		}
		if then(s, c); t.Failed() {
			t.Fatalf("killed after %s", operation)
		}
	}
}
