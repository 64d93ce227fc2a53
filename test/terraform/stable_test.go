package terraform

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// inState changes the attributes of every managed resource in an example's state, as OCI or the functions would, and
// returns how many it changed.
func inState(t *testing.T, w workshop, example string, change func(kind string, attributes map[string]any)) int {
	t.Helper()
	file := filepath.Join(w.dir, "examples", example, "terraform.tfstate")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var state map[string]any
	if err := json.Unmarshal(text, &state); err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, r := range state["resources"].([]any) {
		resource := r.(map[string]any)
		if resource["mode"] != "managed" {
			continue
		}
		for _, i := range resource["instances"].([]any) {
			seen++
			change(resource["type"].(string), i.(map[string]any)["attributes"].(map[string]any))
		}
	}
	state["serial"] = state["serial"].(float64) + 1
	text, err = json.Marshal(state)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return seen
}

// addTo adds entries to a map attribute.
func addTo(attributes map[string]any, name string, entries map[string]any) {
	all, _ := attributes[name].(map[string]any) // null if there are none
	if all == nil {
		all = map[string]any{}
	}
	for k, v := range entries {
		all[k] = v
	}
	attributes[name] = all
}

// nothingIsPlanned changes the state of the complete example as tag defaults, the functions and an operator would, and
// checks that a new plan is empty.
func nothingIsPlanned(t *testing.T, w workshop) {
	t.Helper()
	tagged, secrets := 0, 0
	inState(t, w, "complete", func(kind string, attributes map[string]any) {
		if _, ok := attributes["defined_tags"]; ok {
			tagged++
			addTo(attributes, "defined_tags", map[string]any{"Operations.CostCenter": "42",
				"Oracle-Tags.CreatedBy": "jane", "Security.Owner": "${iam.principal.name}"})
		}
		if kind != "oci_vault_secret" {
			return
		}
		secrets++
		addTo(attributes, "metadata", map[string]any{"keyturn": `{"rotation":"1"}`, "owner": "1234567890123456789"})
		addTo(attributes, "freeform_tags", map[string]any{"keyturn-user": "ocid1.user.oc1..aaaaaaaauser",
			"team": "orders"})
		attributes["secret_content"] = []any{map[string]any{"content": "", "content_type": "BASE64",
			"name": "keyturn-1-1", "stage": "CURRENT"}}
		attributes["current_version_number"], attributes["description"] = "7", "Edited in the Console."
		attributes["rotation_config"] = []any{map[string]any{"is_scheduled_rotation_enabled": true,
			"rotation_interval": "P60D", "target_system_details": []any{
				map[string]any{"target_system_type": "FUNCTION",
					"function_id": "ocid1.fnfunc.oc1.eu-frankfurt-1.aaaaaaaarotate", "adb_id": ""}}}}
	})
	if tagged < 45 || secrets != 3 {
		t.Errorf("%d resources have defined tags, %d of them are secrets; want 45 or more, and 3", tagged, secrets)
	}
	out := w.run(t, "examples/complete", "plan", "-input=false", "-var-file=terraform.tfvars.example")
	if !strings.Contains(out, "No changes.") || strings.Contains(out, "Terraform creates first secrets once") {
		t.Errorf("a plan would change what others have added:\n%s", out)
	}
}

// anotherBindingIsWarnedOf binds a first secret to another user, as an operator could, and checks the new plan's
// warning.
func anotherBindingIsWarnedOf(t *testing.T, w workshop) {
	t.Helper()
	inState(t, w, "complete", func(kind string, attributes map[string]any) {
		if kind == "oci_vault_secret" && attributes["secret_name"] == "deploy-token" {
			addTo(attributes, "defined_tags", map[string]any{"keyturn.user": "ocid1.user.oc1..aaaaaaaaother"})
			attributes["compartment_id"] = "ocid1.compartment.oc1..aaaaaaaaelsewhere"
		}
	})
	out := oneLine(w.run(t, "examples/complete", "plan", "-input=false", "-var-file=terraform.tfvars.example"))
	for _, want := range []string{
		"No changes.",
		"deploy-token has the tag keyturn.user = ocid1.user.oc1..aaaaaaaaother, first_secrets says " +
			"ocid1.user.oc1..aaaaaaaaexampledeployer.",
		"--defined-tags",
		"deploy-token is in the compartment ocid1.compartment.oc1..aaaaaaaaelsewhere, where the functions don't look",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("the plan doesn't say %q:\n%s", want, out)
		}
	}
}

// offline gives the minimal example the values that the fake provider can't look up.
const offline = `module "keyturn" {
  home_region                  = var.region
  cloud_guard_reporting_region = var.region
}
`

func TestTheMinimalExampleLeadsFromNothingToFunctions(t *testing.T) {
	w, _ := complete(t)
	const folder = "examples/minimal"
	dir := filepath.Join(w.dir, folder)
	if err := os.WriteFile(filepath.Join(dir, "offline_override.tf"), []byte(offline), 0o600); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "terraform.tfvars.example"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "terraform.tfvars"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	apply := func() {
		if out := w.run(t, folder, "apply", "-input=false", "-auto-approve"); strings.Contains(out, "Warning:") {
			t.Errorf("the example is warned of:\n%s", out)
		}
	}
	says := func(what ...string) {
		t.Helper()
		steps := w.run(t, folder, "output", "-raw", "next_steps")
		for _, want := range what {
			if !strings.Contains(steps, want) {
				t.Errorf("the next steps don't have %q:\n%s", want, steps)
			}
		}
	}
	value := func(name string) string { return w.run(t, folder, "output", "-raw", name) }

	apply()
	says("go run ./deploy/keyturn deploy --version 1.0.0 \\\n", "--repository "+value("registry")+" \\\n",
		"--compartment ocid1.compartment.oc1..aaaaaaaaexamplekeyturn \\\n",
		"--key "+value("signing_key_id")+" \\\n", "--variables <folder>/images.auto.tfvars\n", "terraform apply")
	var repositories []string
	if err := json.Unmarshal([]byte(w.run(t, folder, "output", "-json", "repositories")),
		&repositories); err != nil || len(repositories) != 2 {
		t.Errorf("the repositories are %s, %v", repositories, err)
	}
	for _, r := range repositories {
		if !strings.HasPrefix(value("registry"),
			"fra.ocir.io/") || !strings.HasSuffix(value("registry")+"/"+filepath.Base(r), "/"+r) {
			t.Errorf("the image of %s would go to %s/%s", r, value("registry"), filepath.Base(r))
		}
	}

	keyturn(t, "deploy", "variables", "--file", filepath.Join(dir, "images.auto.tfvars"),
		image("fra.ocir.io", "rotate", "a"), image("fra.ocir.io", "sweep", "b"))
	apply()
	var functions map[string]string
	if err := json.Unmarshal([]byte(w.run(t, folder, "output", "-json", "function_ids")),
		&functions); err != nil || len(functions) != 2 {
		t.Fatalf("the functions are %s, %v", functions, err)
	}
	says("Confirm each subscription", "keyturn preflight --function ", " --function "+functions["rotate"],
		" --function "+functions["sweep"], value("bind_command"), "dry_run = false")
	if !strings.Contains(value("bind_command"), `--defined-tags '{"keyturn":{"user":`) {
		t.Errorf("secrets are bound with %s", value("bind_command"))
	}
	if out := w.run(t, folder, "plan", "-input=false"); !strings.Contains(out, "No changes.") {
		t.Errorf("a second plan would change something:\n%s", out)
	}
}
