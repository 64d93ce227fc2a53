package docs

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// messagePackages are the packages whose texts end up in mails, logs and answers.
var messagePackages = []string{"guard", "rotation", "sweep", "preflight", "responder", "outcome", "cloudguard"}

func TestMessagesUsePlainWords(t *testing.T) {
	avoid := []string{" mend", " beside", "whoever", "nobody", " told ", "by hand", "by itself", "stands in", "goes on",
		"tried out", " ahead", "of its own"}
	seen := 0
	for _, name := range messagePackages {
		files, err := filepath.Glob(filepath.Join("../../pkg", name, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range files {
			// comment_words.go has the words of users' comments.
			if strings.HasSuffix(path, "_test.go") || filepath.Base(path) == "comment_words.go" {
				continue
			}
			for _, text := range literals(t, path) {
				seen++
				if text == "mend" || text == "ahead of" { // the name of a log field; a clock that is fast
					continue
				}
				text = " " + strings.ToLower(text) + " "
				for _, word := range avoid {
					if strings.Contains(text, word) {
						t.Errorf("%s says %q in %q", path, word, text)
					}
				}
			}
		}
	}
	if seen < 1000 {
		t.Errorf("%d texts were read: the search finds too few", seen)
	}
}

// literals returns the string literals of a file. A sum of literals is one text.
func literals(t *testing.T, path string) []string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	ast.Inspect(file, func(n ast.Node) bool {
		e, ok := n.(ast.Expr)
		if !ok {
			return true
		}
		text, ok := joined(e)
		if ok {
			out = append(out, text)
		}
		return !ok
	})
	return out
}

// joined returns the text of a literal or of a sum of literals.
func joined(e ast.Expr) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		text, err := strconv.Unquote(e.Value)
		return text, e.Kind == token.STRING && err == nil
	case *ast.BinaryExpr:
		left, ok := joined(e.X)
		right, too := joined(e.Y)
		return left + right, e.Op == token.ADD && ok && too
	}
	return "", false
}

func TestDocumentsUsePlainWords(t *testing.T) {
	avoid := []string{"tried out", "goes on", "somebody", "whoever", "side by side", "by itself", "beside", " told "}
	seen := 0
	err := filepath.WalkDir("../../docs", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".md" {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		seen++
		for i, line := range strings.Split(string(text), "\n") {
			for _, word := range avoid {
				if strings.Contains(strings.ToLower(line), word) {
					t.Errorf("%s:%d says %q", path, i+1, word)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if seen < 30 {
		t.Errorf("%d pages were read: the search finds too few", seen)
	}
}
