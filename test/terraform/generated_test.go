package terraform

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite schema.yaml and the tables of the guide")

func TestTheGuidesTablesMatchTheFiles(t *testing.T) {
	ins, outs := stack(t)
	var inputs, outputs strings.Builder
	inputs.WriteString("| input | type | default | meaning |\n| --- | --- | --- | --- |\n")
	section := ""
	for _, in := range ins {
		if in.section != section {
			section = in.section
			fmt.Fprintf(&inputs, "| **%s** | | | |\n", section)
		}
		def := "required"
		if !in.required {
			def = "`" + in.def + "`"
			if in.def == `""` {
				def = "empty"
			}
		}
		fmt.Fprintf(&inputs, "| `%s` | `%s` | %s | %s |\n", in.name, in.kind, def, in.description)
	}
	outputs.WriteString("| output | meaning |\n| --- | --- |\n")
	for _, out := range outs {
		fmt.Fprintf(&outputs, "| `%s` | %s |\n", out.name, out.description)
	}
	guide := read(t, "terraform/README.md")
	for name, text := range map[string]string{"inputs": inputs.String(), "outputs": outputs.String()} {
		begin, end := "<!-- begin "+name+" -->\n", "<!-- end "+name+" -->"
		head, rest, ok := strings.Cut(guide, begin)
		_, tail, closed := strings.Cut(rest, end)
		if !ok || !closed {
			t.Fatalf("terraform/README.md has no part %s", name)
		}
		guide = head + begin + text + end + tail
	}
	same(t, "terraform/README.md", guide)
}

func same(t *testing.T, name, want string) {
	t.Helper()
	path := filepath.Join(root, name)
	before, err := os.ReadFile(path)
	switch {
	case err == nil && string(before) == want:
	case *update:
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	default:
		t.Errorf("%s is not what the stack's files say; run: go test ./test/terraform -update", name)
	}
}

// pick are the inputs with a list in Resource Manager's form. Other lists would need a compartment as another input, so
// those inputs are text.
var pick = map[string]string{
	"compartment_ocid":       "oci:identity:compartment:id",
	"topic_compartment_ocid": "oci:identity:compartment:id",
	"region":                 "oci:identity:region:name",
}

func TestResourceManagersFormAsksForEveryInput(t *testing.T) {
	ins, outs := stack(t)
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("# Resource Manager's form. Generated from the variables: go test ./test/terraform -update")
	line("title: Keyturn")
	line("description: Rotates the credentials of OCI users for closed Cloud Guard problems, and never loses one.")
	line("schemaVersion: 1.1.0")
	line("version: \"20261001\"")
	line("locale: en")
	line("informationalText: Deploy in Cloud Guard's reporting region. A first installation takes two applies, the " +
		"second with signed images.")
	line("variableGroups:")
	for _, s := range sections {
		var names []string
		for _, in := range ins {
			if in.section == s {
				names = append(names, in.name)
			}
		}
		if len(names) == 0 {
			continue
		}
		line("  - title: %s", s)
		line("    variables:")
		for _, n := range names {
			line("      - %s", n)
		}
	}
	line("variables:")
	for _, in := range ins {
		form(t, line, in)
	}
	line("outputGroups:")
	line("  - title: Keyturn")
	line("    outputs:")
	shown := []string{"next_steps", "registry", "repositories", "signing_key_id", "topic_id", "vault_id"}
	for _, n := range shown {
		if !slices.ContainsFunc(outs, func(o output) bool { return o.name == n }) {
			t.Errorf("there is no output %s to show", n)
		}
		line("      - %s", n)
	}
	same(t, "terraform/schema.yaml", b.String())
}

func form(t *testing.T, line func(string, ...any), in input) {
	t.Helper()
	line("  %s:", in.name)
	kind := pick[in.name]
	switch {
	case kind != "":
	case in.kind == "number":
		kind = in.kind
	case len(in.words) > 0:
		kind = "enum"
	case in.kind == "bool":
		kind = "boolean"
	case in.kind == "list(string)":
		kind = "array"
	case in.kind == "string":
		kind = in.kind
	case strings.HasPrefix(in.kind, "map("):
		kind = "string" // the form has no maps: hidden, left at the default, or set through the API
	default:
		t.Fatalf("input %s has the type %s, for which the form has none", in.name, in.kind)
	}
	line("    type: %s", kind)
	if kind == "array" {
		line("    items:")
		line("      type: string")
	}
	if kind == "enum" {
		line("    enum:")
		for _, w := range in.words {
			line("      - %s", strconv.Quote(w))
		}
	}
	line("    title: %s", title(in.name))
	line("    description: %s", strconv.Quote(strings.ReplaceAll(in.description, "`", "")))
	line("    required: %t", in.required)
	line("    visible: %t", in.name != "tenancy_ocid" && !strings.HasPrefix(in.kind, "map("))
	if strings.HasPrefix(in.kind, "map(") {
		line("    default: %q", "{}") // Terraform needs a map from a hidden field
	}
	if def := in.def; !in.required && def != `""` && def != "{}" && def != "[]" {
		if kind == "enum" {
			def = strconv.Quote(strings.Trim(def, `"`))
		}
		line("    default: %s", def)
	}
}

// title turns a name into a heading.
func title(name string) string {
	words := strings.Split(name, "_")
	for i, w := range words {
		switch w {
		case "ocid", "ocids", "vcn", "nat", "https", "cidr":
			words[i] = strings.ToUpper(w)
			if w == "ocids" {
				words[i] = "OCIDs"
			}
		case "cloud", "guard":
			words[i] = strings.ToUpper(w[:1]) + w[1:]
		}
	}
	words[0] = strings.ToUpper(words[0][:1]) + words[0][1:]
	return strings.Join(words, " ")
}
