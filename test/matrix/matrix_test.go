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

// built runs both functions, built once.
var built runner

func TestMain(m *testing.M) { os.Exit(tenancy.RunTests(m, &built.binary, &built.sweeper)) }

func TestEightCellsOfTheMatrixPass(t *testing.T) {
	p := built
	cells, err := p.cells(t.Context(), options{kind: "auth-token", redeliveries: true},
		regexp.MustCompile(
			`^auth-token \| at once \| (CreateAuthToken|DeleteAuthToken) 1: `+
				`(500|killed after|effect, then cut|late, before write 1)$`))
	if err != nil {
		t.Fatal(err)
	}
	if len(cells) != 8 {
		t.Fatalf("%d cells, want 8", len(cells))
	}
	path := filepath.Join(t.TempDir(), "results")
	l, err := openResults(path, p.binary, p.sweeper)
	if err != nil {
		t.Fatal(err)
	}
	results, _, err := p.runCells(t.Context(), cells, l, options{parallel: 2})
	if err != nil || len(results) != len(cells) || l.close() != nil {
		t.Fatalf("%d results, %v", len(results), err)
	}
	for _, r := range results {
		for _, f := range r.failures {
			t.Errorf("%s: %s\n%s", r.cell, f, r.trace)
		}
	}
}

func TestShortCoversEveryCallOfAFamilyAndEachGroupOfFaultsInEachForm(t *testing.T) {
	sites := []site{{"GetProblem", 1}, {"UpdateSecret", 1}, {"CreateAuthToken", 1}, {"UpdateSecret", 2},
		{"DeleteAuthToken", 1}, {"PublishMessage", 1}, {"PutUserPasswordChanger", 1}, {"PutUserPasswordResetter", 1},
		{"GetSecret", 1}, {"GetUser", 1}, {"ListAuthTokens", 1}}
	for _, s := range slices.Clone(sites) {
		sites = append(sites, site{s.operation, s.n + 2}, site{s.operation, s.n + 4})
	}
	for seed := range uint64(8) {
		faults, calls := map[string]bool{}, map[string]map[site]bool{}
		for _, f := range allForms() {
			if calls[f.family()] == nil {
				calls[f.family()] = map[site]bool{}
			}
			groups, own := map[string]bool{}, map[site]bool{}
			for _, c := range sampledSingles(f, sites, options{short: true, seed: seed}) {
				calls[f.family()][c.sites[0]], own[c.sites[0]] = true, true
				groups[groupColumn(c)], faults[c.faults[0].name] = true, true
			}
			if len(groups) != 6 {
				t.Errorf("seed %d: %s: %d groups of faults", seed, f.name, len(groups))
			}
			for _, s := range sites {
				if f.want.Domain != "" && domainCall.MatchString(s.String()) && !own[s] {
					t.Errorf("seed %d: %s: no fault at %s", seed, f.name, s)
				}
			}
		}
		for name, calls := range calls {
			if len(calls) != len(sites) {
				t.Errorf("seed %d: %s: %d of %d calls", seed, name, len(calls), len(sites))
			}
		}
		if len(faults) != len(allFaults()) {
			t.Errorf("seed %d: %d of %d faults", seed, len(faults), len(allFaults()))
		}
	}
}

func TestShortRunsEveryActionAndAnActionAndAPairOfEveryForm(t *testing.T) {
	sites := []site{{"GetProblem", 1}, {"CreateAuthToken", 1}, {"UpdateSecret", 1}, {"UpdateSecret", 2},
		{"DeleteAuthToken", 1}, {"PublishMessage", 1}}
	o := options{short: true, seed: 1, consecutive: -1, anywhere: -1, actions: -1}
	seen := map[string]int{}
	for _, f := range allForms() {
		pairs := sampledPairs(f, sites, o)
		if len(pairs) != 2 || pairs[0].sites[1].operation != "" || pairs[1].sites[1].operation == "" {
			t.Errorf("%s: not one cell of each sort with two faults", f.name)
		}
		own := sampledActions(f, sites, o)
		if len(own) == 0 && len(actionCells(f, sites)) > 0 {
			t.Errorf("%s: no operator's action", f.name)
		}
		for _, c := range own {
			seen[c.action().name]++
		}
	}
	for _, a := range actions {
		if seen[a.name] < 2 {
			t.Errorf("an operator %s: %d times", a.name, seen[a.name])
		}
	}
}

func TestOneFormOfAFamilyHasTheTurnAndTheSeedDrawsIt(t *testing.T) {
	ever := map[string]bool{}
	for seed := range uint64(16) {
		turns := map[string]int{}
		for _, f := range allForms() {
			turns[f.family()] += 0
			if f.turn(options{seed: seed}, "GetProblem 1") {
				turns[f.family()]++
				ever[f.name] = true
			}
		}
		for name, n := range turns {
			if n != 1 {
				t.Errorf("seed %d: %s: %d forms have the turn", seed, name, n)
			}
		}
	}
	if len(ever) != len(allForms()) {
		t.Errorf("only %d of %d forms ever have the turn", len(ever), len(allForms()))
	}
}

