package layers

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

const (
	root   = "../.."
	module = "github.com/keyturn/keyturn/"
)

// source is one Go file of the project.
type source struct {
	path  string // from the root, with slashes
	lines int
	fset  *token.FileSet
	ast   *ast.File
}

// folder is the file's package's path from the root.
func (s source) folder() string { return path.Dir(s.path) }

func (s source) isTest() bool { return strings.HasSuffix(s.path, "_test.go") }

// imports returns the file's imports.
func (s source) imports() []string {
	var out []string
	for _, i := range s.ast.Imports {
		out = append(out, strings.Trim(i.Path.Value, `"`))
	}
	return out
}

// files visits the project's files. visit gets the path from the root.
func files(t *testing.T, visit func(path string)) {
	t.Helper()
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() && p != root && (name == ".git" || name == "node_modules" || name == "vendor" || name == "dist" ||
			name == ".terraform") {
			return filepath.SkipDir
		}
		if !d.IsDir() {
			rel, err := filepath.Rel(root, p)
			if err != nil {
				return err
			}
			visit(filepath.ToSlash(rel))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

var parsed struct {
	once    sync.Once
	sources []source
}

// sources returns all Go files of the project.
func sources(t *testing.T) []source {
	t.Helper()
	parsed.once.Do(func() {
		files(t, func(name string) {
			if !strings.HasSuffix(name, ".go") || strings.Contains(name, "/testdata/") {
				return
			}
			text := read(t, name)
			s := source{path: name, lines: strings.Count(text, "\n"), fset: token.NewFileSet()}
			var err error
			s.ast, err = parser.ParseFile(s.fset, name, text,
				parser.ParseComments|parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			parsed.sources = append(parsed.sources, s)
		})
	})
	if len(parsed.sources) < 100 {
		t.Fatalf("%d Go files were found, want 100 or more: is %q the root?", len(parsed.sources), root)
	}
	return parsed.sources
}

// under reports whether a folder is another one, or is in it.
func under(folder, top string) bool { return folder == top || strings.HasPrefix(folder, top+"/") }
