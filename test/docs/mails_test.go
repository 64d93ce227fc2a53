package docs

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/keyturn/keyturn/pkg/fault"
	"github.com/keyturn/keyturn/pkg/outcome"
	"github.com/keyturn/keyturn/pkg/rotation"
)

// source parses the Go files of a folder except its tests.
func source(t *testing.T, folder string) []*ast.File {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(root, folder))
	if err != nil {
		t.Fatal(err)
	}
	var out []*ast.File
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".go") || strings.HasSuffix(e.Name(), "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, folder, e.Name()), nil,
			parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, f)
	}
	return out
}

// constants returns the values of the constants of a type in a folder.
func constants(t *testing.T, folder, typ string) []string {
	t.Helper()
	var out []string
	for _, f := range source(t, folder) {
		ast.Inspect(f, func(n ast.Node) bool {
			v, ok := n.(*ast.ValueSpec)
			if !ok || len(v.Values) != 1 {
				return true
			}
			if name, ok := v.Type.(*ast.Ident); !ok || name.Name != typ {
				return true
			}
			if text, ok := literal(t, v.Values[0]); ok {
				out = append(out, text)
			}
			return true
		})
	}
	return out
}

// literal returns the text of a string, or of several with + between them; ok is false for everything else.
func literal(t *testing.T, e ast.Expr) (text string, ok bool) {
	t.Helper()
	switch e := e.(type) {
	case *ast.BasicLit:
		text, err := strconv.Unquote(e.Value)
		return text, err == nil
	case *ast.BinaryExpr:
		x, okX := literal(t, e.X)
		y, okY := literal(t, e.Y)
		return x + y, okX && okY
	}
	return "", false
}

// titled returns the runbooks for a mail with this state in its subject.
func titled(t *testing.T, title string) bool {
	for _, text := range runbooks(t) {
		if strings.HasPrefix(text, "# "+title+"\n") {
			return true
		}
	}
	return false
}

func TestEveryMailHasItsRunbook(t *testing.T) {
	states := regexp.MustCompile(`^Keyturn \| ([^:]+): `)
	seen := map[string]bool{}
	for _, status := range constants(t, "pkg/outcome", "Status") {
		plain := outcome.Outcome{Status: outcome.Status(status)}
		placed := outcome.Outcome{Status: outcome.Status(status), NewID: "new",
			Secrets: []outcome.Secret{{Current: true}}}
		for _, o := range []outcome.Outcome{plain, placed} {
			if !o.Mailed() {
				continue
			}
			m := states.FindStringSubmatch(o.Title())
			if m == nil {
				t.Fatalf("the title is %q", o.Title())
			}
			seen[m[1]] = true
			if !titled(t, "Mail: "+m[1]) {
				t.Errorf("the mail %q has no runbook", o.Title())
			}
		}
	}
	if len(seen) < 6 {
		t.Errorf("%d states of mails were looked at, want 6 or more", len(seen))
	}
}

// digests has the runbook for each part of a digest's subject.
var digests = map[string]string{"need you": "sweep-need-you.md", "rotated": "sweep-rotated.md",
	"would be rotated": "sweep-rotated.md",
	"not finished":     "sweep-not-finished.md", "cleaned up": "sweep-cleaned-up.md",
	"could not be done": "sweep-not-finished.md"}

