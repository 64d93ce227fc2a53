package layers

import (
	"go/ast"
	"testing"
)

// A panic in a bare goroutine ends the process and prints its value. Only pkg/background starts goroutines.
func TestOnlyPkgBackgroundStartsGoroutines(t *testing.T) {
	seen, started := 0, 0
	for _, s := range sources(t) {
		if s.isTest() || !under(s.folder(), "pkg") && !under(s.folder(), "functions") && !under(s.folder(), "deploy") {
			continue
		}
		seen++
		allowed := s.folder() == "pkg/background"
		ast.Inspect(s.ast, func(n ast.Node) bool {
			what := startsGoroutine(n)
			if what == "" {
				return true
			}
			if allowed {
				started++
			} else {
				t.Errorf("%s: %s; use pkg/background, which turns a panic into an error", s.fset.Position(n.Pos()),
					what)
			}
			return true
		})
	}
	if seen < 140 || started == 0 {
		t.Errorf("%d files were checked, want 140 or more; pkg/background starts %d goroutines", seen, started)
	}
}

// startsGoroutine returns how a node starts a goroutine without pkg/background; "" if it doesn't.
func startsGoroutine(n ast.Node) string {
	switch n := n.(type) {
	case *ast.GoStmt:
		return "a go statement"
	case *ast.SelectorExpr:
		from, ok := n.X.(*ast.Ident)
		if !ok {
			return ""
		}
		switch from.Name + "." + n.Sel.Name {
		case "sync.WaitGroup", "errgroup.Group", "errgroup.WithContext", "time.AfterFunc", "context.AfterFunc":
			return from.Name + "." + n.Sel.Name
		}
	}
	return ""
}