func TestEveryKindHasEveryVariantInADomain(t *testing.T) {
	seen := map[tenancy.Kind]map[variant]bool{}
	bundles := map[bool]int{}
	for _, f := range allForms() {
		if f.want.Domain == "" || f.want.Kind.Resets() {
			continue
		}
		if seen[f.want.Kind] == nil {
			seen[f.want.Kind] = map[variant]bool{}
		}
		seen[f.want.Kind][f.variant] = true
		bundles[f.want.Bundle]++
	}
	for kind, variants := range seen {
		if len(variants) != 6 {
			t.Errorf("%s: %d variants", kind, len(variants))
		}
	}
	if len(seen) != 3 || bundles[true] != bundles[false] {
		t.Errorf("%d kinds, with a bundle and without: %v", len(seen), bundles)
	}
}

func TestPasswordsHaveEveryFormInADomain(t *testing.T) {
	sites := []site{{"UpdateSecret", 1}, {"PutUserPasswordChanger", 1}}
	for name, staged := range map[string]bool{"": true, " bundle": true, " lagging": true, " not kept": false} {
		if slices.ContainsFunc(actionCells(formOf("domain password"+name), sites), func(c cell) bool {
			return c.action().name == "promotes the staged version"
		}) != staged {
			t.Errorf("password%s: an operator promotes the staged version: %v, want %v", name, !staged, staged)
		}
	}
}

func TestAnOperatorActsAtEveryPossibleCall(t *testing.T) {
	sites := []site{{"GetSecret", 1}, {"CreateAuthToken", 1}, {"UpdateSecret", 1}, {"UpdateSecret", 2},
		{"DeleteAuthToken", 1}}
	where := map[string]int{}
	for _, c := range actionCells(formOf("auth-token"), sites) {
		where[c.action().name]++
	}
	for name, want := range map[string]int{"deletes the user": 5, "deletes the new credential": 3,
		"promotes the staged version": 2, "rolls the secrets back": 1} {
		if where[name] != want {
			t.Errorf("an operator %s at %d calls, want %d", name, where[name], want)
		}
	}
}

func TestACellWhoseActionIsNotPossibleIsInconclusive(t *testing.T) {
	env, err := built.newEnvironment(t.Context(), formOf("auth-token"), longTime)
	if err != nil {
		t.Fatal(err)
	}
	defer env.End()
	for _, m := range []struct {
		action       string
		inconclusive bool
	}{{"writes something else to the secrets", false}, {"promotes the staged version", true}} {
		i := slices.IndexFunc(actions, func(a action) bool { return a.name == m.action })
		env.injector.nothingToDo = false
		env.act(t.Context(), 1, &actions[i])
		if env.injector.inconclusive() != m.inconclusive ||
			env.injector.actionErr != nil {
			t.Errorf("an operator %s: inconclusive %v, %v", m.action, env.injector.inconclusive(),
				env.injector.actionErr)
		}
	}
}

// The built functions meet every action that the walk in pkg/rotation's tests has. Its lags are the forms "lagging" and
// the redelivery "later".
func TestTheMatrixHasEveryActionOfTheWalk(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join("..", "..", "pkg", "rotation", "walk_test.go"), nil,
		parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || spec.Names[0].Name != "userActions" || len(spec.Values) != 1 {
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
		t.Fatalf("the walk has the actions %q", names)
	}
	for _, name := range names {
		if !slices.ContainsFunc(actions, func(a action) bool { return a.name == name }) {
			t.Errorf("no operator %s here", name)
		}
	}
}

func TestThePageCountsPassedAndFailedCells(t *testing.T) {
	c := cell{form: form{name: "api-key"}, sites: []site{{"UploadApiKey", 1}}, faults: []fault{{name: "500"}}}
	page := document([]result{{cell: c}, {cell: c, failures: []string{"lost"}}, {cell: c, inconclusive: true}}, 7,
		false)
	if !strings.Contains(page, "| 500 | **1 of 2** |") ||
		!strings.Contains(page, "2 cells ran, and 1 passed. 1 more don't count") {
		t.Errorf("the page is %s", page)
	}
}

