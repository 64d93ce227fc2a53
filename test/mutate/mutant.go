package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"path/filepath"
	"sort"
	"strings"
)

// mutant is one small change of one file.
type mutant struct {
	ID       string `json:"id"` // file:line:column:operator; a number follows if that is not unique
	File     string `json:"file"`
	Line     int    `json:"line"`
	Function string `json:"function"`
	Operator string `json:"operator"`
	Before   string `json:"before"` // the first changed line
	After    string `json:"after"`

	column      int
	begin, end  int    // the changed bytes of the file
	text        string // what replaces them
	site        *site  // nil: it can't share a build with other mutants
	first, last int    // the lines of its function; 0 for the value of a variable or constant
}

// site is a piece of a file that can hold its own mutated copies: a function's body, or the value of a variable.
type site struct {
	begin, end int
	name       string
	results    string // of a function, with parentheses
	isFunction bool
	varType    string // the declared type of a variable
}

// source is a file of a package.
type source struct {
	name string // from the root of the module, with slashes
	text []byte
	fset *token.FileSet
	ast  *ast.File
}

func parse(name string, text []byte) (*source, error) {
	s := &source{name: name, text: text, fset: token.NewFileSet()}
	file, err := parser.ParseFile(s.fset, name, text, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	s.ast = file
	return s, nil
}

func (s *source) offset(p token.Pos) int { return s.fset.Position(p).Offset }

func (s *source) of(n ast.Node) string { return string(s.text[s.offset(n.Pos()):s.offset(n.End())]) }

// mutants finds all mutants of the file, in the order of their places.
func (s *source) mutants() []*mutant {
	var out []*mutant
	for _, decl := range s.ast.Decls {
		switch d := decl.(type) {
		case *ast.FuncDecl:
			if d.Body != nil {
				out = append(out, s.inFunction(d)...)
			}
		case *ast.GenDecl:
			out = append(out, s.inValues(d)...)
		}
	}
	sort.SliceStable(out, func(i, j int) bool { return out[i].begin < out[j].begin })
	seen := map[string]int{}
	for _, m := range out {
		m.ID = fmt.Sprintf("%s:%d:%d:%s", m.File, m.Line, m.column, m.Operator)
		seen[m.ID]++
		if n := seen[m.ID]; n > 1 {
			m.ID = fmt.Sprintf("%s:%d", m.ID, n)
		}
	}
	return out
}

func (s *source) inFunction(d *ast.FuncDecl) []*mutant {
	at := &site{begin: s.offset(d.Body.Lbrace) + 1, end: s.offset(d.Body.Rbrace), name: d.Name.Name, isFunction: true}
	if d.Recv != nil && len(d.Recv.List) == 1 {
		at.name = strings.TrimPrefix(s.of(d.Recv.List[0].Type), "*") + "." + at.name
	}
	if r := d.Type.Results; r != nil {
		at.results = s.of(r)
		if r.Opening == token.NoPos {
			at.results = "(" + at.results + ")"
		}
	}
	w := walker{source: s, site: at, function: at.name}
	if !recovers(d.Body) {
		w.shared = at
	}
	w.walk(d.Body, d.Type)
	for _, m := range w.found {
		m.first, m.last = s.fset.Position(d.Pos()).Line, s.fset.Position(d.End()).Line
	}
	return w.found
}

// recovers reports whether a function calls recover directly. Then a copy of its body in another function would differ.
func recovers(body *ast.BlockStmt) bool {
	found := false
	ast.Inspect(body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			return false
		case *ast.CallExpr:
			if f, ok := n.Fun.(*ast.Ident); ok && f.Name == "recover" {
				found = true
			}
		}
		return true
	})
	return found
}

func (s *source) inValues(d *ast.GenDecl) []*mutant {
	var out []*mutant
	if d.Tok != token.VAR && d.Tok != token.CONST {
		return nil
	}
	for _, spec := range d.Specs {
		v, ok := spec.(*ast.ValueSpec)
		if !ok || len(v.Names) != len(v.Values) {
			continue
		}
		for i, value := range v.Values {
			at := &site{begin: s.offset(value.Pos()), end: s.offset(value.End()), name: v.Names[i].Name}
			if v.Type != nil {
				at.varType = s.of(v.Type)
			}
			w := walker{source: s, site: at, function: at.name, global: true}
			if d.Tok == token.VAR {
				w.shared = at
			}
			w.walk(value, nil)
			out = append(out, w.found...)
		}
	}
	return out
}

// make adds a mutant that replaces the bytes from begin to end.
func (w *walker) make(operator string, begin, end int, text string) {
	s := w.source
	at := s.fset.Position(s.ast.FileStart + token.Pos(begin))
	before, after := lines(s.text, begin, end, text)
	w.found = append(w.found, &mutant{File: path.Clean(filepath.ToSlash(s.name)), Line: at.Line, column: at.Column,
		Function: w.function,
		Operator: operator, Before: before, After: after, begin: begin, end: end, text: text, site: w.shared})
}

// lines are the first line that a change touches, before and after it.
func lines(source []byte, begin, end int, text string) (before, after string) {
	from := strings.LastIndexByte(string(source[:begin]), '\n') + 1
	rest := string(source[end:])
	if i := strings.IndexByte(rest, '\n'); i >= 0 {
		rest = rest[:i]
	}
	old, changed := string(source[begin:end]), text
	if strings.Contains(old, "\n") {
		cut := func(s string) string {
			if i := strings.IndexByte(s, '\n'); i >= 0 {
				return s[:i] + " …"
			}
			return s
		}
		old, changed, rest = cut(old), cut(text), ""
	}
	plain := func(s string) string {
		s = strings.Join(strings.Fields(s), " ")
		if s == "" {
			return "(nothing)"
		}
		return s
	}
	return plain(string(source[from:begin]) + old + rest), plain(string(source[from:begin]) + changed + rest)
}
