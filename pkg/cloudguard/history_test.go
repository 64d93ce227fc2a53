package cloudguard_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/keyturn/keyturn/pkg/cloudguard"
)

// record makes the i-th record of a history; a later one is newer.
func record(i int, kind, detail, comment string) cloudguard.Change {
	return cloudguard.Change{
		At: time.Date(2026, 5, 4, 10, i, 0, 0, time.UTC), Actor: "jane", ActorKind: kind, Detail: detail,
		Comment: comment,
	}
}

const (
	user      = "USER"
	service   = "CLOUD_GUARD_SERVICE"
	responder = "RESPONDER"
)

func TestTheClosureIsTheLastCommentOfAUserWhoClosedTheProblem(t *testing.T) {
	cases := []struct {
		name    string
		history []cloudguard.Change // oldest first
		want    string              // the comment; "none" if it isn't closed
		at      int                 // minute of the record
	}{
		{"no history", nil, "none", 0},
		{"only detected", []cloudguard.Change{record(0, service, "OPEN", "")}, "none", 0},
		{"closed by a user", []cloudguard.Change{record(0, service, "OPEN", ""), record(1, user, "RESOLVED", "a")},
			"a", 1},
		{"closed without a comment", []cloudguard.Change{record(0, service, "OPEN", ""),
			record(1, user, "RESOLVED", " ")}, " ", 1},
		{"found gone by the next scan", []cloudguard.Change{record(0, user, "RESOLVED", "a"),
			record(1, service, "RESOLVED", "")}, "a", 0},
		{"touched by a responder", []cloudguard.Change{record(0, user, "RESOLVED", "a"),
			record(1, responder, "RESOLVED", "x"), record(2, service, "RESOLVED", "")}, "a", 0},
		{"closed by no user", []cloudguard.Change{record(0, service, "OPEN", ""), record(1, service, "RESOLVED", "x")},
			"none", 0},
		{"opened again by Cloud Guard", []cloudguard.Change{record(0, user, "RESOLVED", "a"),
			record(1, service, "OPEN", "")}, "none", 0},
		{"opened again by a user", []cloudguard.Change{record(0, user, "RESOLVED", "a"),
			record(1, user, "OPEN", "no")}, "none", 0},
		{"opened, then found gone", []cloudguard.Change{record(0, user, "RESOLVED", "a"),
			record(1, service, "OPEN", ""), record(2, service, "RESOLVED", "")}, "none", 0},
		{"closed, opened, closed", []cloudguard.Change{record(0, user, "RESOLVED", "a"),
			record(1, service, "OPEN", ""), record(2, user, "RESOLVED", "b")}, "b", 2},
		{"a comment from before an opening doesn't count", []cloudguard.Change{record(0, user, "RESOLVED", "a"),
			record(1, service, "OPEN", ""), record(2, user, "RESOLVED", "")}, "", 2},
		{"dismissed", []cloudguard.Change{record(0, user, "RESOLVED", "a"), record(1, user, "DISMISSED", "b")},
			"none", 0},
		{"deleted", []cloudguard.Change{record(0, user, "RESOLVED", "a"), record(1, service, "DELETED", "")}, "none",
			0},
		{"closed twice with different comments", []cloudguard.Change{record(0, user, "RESOLVED", "a"),
			record(1, user, "RESOLVED", "b")}, "b", 1},
		{"closed again without a comment", []cloudguard.Change{record(0, user, "RESOLVED", "a"),
			record(1, user, "RESOLVED", "")}, "a", 0},
		{"other spelling", []cloudguard.Change{record(0, "User", " Resolved", "a")}, "a", 0},
		{"unknown state", []cloudguard.Change{record(0, user, "RESOLVED", "a"), record(1, service, "", "")}, "none",
			0},
	}
	shuffle := rand.New(rand.NewPCG(1, 2))
	for _, c := range cases {
		for range 10 {
			got, ok := cloudguard.Closure(c.history)
			if ok != (c.want != "none") || ok && (got.Comment != c.want || got.At.Minute() != c.at ||
				got.Actor != "jane") {
				t.Errorf("%s: Closure = %+v, %v, want %q", c.name, got, ok, c.want)
			}
			shuffle.Shuffle(len(c.history), func(i, j int) { c.history[i], c.history[j] = c.history[j], c.history[i] })
		}
	}
}

func TestTheFirstListedOfRecordsWithTheSameTimeIsTheNewest(t *testing.T) {
	open, closed := record(0, service, "OPEN", ""), record(0, user, "RESOLVED", "a")
	if _, ok := cloudguard.Closure([]cloudguard.Change{closed, open}); !ok {
		t.Error("closed after it was opened: no closure found")
	}
	if _, ok := cloudguard.Closure([]cloudguard.Change{open, closed}); ok {
		t.Error("opened after it was closed: a closure found")
	}
	// Enough records that an unstable sort would reorder them.
	many := []cloudguard.Change{record(1, user, "RESOLVED", "newest")}
	for i := range 100 {
		many = append(many, record(i%2, user, "RESOLVED", "older"), open)
	}
	if c, _ := cloudguard.Closure(many); c.Comment != "newest" {
		t.Errorf("closure %+v, want the first listed", c)
	}
}

func TestClosureDoesNotChangeTheHistory(t *testing.T) {
	history := []cloudguard.Change{record(0, service, "OPEN", ""), record(1, user, "RESOLVED", "a")}
	cloudguard.Closure(history)
	if history[0].Detail != "OPEN" {
		t.Error("the caller's slice was sorted")
	}
}

func TestTheCommentOfAClosureMayBeTheProblemsOwn(t *testing.T) {
	const open, resolved = "OPEN", "RESOLVED"
	for name, c := range map[string]struct {
		own     string
		history []cloudguard.Change
		want    string
	}{
		"the history's, and the problem's": {"own", []cloudguard.Change{record(1, user, resolved, "a")}, "a\nown"},
		"the problem's":                    {"own", []cloudguard.Change{record(1, user, resolved, "")}, "own"},
		"the problem's, a scan later": {"own", []cloudguard.Change{record(1, user, resolved, " "),
			record(2, service, resolved, "")}, "own"},
		"no history":  {"own", nil, "own"},
		"none at all": {"", []cloudguard.Change{record(1, user, resolved, "")}, ""},
		"that of an earlier closure": {"a", []cloudguard.Change{record(1, user, resolved, "a"),
			record(2, service, open, ""), record(3, user, resolved, "")}, ""},
		"with which it was opened again": {"Keyturn did not rotate: x", []cloudguard.Change{
			record(1, user, open, "Keyturn did not rotate: x"), record(2, user, resolved, "")}, ""},
		"of its dismissal": {"not now", []cloudguard.Change{record(1, user, "DISMISSED", "not now"),
			record(2, user, resolved, "")}, ""},
		"closed twice, the second without": {"", []cloudguard.Change{record(1, user, resolved, "a"),
			record(2, user, resolved, "")}, "a"},
	} {
		closure, _ := cloudguard.Closure(c.history)
		if got := (cloudguard.Problem{Comment: c.own, History: c.history}).ClosureComment(closure); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
