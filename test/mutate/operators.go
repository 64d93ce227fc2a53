package main

import (
	"go/ast"
	"go/token"
	"strconv"
	"strings"
)

// walker finds the mutants of one declaration.
type walker struct {
	source   *source
	site     *site
	shared   *site // the site, if its mutants can share a build
	function string
	global   bool // the value of a variable or constant
	found    []*mutant
}

// operators lists all operators, with their description in the help.
var operators = [][2]string{
	{"negate", "a condition becomes its opposite"},
	{"never", "the condition of an if becomes false"},
	{"logic", "&& becomes ||, and || becomes &&"},
	{"not", "a ! is removed"},
	{"equal", "== becomes !=, and != becomes =="},
	{"boundary", "< becomes <=, > becomes >=, and back"},
	{"order", "< becomes >=, > becomes <=, and back"},
	{"arithmetic", "+ becomes -, * becomes /, and back"},
	{"number", "0 becomes 1, 1 becomes 0, any other number grows by 1"},
	{"boolean", "true becomes false, and false becomes true"},
	{"duration", "a multiple of a unit of time is doubled"},
	{"drop", "a call, an assignment, an increment or a defer is left out"},
	{"zero", "a result that is returned becomes nil, empty or 0"},
	{"jump", "break becomes continue, and back"},
	{"case", "a case of a switch or select is left out, or one of its values"},
	{"element", "an element or field of a composite literal is left out"},
	{"swap", "two neighbouring elements of a composite literal change places"},
	{"argument", "one of several arguments is left out, in the value of a variable"},
}

// walk visits a node; of is the type of the function that it is in.
func (w *walker) walk(root ast.Node, of *ast.FuncType) {
	ast.Inspect(root, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			w.walk(n.Body, n.Type)
			return false
		case *ast.CallExpr:
			if w.global {
				w.arguments(n)
			}
		case *ast.ReturnStmt:
			w.results(n, of)
		}
		w.condition(n)
		w.expression(n)
		w.statement(n)
		return true
	})
}

func (w *walker) replace(operator string, n ast.Node, text string) {
	w.make(operator, w.source.offset(n.Pos()), w.source.offset(n.End()), text)
}

// condition mutates an expression that is used as a condition.
func (w *walker) condition(n ast.Node) {
	switch n := n.(type) {
	case *ast.IfStmt:
		w.negate(n.Cond)
		w.replace("never", n.Cond, "false && ("+w.source.of(n.Cond)+")")
	case *ast.ForStmt:
		if n.Cond != nil {
			w.negate(n.Cond)
		}
	case *ast.SwitchStmt:
		if n.Tag != nil {
			return
		}
		for _, c := range n.Body.List {
			for _, cond := range c.(*ast.CaseClause).List {
				w.negate(cond)
			}
		}
	case *ast.BinaryExpr:
		if n.Op == token.LAND || n.Op == token.LOR {
			w.negate(n.X)
			w.negate(n.Y)
		}
	}
}

// negate mutates a condition, unless another operator has the same effect.
func (w *walker) negate(cond ast.Expr) {
	switch n := cond.(type) {
	case *ast.ParenExpr:
		w.negate(n.X)
		return
	case *ast.BinaryExpr, *ast.UnaryExpr:
		return
	case *ast.Ident:
		if n.Name == "true" || n.Name == "false" {
			return
		}
	}
	w.replace("negate", cond, "!("+w.source.of(cond)+")")
}

var swaps = map[token.Token][]struct {
	operator string
	to       token.Token
}{
	token.LAND: {{"logic", token.LOR}},
	token.LOR:  {{"logic", token.LAND}},
	token.EQL:  {{"equal", token.NEQ}},
	token.NEQ:  {{"equal", token.EQL}},
	token.LSS:  {{"boundary", token.LEQ}, {"order", token.GEQ}},
	token.LEQ:  {{"boundary", token.LSS}, {"order", token.GTR}},
	token.GTR:  {{"boundary", token.GEQ}, {"order", token.LEQ}},
	token.GEQ:  {{"boundary", token.GTR}, {"order", token.LSS}},
	token.ADD:  {{"arithmetic", token.SUB}},
	token.SUB:  {{"arithmetic", token.ADD}},
	token.MUL:  {{"arithmetic", token.QUO}},
	token.QUO:  {{"arithmetic", token.MUL}},
}

func (w *walker) expression(n ast.Node) {
	switch n := n.(type) {
	case *ast.BinaryExpr:
		if w.duration(n) {
			return
		}
		for _, swap := range swaps[n.Op] {
			if n.Op == token.ADD && (isText(n.X) || isText(n.Y)) {
				continue
			}
			w.replace(swap.operator, n, "("+w.source.of(n.X)+" "+swap.to.String()+" "+w.source.of(n.Y)+")")
		}
	case *ast.UnaryExpr:
		if n.Op == token.NOT {
			w.replace("not", n, w.source.of(n.X))
		}
	case *ast.Ident:
		switch n.Name {
		case "true":
			w.replace("boolean", n, "false")
		case "false":
			w.replace("boolean", n, "true")
		}
	case *ast.BasicLit:
		if n.Kind == token.INT {
			w.number(n)
		}
	case *ast.CompositeLit:
		w.elements(n)
	}
}

func isText(e ast.Expr) bool {
	switch n := e.(type) {
	case *ast.BasicLit:
		return n.Kind == token.STRING
	case *ast.BinaryExpr:
		return isText(n.X) || isText(n.Y)
	}
	return false
}

