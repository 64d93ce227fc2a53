package main

import (
	"bytes"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/keyturn/keyturn/test/need"
	"github.com/keyturn/keyturn/test/tenancy"
)

func TestAShortRunMeasuresEverySection(t *testing.T) {
	need.Suite(t, need.Bench)
	var b bench
	var stdout strings.Builder
	if code := b.command(t.Context(), []string{"-short", "-v"}, &stdout, t.Output()); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	printed := stdout.String()
	rows, floors, targets := map[string]int{}, map[string]int{}, 0
	for _, row := range b.rows {
		rows[row.section]++
		if !strings.Contains(printed, row.what) {
			t.Errorf("%s is not in the table", row.what)
		}
		if row.build.n == 0 {
			t.Errorf("%+v was not measured", row)
		}
		if row.floor > 0 {
			floors[row.section]++
		}
		if row.target != "" {
			targets++
		}
	}
	want := map[string]int{"cold start": 2, "rotation": 2 + 24 + 1, "burst": 4 + 10 + 7, "sweep": 12 + 4, "size": 6}
	if !maps.Equal(rows, want) {
		t.Errorf("the sections have %v rows, want %v", rows, want)
	}
	want = map[string]int{"cold start": 2, "rotation": 12, "burst": 6, "size": 6}
	if !maps.Equal(floors, want) {
		t.Errorf("%v rows have a floor, want %v", floors, want)
	}
	verdicts := regexp.MustCompile(`(?m) (<=?) [0-9.]+( x floor)? +(met|MISSED)( |$)`).FindAllString(printed, -1)
	if len(verdicts) != targets {
		t.Errorf("%d targets have a verdict, want all %d", len(verdicts), targets)
	}
	if len(b.chains) != 24 || targets != 15 || !strings.Contains(printed, "A short run") || b.seconds <= 0 {
		t.Errorf("%d chains and %d targets, want 24 and 15:\n%s", len(b.chains), targets, printed)
	}
	for _, c := range b.chains {
		// A warm rotation may still open one more connection.
		if strings.Contains(c.form, "warm") == (c.handshakes >= 4) || c.calls < 5 ||
			!strings.HasSuffix(c.form, " 0 ms") && (len(c.dependent) < 4 || c.roundTrips < len(c.dependent)) {
			t.Errorf("%+v", c)
		}
		if !strings.Contains(printed, strings.Join(c.dependent, ", ")) {
			t.Errorf("-v does not print the chain %v", c.dependent)
		}
	}
}

func TestTheFunctionsCallsCountAndTheOperatorsDoNot(t *testing.T) {
	r := rigFor(t)
	m, err := r.rotate(r.Add(tenancy.Want{Kind: tenancy.AuthToken}), false)
	if err != nil {
		t.Fatal(err)
	}
	var operations []string
	for _, c := range m.calls {
		operations = append(operations, c.Operation)
		if c.Caller.Operator {
			t.Errorf("the operator's %s is counted", c.Operation)
		}
	}
	if !slices.Contains(operations, "DockerToken") || !slices.Contains(operations, "PublishMessage") {
		t.Errorf("the calls are %v", operations)
	}
	// Before the promotion, and once more before the old one goes.
	if got := signed(m.calls); got != len(m.calls)-2 {
		t.Errorf("%d of %d calls count as signed, want all but the two DockerToken", got, len(m.calls))
	}
	if m.took <= 0 || m.total < m.took || m.calls[0].Began.Before(m.began) {
		t.Errorf("took %s of %s, began %s, first call %s", m.took, m.total, m.began, m.calls[0].Began)
	}
}

func rigFor(t *testing.T) *rig {
	t.Helper()
	binary, err := tenancy.Build(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	r, err := newRig(t.Context(), settings{seed: 1}, binary, 1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.End(); err != nil {
			t.Error(err)
		}
	})
	return r
}

