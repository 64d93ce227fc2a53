package main

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const tiny = "testdata/tiny"

// mutate runs the command on the tiny module.
func mutate(t *testing.T, args ...string) (code int, stdout string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = realMain(t.Context(), tiny, append([]string{"-packages", "./clamp", "-tests", "./..."}, args...), &out,
		&errs)
	if code > 1 {
		t.Fatalf("exit code %d: %s", code, errs.String())
	}
	return code, out.String()
}

// tree is the content of all files of the tiny module.
func tree(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(tiny, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(name)
		out[name] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func measured(t *testing.T, text string) score {
	t.Helper()
	var scores []score
	if err := json.Unmarshal([]byte(text), &scores); err != nil || len(scores) != 1 {
		t.Fatalf("%d scores (%v) in %s", len(scores), err, text)
	}
	return scores[0]
}

func TestAMutantThatNoTestNoticesIsReportedAndEveryOtherIsNoticed(t *testing.T) {
	before := tree(t)
	code, text := mutate(t, "-json")
	s := measured(t, text)
	var survivors []string
	for _, one := range s.Survivors {
		survivors = append(survivors, one.ID)
		if never := one.Function == "never"; one.Uncovered != never {
			t.Errorf("%s: no test runs it: %v, want %v", one.ID, one.Uncovered, never)
		}
	}
	want := []string{
		"clamp/clamp.go:10:5:boundary", // Clamp(0) is 0 either way
		"clamp/clamp.go:10:9:number",
		"clamp/clamp.go:18:5:boundary", // no test asks for the numbers near the middle
		"clamp/clamp.go:18:9:number",
		"clamp/clamp.go:37:32:zero", // no test runs it
		"clamp/clamp.go:37:32:arithmetic",
		"clamp/clamp.go:37:36:number",
		"clamp/clamp.go:41:6:boundary", // the loop only has to end
		"clamp/clamp.go:41:6:order",
		"clamp/clamp.go:41:10:number",
	}
	slices.Sort(want)
	slices.Sort(survivors)
	if !slices.Equal(survivors, want) {
		t.Errorf("the survivors are\n%s\nwant:\n%s", strings.Join(survivors, "\n"), strings.Join(want, "\n"))
	}
	if s.Noticed != s.Mutants-len(want) || s.Noticed < 15 {
		t.Errorf("%d of %d are noticed", s.Noticed, s.Mutants)
	}
	if code != 1 {
		t.Errorf("the exit code is %d, want 1: a survivor isn't listed", code)
	}
	after := tree(t)
	for name, text := range before {
		if after[name] != text {
			t.Errorf("%s was changed", name)
		}
	}
	if len(after) != len(before) {
		t.Errorf("%d files are there, %d were", len(after), len(before))
	}
}

func TestTheSameCodeHasTheSameMutants(t *testing.T) {
	_, first := mutate(t, "-list")
	_, second := mutate(t, "-list")
	if first != second || !strings.Contains(first, "clamp/clamp.go:10:5:boundary\n\t- if n < 0 {\n\t+ if (n "+
		"<= 0) {\n") {
		t.Errorf("the mutants are\n%s\nand then\n%s", first, second)
	}
	ids := map[string]bool{}
	for line := range strings.Lines(first) {
		if strings.HasPrefix(line, "\t") {
			continue
		}
		if ids[line] {
			t.Errorf("two mutants have the id %s", line)
		}
		ids[line] = true
	}
}

func TestASampleIsDrawnBySeedAndLeavesOutListedSurvivors(t *testing.T) {
	file := filepath.Join(t.TempDir(), "survivors.txt")
	entry := "clamp/clamp.go Clamp boundary\n- if n < 0 {\n+ if (n <= 0) {\nboth give 0\n"
	if err := os.WriteFile(file, []byte(entry), 0o600); err != nil {
		t.Fatal(err)
	}
	accepted, err := readSurvivors(file)
	if err != nil {
		t.Fatal(err)
	}
	var all []*mutant
	for i, name := range strings.Split("abcdefghijklmnopqrstuvwxyz", "") {
		all = append(all, &mutant{ID: name, Line: i})
	}
	all = append(all, &mutant{ID: "listed", File: "clamp/clamp.go", Function: "Clamp", Operator: "boundary",
		Before: "if n < 0 {", After: "if (n <= 0) {"})
	ids := func(seed uint64) (out string) {
		for _, one := range sample(all, accepted, seed) {
			out += one.ID
		}
		return out
	}
	first, again := ids(1), ids(1)
	if first != again || first == ids(2) || len(first) != 26 {
		t.Errorf("seed 1 draws %s and %s, seed 2 %s", first, again, ids(2))
	}
	_, text := mutate(t, "-json", "-sample", "3", "-survivors", file)
	if s := measured(t, text); s.Mutants != 3 {
		t.Errorf("%d mutants were tested, want 3", s.Mutants)
	}
}

func TestAReportFailsForASurvivorWithoutAReasonAndForALowScore(t *testing.T) {
	one := &mutant{File: "a.go", Function: "f", Operator: "not", Before: "!x", After: "x"}
	for _, c := range []struct {
		name              string
		listed, sample    bool
		mutants, survived int
		ok                bool
	}{
		{"all noticed", false, false, 10, 0, true},
		{"an unlisted survivor", false, false, 100, 1, false},
		{"a listed survivor", true, false, 100, 1, true},
		{"too many listed ones live", true, false, 19, 1, false},
		{"exactly the goal", true, false, 20, 1, true},
		{"of a sample the score is not asked", true, true, 10, 1, true},
		{"an unlisted survivor in a sample", false, true, 10, 1, false},
	} {
		r := report{accepted: map[key]string{}, used: map[key]bool{}, sample: c.sample}
		if c.listed {
			r.accepted[one.key()] = "it does no harm"
		}
		s := score{Package: "p", Mutants: c.mutants, Noticed: c.mutants - c.survived}
		for range c.survived {
			s.Survivors = append(s.Survivors, survivor{mutant: *one})
		}
		r.add(s)
		if r.ok() != c.ok {
			t.Errorf("%s: ok is %v", c.name, r.ok())
		}
		var out bytes.Buffer
		r.write(&out)
		if shown := strings.Contains(out.String(), "a.go f not\n- !x\n+ x\n"); shown != (c.survived > 0 && !c.listed) {
			t.Errorf("%s: the report is\n%s", c.name, out.String())
		}
	}
}

func TestAnEntryWithoutAReasonIsAnError(t *testing.T) {
	good := "# a comment\n\na.go f not\n- !x\n+ x\nit does\nno harm\n\na.go f drop\n- y()\n+ (nothing)\nnor this\n"
	got, err := parseSurvivors([]byte(good))
	if err != nil || got[key{"a.go", "f", "not", "!x", "x"}] != "it does no harm" || len(got) != 2 {
		t.Errorf("%v (%v)", got, err)
	}
	for _, bad := range []string{"a.go f not\n- !x\n+ x\n", "a.go f\n- !x\n+ x\nwhy\n", "a.go f not\n!x\n+ x\nwhy\n",
		"a.go f not\n- !x\n+ x\nwhy\n\na.go f not\n- !x\n+ x\nwhy\n"} {
		if _, err := parseSurvivors([]byte(bad)); err == nil {
			t.Errorf("%q is no error", bad)
		}
	}
}

func TestTheListOfAcceptedSurvivorsCanBeReadAndNamesMutantsThatExist(t *testing.T) {
	accepted, err := readSurvivors("survivors.txt")
	if err != nil {
		t.Fatal(err)
	}
	left := map[key]bool{}
	files := map[string]bool{}
	for k := range accepted {
		left[k], files[k.file] = true, true
	}
	for name := range files {
		text, err := os.ReadFile(filepath.Join("../..", name))
		if err != nil {
			t.Error(err)
			continue
		}
		s, err := parse(name, text)
		if err != nil {
			t.Fatal(err)
		}
		for _, one := range s.mutants() {
			delete(left, one.key())
		}
	}
	for k := range left {
		t.Errorf("this mutant doesn't exist any more: %s %s %s\n- %s\n+ %s", k.file, k.function, k.operator, k.before,
			k.after)
	}
}
