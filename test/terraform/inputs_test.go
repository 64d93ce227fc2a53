package terraform

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/keyturn/keyturn/test/need"
)

// values are inputs of the stack.
type values map[string]any

// usual are the default inputs of a case. They cause no refusals or warnings.
var usual = values{
	"tenancy_ocid": "ocid1.tenancy.oc1..aaaaaaaatenancy", "compartment_ocid": "ocid1.compartment.oc1..aaaaaaaakeyturn",
	"region": "eu-frankfurt-1", "excluded_users": []string{"breakglass@example.com"},
	"emails":       []string{"secops@example.com"},
	"rotate_image": image("fra.ocir.io", "rotate", "0"), "sweep_image": image("fra.ocir.io", "sweep", "1"),
}

func image(host, repository, digit string) string {
	return host + "/ns/keyturn/" + repository + ":1@sha256:" + strings.Repeat(digit, 64)
}

// alone is the result of the files that use only inputs and need no provider.
type alone struct {
	refused  string // Terraform's message in one line; empty if it plans
	groups   map[string]string
	excluded []string
}

// pure are the files with the rules about inputs.
var pure = []string{"variables.tf", "variables_platform.tf", "people.tf", "kinds.tf", "regions.tf", "inputs.tf",
	"warnings.tf"}

const shown = `output "groups" {
  value = local.groups
}
output "excluded" {
  value = local.excluded_users
}
`

var pureModule = sync.OnceValues(func() (string, error) {
	dir := filepath.Join(tempDir, "pure")
	if err := os.Mkdir(dir, 0o700); err != nil {
		return "", err
	}
	for _, name := range pure {
		text, err := os.ReadFile(filepath.Join(root, "terraform", name))
		if err != nil {
			return "", err
		}
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			return "", err
		}
	}
	return dir, os.WriteFile(filepath.Join(dir, "shown.tf"), []byte(shown), 0o600)
})

// turns limits how many Terraform processes run at once.
var turns = make(chan struct{}, 4)

// saysOf plans only the rules, with changed usual inputs. It returns Terraform's output in one line, and whether it
// refuses the inputs. The plan goes to file; empty: nowhere.
func saysOf(t *testing.T, change values, file string) (string, bool) {
	t.Helper()
	need.Suite(t, need.Stack)
	need.Tool(t, "terraform")
	dir, err := pureModule()
	if err != nil {
		t.Fatal(err)
	}
	all := maps.Clone(usual)
	maps.Copy(all, change)
	text, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	inputs := filepath.Join(t.TempDir(), "case.tfvars.json")
	if err := os.WriteFile(inputs, text, 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"plan", "-input=false", "-lock=false", "-var-file=" + inputs}
	if file != "" {
		args = append(args, "-out="+file)
	}
	turns <- struct{}{}
	defer func() { <-turns }()
	out, err := run(dir, args...)
	return oneLine(out), err != nil
}

// planInputs returns the result of the rules for changed usual inputs.
func planInputs(t *testing.T, change values) alone {
	t.Helper()
	file := filepath.Join(t.TempDir(), "plan")
	said, refused := saysOf(t, change, file)
	if refused {
		return alone{refused: said}
	}
	dir, _ := pureModule() // skips the test if it is missing
	text, err := run(dir, "show", "-json", file)
	if err != nil {
		t.Fatal(err)
	}
	var p planned
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		t.Fatal(err)
	}
	var a alone
	for name, into := range map[string]any{"groups": &a.groups, "excluded": &a.excluded} {
		if err := json.Unmarshal(p.Values.Outputs[name].Value, into); err != nil {
			t.Fatal(err)
		}
	}
	return a
}

func run(dir string, args ...string) (string, error) {
	out, err := need.Terraform(context.Background(), dir, dir, args...).CombinedOutput()
	return string(out), err
}

var frame = regexp.MustCompile(`(?m)^[│╷╵]`)

// oneLine removes Terraform's line breaks from messages.
func oneLine(s string) string {
	return strings.Join(strings.Fields(frame.ReplaceAllString(s, "")), " ")
}

// inputCase is the expected result of inputs. Empty strings: no refusal, no warning.
type inputCase struct {
	name            string
	change          values
	refused, warned string // a part of the message
}

func check(t *testing.T, cases []inputCase) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			said, refused := saysOf(t, c.change, "")
			_, warning, warned := strings.Cut(said, "Warning:")
			switch {
			case refused != (c.refused != ""), !strings.Contains(said, c.refused):
				t.Errorf("refused: %t, want %q: %s", refused, c.refused, said)
			case !refused && warned != (c.warned != ""), !strings.Contains(warning, c.warned):
				t.Errorf("warned: %t, want %q: %s", warned, c.warned, said)
			}
		})
	}
}

func TestTheUsualInputsCauseNoWarning(t *testing.T) {
	check(t, []inputCase{{name: "usual"}})
}

// ocid returns an OCID of a type in a region.
func ocid(kind, region string) string {
	switch kind {
	case "vault", "key":
		return fmt.Sprintf("ocid1.%s.oc1.%s.bzsn5ci3aaeug.abtheljr%s", kind, region, kind)
	default:
		return fmt.Sprintf("ocid1.%s.oc1.%s.aaaaaaaa%s", kind, region, kind)
	}
}
