package docs

import (
	"encoding/json"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/outcome"
	"github.com/keyturn/keyturn/pkg/rotation"
)

// object is the part of a JSON Schema that this test reads.
type object struct {
	Ref         string             `json:"$ref"`
	Const       any                `json:"const"`
	Enum        []string           `json:"enum"`
	Description string             `json:"description"`
	Properties  map[string]*object `json:"properties"`
	Items       *object            `json:"items"`
	Defs        map[string]*object `json:"$defs"`
}

func recordSchema(t *testing.T) object {
	t.Helper()
	text, err := os.ReadFile("../../docs/record.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	var schema object
	if err := json.Unmarshal(text, &schema); err != nil {
		t.Fatal(err)
	}
	return schema
}

func TestTheRecordsSchemaDescribesEveryFieldAndNoOther(t *testing.T) {
	schema := recordSchema(t)
	if got := schema.Properties["schema"].Const; got != outcome.Schema {
		t.Errorf("the schema describes %v, the code writes %s", got, outcome.Schema)
	}
	record := schema.Defs["record"]
	for name, c := range map[string]struct {
		fields reflect.Type
		schema *object
	}{
		"record":  {reflect.TypeFor[outcome.Outcome](), record},
		"secrets": {reflect.TypeFor[outcome.Secret](), record.Properties["secrets"].Items},
		"steps":   {reflect.TypeFor[outcome.Step](), record.Properties["steps"].Items},
	} {
		var want []string
		for i := range c.fields.NumField() {
			if field, _, _ := strings.Cut(c.fields.Field(i).Tag.Get("json"), ","); field != "-" {
				want = append(want, field)
			}
		}
		for _, field := range want {
			if p := c.schema.Properties[field]; p == nil || p.Description == "" {
				t.Errorf("%s: the schema doesn't describe %s", name, field)
			}
		}
		for field := range c.schema.Properties {
			if !slices.Contains(want, field) {
				t.Errorf("%s: the schema describes %s, which is never written", name, field)
			}
		}
	}
}

func TestTheRecordsSchemaKnowsEveryKindRoleAndStep(t *testing.T) {
	record := recordSchema(t).Defs["record"]
	var kinds, roles, steps []string
	for _, k := range credential.Kinds() {
		kinds = append(kinds, string(k))
		for _, r := range k.Roles() {
			roles = append(roles, string(r))
		}
	}
	for _, row := range rotation.Table {
		if !row.Then.Ends() && row.Then != rotation.Look { // it changes nothing, so it is no step
			steps = append(steps, string(row.Then))
		}
	}
	for name, c := range map[string]struct {
		want []string
		got  *object
	}{"kind": {kinds, record.Properties["kind"]},
		"holds": {roles, record.Properties["secrets"].Items.Properties["holds"]},
		"step":  {steps, record.Properties["steps"].Items.Properties["step"]}} {
		slices.Sort(c.want)
		slices.Sort(c.got.Enum)
		if want := slices.Compact(c.want); !slices.Equal(want, c.got.Enum) {
			t.Errorf("%s: the schema knows %q, the code %q; go test ./test/docs -update rewrites it", name, c.got.Enum,
				want)
			rewriteEnum(t, name, want)
		}
	}
}

// rewriteEnum writes the values of a field into the schema, with -update.
func rewriteEnum(t *testing.T, field string, values []string) {
	t.Helper()
	if !*update {
		return
	}
	text, err := os.ReadFile("../../docs/record.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	list, err := json.Marshal(values)
	if err != nil {
		t.Fatal(err)
	}
	was := regexp.MustCompile(`("` + field + `": \{ "enum": )\[[^\]]*\]`)
	text = was.ReplaceAll(text, []byte("${1}"+strings.ReplaceAll(string(list), `","`, `", "`)))
	if err := os.WriteFile("../../docs/record.schema.json", text, 0o644); err != nil {
		t.Fatal(err)
	}
}
