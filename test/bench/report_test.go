package main

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/keyturn/keyturn/test/ociemu"
)

func TestTheMedianIsTheMiddleValue(t *testing.T) {
	for _, c := range []struct {
		values []float64
		want   figure
	}{{nil, figure{}}, {[]float64{3}, figure{3, 3, 3, 1}}, {[]float64{9, 1, 5}, figure{5, 1, 9, 3}},
		{[]float64{9, 1, 5, 3}, figure{4, 1, 9, 4}}} {
		if got := figureOf(c.values...); got != c.want {
			t.Errorf("%v: %+v, want %+v", c.values, got, c.want)
		}
	}
}

func TestAQuantileLiesBetweenItsNeighbours(t *testing.T) {
	values := []float64{40, 10, 30, 20}
	for part, want := range map[float64]float64{0: 10, 0.5: 25, 0.9: 37, 1: 40} {
		if got := quantile(values, part); math.Abs(got-want) > 1e-9 {
			t.Errorf("the quantile %g is %g, want %g", part, got, want)
		}
	}
}

func TestTheStandardErrorDescribesTheMean(t *testing.T) {
	if m, e := mean([]float64{2, 4, 4, 4, 5, 5, 7, 9}); m != 5 || math.Abs(e-math.Sqrt(32.0/7/8)) > 1e-9 {
		t.Errorf("mean %g, error %g", m, e)
	}
	if m, e := mean([]float64{7}); m != 7 || e != 0 {
		t.Errorf("of one value: mean %g, error %g", m, e)
	}
}

func TestTheExponentOfAPowerIsFound(t *testing.T) {
	x := []float64{100, 1000, 10000}
	for want, y := range map[float64][]float64{0: {7, 7, 7}, 1: {7, 70, 700}, 2: {7, 700, 70000},
		0.5: {10, 10 * math.Sqrt(10), 100}} {
		if got := exponent(x, y); math.Abs(got-want) > 1e-9 {
			t.Errorf("%v grows as n^%g, want n^%g", y, got, want)
		}
	}
	if got := exponent([]float64{5}, []float64{1}); !math.IsNaN(got) {
		t.Errorf("one size alone grows as n^%g", got)
	}
}

func TestTheTableMarksAMissedTarget(t *testing.T) {
	r := report{settings: settings{seed: 7}, machine: "Abacus", seconds: 60, section: "one"}
	r.add("within", "ms", 10, 12).over(10).ratioAtMost(1.1)
	r.add("beyond", "ms", 12).over(10).ratioAtMost(1.1)
	r.section = "two"
	r.add("at the limit", "MB", 24).below(24)
	r.add("seven", "calls", 7).atMost(7)
	r.add("no target", "s", 0.5).note("with %s", "details")
	table := r.table()
	for _, want := range []string{"Keyturn on Abacus, seed 7; measured in 60 s\n",
		"\nONE ", "\nTWO ", "targets: 2 of 4 met\n"} {
		if !strings.Contains(table, want) {
			t.Errorf("the table lacks %q:\n%s", want, table)
		}
	}
	for what, want := range map[string]string{"within": "ms 11 10 - 12 10 1.10 <= 1.1 x floor met",
		"beyond":       "ms 12 10 1.20 <= 1.1 x floor MISSED",
		"at the limit": "MB 24 < 24 MISSED", "seven": "calls 7 <= 7 met", "no target": "s 0.500 with details"} {
		found := false
		for line := range strings.Lines(table) {
			if rest, ok := strings.CutPrefix(line, what+" "); ok {
				found = true
				if got := strings.Join(strings.Fields(rest), " "); got != want {
					t.Errorf("%s: %q, want %q", what, got, want)
				}
			}
		}
		if !found {
			t.Errorf("%s is not in the table:\n%s", what, table)
		}
	}
	if strings.Contains(table, "other work") || strings.Contains(table, "short run") {
		t.Errorf("an idle machine and a whole run are excused:\n%s", table)
	}
	r.load, r.short = 99999.5, true
	if table := r.table(); !strings.Contains(table, "load was 99999.5") || !strings.Contains(table, "short run") {
		t.Errorf("the table lacks the load, or that the run was short:\n%s", table)
	}
}

