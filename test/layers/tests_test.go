package layers

import (
	"go/ast"
	"strings"
	"testing"
)

// CI must fail, not skip, if something is missing. Only package need knows the difference.
func TestOnlyPackageNeedSkipsATest(t *testing.T) {
	seen := 0
	for _, s := range sources(t) {
		if s.folder() == "test/need" || !s.isTest() && !under(s.folder(), "test") {
			continue
		}
		seen++
		ast.Inspect(s.ast, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			if f, ok := call.Fun.(*ast.SelectorExpr); ok && (f.Sel.Name == "Skip" || f.Sel.Name == "Skipf" ||
				f.Sel.Name == "SkipNow") {
				t.Errorf("%s skips a test; call test/need first, before there is anything to clean up",
					s.fset.Position(call.Pos()))
			}
			return true
		})
	}
	if seen < 270 {
		t.Errorf("%d files were checked, want 270 or more", seen)
	}
}

// A program built without cgo, as Go does without a C compiler, ends if all goroutines block forever: "all goroutines
// are asleep - deadlock!". Code that has to block waits for a timer, a signal or a connection.
func TestNothingBlocksForever(t *testing.T) {
	for _, s := range sources(t) {
		ast.Inspect(s.ast, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.SelectStmt:
				if len(n.Body.List) == 0 {
					t.Errorf("%s: select {} ends a process without cgo", s.fset.Position(n.Pos()))
				}
			case *ast.UnaryExpr:
				if n.Op.String() != "<-" {
					return true
				}
				if made, ok := n.X.(*ast.CallExpr); ok && blocks(made) {
					t.Errorf("%s: a receive from an unshared channel ends a process without cgo",
						s.fset.Position(n.Pos()))
				}
			}
			return true
		})
	}
}

// blocks reports whether a call makes a channel, or converts nil to a channel.
func blocks(call *ast.CallExpr) bool {
	f := call.Fun
	if p, ok := f.(*ast.ParenExpr); ok {
		f = p.X
	}
	if _, ok := f.(*ast.ChanType); ok {
		return true
	}
	name, ok := f.(*ast.Ident)
	return ok && name.Name == "make"
}

func TestCIRunsTheFirstCommandsOfTheReadme(t *testing.T) {
	_, rest, _ := strings.Cut(read(t, "README.md"), "\n```sh\n")
	block, _, ok := strings.Cut(rest, "\n```")
	if !ok || !strings.HasPrefix(block, "git clone https://") {
		t.Fatalf("the README's first commands are %q; want them to begin with git clone", block)
	}
	for _, want := range []string{"cd keyturn\n", "go run ./test/demo", "go test ./..."} {
		if !strings.Contains(block, want) {
			t.Errorf("the README's first commands don't have %q", want)
		}
	}
}
