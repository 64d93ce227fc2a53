package main

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/keyturn/keyturn/test/stage"
)

func TestASliceOfTheMatrixPasses(t *testing.T) {
	binary, err := stage.Build(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	sweeper, err := stage.BuildSweep(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	p := player{binary, sweeper}
	cells, err := p.cells(t.Context(), options{kind: "auth-token", pairs: 1},
		regexp.MustCompile(`^auth-token \| at once \| (CreateAuthToken|DeleteAuthToken) 1: (500|killed after|effect, then cut|late, before write 1)$`))
	if err != nil {
		t.Fatal(err)
	}
	if len(cells) != 8 {
		t.Fatalf("%d cells, want 8", len(cells))
	}
	for _, r := range p.playAll(t.Context(), cells, options{parallel: 2}) {
		for _, f := range r.faults {
			t.Errorf("%s: %s\n%s", r.cell, f, r.trace)
		}
	}
}

// judged gives a history the states and returns what it finds.
func judged(v variant, states ...state) []string {
	c := &stage.Case{Kind: stage.AuthToken, OldID: "old", Bystander: []string{"other"}}
	h := newHistory(c, v)
	for _, s := range states {
		h.add(s)
	}
	return h.faults
}

func current(id string) map[string][]string { return map[string][]string{"auth_secret_ocid": {id}} }

func TestTheJudgeSeesWhatMustNotHappen(t *testing.T) {
	start := state{Living: []string{"old", "other"}, Current: current("old")}
	for name, m := range map[string]struct {
		variant variant
		states  []state
		want    string
	}{
		"a lost credential": {replace, []state{{Living: []string{"new"}, Current: current("")}}, "lost"},
		"an old one that goes too early": {plain, []state{{Living: []string{"other", "new"}, Readable: []string{"new"}, Current: current("old")}},
			"before a new one was CURRENT"},
		"a bystander that goes": {plain, []state{{Living: []string{"old"}, Current: current("old")}}, "bystander"},
		"a second promotion": {plain, []state{
			{Living: start.Living, Current: current("old"), Versions: map[string]int64{"s": 1}},
			{Living: start.Living, Current: current("old"), Versions: map[string]int64{"s": 2}},
			{Living: start.Living, Current: current("old"), Versions: map[string]int64{"s": 3}}}, "third version"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := judged(m.variant, append([]state{start}, m.states...)...); !strings.Contains(strings.Join(got, "\n"), m.want) {
				t.Errorf("found %q, want %q", got, m.want)
			}
		})
	}
}

func TestTheJudgeLetsAGoodRotationPass(t *testing.T) {
	got := judged(plain,
		state{Living: []string{"old", "other"}, Current: current("old")},
		state{Living: []string{"old", "other", "new"}, Current: current("old")},
		state{Living: []string{"old", "other", "new"}, Readable: []string{"new"}, Current: current("new")},
		state{Living: []string{"other", "new"}, Readable: []string{"new"}, Current: current("new")})
	if len(got) > 0 {
		t.Errorf("found %q", got)
	}
}

func TestTheShortFormMeetsEveryCallAndEveryFault(t *testing.T) {
	sites := []site{{"GetProblem", 1}, {"UpdateSecret", 1}, {"CreateAuthToken", 1}, {"UpdateSecret", 2}, {"DeleteAuthToken", 1}, {"PublishMessage", 1},
		{"GetSecret", 1}, {"GetUser", 1}, {"ListAuthTokens", 1}}
	for _, s := range slices.Clone(sites) {
		sites = append(sites, site{s.operation, s.n + 2}, site{s.operation, s.n + 4})
	}
	for seed := range uint64(shareOf) {
		calls, faults := map[site]bool{}, map[string]bool{}
		for _, c := range plan(form{name: "auth-token"}, sites, true, seed) {
			calls[c.sites[0]], faults[c.faults[0].name] = true, true
		}
		if len(calls) != len(sites) || len(faults) != len(singles()) {
			t.Errorf("seed %d: %d of %d calls, %d of %d faults", seed, len(calls), len(sites), len(faults), len(singles()))
		}
	}
}

func TestThePageCountsPassedAndFailedCells(t *testing.T) {
	c := cell{form: form{name: "api-key"}, sites: []site{{"UploadApiKey", 1}}, faults: []disturbance{{name: "500"}}}
	page := document([]result{{cell: c}, {cell: c, faults: []string{"lost"}}})
	if !strings.Contains(page, "| 500 | **1 of 2** |") || !strings.Contains(page, "2 cells were played, and 1 passed") {
		t.Errorf("the page is %s", page)
	}
}