func TestEveryPartOfADigestsTitleHasItsRunbook(t *testing.T) {
	seen := map[string]bool{}
	look := func(d outcome.Digest) {
		_, rest, _ := strings.Cut(d.Title(), "Sweep: ")
		for part := range strings.SplitSeq(rest, ", ") {
			part = strings.TrimLeft(part, "0123456789 ")
			seen[part] = true
			if digests[part] == "" {
				t.Errorf("%q in a digest's title has no runbook", part)
			}
		}
	}
	look(outcome.Digest{Unfinished: []outcome.Finding{{Text: "a part"}}})
	look(outcome.Digest{Found: []string{"a secret"}})
	for _, status := range constants(t, "pkg/outcome", "Status") {
		if o := (outcome.Outcome{Status: outcome.Status(status)}); o.Mailed() && o.Status != outcome.Already {
			look(outcome.Digest{Outcomes: []outcome.Outcome{o}})
		}
	}
	books, index := runbooks(t), read(t, "docs/runbooks/README.md")
	for part, page := range digests {
		if !seen[part] {
			t.Errorf("no digest's title says %q", part)
		}
		if books[page] == "" || !strings.Contains(index, part) {
			t.Errorf("%q: %s is missing, or the index doesn't list it", part, page)
		}
	}
}

// explained reports whether one of the named pages explains a text.
func explained(books map[string]string, text, prefix string) bool {
	for name, page := range books {
		if strings.HasPrefix(name, prefix) && strings.Contains(page, text) {
			return true
		}
	}
	return false
}

func TestEveryEndOfARotationIsExplained(t *testing.T) {
	books := runbooks(t)
	seen := map[rotation.Reason]bool{}
	for _, row := range rotation.Table {
		if row.Reason == "" || seen[row.Reason] || row.Reason == rotation.Rotated {
			continue
		}
		seen[row.Reason] = true
		prefix := map[rotation.Action]string{rotation.Refuse: "not-rotated-", rotation.Wait: "mail-not-finished",
			rotation.Done: "mail-"}[row.Then]
		if row.Reason == rotation.Failed {
			prefix = "mail-not-rotated"
		}
		if !explained(books, string(row.Reason), prefix) {
			t.Errorf("no page %s* explains %q", prefix, row.Reason)
		}
		listed := strings.TrimPrefix(string(row.Reason), "the secret's ")
		if row.Reason == rotation.Rejected || row.Reason == rotation.RejectedNoWay {
			listed = "the new credential does not work" // one row for both
		}
		if row.Then == rotation.Refuse && !strings.Contains(books["mail-not-rotated.md"], listed) {
			t.Errorf("mail-not-rotated.md doesn't send %q anywhere", row.Reason)
		}
	}
	if len(seen) < 14 {
		t.Errorf("%d reasons were looked at, want 14 or more", len(seen))
	}
}

func TestEveryRefusalOfTheGuardIsExplained(t *testing.T) {
	books := runbooks(t)
	verbs := regexp.MustCompile(`%[a-z]`)
	seen := 0
	for _, f := range source(t, "pkg/guard") {
		ast.Inspect(f, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || len(call.Args) < 2 {
				return true
			}
			if name, ok := call.Fun.(*ast.Ident); !ok || name.Name != "refuse" {
				return true
			}
			text, ok := literal(t, call.Args[1])
			if !ok {
				return true
			}
			seen++
			if !saidSomewhere(books, verbs.Split(text, -1)) {
				t.Errorf("no page not-rotated-* explains %q", text)
			}
			return true
		})
	}
	if seen < 15 {
		t.Errorf("%d refusals were looked at, want 15 or more", seen)
	}
}

// saidSomewhere reports whether a page contains a characteristic part of a message.
func saidSomewhere(books map[string]string, pieces []string) bool {
	for _, p := range pieces {
		p = strings.Trim(p, ` (),:;"`)
		if len(p) >= 12 && (explained(books, p, "not-rotated-") || explained(books, p, "mail-not-rotated")) {
			return true
		}
	}
	return false
}

func TestEveryClassOfAFailedCallIsExplained(t *testing.T) {
	page := read(t, "docs/runbooks/not-rotated-failed.md")
	classes := constants(t, "pkg/fault", "Class")
	for _, c := range classes {
		if !strings.Contains(page, "`"+c+"`") {
			t.Errorf("not-rotated-failed.md doesn't say what %q means", c)
		}
	}
	if len(classes) < 8 || classes[0] == "" || fault.Of(nil) == "" {
		t.Errorf("the classes are %q", classes)
	}
}
