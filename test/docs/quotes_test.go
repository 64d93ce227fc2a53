package docs

import (
	"go/ast"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// printable returns the texts in the functions' code: each string, and each sum of strings with %s for the rest.
func printable(t *testing.T) []string {
	t.Helper()
	var out []string
	for _, top := range []string{"pkg", "functions"} {
		err := filepath.WalkDir(filepath.Join(root, top), func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.IsDir() {
				return err
			}
			folder, err := filepath.Rel(root, path)
			if err != nil {
				return err
			}
			for _, f := range source(t, folder) {
				ast.Inspect(f, func(n ast.Node) bool {
					if e, ok := n.(ast.Expr); ok {
						if text := sum(e); text != "%s" {
							out = append(out, text)
						}
					}
					return true
				})
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(out) < 3000 {
		t.Fatalf("%d texts were found, want 3000 or more", len(out))
	}
	return out
}

// sum returns the text of a string or of a sum of strings, with %s for every other expression.
func sum(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.BasicLit:
		if text, err := strconv.Unquote(e.Value); e.Kind == token.STRING && err == nil {
			return text
		}
	case *ast.BinaryExpr:
		if x, y := sum(e.X), sum(e.Y); e.Op == token.ADD && (x != "%s" || y != "%s") {
			return x + y
		}
	}
	return "%s"
}

// dots are what a page writes in place of a value, or an example of the value: a state in capitals.
var dots = regexp.MustCompile(`\.\.\.|\b[A-Z]{6,}\b`)

// prints reports whether a message with the quoted text may come from one of the texts.
func prints(texts []string, quoted string) bool {
	return slices.ContainsFunc(texts, func(text string) bool {
		if strings.Contains(text, quoted) {
			return true
		}
		for _, piece := range dots.Split(quoted, -1) {
			_, rest, found := strings.Cut(text, strings.TrimSpace(piece))
			if !found {
				return false
			}
			text = rest
		}
		return dots.MatchString(quoted)
	})
}

// quotes returns the quoted texts in the first columns of a page's tables.
func quotes(page string, quote *regexp.Regexp) (out []string) {
	for _, row := range regexp.MustCompile(`(?m)^\| ([^|]+) \|`).FindAllStringSubmatch(page, -1) {
		for _, m := range quote.FindAllStringSubmatch(row[1], -1) {
			out = append(out, m[1])
		}
	}
	return out
}

func TestEveryQuotedRefusalIsPrinted(t *testing.T) {
	texts, seen := printable(t), 0
	for name, page := range runbooks(t) {
		if !strings.HasPrefix(name, "not-rotated-") && name != "mail-not-rotated.md" {
			continue
		}
		for _, quoted := range quotes(page, regexp.MustCompile(`\*([^*]+)\*`)) {
			seen++
			if !prints(texts, quoted) {
				t.Errorf("%s quotes %q, which nothing prints", name, quoted)
			}
		}
	}
	if seen < 80 {
		t.Errorf("%d quotes were looked at, want 80 or more", seen)
	}
}

func TestEveryQuotedLineOfAFailureIsPrinted(t *testing.T) {
	texts, seen := printable(t), 0
	for _, quoted := range quotes(read(t, "docs/runbooks/alarm-failed.md"), regexp.MustCompile("`([^`]+)`")) {
		if strings.HasPrefix(quoted, "with error code ") { // the platform's
			continue
		}
		seen++
		class, _, _ := strings.Cut(quoted, " (404 ") // OCI's status and code
		if !prints(texts, class) {
			t.Errorf("the page quotes %q, which nothing prints", quoted)
		}
	}
	if seen < 6 {
		t.Errorf("%d quotes were looked at, want 6 or more", seen)
	}
}

func TestAQuoteIsFoundInTheTextsThatMayPrintIt(t *testing.T) {
	texts := []string{"the user %s is %s", "secret %s is in the state %s"}
	for quoted, want := range map[string]bool{"is in the state": true, "the user ... is DELETED": true,
		"the user ... was DELETED": false, "is bound": false, "secret ... the user": false} {
		if got := prints(texts, quoted); got != want {
			t.Errorf("%q: %v", quoted, got)
		}
	}
}
