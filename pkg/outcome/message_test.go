package outcome_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/keyturn/keyturn/pkg/outcome"
)

// size is the size of the request that publishes a message, as the SDK makes it.
func size(t *testing.T, title, body string) int {
	t.Helper()
	request, err := json.Marshal(map[string]string{"title": title, "body": body})
	if err != nil {
		t.Fatal(err)
	}
	return len(request)
}

// record decodes a message and compares it with the schema of the record line.
func record(t *testing.T, body string) map[string]any {
	t.Helper()
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	schema, err := c.Compile("../../docs/record.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	document, err := jsonschema.UnmarshalJSON(strings.NewReader(body))
	if err != nil {
		t.Fatalf("%v:\n%.300s", err, body)
	}
	if err := schema.Validate(document); err != nil {
		t.Errorf("the message is not what docs/record.schema.json says: %v\n%.300s", err, body)
	}
	return document.(map[string]any)["record"].(map[string]any)
}

func TestEveryOutcomesMessageIsARecordLine(t *testing.T) {
	at := time.Date(2026, 5, 4, 10, 0, 1, 0, time.UTC)
	for name, o := range cases() {
		o.Began, o.TookMS, o.CallID = at, 1200, "01JWK0N1VB9NG8G0GZJ0000001"
		title, body := o.Message("rotate", at)
		if title != string(o.Status) {
			t.Errorf("%s: the title is %q", name, title)
		}
		if got := record(t, body); got["outcome"] != title || got["shortened"] != nil {
			t.Errorf("%s: the record is %v", name, got)
		}
	}
}

// Each list, and each text, is made so long that it alone doesn't fit.
func TestAMessageStaysWithinTheLimitAndLosesItsStepsFirst(t *testing.T) {
	at := time.Date(2026, 5, 4, 10, 0, 1, 0, time.UTC)
	long := strings.Repeat(`"<&>`+"\\\n\u2028\xff", 20_000)
	steps := func(n int) (all []outcome.Step) {
		for range n {
			all = append(all, outcome.Step{Action: "stage", Because: `the "value"`, Began: at, TookMS: 5,
				Requests: []string{strings.Repeat("A", 96)}})
		}
		return all
	}
	for name, change := range map[string]func(*outcome.Outcome){
		"steps":   func(o *outcome.Outcome) { o.Steps = steps(500) },
		"slots":   func(o *outcome.Outcome) { o.Slots = []string{long} },
		"plan":    func(o *outcome.Outcome) { o.Plan = []string{long} },
		"notes":   func(o *outcome.Outcome) { o.Notes = []string{long, long} },
		"todo":    func(o *outcome.Outcome) { o.Todo = []string{long} },
		"mend":    func(o *outcome.Outcome) { o.Remedy = long },
		"comment": func(o *outcome.Outcome) { o.Comment = long },
		"reason":  func(o *outcome.Outcome) { o.Reason = long },
		"secrets": func(o *outcome.Outcome) { o.Secrets[0].Name = long },
		"names":   func(o *outcome.Outcome) { o.UserName, o.ResourceName, o.ProblemID = long, long, long },
		"everything": func(o *outcome.Outcome) {
			o.Steps, o.Notes, o.Todo, o.Reason, o.Comment = steps(500), []string{long}, []string{long}, long, long
		},
	} {
		o := cases()["rotated_auth_token"]
		o.Began, o.TookMS, o.Steps, o.Notes = at, 1200, steps(3), []string{"a note"}
		o.Secrets = []outcome.Secret{placed("auth-token", "token-of-web", secretID)}
		change(&o)
		title, body := o.Message("sweep", at)
		if n := size(t, title, body); n > 64<<10 {
			t.Errorf("%s: the request has %d bytes", name, n)
		}
		got := record(t, body)
		if got["shortened"] != true || got["outcome"] != string(o.Status) || got["changed"] != true ||
			got["steps"] != nil || got["rotation"] != o.Rotation {
			t.Errorf("%s: the record is %.500s", name, fmt.Sprint(got))
		}
		if kept := got["notes"] != nil && got["user_name"] == o.UserName; kept != (name == "steps" || name == "slots" ||
			name == "plan") {
			t.Errorf("%s: more or less than needed was left out: %.500s", name, fmt.Sprint(got))
		}
	}
}
