package layers

import (
	"go/ast"
	"path"
	"slices"
	"strings"
	"testing"
)

const (
	maxFile     = 400 // lines
	maxFunction = 70
)

func TestNoFileIsTooLong(t *testing.T) {
	kinds := []string{".go", ".mjs", ".js", ".py", ".sh", ".tf", ".hcl"}
	seen := 0
	files(t, func(name string) {
		if !slices.Contains(kinds, path.Ext(name)) || strings.HasSuffix(name, ".terraform.lock.hcl") {
			return
		}
		seen++
		if n := strings.Count(read(t, name), "\n"); n > maxFile {
			t.Errorf("%s has %d lines, more than %d", name, n, maxFile)
		}
	})
	if seen < 550 {
		t.Errorf("%d files were checked, want 550 or more", seen)
	}
}

func TestNoFunctionIsTooLong(t *testing.T) {
	seen := 0
	for _, s := range sources(t) {
		if s.isTest() {
			continue
		}
		for _, d := range s.ast.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			seen++
			begin, end := s.fset.Position(f.Pos()), s.fset.Position(f.End())
			if n := end.Line - begin.Line + 1; n > maxFunction {
				t.Errorf("%s: %s has %d lines, more than %d", begin, f.Name.Name, n, maxFunction)
			}
		}
	}
	if seen < 1800 {
		t.Errorf("%d functions were checked, want 1800 or more", seen)
	}
}

func TestEveryPackageHasAComment(t *testing.T) {
	comments := map[string]string{}
	for _, s := range sources(t) {
		if strings.HasSuffix(s.ast.Name.Name, "_test") {
			continue
		}
		if _, known := comments[s.folder()]; !known {
			comments[s.folder()] = ""
		}
		if s.ast.Doc == nil {
			continue
		}
		text := s.ast.Doc.Text()
		if comments[s.folder()] != "" {
			t.Errorf("%s: the package has two comments", s.path)
		}
		comments[s.folder()] = text
		want := "Package " + s.ast.Name.Name + " "
		if s.ast.Name.Name == "main" {
			want = "Command " + path.Base(s.folder()) + " "
		}
		if !strings.HasPrefix(text, want) {
			t.Errorf("%s: the package comment begins with %.30q, want %q", s.path, text, want)
		}
	}
	if len(comments) < 38 {
		t.Errorf("%d packages were checked, want 38 or more", len(comments))
	}
	for folder, text := range comments {
		if text == "" {
			t.Errorf("%s has no package comment", folder)
		}
	}
}

func TestNoPackageHasAVagueName(t *testing.T) {
	vague := []string{"util", "utils", "common", "types", "helper", "helpers", "misc", "base", "lib"}
	for _, s := range sources(t) {
		if slices.Contains(vague, strings.TrimSuffix(s.ast.Name.Name, "_test")) ||
			slices.Contains(vague, path.Base(s.folder())) {
			t.Errorf("%s: the package's name is too vague", s.path)
		}
	}
}

func TestNoCommentHasATODO(t *testing.T) {
	notes := []string{"TO" + "DO", "FIX" + "ME", "XX" + "X"}
	for _, s := range sources(t) {
		for _, group := range s.ast.Comments {
			for _, note := range notes {
				if strings.Contains(group.Text(), note) {
					t.Errorf("%s: a comment has the word %s", s.fset.Position(group.Pos()), note)
				}
			}
		}
	}
}
