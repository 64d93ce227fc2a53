package acceptance

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the table of the documentation")

func TestTheDocumentationHasTheTableOfFacts(t *testing.T) {
	const file, begin, end = "../../../docs/acceptance.md", "<!-- begin facts -->\n", "<!-- end facts -->"
	before, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok := strings.Cut(string(before), begin)
	_, tail, closed := strings.Cut(rest, end)
	if !ok || !closed {
		t.Fatalf("%s has no part for the facts", file)
	}
	after := head + begin + factTable() + end + tail
	switch {
	case after == string(before):
	case *update:
		if err := os.WriteFile(file, []byte(after), 0o644); err != nil {
			t.Fatal(err)
		}
	default:
		t.Errorf("the table of %s is not what the code says; run: go test ./deploy/internal/acceptance -update", file)
	}
}

func TestEveryFactSaysWhatIsAssumedWhereItMattersAndHowItIsSeen(t *testing.T) {
	var ids []string
	for _, f := range facts {
		if f.ID == "" || f.Assumes == "" || f.Matters == "" || f.How == "" {
			t.Errorf("the fact %q leaves something out", f.ID)
		}
		if slices.Contains(ids, f.ID) {
			t.Errorf("the fact %s is there twice", f.ID)
		}
		if slices.Contains(f.Ready, f.Expect) {
			t.Errorf("the fact %s is ready for what it expects", f.ID)
		}
		ids = append(ids, f.ID)
	}
	if len(ids) < 40 {
		t.Errorf("there are %d facts, want 40 or more", len(ids))
	}
}

// Each fact that a run can see is entered somewhere: a forgotten one would always be "not observed".
func TestEveryFactIsEnteredBySomeProbe(t *testing.T) {
	var code strings.Builder
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	read := 0
	for _, f := range files {
		if !strings.HasSuffix(f.Name(), ".go") || strings.HasSuffix(f.Name(), "_test.go") ||
			strings.HasPrefix(f.Name(), "facts") {
			continue
		}
		text, err := os.ReadFile(f.Name())
		if err != nil {
			t.Fatal(err)
		}
		code.Write(text)
		read++
	}
	for _, f := range facts {
		if entered := strings.Contains(code.String(), `"`+f.ID+`"`); entered == (f.Expect == never) {
			t.Errorf("the fact %s is entered: %t", f.ID, entered)
		}
	}
	if read < 10 {
		t.Errorf("%d files were looked at, want 10 or more", read)
	}
}

func TestAnOutcomeIsJudgedByWhatIsAssumed(t *testing.T) {
	r := newReport(&strings.Builder{})
	for _, c := range []struct{ id, outcome, verdict string }{
		{"delete-status", "204", asAssumed}, {"delete-status", "200", expected}, {"delete-status", "202", differs},
		{"cold-start", "", noted},
	} {
		r.fact(c.id, c.outcome, "")
		if got := r.saw[c.id].Verdict; got != c.verdict {
			t.Errorf("%s %s: %s, want %s", c.id, c.outcome, got, c.verdict)
		}
	}
}

func TestTheTextOfAReportCutsOCIDsShort(t *testing.T) {
	r := newReport(&strings.Builder{})
	id := "ocid1.user.oc1..aaaaaaaa" + strings.Repeat("b", 46) + "uvwxyz"
	r.check(false, "something", "of %s", id)
	text := r.text(heading{}, Remains{})
	if strings.Contains(text, id) || !strings.Contains(text, "ocid1.user.oc1.....uvwxyz") {
		t.Errorf("the text is\n%s", text)
	}
}

// factTable is the table for the documentation.
func factTable() string {
	var b strings.Builder
	b.WriteString("| fact | Keyturn assumes | it matters for | how a run observes it |\n|---|---|---|---|\n")
	for _, f := range facts {
		assumes := f.Assumes
		if f.Expect != "" && f.Expect != never {
			assumes += " (`" + f.Expect + "`)"
		}
		if len(f.Ready) > 0 {
			assumes += "; ready for `" + strings.Join(f.Ready, "`, `") + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", f.ID, assumes, f.Matters, f.How)
	}
	return b.String()
}