func TestNumbersHaveThreeDigits(t *testing.T) {
	for v, want := range map[float64]string{0: "0", 0.0371: "0.037", 1.094: "1.09", 12.34: "12.3", 123.4: "123",
		12345.6: "12346", 40: "40", -0.5: "-0.500"} {
		if got := number(v); got != want {
			t.Errorf("%g is written %s, want %s", v, got, want)
		}
	}
}

func TestTheTableIsWrittenBetweenItsMarks(t *testing.T) {
	path := filepath.Join(t.TempDir(), "page.md")
	write := func(text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	beginTable, endTable := marks(allFigures)
	write("before\n" + beginTable + "old\n" + endTable + "after\n")
	for range 2 { // again and again
		if err := writeInto(path, "figures", "new\n"); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if want := "before\n" + beginTable + "```text\nnew\n```\n" + endTable + "after\n"; string(got) != want {
		t.Errorf("got %q, want %q", got, want)
	}
	write("before\n" + endTable)
	if err := writeInto(path, "figures", "new\n"); err == nil || !strings.Contains(err.Error(), "marks") {
		t.Errorf("a document without marks: %v", err)
	}
}

func TestTheDocumentHasAPlaceForTheTable(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("../..", document))
	if err != nil {
		t.Fatal(err)
	}
	for _, place := range []string{allFigures, apart} {
		beginTable, endTable := marks(place)
		if !bytes.Contains(text, []byte(beginTable)) || !bytes.Contains(text, []byte(endTable)) {
			t.Errorf("%s lacks the marks of %s", document, place)
		}
	}
}

func TestTheProcessorTimeExcludesTheKeysAndItsFloorIsTheSignatures(t *testing.T) {
	c := costs{key: 100, keyError: 3, keys: 10, signature: 0.5}
	row := new(report).addCPU("x", c, work{rotations: 100, cpu: 3000, keys: 25, signatures: 800})
	if row.build.median != 5 || row.floor != 4 || row.ratio() != 1.25 {
		t.Errorf("%+v, want 30 ms less 25 for the keys, over 8 signatures of 0.5", row)
	}
	// Four rotations to a key; the mean of 25 keys varies as much as sqrt(10/25) of that of 10.
	if want := "8.0 signatures, 1.0 beyond them; +- 0.9; 30.0 with the keys"; row.detail != want {
		t.Errorf("the detail is %q, want %q", row.detail, want)
	}
	row = new(report).addCPU("x", c, work{rotations: 100, cpu: 300, signatures: 100})
	if row.build.median != 3 || row.detail != "1.0 signatures, 2.5 beyond them" {
		t.Errorf("without keys: %+v", row)
	}
}

func TestTheSeedAndNotTheOrderOfArrivalSelectsTheThrottledCalls(t *testing.T) {
	lots := func(seed uint64, order []int) (drawnCalls map[string]bool) {
		draw, out := drawn(seed, 0.05), map[string]bool{}
		for _, i := range order {
			path := strings.Repeat("x", 1+i%97) + string(rune('a'+i%23))
			if draw(ociemu.Call{Operation: "GetSecret", Path: path}) {
				out[path] = true
			}
		}
		return out
	}
	var forward, backward []int
	for i := range 2000 {
		forward, backward = append(forward, i), append(backward, 1999-i)
	}
	a, b, other := lots(1, forward), lots(1, backward), lots(2, forward)
	if len(a) != len(b) {
		t.Errorf("%d calls are drawn in one order, %d in the other", len(a), len(b))
	}
	for path := range a {
		if !b[path] {
			t.Errorf("%s is drawn in one order only", path)
		}
	}
	same := 0
	for path := range a {
		if other[path] {
			same++
		}
	}
	if same == len(a) && len(a) == len(other) {
		t.Error("another seed draws the same")
	}
	draw, hits := drawn(3, 0.05), 0
	for range 10000 {
		if draw(ociemu.Call{Operation: "PublishMessage", Path: "/topic"}) {
			hits++
		}
	}
	if hits < 400 || hits > 600 {
		t.Errorf("%d of 10000 calls are drawn, want about 500", hits)
	}
}
