package layers

import (
	"go/ast"
	"strings"
	"testing"
)

// The next invocation in a container sees the files of the previous one.
func TestTheFunctionsWriteNoFiles(t *testing.T) {
	seen := 0
	for _, s := range sources(t) {
		if s.isTest() || !under(s.folder(), "pkg") && !under(s.folder(), "functions") {
			continue
		}
		seen++
		ast.Inspect(s.ast, func(n ast.Node) bool {
			call, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			from, ok := call.X.(*ast.Ident)
			if ok && from.Name == "os" && (strings.HasPrefix(call.Sel.Name, "Create") ||
				strings.HasPrefix(call.Sel.Name, "Mkdir") ||
				call.Sel.Name == "WriteFile" || call.Sel.Name == "OpenFile" || call.Sel.Name == "Rename") {
				t.Errorf("%s: os.%s", s.fset.Position(call.Pos()), call.Sel.Name)
			}
			return true
		})
	}
	if seen < 120 {
		t.Errorf("%d files were checked, want 120 or more", seen)
	}
}
