package layers

import (
	"go/ast"
	"go/token"
	"testing"
)

// An if statement may declare a variable before its condition. It may not change anything else there.
func TestNoIfStatementHasASideEffectBeforeItsCondition(t *testing.T) {
	seen := 0
	for _, s := range sources(t) {
		ast.Inspect(s.ast, func(n ast.Node) bool {
			f, ok := n.(*ast.IfStmt)
			if !ok || f.Init == nil {
				return true
			}
			seen++
			if a, ok := f.Init.(*ast.AssignStmt); !ok || a.Tok != token.DEFINE {
				t.Errorf("%s: write the first statement of this if on a line before it", s.fset.Position(f.Pos()))
			}
			return true
		})
	}
	if seen < 1950 {
		t.Errorf("%d if statements were looked at, want 1950 or more", seen)
	}
}
