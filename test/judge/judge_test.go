package judge

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/test/tenancy"
)

// faultsOf returns what the judge finds in the states of an auth token's rotation.
func faultsOf(sent int, states ...State) string {
	h := New(&tenancy.Case{Kind: tenancy.AuthToken, User: "ann", OldID: "old", Bystander: []string{"other"}})
	h.InFlight(sent)
	for _, s := range states {
		h.Add(s)
	}
	return strings.Join(h.Faults(), "\n")
}

func TestAPasswordThatKeyturnChoosesMustBeInASecret(t *testing.T) {
	first, second := time.Unix(1, 0), time.Unix(2, 0)
	secrets := map[string]string{"password_secret_ocid": "s"}
	found := State{Call: 1, Password: second, Findable: true}
	for name, m := range map[string]struct {
		domain  string
		secrets map[string]string
		sent    int
		states  []State
		want    bool
	}{
		"stored":       {"Plant", secrets, 0, []State{found}, false},
		"in no secret": {"Plant", secrets, 0, []State{{Call: 1, Password: second}}, true},
		"removed":      {"Plant", secrets, 0, []State{found, {Call: 2, Password: second}}, true},
		"removed by an operator": {"Plant", secrets, 0,
			[]State{found, {Password: second}, {Call: 2, Password: second}}, false},
		"sent before it was gone":   {"Plant", secrets, 1, []State{{Call: 1, Password: second}}, false},
		"set by an operator":        {"Plant", secrets, 0, []State{{Password: second}}, false},
		"without a secret":          {"Plant", nil, 0, []State{{Call: 1, Password: second}}, false},
		"a one-time one of Default": {"", secrets, 0, []State{{Call: 1, Password: second}}, false},
	} {
		h := New(&tenancy.Case{Kind: tenancy.Password, User: "ann", Domain: m.domain, Secrets: m.secrets})
		h.InFlight(m.sent)
		for _, s := range append([]State{{Password: first}}, m.states...) {
			h.Add(s)
		}
		if got := h.Faults(); len(got) > 0 != m.want {
			t.Errorf("%s: found %q", name, got)
		}
	}
}

func current(id string) map[string][]string { return map[string][]string{"s": {id}} }

func versions(current, newest int64) (v, n map[string]int64) {
	return map[string]int64{"s": current}, map[string]int64{"s": newest}
}

func TestTheJudgeReportsBrokenPromises(t *testing.T) {
	start := State{Existing: []string{"old", "other"}, Current: current("old")}
	one, newestOne := versions(1, 1)
	two, newestTwo := versions(2, 2)
	three, newestThree := versions(3, 3)
	bound, stranger := map[string]string{"s": "ann"}, map[string]string{"s": "bob"}
	for name, m := range map[string]struct {
		states []State
		want   string
	}{
		"a lost credential": {[]State{{Call: 1, Existing: []string{"new"}, Current: current("")}}, "lost"},
		"an old one that goes too early": {[]State{{Call: 1, Existing: []string{"other", "new"},
			Readable: []string{"new"}, Current: current("old")}}, "before a new one was CURRENT"},
		"a bystander that goes": {[]State{{Call: 1, Existing: []string{"old"}, Current: current("old")}},
			"bystander"},
		"a second promotion": {[]State{
			{Call: 1, Existing: start.Existing, Versions: one}, {Call: 2, Existing: start.Existing, Versions: two},
			{Call: 3, Existing: start.Existing, Versions: three}}, "third version"},
		"a stranger's secret that is written": {[]State{
			{Existing: start.Existing, Versions: one, Newest: newestOne, Bound: stranger},
			{Call: 1, Existing: start.Existing, Versions: one, Newest: newestTwo, Bound: stranger}}, "another user"},
		"an operator's version that is replaced": {[]State{
			{Existing: start.Existing, Versions: one, Newest: newestOne, Bound: bound},
			{Call: 1, Existing: start.Existing, Versions: one, Newest: newestTwo, Bound: bound},
			{Existing: start.Existing, Versions: three, Newest: newestThree, Bound: bound},
			{Call: 2, Existing: start.Existing,
				Versions: two, Newest: newestThree, Bound: bound}}, "a version that an operator made CURRENT"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := faultsOf(0, append([]State{start}, m.states...)...); !strings.Contains(got, m.want) {
				t.Errorf("found %q, want %q", got, m.want)
			}
		})
	}
}

func TestACredentialWithItsOwnProblemHasItsOwnJudge(t *testing.T) {
	h := New(&tenancy.Case{Kind: tenancy.AuthToken, User: "ann", OldID: "old", Bystander: []string{"other"}})
	h.JudgedElsewhere("other")
	h.Add(State{Existing: []string{"old", "other"}, Current: current("old")})
	h.Add(State{Call: 1, Existing: []string{"old"}, Current: current("old")})
	if len(h.Faults()) > 0 {
		t.Errorf("the other credential was deleted: found %q", h.Faults())
	}
	h.Add(State{Call: 2, Current: current("")})
	if len(h.Faults()) == 0 {
		t.Error("then the old one was deleted, and nothing is found")
	}
}

