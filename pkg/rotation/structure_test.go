package rotation_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// sources returns the package's files without its tests.
func sources(t *testing.T) (*token.FileSet, map[string]*ast.File) {
	t.Helper()
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	set, files := token.NewFileSet(), map[string]*ast.File{}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		files[name], err = parser.ParseFile(set, name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
	}
	return set, files
}

// constants returns the names of the package's constants, by their type.
func constants(files map[string]*ast.File) map[string][]string {
	out := map[string][]string{}
	for _, f := range files {
		for _, d := range f.Decls {
			if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.CONST {
				for _, spec := range g.Specs {
					v := spec.(*ast.ValueSpec)
					if of, ok := v.Type.(*ast.Ident); ok {
						out[of.Name] = append(out[of.Name], v.Names[0].Name)
					}
				}
			}
		}
	}
	return out
}

func TestEveryValueOfAColumnIsInTheEnumeration(t *testing.T) {
	_, files := sources(t)
	have := map[string]int{"Order": len(orders), "Sight": len(sights), "Guard": len(guards), "Old": len(olds),
		"Made": len(mades), "Stored": len(storeds),
		"Proof": len(proofs), "Slot": len(slots), "Room": len(rooms), "Trouble": len(troubles), "Grace": len(graces)}
	named := constants(files)
	for column, n := range have {
		if len(named[column]) != n {
			t.Errorf("%s has the values %v; the tests go through %d", column, named[column], n)
		}
	}
	for _, f := range files["state.go"].Decls {
		g, ok := f.(*ast.GenDecl)
		if !ok || g.Tok != token.TYPE {
			continue
		}
		spec := g.Specs[0].(*ast.TypeSpec)
		if s, ok := spec.Type.(*ast.StructType); ok && spec.Name.Name == "State" {
			for _, field := range s.Fields.List {
				if of, ok := field.Type.(*ast.Ident); ok && of.Name != "bool" && have[of.Name] == 0 {
					t.Errorf("the column %s is not gone through", of.Name)
				}
			}
		}
	}
}

// Only the table decides: its constants appear elsewhere only where a decision is carried out or reported, or where
// there is no rotation to decide on.
func TestNothingIsDecidedOutsideOfTheTable(t *testing.T) {
	set, files := sources(t)
	named := constants(files)
	words := append(slices.Clone(named["Reason"]), "Done", "Refuse", "Wait")
	allowed := map[string][]string{
		"state.go":      {"Done", "Refuse", "Wait"}, // Ends
		"result.go":     named["Reason"],            // reports of a decision
		"engine.go":     {"Refuse", "Failed"},       // no way to make the kind, and a run in circles
		"orphan.go":     {"Refuse", "NotOurs"},      // no mark: there is no rotation to decide on
		"table.go":      words,
		"table_text.go": nil,
	}
	for name, f := range files {
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.SelectorExpr: // a field or method of the same name
				return false
			case *ast.KeyValueExpr:
				if key, ok := n.Key.(*ast.Ident); ok && slices.Contains(words, key.Name) {
					t.Errorf("%s: %s is a key", set.Position(key.Pos()), key.Name)
				}
			case *ast.Ident:
				if slices.Contains(words, n.Name) && !slices.Contains(allowed[name], n.Name) {
					t.Errorf("%s: %s is a word of the table", set.Position(n.Pos()), n.Name)
				}
			}
			return true
		})
	}
}

// calls lists the calls of methods with one of the names on one of the receivers, as written.
func calls(f *ast.File, written ...string) (at []token.Pos) {
	ast.Inspect(f, func(n ast.Node) bool {
		if c, ok := n.(*ast.CallExpr); ok {
			if s, ok := c.Fun.(*ast.SelectorExpr); ok && slices.ContainsFunc(written, func(w string) bool {
				return strings.HasSuffix(text(s), w)
			}) {
				at = append(at, c.Pos())
			}
		}
		return true
	})
	return at
}

func text(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return text(e.X) + "." + e.Sel.Name
	case *ast.IndexExpr:
		return text(e.X) + "[]"
	case *ast.StarExpr:
		return text(e.X)
	case *ast.ParenExpr:
		return text(e.X)
	}
	return "?"
}

func TestOCIIsChangedOnlyInActions(t *testing.T) {
	set, files := sources(t)
	found := 0
	for name, f := range files {
		for _, at := range calls(f, "Vault.Update", "Issuer.Create", "Issuer.Delete", "r.update") {
			found++
			if name != "act.go" && name != "write.go" {
				t.Errorf("%s changes OCI outside of an action", set.Position(at))
			}
		}
	}
	for _, at := range calls(files["write.go"], "r.update") {
		t.Errorf("%s is no action", set.Position(at))
	}
	if found != 7 {
		t.Errorf("%d calls change OCI", found)
	}
}

// The types of a reduction are values: no method changes its receiver, reads a clock, or calls OCI.
func TestAReductionChangesNothing(t *testing.T) {
	set, files := sources(t)
	values := []string{"view", "Snapshot", "Seen", "Memory", "Case", "State", "Trial", "Content", "Journal", "Job"}
	functions := []string{"Reduce", "newView", "Next", "decide"}
	declared := map[string]bool{} // types and functions of the package
	for name, f := range files {
		for _, d := range f.Decls {
			if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.TYPE {
				for _, spec := range g.Specs {
					declared[spec.(*ast.TypeSpec).Name.Name] = true
				}
			}
			fn, ok := d.(*ast.FuncDecl)
			if !ok || fn.Body == nil {
				continue
			}
			declared[fn.Name.Name] = declared[fn.Name.Name] || fn.Recv == nil
			receiver, of := "", ""
			if fn.Recv != nil {
				if len(fn.Recv.List[0].Names) > 0 {
					receiver = fn.Recv.List[0].Names[0].Name
				}
				of = text(fn.Recv.List[0].Type)
				if _, pointer := fn.Recv.List[0].Type.(*ast.StarExpr); pointer && slices.Contains(values, of) {
					t.Errorf("%s: %s can change its %s", set.Position(fn.Pos()), fn.Name.Name, of)
				}
			}
			reduces := of == "view" || of == "" && slices.Contains(functions, fn.Name.Name)
			if !reduces {
				continue
			}
			ast.Inspect(fn.Body, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.AssignStmt:
					for _, left := range n.Lhs { // a field of the receiver itself is a copy's
						if w := text(left); strings.Contains(w, "[]") || strings.HasPrefix(w, receiver+".snap.") ||
							strings.HasPrefix(w, receiver+".mem.") || strings.HasPrefix(w, receiver+".job.") {
							t.Errorf("%s: %s assigns to %s (%s)", set.Position(n.Pos()), fn.Name.Name, w, name)
						}
					}
				case *ast.SelectorExpr:
					if w := text(n); w == "time.Now" || w == "time.Since" || strings.HasPrefix(w, "context.") ||
						strings.HasPrefix(w, "rand.") || strings.HasSuffix(w, ".Clock") {
						t.Errorf("%s: %s is not pure: %s", set.Position(n.Pos()), fn.Name.Name, w)
					}
				}
				return true
			})
		}
	}
	for _, name := range append(values, functions...) {
		if !declared[name] {
			t.Errorf("the package doesn't declare %s", name)
		}
	}
}
