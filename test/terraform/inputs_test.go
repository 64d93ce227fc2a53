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

// usual are the inputs of a case that says nothing else: nothing about them is refused or warned of.
var usual = values{
	"tenancy_ocid": "ocid1.tenancy.oc1..aaaaaaaatenancy", "compartment_ocid": "ocid1.compartment.oc1..aaaaaaaakeyturn",
	"region": "eu-frankfurt-1", "excluded_users": []string{"breakglass@example.com"},
	"emails":       []string{"secops@example.com"},
	"rotate_image": image("fra.ocir.io", "rotate", "0"), "sweep_image": image("fra.ocir.io", "sweep", "1"),
}

func image(host, repository, digit string) string {
	return host + "/ns/keyturn/" + repository + ":1@sha256:" + strings.Repeat(digit, 64)
}

// alone is what the files that use inputs alone make of them, without a provider.
type alone struct {
	refused  string // what Terraform says, in one line; empty if it plans
	groups   map[string]string
	excluded []string
}

// pure are the files that the rules about inputs are in.
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
	dir := filepath.Join(litter, "pure")
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

// turns keeps the number of Terraforms that run at once small.
var turns = make(chan struct{}, 4)

// saysOf plans the rules alone with the usual inputs, changed, and returns what Terraform says, in one line, and
// whether it refuses them. file is where the plan goes; empty for nowhere.
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

// planInputs returns what the rules make of the usual inputs, changed.
func planInputs(t *testing.T, change values) alone {
	t.Helper()
	file := filepath.Join(t.TempDir(), "plan")
	said, refused := saysOf(t, change, file)
	if refused {
		return alone{refused: said}
	}
	dir, _ := pureModule() // it is there, or the test is skipped
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

// oneLine undoes how Terraform wraps its messages.
func oneLine(s string) string {
	return strings.Join(strings.Fields(frame.ReplaceAllString(s, "")), " ")
}

// inputCase says what becomes of inputs. Empty strings: nothing is refused, nothing warned of.
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

func TestTheUsualInputsAreTakenWithoutAWord(t *testing.T) {
	check(t, []inputCase{{name: "usual"}})
}

// ocid makes an OCID of a type in a region.
func ocid(kind, region string) string {
	switch kind {
	case "vault", "key":
		return fmt.Sprintf("ocid1.%s.oc1.%s.bzsn5ci3aaeug.abtheljr%s", kind, region, kind)
	default:
		return fmt.Sprintf("ocid1.%s.oc1.%s.aaaaaaaa%s", kind, region, kind)
	}
}
