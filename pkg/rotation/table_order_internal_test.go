package rotation

import (
	"go/ast"
	"go/parser"
	"go/token"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/keyturn/keyturn/pkg/credential"
)

func TestTheDocumentedTableHasTheColumnsOfARowInTheirOrder(t *testing.T) {
	of := reflect.TypeFor[Row]()
	for i, c := range columns {
		row := Row{}
		field := reflect.ValueOf(&row).Elem().Field(i)
		if field.Kind() == reflect.Slice {
			field.Set(reflect.MakeSlice(field.Type(), 1, 1))
			field = field.Index(0)
		}
		field.SetString("x")
		for k, other := range columns {
			if shown := other.cell(row); shown != map[bool]string{true: "x"}[k == i] {
				t.Errorf("the column %q shows %q where a row says %s", other.head, shown, of.Field(i).Name)
			}
		}
		if c.head == "" || strings.TrimSpace(c.head) != c.head {
			t.Errorf("the column of %s is headed %q", of.Field(i).Name, c.head)
		}
	}
	if next := of.Field(len(columns)).Name; next != "Then" {
		t.Errorf("no column shows %s", next)
	}
}

// declared returns the values of the columns' types, in the order of their declaration.
func declared(t *testing.T) map[string][]string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "state.go", nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][]string{}
	for _, o := range []credential.Origin{credential.Local, credential.Server, credential.Reset,
		credential.Chosen} {
		out["Origin"] = append(out["Origin"], string(o))
	}
	ast.Inspect(file, func(n ast.Node) bool {
		if v, ok := n.(*ast.ValueSpec); ok && len(v.Values) == 1 {
			of, named := v.Type.(*ast.Ident)
			if text, ok := v.Values[0].(*ast.BasicLit); ok && named {
				out[of.Name] = append(out[of.Name], strings.Trim(text.Value, `"`))
			}
		}
		return true
	})
	return out
}

func TestTheAlternativesOfARowAreInTheOrderOfTheirDeclaration(t *testing.T) {
	known := declared(t)
	for number, row := range Table {
		fields := reflect.ValueOf(row)
		for i := range columns {
			name, field := fields.Type().Field(i).Name, fields.Field(i)
			if field.Kind() != reflect.Slice {
				continue
			}
			var places []int
			for k := range field.Len() {
				place := slices.Index(known[name], field.Index(k).String())
				if place < 0 {
					t.Fatalf("row %d: no %s is declared as %q", number+1, name, field.Index(k))
				}
				places = append(places, place)
			}
			if !slices.IsSorted(places) {
				t.Errorf("row %d: %s has the alternatives %v", number+1, name, field)
			}
		}
	}
}

// Contested returns the numbers of the rows that must stand before the next one: a state fits both, they decide
// differently, and no earlier row fits it.
func Contested() (numbers []int) {
	for i := range len(Table) - 1 {
		one, other := Table[i], Table[i+1]
		shared, ok := both(one, other)
		if ok && (one.Then != other.Then || one.Reason != other.Reason) &&
			!slices.ContainsFunc(Table[:i], func(r Row) bool { return covers(r, shared) }) {
			numbers = append(numbers, i+1)
		}
	}
	return numbers
}

// Fits reports whether the row fits the state.
func Fits(r Row, s State) bool { return r.fits(s) }

// values returns a row's values, column by column; none where the column doesn't matter.
func values(r Row) (out [][]string) {
	fields := reflect.ValueOf(r)
	for i := range columns {
		var some []string
		switch field := fields.Field(i); {
		case field.Kind() == reflect.Slice:
			for k := range field.Len() {
				some = append(some, field.Index(k).String())
			}
		case field.String() != "":
			some = []string{field.String()}
		}
		out = append(out, some)
	}
	return out
}

// both returns the values that fit two rows; false if no state fits both.
func both(a, b Row) (shared [][]string, ok bool) {
	shared = values(a)
	for i, some := range values(b) {
		switch {
		case len(some) == 0:
			continue
		case len(shared[i]) == 0:
			shared[i] = some
			continue
		}
		shared[i] = slices.DeleteFunc(shared[i], func(v string) bool { return !slices.Contains(some, v) })
		if len(shared[i]) == 0 {
			return nil, false
		}
	}
	return shared, true
}

// covers reports whether the row fits every combination of the values.
func covers(r Row, shared [][]string) bool {
	for i, some := range values(r) {
		if len(some) > 0 && (len(shared[i]) == 0 || slices.ContainsFunc(shared[i], func(v string) bool {
			return !slices.Contains(some, v)
		})) {
			return false
		}
	}
	return true
}
