package main

import (
	"context"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/keyturn/keyturn/test/ociemu"
	"github.com/keyturn/keyturn/test/tenancy"
)

// built plays with both functions, built once.
var built player

func TestMain(m *testing.M) { os.Exit(tenancy.RunTests(m, &built.binary, &built.sweeper)) }

func TestASliceOfTheMatrixPasses(t *testing.T) {
	p := built
	cells, err := p.cells(t.Context(), options{kind: "auth-token", paces: true},
		regexp.MustCompile(
			`^auth-token \| at once \| (CreateAuthToken|DeleteAuthToken) 1: (500|killed after|effect, then cut|late, before write 1)$`))
	if err != nil {
		t.Fatal(err)
	}
	if len(cells) != 8 {
		t.Fatalf("%d cells, want 8", len(cells))
	}
	path := filepath.Join(t.TempDir(), "ledger")
	l, err := openLedger(path, p.binary, p.sweeper)
	if err != nil {
		t.Fatal(err)
	}
	results, _, err := p.playAll(t.Context(), cells, l, options{parallel: 2})
	if err != nil || len(results) != len(cells) || l.close() != nil {
		t.Fatalf("%d results, %v", len(results), err)
	}
	for _, r := range results {
		for _, f := range r.faults {
			t.Errorf("%s: %s\n%s", r.cell, f, r.trace)
		}
	}
}

func TestTheShortFormMeetsEveryCallAndEveryFault(t *testing.T) {
	sites := []site{{"GetProblem", 1}, {"UpdateSecret", 1}, {"CreateAuthToken", 1}, {"UpdateSecret", 2},
		{"DeleteAuthToken", 1}, {"PublishMessage", 1},
		{"GetSecret", 1}, {"GetUser", 1}, {"ListAuthTokens", 1}}
	for _, s := range slices.Clone(sites) {
		sites = append(sites, site{s.operation, s.n + 2}, site{s.operation, s.n + 4})
	}
	for seed := range uint64(shareOf) {
		faults := map[string]bool{}
		for i, f := range allForms() {
			calls := map[site]bool{}
			for _, c := range plan(f, i, sites, options{short: true, seed: seed}) {
				calls[c.sites[0]], faults[c.faults[0].name] = true, true
			}
			if len(calls) != len(sites) && f.variant != lagging {
				t.Errorf("seed %d: %s: %d of %d calls", seed, f.name, len(calls), len(sites))
			}
		}
		if len(faults) != len(singles()) {
			t.Errorf("seed %d: %d of %d faults", seed, len(faults), len(singles()))
		}
	}
}

func TestTheShortFormPlaysEachActAndTwoFaultsOfEachForm(t *testing.T) {
	sites := []site{{"GetProblem", 1}, {"CreateAuthToken", 1}, {"UpdateSecret", 1}, {"UpdateSecret", 2},
		{"DeleteAuthToken", 1}, {"PublishMessage", 1}}
	seen := map[string]int{}
	for i, f := range allForms() {
		pairs := twice(f, sites, options{short: true, seed: 1, rows: -1, product: -1})
		if n := inRow.short + anywhere.short; len(pairs) != n {
			t.Errorf("%s: %d cells with two faults, want %d", f.name, len(pairs), n)
		}
		for _, c := range acted(f, i, sites, options{short: true, seed: 1, persons: -1}) {
			seen[c.person().name]++
		}
	}
	for _, a := range acts {
		if seen[a.name] < 3 {
			t.Errorf("a person %s: played %d times", a.name, seen[a.name])
		}
	}
}

func TestAPersonActsAtEveryCallWhereThatIsPossible(t *testing.T) {
	sites := []site{{"GetSecret", 1}, {"CreateAuthToken", 1}, {"UpdateSecret", 1}, {"UpdateSecret", 2},
		{"DeleteAuthToken", 1}}
	where := map[string]int{}
	for _, c := range people(formOf("auth-token"), sites) {
		where[c.person().name]++
	}
	for name, want := range map[string]int{"deletes the user": 5, "deletes the new credential": 3,
		"promotes the staged version": 2, "rolls the secrets back": 1} {
		if where[name] != want {
			t.Errorf("a person %s at %d calls, want %d", name, where[name], want)
		}
	}
}

