package docs

import (
	"encoding/json"
	"fmt"
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

// search is one of the stack's saved searches.
type search struct{ name, description, where, order string }

var searchBlock = regexp.MustCompile(`(?m)^    ([a-z-]+) = \{
      description = ("(?:[^"\\]|\\.)*")
      where       = ("(?:[^"\\]|\\.)*")
      order       = "(asc|desc)"
    \}$`)

// searches reads them from terraform/log_searches.tf, which terraform fmt has formatted.
func searches(t *testing.T) []search {
	t.Helper()
	text := read(t, "terraform/log_searches.tf")
	var out []search
	for _, m := range searchBlock.FindAllStringSubmatch(text, -1) {
		s := search{name: m[1], order: m[4]}
		for to, from := range map[*string]string{&s.description: m[2], &s.where: m[3]} {
			var err error
			*to, err = strconv.Unquote(from)
			if err != nil {
				t.Fatalf("%s: %v", m[1], err)
			}
		}
		out = append(out, s)
	}
	if len(out) < 7 || len(out) != strings.Count(text, "description = \"") {
		t.Fatalf("%d searches were read, of %d", len(out), strings.Count(text, "description = \""))
	}
	return out
}

func TestThePageOfSearchesListsTheStacksSearches(t *testing.T) {
	var b strings.Builder
	b.WriteString("| search | shows | condition |\n| --- | --- | --- |\n")
	for _, s := range searches(t) {
		fmt.Fprintf(&b, "| `%s` | %s | `%s` |\n", s.name, s.description, s.where)
	}
	const name = "docs/queries.md"
	before := read(t, name)
	head, rest, ok := strings.Cut(before, "<!-- begin searches -->\n")
	_, tail, closed := strings.Cut(rest, "<!-- end searches -->")
	if !ok || !closed {
		t.Fatal(name + " has no part searches")
	}
	after := head + "<!-- begin searches -->\n" + b.String() + "<!-- end searches -->" + tail
	switch {
	case after == before:
	case *update:
		if err := os.WriteFile(filepath.Join(root, name), []byte(after), 0o644); err != nil {
			t.Fatal(err)
		}
	default:
		t.Errorf("the searches of %s are not the stack's; run: go test ./test/docs -update", name)
	}
}

// placed are values for the placeholders in the documentation's conditions.
var placed = []string{`data.message = '*"call_id":"<call>*'`, `data.message = '*"rotation":"<rotation>*'`,
	`data.message = '*"problem":"<problem OCID>*'`}

func TestEverySearchInTheDocumentsIsSavedByTheStack(t *testing.T) {
	known := slices.Clone(placed)
	orders := map[string]string{placed[1]: "asc", placed[2]: "asc"}
	for _, s := range searches(t) {
		known, orders[s.where] = append(known, s.where), s.order
	}
	query := regexp.MustCompile(`--search-query "search \\"([^"\\]*)\\" \| where (.*?) \| sort by datetime (asc|desc)"`)
	seen := 0
	for page, text := range pages(t) {
		for _, command := range commands(text) {
			if !strings.Contains(command, "--search-query") || strings.Contains(command, `"$query"`) {
				continue
			}
			m := query.FindStringSubmatch(command)
			if m == nil {
				t.Errorf("%s: the search can't be read: %s", page, command)
				continue
			}
			seen++
			where := strings.ReplaceAll(m[2], `\"`, `"`)
			if strings.HasSuffix(m[1], "/_Audit") { // the service's log, not Keyturn's
				continue
			}
			if m[1] != "$log" || !slices.Contains(known, where) || orders[where] != m[3] {
				t.Errorf("%s: no saved search has the condition %s, sorted %s, on %s", page, where, m[3], m[1])
			}
		}
	}
	if seen < 20 {
		t.Errorf("%d searches were looked at, want 20 or more", seen)
	}
}

// found reports whether a condition matches a line, according to Oracle's "Logging Query Language Specification":
// equality with * for any characters, and, or.
func found(t *testing.T, where, line string) bool {
	t.Helper()
	for some := range strings.SplitSeq(where, " or ") {
		all := true
		for one := range strings.SplitSeq(some, " and ") {
			pattern, ok := strings.CutPrefix(one, "data.message = '")
			pattern, closed := strings.CutSuffix(pattern, "'")
			if !ok || !closed || strings.ContainsAny(pattern, `'\`) {
				t.Fatalf("the condition %q can't be read", one)
			}
			parts := strings.Split(pattern, "*")
			for i := range parts {
				parts[i] = regexp.QuoteMeta(parts[i])
			}
			all = all && regexp.MustCompile(`(?s)^`+strings.Join(parts, ".*")+`$`).MatchString(line)
		}
		if all {
			return true
		}
	}
	return false
}

// meant reports whether a search should find a decoded line.
var meant = map[string]func(m map[string]any) bool{
	"records":    func(m map[string]any) bool { return m["message"] == "outcome" },
	"refused":    func(m map[string]any) bool { return outcomeOf(m) == "refused" },
	"unfinished": func(m map[string]any) bool { return outcomeOf(m) == "unfinished" || outcomeOf(m) == "in_progress" },
	"rotation": func(m map[string]any) bool {
		record, _ := m["record"].(map[string]any)
		return m["rotation"] != nil || record["rotation"] != nil
	},
	"failures":     func(m map[string]any) bool { return m["message"] == "the invocation failed" },
	"failed-calls": func(m map[string]any) bool { return m["message"] == "call" && m["class"] != nil },
	"sweeps":       func(m map[string]any) bool { return m["message"] == "sweep" },
}

func outcomeOf(m map[string]any) any {
	record, _ := m["record"].(map[string]any)
	return record["outcome"]
}

// forged is a comment that imitates log fields.
const forged = `"outcome":"refused" "message":"sweep" "message":"the invocation failed" "message":"outcome","message":"call","class":"x","rotation":"abc"`

// forgedFree is its part that a closure comment may contain as free text.
const forgedFree = `"message":"sweep" "message":"the invocation failed" "message":"outcome","message":"call","class":"x"`

// This test runs the built functions and searches their output.
func TestEverySearchFindsItsLinesAndNoOthers(t *testing.T) {
	dir := t.TempDir()
	rotate, err := tenancy.Build(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	sweep, err := tenancy.BuildSweep(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	s, err := tenancy.New(t.Context(), tenancy.Options{Binary: rotate, Sweeper: sweep,
		Config: []string{"log_level=debug"}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.End(); err != nil {
			t.Error(err)
		}
	}()
	closing := func(w tenancy.Want, more ...string) {
		c := s.Add(w)
		if err := s.Close(t.Context(), c.Problem, c.Comment(more...)); err != nil {
			t.Fatal(err)
		}
	}
	closing(tenancy.Want{Kind: tenancy.APIKey}, forgedFree)
	closing(tenancy.Want{Kind: tenancy.AuthToken, Unbound: true, UserName: forged}, forged)
	broken := s.Inject(ociemu.Fault{Operation: "UpdateSecret", Times: -1, Do: ociemu.Answer(503, "ServiceUnavailable")})
	closing(tenancy.Want{Kind: tenancy.APIKey}, forgedFree)
	broken.Remove()
	if _, err := s.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	hits := map[string]int{}
	lines := 0
	for line := range strings.Lines(s.Printed.String()) {
		var m map[string]any
		line = strings.TrimSpace(line)
		if json.Unmarshal([]byte(line), &m) != nil {
			continue
		}
		lines++
		for _, q := range searches(t) {
			got, want := found(t, q.where, line), meant[q.name] != nil && meant[q.name](m)
			if got != want {
				t.Errorf("the search %s finds this line: %t, want %t\n%.400s", q.name, got, want, line)
			}
			if got {
				hits[q.name]++
			}
		}
	}
	for _, q := range searches(t) {
		if hits[q.name] == 0 {
			t.Errorf("the search %s found none of %d lines", q.name, lines)
		}
	}
	t.Logf("%d lines: %v", lines, hits)
}

func TestEveryMessageInASearchIsLogged(t *testing.T) {
	logged := ""
	for _, file := range []string{"pkg/outcome/outcome.go", "pkg/outcome/digest.go", "pkg/responder/rotate.go",
		"pkg/oci/call.go", "pkg/fn/fn.go", "functions/internal/app/app.go"} {
		logged += read(t, file)
	}
	seen := 0
	for _, s := range searches(t) {
		for _, m := range regexp.MustCompile(`"message":"([^"]+)"`).FindAllStringSubmatch(s.where, -1) {
			seen++
			if !strings.Contains(logged, `Msg("`+m[1]+`")`) {
				t.Errorf("the search %s looks for %q, which the functions never log", s.name, m[1])
			}
		}
	}
	if seen < 5 {
		t.Errorf("%d messages were looked at, want 5 or more", seen)
	}
}
