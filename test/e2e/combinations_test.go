package e2e

import (
	"slices"
	"testing"

	"github.com/keyturn/keyturn/test/need"
	"github.com/keyturn/keyturn/test/tenancy"
)

// oneIn returns 1 in the suite combinations, otherwise n: a test runs one of this many cases.
func oneIn(t *testing.T, n int) int {
	t.Helper()
	if need.Chosen(t, need.Combinations) {
		return 1
	}
	return n
}

// runsCase reports whether the i-th case of a test runs: every one in the suite combinations, otherwise one in n.
func runsCase(t *testing.T, i, n int) bool {
	t.Helper()
	return i%oneIn(t, n) == 0
}

// killed runs rotations in which functions/rotate is killed right after a call: one for every n-th call of a rotation,
// from a different first call for each kind. Then it calls then.
func killed(t *testing.T, o tenancy.Options, w tenancy.Want, n int, then func(*tenancy.Deployment, *tenancy.Case)) {
	t.Helper()
	probe := newTenancy(t, o)
	c := probe.Add(w)
	probe.ResetCalls()
	closeProblem(t, probe, c, c.Comment())
	calls := functionCalls(probe)
	if len(calls) < 12 {
		t.Fatalf("only %d calls to kill the function at", len(calls))
	}
	seen := map[string]int{}
	for i, operation := range calls {
		skip := seen[operation]
		seen[operation]++
		if (i+slices.Index(tenancy.Kinds(), w.Kind))%n != 0 {
			continue
		}
		s := newTenancy(t, o)
		c := s.Add(w)
		judgeCases(t, s, c)
		s.KillAt(operation, skip)
		if err := s.Close(t.Context(), c.Problem, c.Comment()); err != nil {
			t.Fatal(err)
		}
		then(s, c)
		if t.Failed() {
			t.Fatalf("killed after %s", operation)
		}
	}
}