func TestAFunctionThatRefusesGivesNoFigures(t *testing.T) {
	r := rigFor(t)
	if _, err := r.rotate(r.Add(tenancy.Want{Kind: tenancy.AuthToken, Unbound: true}), false); err == nil ||
		!strings.Contains(err.Error(), "refused") {
		t.Errorf("got %v", err)
	}
}

func TestAProcessThatWasReplacedGivesNoFigures(t *testing.T) {
	r := rigFor(t)
	if _, err := r.rotate(r.Add(tenancy.Want{Kind: tenancy.AuthToken}), false); err != nil {
		t.Fatal(err)
	}
	r.Host.Kill()
	if _, err := r.rotate(r.Add(tenancy.Want{Kind: tenancy.AuthToken}), false); err == nil ||
		!strings.Contains(err.Error(), "replaced") {
		t.Errorf("got %v", err)
	}
}

func TestBadFlagsAreRefused(t *testing.T) {
	for args, want := range map[string]string{"-seed x": "invalid value", "-fast": "-fast", "now": `"now"`,
		"-trip 0s": "-trip is 0s", "-only start,naps": `no section "naps"`, "-write -short": "-write needs all",
		"-write -only size": "-write needs all", "-write -only domains,size": "-write needs all",
		"-write -short -only domains": "-write needs all"} {
		var stdout, stderr bytes.Buffer
		if code := run(t.Context(), strings.Split(args, " "), &stdout, &stderr); code != 2 ||
			!strings.Contains(stderr.String(), want) {
			t.Errorf("%s: exit code %d, %s", args, code, stderr.String())
		}
	}
	var stdout, stderr bytes.Buffer
	if code := run(t.Context(), []string{"-h"}, &stdout, &stderr); code != 0 ||
		!strings.Contains(stdout.String(), "-only list") {
		t.Errorf("-h: exit code %d, %s", code, stdout.String())
	}
}

func TestTheSectionWithItsOwnTableIsMeasuredAndWrittenAlone(t *testing.T) {
	all, _, _ := readFlags(nil, nil, nil)
	alone, _, ok := readFlags([]string{"-write", "-only", apart}, nil, nil)
	if all.measures(apart) || !all.measures("sweep") || !ok || !alone.measures(apart) || alone.measures("sweep") ||
		!alone.alone() || all.alone() {
		t.Errorf("all sections: %+v, one: %+v", all, alone)
	}
}

func TestASweepIsMeasuredInEveryWayOfListing(t *testing.T) {
	need.Suite(t, need.Bench)
	var b bench
	var stdout strings.Builder
	if code := b.command(t.Context(), []string{"-short", "-only", apart}, &stdout, t.Output()); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	values := map[string]float64{}
	for _, row := range b.rows {
		values[row.what] = row.build.median
	}
	// Two calls for each user, four for each, and four for each domain, of which two have no domain.
	for what, want := range map[string]float64{"classic API: 10 users: calls": 2 * 10,
		"domain, by users: 10 users: calls": 3 * 10, "domain, by whole lists: 10 users: calls": 0,
		"report: 20 users: calls": 30} {
		if got := values[what]; got < want || got > want+20 {
			t.Errorf("%s: %g, want %g and a few more", what, got, want)
		}
	}
	if len(b.rows) != len(ways)*len(domainFigures)*(len(b.domains)+1)+len(b.domains)*(len(domainFigures)+1) {
		t.Errorf("%d rows:\n%s", len(b.rows), stdout.String())
	}
}

func TestShortMeasuresLessOfEverything(t *testing.T) {
	whole, _, ok := readFlags(nil, nil, nil)
	short, _, also := readFlags([]string{"-short"}, nil, nil)
	if !ok || !also || whole.starts < 20 || whole.events != 1000 || whole.serial != 1000 ||
		whole.sweeps[len(whole.sweeps)-1].users != 10000 {
		t.Errorf("the whole run is %+v", whole)
	}
	if short.starts >= whole.starts || short.events >= whole.events ||
		short.sweeps[len(short.sweeps)-1].users >= whole.sweeps[0].users {
		t.Errorf("the short run is %+v", short)
	}
}
