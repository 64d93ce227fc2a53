package need

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

// CI reports whether the environment has CI=true. Then no test may be skipped.
func CI() bool { return os.Getenv("CI") == "true" }

// Lacking skips a test for the given reason, or fails it with CI=true. The reason says what is missing and how to get
// it.
func Lacking(t testing.TB, format string, args ...any) {
	t.Helper()
	lacking(t, CI(), fmt.Sprintf(format, args...))
}

func lacking(t testing.TB, ci bool, why string) {
	t.Helper()
	if ci {
		t.Fatalf("%s (with CI=true nothing is skipped)", why)
	}
	t.Skip(why)
}

// Root skips or fails a test, as Lacking does, unless it runs as root.
func Root(t testing.TB) {
	t.Helper()
	if id := os.Geteuid(); id != 0 {
		Lacking(t, "this test needs root, and runs as user %d", id)
	}
}

// Suite skips a test of a named suite unless the suite is chosen: by its name in KEYTURN_SUITE (names are separated by
// commas), by KEYTURN_SUITE=all, or by CI=true.
func Suite(t testing.TB, s Named) {
	t.Helper()
	if !Chosen(t, s) {
		t.Skipf("part of the suite %s; to run it: %s", s.Name, s.Command())
	}
}

// choose reports whether a value of KEYTURN_SUITE chooses the suite. An unknown name is an error.
func choose(value, suite string) (chosen bool, err error) {
	if value == "" {
		return false, nil
	}
	var known []string
	for _, s := range Suites {
		known = append(known, s.Name)
	}
	for name := range strings.SplitSeq(value, ",") {
		if name != "all" && !slices.Contains(known, name) {
			return false, fmt.Errorf("KEYTURN_SUITE=%s: there is no suite %q; use all, or some of these, separated "+
				"by commas: %s",
				value, name, strings.Join(known, ", "))
		}
		chosen = chosen || name == "all" || name == suite
	}
	return chosen, nil
}

// Chosen reports whether a suite is chosen, for a test that otherwise runs a part of its cases.
func Chosen(t testing.TB, s Named) bool {
	t.Helper()
	chosen, err := choose(os.Getenv("KEYTURN_SUITE"), s.Name)
	if err != nil {
		t.Fatal(err)
	}
	return chosen || CI()
}