func TestAnInterruptedRunIsResumed(t *testing.T) {
	dir := t.TempDir()
	binary, path := filepath.Join(dir, "rotate"), filepath.Join(dir, "results")
	passed := cell{form: form{name: "api-key"}, sites: []site{{"UploadApiKey", 1}},
		faults: []fault{{name: "500"}}}
	failed, notRun := passed, passed
	failed.faults, notRun.faults = []fault{{name: "503"}}, []fault{{name: "429"}}
	open := func(build string) *resultFile {
		t.Helper()
		if err := os.WriteFile(binary, []byte(build), 0o644); err != nil {
			t.Fatal(err)
		}
		l, err := openResults(path, binary)
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	l := open("one")
	for _, r := range []result{{cell: passed, deliveries: 3}, {cell: failed, failures: []string{"lost"}}} {
		if err := l.add(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.close(); err != nil {
		t.Fatal(err)
	}
	again, other := open("one"), open("two")
	if r, ok := again.passed(passed); !ok || r.deliveries != 3 {
		t.Error("a cell that passed runs again")
	}
	for _, c := range []cell{failed, notRun} {
		if _, ok := again.passed(c); ok {
			t.Errorf("%s does not run again", c)
		}
	}
	if _, ok := other.passed(passed); ok {
		t.Error("a result of another build counts")
	}
}

func TestACellThatDidNotRunHasNoResult(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	results, _, err := runner{}.runCells(ctx, make([]cell, 3), &resultFile{}, options{parallel: 1})
	if err != nil || len(results) != 0 {
		t.Errorf("%d results of no cell, %v", len(results), err)
	}
}

func TestConsecutiveFaultsCoverEveryCallAndEveryPair(t *testing.T) {
	sites := []site{{"GetSecret", 1}, {"UpdateSecret", 1}}
	firsts, pairs := map[site]bool{}, map[[2]string]bool{}
	for _, c := range consecutivePairs(form{}, sites) {
		firsts[c.sites[0]] = true
		pairs[[2]string{c.faults[0].name, c.faults[1].name}] = true
	}
	if n := len(quickFaults()); len(firsts) != 2 || len(pairs) != n*n {
		t.Errorf("%d calls, %d pairs of %d faults", len(firsts), len(pairs), n)
	}
}

func TestASiteMatchesItsCalls(t *testing.T) {
	for _, m := range []struct {
		site      site
		operation string
		want      bool
	}{
		{nextCall, "GetSecret", true}, {nextCall, "UpdateSecret", true}, {nextWrite, "GetSecret", false},
		{nextWrite, "UpdateSecret", true},
		{site{"GetSecret", 2}, "GetSecret", true}, {site{"GetSecret", 2}, "UpdateSecret", false},
	} {
		if got := m.site.matches(m.operation); got != m.want {
			t.Errorf("%s is %s: %v", m.operation, m.site, got)
		}
	}
	if nextWrite.number() != 1 || (site{"GetSecret", 2}).number() != 2 {
		t.Error("the number is wrong")
	}
}

func TestTheMatrixRunsEveryFaultAtEveryCallOnce(t *testing.T) {
	sites := []site{{"GetSecret", 1}, {"UpdateSecret", 1}, {"PublishMessage", 1}}
	once, seen := map[string]bool{}, map[redelivery]int{}
	for _, c := range singleFaultCells(form{name: "api-key"}, sites, options{}) {
		if once[c.withoutRedelivery()] {
			t.Errorf("%s runs twice", c)
		}
		once[c.withoutRedelivery()] = true
		seen[c.redelivery]++
	}
	all := singleFaultCells(form{name: "api-key"}, sites, options{redeliveries: true})
	if len(all) != len(redeliveries)*len(once) {
		t.Errorf("%d cells with all redeliveries, %d in turn", len(all), len(once))
	}
	for _, p := range redeliveries {
		if seen[p] == 0 {
			t.Errorf("no cell %s", p)
		}
	}
}

func TestThePageMatchesTheMatrix(t *testing.T) {
	content, err := os.ReadFile(filepath.Join("..", "..", page))
	if err != nil {
		t.Fatal(err)
	}
	text := string(content)
	if !strings.HasPrefix(text, introduction) {
		t.Error("its introduction differs; write it again with -write")
	}
	for _, f := range allForms() {
		if !strings.Contains(text, " | "+f.name+" |") {
			t.Errorf("it has no column %s", f.name)
		}
	}
	for _, d := range allFaults() {
		if !strings.Contains(text, "\n| "+d.name+" |") {
			t.Errorf("it has no row %s", d.name)
		}
	}
}

func TestAFaultIsComparedWithTheLog(t *testing.T) {
	p := built
	env, err := p.newEnvironment(t.Context(), allForms()[0], longTime)
	if err != nil {
		t.Fatal(err)
	}
	defer env.End()
	env.injector.inject(0, site{"GetSecret", 1}, fault{name: "500", status: 500, code: "InternalServerError"})
	if err := env.closeProblem(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, m := range []struct {
		w    fault
		want bool
	}{{fault{status: 500}, true}, {fault{status: 503}, false},
		{fault{status: 500, when: ociemu.After}, false}, {fault{cut: true}, false}} {
		if got := env.injector.mismatch(m.w) == ""; got != m.want {
			t.Errorf("%+v: %v", m.w, env.injector.mismatch(m.w))
		}
	}
}

func formOf(name string) form {
	all := allForms()
	return all[slices.IndexFunc(all, func(f form) bool { return f.name == name })]
}