func TestACellInWhichThePersonFindsNothingToDoDoesNotCount(t *testing.T) {
	sc, err := built.open(t.Context(), formOf("auth-token"), longTime)
	if err != nil {
		t.Fatal(err)
	}
	defer sc.End()
	for _, m := range []struct {
		act  string
		idle bool
	}{{"writes something else to the secrets", false}, {"promotes the staged version", true}} {
		i := slices.IndexFunc(acts, func(a act) bool { return a.name == m.act })
		sc.d.idle = false
		if sc.perform(t.Context(), 1, &acts[i]); sc.d.void() != m.idle || sc.d.unable != nil {
			t.Errorf("a person %s: void %v, %v", m.act, sc.d.void(), sc.d.unable)
		}
	}
}

// TestEachActOfTheWalkIsPlayed compares the acts of persons with those of the walk of pkg/rotation, so that each state
// that the walk reaches by one is played on the built functions as well. Its lags are the forms "lagging" and the pace
// "later".
func TestEachActOfTheWalkIsPlayed(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join("..", "..", "pkg", "rotation", "walk_test.go"), nil,
		parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || spec.Names[0].Name != "acts" || len(spec.Values) != 1 {
			return true
		}
		for _, e := range spec.Values[0].(*ast.CompositeLit).Elts {
			name, err := strconv.Unquote(e.(*ast.CompositeLit).Elts[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			names = append(names, name)
		}
		return false
	})
	if len(names) < 10 {
		t.Fatalf("the walk has the acts %q", names)
	}
	for _, name := range names {
		if !slices.ContainsFunc(acts, func(a act) bool { return a.name == name }) {
			t.Errorf("no person %s here", name)
		}
	}
}

func TestThePageCountsPassedAndFailedCells(t *testing.T) {
	c := cell{form: form{name: "api-key"}, sites: []site{{"UploadApiKey", 1}}, faults: []disturbance{{name: "500"}}}
	page := document([]result{{cell: c}, {cell: c, faults: []string{"lost"}}, {cell: c, void: true}}, 7, false)
	if !strings.Contains(page, "| 500 | **1 of 2** |") ||
		!strings.Contains(page, "2 cells were played, and 1 passed. 1 more don't count") {
		t.Errorf("the page is %s", page)
	}
}

