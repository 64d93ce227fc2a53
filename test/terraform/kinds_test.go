package terraform

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/keyturn/keyturn/pkg/credential"
)

// hcl is a list of texts in HCL.
func hcl[T ~string](list []T) string {
	if list == nil {
		list = []T{}
	}
	text, err := json.Marshal(list)
	if err != nil {
		panic(err)
	}
	return strings.ReplaceAll(string(text), `","`, `", "`)
}

func TestTheStacksTableOfKindsMatchesTheProgram(t *testing.T) {
	var b strings.Builder
	b.WriteString(`# What the stack needs to know about each kind of credential. Generated from pkg/credential:
# go test ./test/terraform -update
locals {
  kinds = {
`)
	for _, k := range credential.Kinds() {
		r := k.Record()
		fmt.Fprintf(&b, `    %q = {
      rule        = %q
      permissions = %q
      operations  = %s
      roles       = %s
      origin      = %q
      endpoint    = %q
    }
`, k, r.Detection.Rule, strings.Join(r.Permissions, ", "), hcl(r.Operations), hcl(k.Roles()), r.Origin, r.Endpoint)
	}
	fmt.Fprintf(&b, `  }
  kind_names = %s
  kinds_on   = [for k in local.kind_names : k if contains(var.kinds, k)]
  roles      = distinct(flatten([for k in local.kind_names : local.kinds[k].roles]))

  # A pair of plain secrets holds one credential: each half's role, with that of the other half.
  other_half = {
`, hcl(credential.Kinds()))
	for _, k := range credential.Kinds() {
		if parts := k.Record().Parts; k.Pair() {
			fmt.Fprintf(&b, "    %q = %q\n    %q = %q\n", parts[0].Role, parts[1].Role, parts[1].Role, parts[0].Role)
		}
	}
	b.WriteString("  }\n}\n")
	same(t, "terraform/kinds.tf", b.String())
}

func TestTheInputForKindsAcceptsTheProgramsKinds(t *testing.T) {
	names := hcl(credential.Kinds())
	want := fmt.Sprintf(`  default     = %s

  validation {
    condition     = length(var.kinds) > 0 && length(distinct(var.kinds)) == length(var.kinds) && alltrue([for k in var.kinds : contains(%s, k)])
    error_message = "kinds takes one or more of %s, each once."
  }
}
`, names, names, strings.NewReplacer("[", "", "]", "", `"`, "").Replace(names))
	text := read(t, "terraform/variables.tf")
	head, rest, found := strings.Cut(text, "variable \"kinds\" {\n")
	begin := strings.Index(rest, "  default ")
	end := strings.Index(rest, "\n}\n")
	if !found || begin < 0 || end < begin {
		t.Fatal("terraform/variables.tf has no input kinds with a default")
	}
	same(t, "terraform/variables.tf", head+"variable \"kinds\" {\n"+rest[:begin]+want+rest[end+len("\n}\n"):])
}
