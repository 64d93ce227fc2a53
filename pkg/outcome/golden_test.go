package outcome_test

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/keyturn/keyturn/pkg/outcome"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares a text with a file under testdata.
func golden(t *testing.T, file, got string) {
	t.Helper()
	path := filepath.Join("testdata", file)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v (run with -update to write it)", err)
	}
	if got != string(want) {
		t.Errorf("%s differs (run with -update and look at the change):\n got:\n%s\nwant:\n%s", path, got, want)
	}
}

func TestEveryMailMatchesItsGoldenFile(t *testing.T) {
	for name, o := range cases() {
		t.Run(name, func(t *testing.T) {
			golden(t, name+".golden", "Subject: "+o.Title()+"\n\n"+o.Body())
		})
	}
}

func TestEveryGoldenFileHasItsOutcome(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "*.golden"))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 18 {
		t.Fatalf("%d golden files, want 18 or more", len(files))
	}
	known := cases()
	for _, f := range files {
		if _, ok := known[strings.TrimSuffix(filepath.Base(f), ".golden")]; !ok {
			t.Errorf("%s belongs to no case", f)
		}
	}
}

func TestTheJSONReplyIsStable(t *testing.T) {
	o := cases()["refused_no_free_slot"]
	o.NewID, o.Proven, o.OldFate, o.Remedy = newTokenID, worked, "still works", "fix it"
	o.Plan, o.Todo, o.Notes, o.Steps = []string{"a plan"}, []string{"a task"}, []string{"a note"}, []outcome.Step{
		{Action: "stage", Because: "it must not be lost", Began: *o.ClosedAt, TookMS: 120, Requests: []string{"A/B/C"}},
		{Action: "create", Error: "throttled"}}
	o.Secrets = []outcome.Secret{placed("auth-token", "token-of-web", secretID)}
	text, err := json.MarshalIndent(o, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "reply.json", string(text)+"\n")
}

func TestTheJSONReplyAlwaysHasTheOutcomeAndWhetherSomethingChanged(t *testing.T) {
	text, err := json.Marshal(outcome.Outcome{Status: outcome.Ignored, Reason: "not ours"})
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"outcome":"ignored","reason":"not ours","changed":false}`; string(text) != want {
		t.Errorf("the reply is %s, want %s", text, want)
	}
}

func TestTheStatusesHaveTheirNamesForEver(t *testing.T) {
	got := []outcome.Status{outcome.Rotated, outcome.Already, outcome.Refused, outcome.Unfinished, outcome.InProgress,
		outcome.DryRun, outcome.Ignored}
	want := []outcome.Status{"rotated", "already", "refused", "unfinished", "in_progress", "dry_run", "ignored"}
	if !slices.Equal(got, want) {
		t.Errorf("the statuses are %q, want %q", got, want)
	}
}

func TestWhichOutcomesAreMailedAndFinished(t *testing.T) {
	for _, c := range []struct {
		status           outcome.Status
		mailed, finished bool
	}{
		{outcome.Rotated, true, true}, {outcome.Already, true, true}, {outcome.Refused, true, true},
		{outcome.DryRun, true, true},
		{outcome.Unfinished, true, false}, {outcome.InProgress, false, false}, {outcome.Ignored, false, true},
	} {
		o := outcome.Outcome{Status: c.status}
		if o.Mailed() != c.mailed || o.Finished() != c.finished {
			t.Errorf("%s: mailed %v, finished %v; want %v, %v", c.status, o.Mailed(), o.Finished(), c.mailed,
				c.finished)
		}
	}
}
