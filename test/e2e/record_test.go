package e2e

import (
	"encoding/json"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/keyturn/keyturn/test/ociemu"
	"github.com/keyturn/keyturn/test/tenancy"
)

var recordSchema = sync.OnceValues(func() (*jsonschema.Schema, error) {
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	return c.Compile("../../docs/record.schema.json")
})

// line has the fields of a log line that the tests read.
type line struct {
	Message  string   `json:"message"`
	Level    string   `json:"level"`
	CallID   string   `json:"call_id"`
	Rotation string   `json:"rotation"`
	Problem  string   `json:"problem"`
	Step     string   `json:"step"`
	TookMS   *float64 `json:"took_ms"`
	Requests []string `json:"opc_request_ids"`
	Error    string   `json:"error"`
	Record   struct {
		Outcome  string `json:"outcome"`
		ClosedBy string `json:"closed_by"`
		Comment  string `json:"comment"`
		OldID    string `json:"old_id"`
		NewID    string `json:"new_id"`
		OldMade  string `json:"old_made"`
		Secrets  []struct {
			ID      string `json:"id"`
			Version int64  `json:"version"`
		} `json:"secrets"`
		Steps []struct {
			Step     string   `json:"step"`
			Requests []string `json:"opc_request_ids"`
		} `json:"steps"`
	} `json:"record"`
}

// lines returns the log lines of a tenancy's functions, also those of killed processes.
func lines(s *tenancy.Deployment) (out []line, texts []string) {
	for text := range strings.Lines(s.Printed.String()) {
		var l line
		if json.Unmarshal([]byte(text), &l) == nil {
			out, texts = append(out, l), append(texts, text)
		}
	}
	return out, texts
}

// checkRecords compares every record line of a tenancy with the schema.
func checkRecords(t *testing.T, s *tenancy.Deployment) {
	t.Helper()
	schema, err := recordSchema()
	if err != nil {
		t.Fatal(err)
	}
	all, texts := lines(s)
	for i, l := range all {
		if l.Message != "outcome" {
			continue
		}
		document, err := jsonschema.UnmarshalJSON(strings.NewReader(texts[i]))
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(document); err != nil {
			t.Errorf("a record line is not what docs/record.schema.json says: %v\n%s", err, texts[i])
		}
	}
}

func TestTheRecordSaysWhoWhyWhatAndWhere(t *testing.T) {
	each(t, func(t *testing.T, w tenancy.Want) {
		s := newTenancy(t, tenancy.Options{Emulator: ociemu.Calm()})
		c := s.Add(w)
		if a := closeProblem(t, s, c, c.Comment()); a.Outcome != "rotated" {
			t.Fatalf("the answer is %+v", a)
		}
		all, _ := lines(s)
		records := 0
		for _, l := range all {
			if l.Message != "outcome" {
				continue
			}
			records++
			r := l.Record
			if r.Outcome != "rotated" || r.ClosedBy != s.Operator.Name || r.Comment != c.Comment() || r.OldMade == "" ||
				l.CallID == "" || len(r.Steps) < 2 {
				t.Errorf("the record is %+v", l)
			}
			if w.Kind != tenancy.Password && (r.OldID != c.OldID || r.NewID == "" || r.NewID == r.OldID) {
				t.Errorf("the record has %q for %q", r.NewID, r.OldID)
			}
			for _, secret := range r.Secrets {
				if secret.Version != 2 {
					t.Errorf("the record has version %d of %s, want 2", secret.Version, secret.ID)
				}
			}
		}
		if records != 1 {
			t.Errorf("%d records, want one", records)
		}
	})
}

func TestEachStepIsALogLineWithItsRequestIDs(t *testing.T) {
	s := newTenancy(t, tenancy.Options{Emulator: ociemu.Calm()})
	c := s.Add(tenancy.Want{Kind: tenancy.APIKey})
	closeProblem(t, s, c, c.Comment())
	answered := map[string]bool{}
	for _, call := range s.Calls() {
		answered[call.RequestID] = true
	}
	steps := []string{}
	all, _ := lines(s)
	for _, l := range all {
		if l.Message != "step" {
			continue
		}
		steps = append(steps, l.Step)
		if l.Rotation == "" || l.Problem != c.Problem || l.CallID == "" || l.TookMS == nil || len(l.Requests) == 0 {
			t.Errorf("the line of %s is %+v", l.Step, l)
		}
		for _, id := range l.Requests {
			if !answered[id] {
				t.Errorf("%s names request %s, which was never answered", l.Step, id)
			}
		}
	}
	if got := strings.Join(steps, " "); got != "stage create prove promote retire" {
		t.Errorf("the steps are %s", got)
	}
}