// duration doubles a multiple of a unit of time, and reports whether that is one.
func (w *walker) duration(n *ast.BinaryExpr) bool {
	if n.Op != token.MUL {
		return false
	}
	unit := func(e ast.Expr) bool {
		s, ok := e.(*ast.SelectorExpr)
		if !ok {
			return false
		}
		from, ok := s.X.(*ast.Ident)
		return ok && from.Name == "time"
	}
	if !unit(n.X) && !unit(n.Y) {
		return false
	}
	w.replace("duration", n, "("+w.source.of(n)+" * 2)")
	return true
}

func (w *walker) number(n *ast.BasicLit) {
	switch v, err := strconv.ParseInt(n.Value, 0, 64); {
	case err != nil:
	case v == 0:
		w.replace("number", n, "1")
	case v == 1:
		w.replace("number", n, "0")
	default:
		w.replace("number", n, "("+n.Value+" + 1)")
	}
}

func (w *walker) statement(n ast.Node) {
	switch n := n.(type) {
	case *ast.ExprStmt, *ast.DeferStmt:
		w.replace("drop", n, "")
	case *ast.AssignStmt:
		if n.Tok != token.DEFINE {
			w.replace("drop", n, "")
		}
		switch n.Tok {
		case token.ADD_ASSIGN:
			w.replace("arithmetic", n, w.source.of(n.Lhs[0])+" -= "+w.source.of(n.Rhs[0]))
		case token.SUB_ASSIGN:
			w.replace("arithmetic", n, w.source.of(n.Lhs[0])+" += "+w.source.of(n.Rhs[0]))
		}
	case *ast.IncDecStmt:
		w.replace("drop", n, "")
	case *ast.BranchStmt:
		switch n.Tok {
		case token.BREAK:
			w.make("jump", w.source.offset(n.TokPos), w.source.offset(n.TokPos)+len("break"), "continue")
		case token.CONTINUE:
			w.make("jump", w.source.offset(n.TokPos), w.source.offset(n.TokPos)+len("continue"), "break")
		}
	case *ast.SwitchStmt:
		w.cases(n.Body)
	case *ast.TypeSwitchStmt:
		w.cases(n.Body)
	case *ast.SelectStmt:
		w.cases(n.Body)
	}
}

// cases leaves out cases. It leaves out an empty case only if there is a default.
func (w *walker) cases(body *ast.BlockStmt) {
	hasDefault := false
	for _, c := range body.List {
		if c, ok := c.(*ast.CaseClause); ok && c.List == nil {
			hasDefault = true
		}
	}
	for _, c := range body.List {
		clause, ok := c.(*ast.CaseClause)
		if !ok {
			w.replace("case", c, "")
			continue
		}
		if len(clause.Body) == 0 && (!hasDefault || clause.List == nil) {
			continue
		}
		w.replace("case", clause, "")
		for i := range clause.List {
			if len(clause.List) > 1 {
				w.without("case", clause.List, i)
			}
		}
	}
}

// without leaves out one of several expressions between commas.
func (w *walker) without(operator string, list []ast.Expr, i int) {
	begin, end := w.source.offset(list[i].Pos()), w.source.offset(list[i].End())
	switch {
	case i+1 < len(list):
		end = w.source.offset(list[i+1].Pos())
	case i > 0:
		begin = w.source.offset(list[i-1].End())
	}
	w.make(operator, begin, end, "")
}

func (w *walker) elements(n *ast.CompositeLit) {
	for i := range n.Elts {
		if len(n.Elts) == 1 {
			w.make("element", w.source.offset(n.Elts[0].Pos()), w.source.offset(n.Rbrace), "")
		} else {
			w.without("element", n.Elts, i)
		}
		if _, pair := n.Elts[i].(*ast.KeyValueExpr); pair || i == 0 || !w.global {
			continue
		}
		before, after := n.Elts[i-1], n.Elts[i]
		between := string(w.source.text[w.source.offset(before.End()):w.source.offset(after.Pos())])
		w.make("swap", w.source.offset(before.Pos()), w.source.offset(after.End()), w.source.of(after)+between+
			w.source.of(before))
	}
}

func (w *walker) arguments(n *ast.CallExpr) {
	for i := range n.Args {
		if len(n.Args) > 1 {
			w.without("argument", n.Args, i)
		}
	}
}

// results replaces one returned result by its zero value.
func (w *walker) results(n *ast.ReturnStmt, of *ast.FuncType) {
	if of == nil || of.Results == nil {
		return
	}
	var declared []ast.Expr
	for _, field := range of.Results.List {
		for range max(1, len(field.Names)) {
			declared = append(declared, field.Type)
		}
	}
	if len(declared) != len(n.Results) {
		return
	}
	for i, result := range n.Results {
		if zero := zeroOf(declared[i]); zero != "" && w.source.of(result) != zero {
			w.replace("zero", result, zero)
		} else if t, ok := declared[i].(*ast.Ident); ok && t.Name == "bool" {
			w.negate(result)
		}
	}
}

// zeroOf returns the zero value of a type as source text; "" if that needs the type's declaration.
func zeroOf(t ast.Expr) string {
	switch t := t.(type) {
	case *ast.StarExpr, *ast.MapType, *ast.FuncType:
		return "nil"
	case *ast.ArrayType:
		if t.Len == nil {
			return "nil"
		}
	case *ast.Ident:
		switch {
		case t.Name == "error":
			return "nil"
		case t.Name == "string":
			return `""`
		case strings.HasPrefix(t.Name, "int"), strings.HasPrefix(t.Name, "uint"):
			return "0"
		}
	}
	return ""
}