func TestAnOperatorsChangeThatIsUndoneMayBeOverwritten(t *testing.T) {
	at := func(call int, current, newest int64) State {
		v, n := versions(current, newest)
		return State{Call: call, Existing: []string{"old", "other"}, Versions: v, Newest: n}
	}
	staged := []State{at(0, 1, 1), at(1, 1, 2)}
	for name, m := range map[string]struct {
		states []State
		fault  bool
	}{
		"another version":   {[]State{at(0, 3, 3), at(2, 2, 3)}, true},
		"and takes it back": {[]State{at(0, 3, 3), at(0, 1, 3), at(2, 2, 3)}, false},
		"and takes it back, and then does it again": {[]State{at(0, 3, 3), at(0, 1, 3), at(0, 3, 3), at(2, 2, 3)},
			true},
		"two of them, and takes the second one back": {[]State{at(0, 3, 3), at(0, 4, 4), at(0, 3, 4), at(2, 2, 4)},
			true},
		"two of them, and takes both back": {[]State{at(0, 3, 3), at(0, 4, 4), at(0, 1, 4), at(2, 2, 4)},
			false},
		"the staged one, rolls back, and takes that back": {[]State{at(0, 2, 2), at(0, 1, 2), at(2, 2, 2)}, false},
	} {
		if got := faultsOf(0, append(slices.Clone(staged), m.states...)...); (got != "") != m.fault {
			t.Errorf("an operator who makes CURRENT %s: found %q", name, got)
		}
	}
}

func TestANewPasswordMayReplaceAnOperatorsVersion(t *testing.T) {
	for kept, want := range map[bool]string{true: "", false: "a version that an operator made CURRENT was replaced"} {
		h := New(&tenancy.Case{Kind: tenancy.Password, User: "ann"})
		for _, s := range []struct{ call, current, newest int64 }{{0, 1, 1}, {1, 1, 2}, {0, 3, 3}, {2, 2, 3}} {
			v, n := versions(s.current, s.newest)
			h.Add(State{Call: int(s.call), Versions: v, Newest: n, Kept: map[string]bool{"s": kept && s.current == 2}})
		}
		if got := strings.Join(h.Faults(), "\n"); got != want {
			t.Errorf("found %q, want %q", got, want)
		}
	}
}

func TestTheJudgePassesAGoodRotation(t *testing.T) {
	one, newestOne := versions(1, 1)
	two, newestTwo := versions(2, 2)
	got := faultsOf(0,
		State{Existing: []string{"old", "other"}, Current: current("old"), Versions: one, Newest: newestOne},
		State{Call: 1, Existing: []string{"old", "other", "new"}, Current: current("old"), Versions: one,
			Newest: newestOne},
		State{Call: 2, Existing: []string{"old", "other", "new"}, Readable: []string{"new"}, Current: current("new"),
			Versions: two, Newest: newestTwo},
		State{Call: 3, Existing: []string{"other", "new"}, Readable: []string{"new"}, Current: current("new"),
			Versions: two, Newest: newestTwo})
	if got != "" {
		t.Errorf("found %q", got)
	}
}

func TestAnOperatorsChangesAreNoFaults(t *testing.T) {
	one, newestOne := versions(1, 1)
	two, newestTwo := versions(2, 2)
	three, newestThree := versions(3, 3)
	living := []string{"old", "other"}
	for name, states := range map[string][]State{
		"deletes all": {{Existing: living}, {}},
		"orders a rotation after writing": {{Existing: living, Versions: one, Newest: newestOne},
			{Existing: living, Versions: two, Newest: newestTwo},
			{Existing: living, Versions: two, Newest: newestTwo, Orders: 1},
			{Call: 1, Existing: living, Versions: three,
				Newest: newestThree, Orders: 1}},
		"writes before the rotation does": {{Existing: living, Versions: one, Newest: newestOne},
			{Existing: living, Versions: two, Newest: newestTwo},
			{Call: 1, Existing: living, Versions: three, Newest: newestThree}},
		"acts while a deletion is in flight": {{Existing: living, Current: current("old")},
			{Call: 7, Existing: []string{"other"}, Current: current("")}},
		"allows to delete first": {{Existing: living, Current: current("old")},
			{Call: 8, Existing: []string{"other"}, Current: current(""), Replace: true}},
	} {
		if got := faultsOf(7, states...); got != "" {
			t.Errorf("an operator who %s: %s", name, got)
		}
	}
}

func TestReplacesReadsTheClosureComment(t *testing.T) {
	for comment, want := range map[string]bool{"replace:yes": true, "auth_secret_ocid:x, Replace: yes": true,
		"replace:no": false, "": false} {
		if got := replaces(comment); got != want {
			t.Errorf("%q: %v", comment, got)
		}
	}
}