func TestARunGoesOnWhereItWasInterrupted(t *testing.T) {
	dir := t.TempDir()
	binary, path := filepath.Join(dir, "rotate"), filepath.Join(dir, "ledger")
	passed := cell{form: form{name: "api-key"}, sites: []site{{"UploadApiKey", 1}},
		faults: []disturbance{{name: "500"}}}
	failed, unplayed := passed, passed
	failed.faults, unplayed.faults = []disturbance{{name: "503"}}, []disturbance{{name: "429"}}
	open := func(build string) *ledger {
		t.Helper()
		if err := os.WriteFile(binary, []byte(build), 0o644); err != nil {
			t.Fatal(err)
		}
		l, err := openLedger(path, binary)
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	l := open("one")
	for _, r := range []result{{cell: passed, deliveries: 3}, {cell: failed, faults: []string{"lost"}}} {
		if err := l.add(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.close(); err != nil {
		t.Fatal(err)
	}
	again, other := open("one"), open("two")
	if r, ok := again.passed(passed); !ok || r.deliveries != 3 {
		t.Error("a cell that has passed is to be played again")
	}
	for _, c := range []cell{failed, unplayed} {
		if _, ok := again.passed(c); ok {
			t.Errorf("%s is not to be played", c)
		}
	}
	if _, ok := other.passed(passed); ok {
		t.Error("what another build has passed counts")
	}
}

func TestACellThatWasNotPlayedIsNotCountedAsPassed(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	results, _, err := player{}.playAll(ctx, make([]cell, 3), &ledger{}, options{parallel: 1})
	if err != nil || len(results) != 0 {
		t.Errorf("%d results of no cell, %v", len(results), err)
	}
}

func TestTwoFaultsInARowMeetEveryCallAndEveryPairOfFaults(t *testing.T) {
	sites := []site{{"GetSecret", 1}, {"UpdateSecret", 1}}
	firsts, pairs := map[site]bool{}, map[[2]string]bool{}
	for _, c := range rows(form{}, sites) {
		firsts[c.sites[0]] = true
		pairs[[2]string{c.faults[0].name, c.faults[1].name}] = true
	}
	if n := len(quick()); len(firsts) != 2 || len(pairs) != n*n {
		t.Errorf("%d calls, %d pairs of %d faults", len(firsts), len(pairs), n)
	}
}

func TestOnlyTheNextCallIsRightAfter(t *testing.T) {
	for _, m := range []struct {
		site      site
		operation string
		want      bool
	}{
		{nextCall, "GetSecret", true}, {nextCall, "UpdateSecret", true}, {nextWrite, "GetSecret", false},
		{nextWrite, "UpdateSecret", true},
		{site{"GetSecret", 2}, "GetSecret", true}, {site{"GetSecret", 2}, "UpdateSecret", false},
	} {
		if got := m.site.is(m.operation); got != m.want {
			t.Errorf("%s is %s: %v", m.operation, m.site, got)
		}
	}
	if nextWrite.nth() != 1 || (site{"GetSecret", 2}).nth() != 2 {
		t.Error("the wrong call is counted")
	}
}

func TestTheWholeMatrixMeetsEveryCallWithEveryFaultInEveryPaceInTurn(t *testing.T) {
	sites := []site{{"GetSecret", 1}, {"UpdateSecret", 1}, {"PublishMessage", 1}}
	once, seen := map[string]bool{}, map[pace]int{}
	for _, c := range plan(form{name: "api-key"}, 0, sites, options{}) {
		if once[c.disturbed()] {
			t.Errorf("%s is played twice", c)
		}
		once[c.disturbed()] = true
		seen[c.pace]++
	}
	all := plan(form{name: "api-key"}, 0, sites, options{paces: true})
	if len(all) != len(paces)*len(once) {
		t.Errorf("%d cells in all paces, %d in turn", len(all), len(once))
	}
	for _, p := range paces {
		if seen[p] == 0 {
			t.Errorf("no cell %s", p)
		}
	}
}

func TestThePageIsOfThisMatrix(t *testing.T) {
	content, err := os.ReadFile(filepath.Join("..", "..", page))
	if err != nil {
		t.Fatal(err)
	}
	text := string(content)
	if !strings.HasPrefix(text, introduction) {
		t.Error("its text is another: write it anew with -write")
	}
	for _, f := range allForms() {
		if !strings.Contains(text, " | "+f.name+" |") {
			t.Errorf("it has no column %s", f.name)
		}
	}
	for _, d := range singles() {
		if !strings.Contains(text, "\n| "+d.name+" |") {
			t.Errorf("it has no row %s", d.name)
		}
	}
}

func TestAFaultIsComparedWithWhatTheLogSays(t *testing.T) {
	p := built
	sc, err := p.open(t.Context(), allForms()[0], longTime)
	if err != nil {
		t.Fatal(err)
	}
	defer sc.End()
	sc.d.arrange(0, site{"GetSecret", 1}, disturbance{name: "500", status: 500, code: "InternalServerError"})
	if err := sc.close(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, m := range []struct {
		w    disturbance
		want bool
	}{{disturbance{status: 500}, true}, {disturbance{status: 503}, false},
		{disturbance{status: 500, when: ociemu.After}, false}, {disturbance{cut: true}, false}} {
		if got := sc.d.disagree(m.w) == ""; got != m.want {
			t.Errorf("%+v: %v", m.w, sc.d.disagree(m.w))
		}
	}
}

func formOf(name string) form {
	all := allForms()
	return all[slices.IndexFunc(all, func(f form) bool { return f.name == name })]
}
