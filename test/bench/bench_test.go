package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/keyturn/keyturn/test/need"
	"github.com/keyturn/keyturn/test/tenancy"
)

func TestAShortRunMeasuresEverySectionAndEndsWell(t *testing.T) {
	need.Suite(t, need.Bench)
	folder := t.TempDir()
	file := filepath.Join(folder, "figures.json")
	var stdout, stderr bytes.Buffer
	if code := run(t.Context(), []string{"-short", "-v", "-json", file, "-profile", folder}, &stdout,
		&stderr); code != 0 {
		t.Fatalf("exit code %d: %s", code, stderr.String())
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var r Report
	if err := json.Unmarshal(text, &r); err != nil {
		t.Fatal(err)
	}
	perSection := map[string]int{}
	for _, row := range r.Rows {
		perSection[row.Section]++
		if !strings.Contains(stdout.String(), row.What) {
			t.Errorf("%s is not in the table", row.What)
		}
		if row.Build.N == 0 || row.Floor != nil && row.Floor.Median <= 0 {
			t.Errorf("%+v was not measured", row)
		}
		if (row.Met == nil) != (row.Target == "") {
			t.Errorf("%+v: a target without a verdict, or a verdict without a target", row)
		}
	}
	for section, want := range map[string]int{coldStart: 2, rotations: 2 + 24 + 1, burst: 4 + 10 + 7, sweeping: 12 + 4,
		sizes: 6} {
		if perSection[section] != want {
			t.Errorf("%s has %d rows, want %d", section, perSection[section], want)
		}
	}
	if len(r.Chains) != 24 || r.Targets != 15 || !r.Short || r.Machine.Cores == 0 || r.Seconds <= 0 {
		t.Errorf("the report is not complete: %s", text)
	}
	for _, c := range r.Chains {
		// A warm rotation may still open one more connection beside those that are there.
		if c.Warm == (c.Handshakes >= 4) || c.Calls < 5 || c.RoundTripMS > 0 &&
			(len(c.Dependent) < 4 || c.RoundTrips < len(c.Dependent)) {
			t.Errorf("%+v", c)
		}
		if !strings.Contains(stdout.String(), strings.Join(c.Dependent, ", ")) {
			t.Errorf("-v does not tell the chain %v", c.Dependent)
		}
	}
	for _, name := range []string{"start.txt", "rotation-API-key-warm.txt", "rotation-password-cold.txt",
		"burst.cpu.pprof", "burst.cpu.txt", "burst.heap.pprof", "sweep-10.alloc.txt",
		"sweep-10.cpu.txt", "sweep-10.heap.pprof", "size-rotate.txt", "size-sweep.txt"} {
		if info, err := os.Stat(filepath.Join(folder, name)); err != nil || info.Size() == 0 {
			t.Errorf("the profile %s: %v", name, err)
		}
	}
}

func TestTheProofAndTheMailAreCountedAndTheOperatorIsNot(t *testing.T) {
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
	r, err := newRig(t.Context(), settings{seed: 1}, binary)
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
	for args, want := range map[string]string{"-seed x": "invalid value", "-json ": "-json needs",
		"-profile ": "-profile needs", "-fast": "-fast", "now": `"now"`,
		"-trip 0s": "-trip is 0s", "-only start,naps": `no section "naps"`, "-write -short": "-write needs all",
		"-write -only size": "-write needs all"} {
		var stdout, stderr bytes.Buffer
		if code := run(t.Context(), strings.Split(args, " "), &stdout, &stderr); code != 2 ||
			!strings.Contains(stderr.String(), want) {
			t.Errorf("%s: exit code %d, %s", args, code, stderr.String())
		}
	}
	var stdout, stderr bytes.Buffer
	if code := run(t.Context(), []string{"-h"}, &stdout, &stderr); code != 0 ||
		!strings.Contains(stdout.String(), "-json FILE") {
		t.Errorf("-h: exit code %d, %s", code, stdout.String())
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

func TestTheInitOrderBeginsWithWhatTakesLongest(t *testing.T) {
	trace := "init internal/bytealg @0.008 ms, 0 ms clock, 0 bytes, 0 allocs\nanother line\n" +
		"init a/b @1.0 ms, 0.25 ms clock, 10 bytes, 1 allocs\ninit c @2.0 ms, 1.5 ms clock, 20 bytes, 2 allocs\n"
	want := "init c @2.0 ms, 1.5 ms clock, 20 bytes, 2 allocs\ninit a/b @1.0 ms, 0.25 ms clock, 10 bytes, 1 allocs\n" +
		"init internal/bytealg @0.008 ms, 0 ms clock, 0 bytes, 0 allocs\n"
	if got := initOrder(trace); got != want {
		t.Errorf("got\n%s", got)
	}
}

func TestASymbolBelongsToItsPackage(t *testing.T) {
	for symbol, want := range map[string]string{
		"net/http.(*Client).Do": "net/http", "runtime.mallocgc": "runtime",
		"github.com/rs/zerolog.(*Event).Msg": "github.com/rs/zerolog",
		"gopkg.in/yaml%2ev3.init":            "gopkg.in/yaml%2ev3", "sync.OnceValues[go.shape.struct { " +
			"net/http.x }]": "sync",
		"type:.eq.x": "type:", "go:func.*": "go:",
		"_rt0_amd64_linux": "(none)",
	} {
		if got := packageOf(symbol); got != want {
			t.Errorf("%s is of %s, want %s", symbol, got, want)
		}
	}
	if got := bySize(map[string]uint64{"b": 5, "a": 5, "c": 70}); got != "       70 c\n        5 a\n        5 b\n" {
		t.Errorf("got\n%s", got)
	}
}
