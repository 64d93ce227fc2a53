package terraform

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/keyturn/keyturn/pkg/config"
	"github.com/keyturn/keyturn/test/need"
	"github.com/keyturn/keyturn/test/tenancy"
)

// workshop is a copy of terraform/ with the provider, so that Terraform leaves no files in the tree.
type workshop struct{ dir, home string }

var prepared = sync.OnceValues(prepare)

// tempDir is the folder for all files of the tests. It is removed at the end.
var tempDir string

func prepare() (workshop, error) {
	dir := tempDir
	w := workshop{dir: filepath.Join(dir, "terraform"), home: filepath.Join(dir, "home")}
	if err := os.Mkdir(w.home, 0o700); err != nil {
		return w, err
	}
	if err := os.CopyFS(w.dir, clean{os.DirFS(filepath.Join(root, "terraform"))}); err != nil {
		return w, err
	}
	// the fake provider has another namespace each time that it is asked; this is that of terraform/tests
	if err := os.WriteFile(filepath.Join(w.dir, "lookups_override.tf"),
		[]byte("locals {\n  object_storage_namespace = \"acmespace\"\n}\n"), 0o600); err != nil {
		return w, err
	}
	for _, folder := range []string{"", "examples/minimal", "examples/complete"} {
		if out, err := w.command(folder, "init", "-backend=false", "-input=false").CombinedOutput(); err != nil {
			return w, errors.New("the provider can't be had: terraform init says:\n" + string(out))
		}
	}
	return w, nil
}

func TestMain(m *testing.M) {
	flag.Parse()
	dir, err := os.MkdirTemp("", "keyturn-stack-")
	if err != nil {
		panic(err)
	}
	tempDir = dir
	code := m.Run()
	_ = os.RemoveAll(tempDir) // anything left is in the system's temporary folder
	os.Exit(code)
}

// clean omits the files that Terraform leaves in a folder.
type clean struct{ fs.FS }

func (c clean) ReadDir(name string) ([]fs.DirEntry, error) {
	entries, err := fs.ReadDir(c.FS, name)
	return slices.DeleteFunc(entries, func(e fs.DirEntry) bool {
		return e.Name() == ".terraform" || strings.HasPrefix(e.Name(), ".terraform.") ||
			strings.Contains(e.Name(), "tfstate")
	}), err
}

// command is a command of Terraform in a folder of the stack's copy.
func (w workshop) command(folder string, args ...string) *exec.Cmd {
	return need.Terraform(context.Background(), w.home, filepath.Join(w.dir, folder), args...)
}

func (w workshop) run(t *testing.T, folder string, args ...string) string {
	t.Helper()
	out, err := w.command(folder, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("terraform %s in %q: %v\n%s", strings.Join(args, " "), folder, err, out)
	}
	return string(out)
}

// terraform returns the workshop, or skips or fails the test.
func terraform(t *testing.T) workshop {
	t.Helper()
	need.Suite(t, need.Stack)
	need.Tool(t, "terraform")
	w, err := prepared()
	if err != nil {
		need.Lacking(t, "%v", err)
	}
	return w
}

func TestTheFilesAreFormatted(t *testing.T) {
	terraform(t).run(t, "", "fmt", "-check", "-recursive", "-diff")
}

func TestTheStackAndItsExamplesAreValid(t *testing.T) {
	w := terraform(t)
	for _, folder := range []string{"", "examples/minimal", "examples/complete"} {
		if out := w.run(t, folder, "validate"); strings.Contains(out, "Warning") {
			t.Errorf("%q: %s", folder, out)
		}
	}
}

func TestTheStackKeepsItsRules(t *testing.T) {
	w := terraform(t)
	files, err := filepath.Glob(filepath.Join(w.dir, "tests", "*.tftest.hcl"))
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	passed := 0
	t.Run("files", func(t *testing.T) {
		for _, file := range files {
			t.Run(filepath.Base(file), func(t *testing.T) {
				t.Parallel()
				out := w.run(t, "", "test", "-filter=tests/"+filepath.Base(file))
				m := regexp.MustCompile(`Success! ([0-9]+) passed, 0 failed`).FindStringSubmatch(out)
				if m == nil {
					t.Fatal(out)
				}
				n, _ := strconv.Atoi(m[1]) // digits
				mu.Lock()
				passed += n
				mu.Unlock()
			})
		}
	})
	t.Logf("%d runs passed", passed)
	if passed < 84 && !t.Failed() {
		t.Errorf("%d runs passed, want 84 or more", passed)
	}
}

// planned is the part of `terraform show -json` that the tests read.
type planned struct {
	Changes []struct {
		Address string
		Change  struct{ Actions []string }
	} `json:"resource_changes"`
	Values struct {
		Outputs map[string]struct{ Value json.RawMessage }
	} `json:"planned_values"`
}

type statement struct{ Name, Function, Purpose, Text string }

// plan plans the complete example, once for all tests.
var plan = sync.OnceValues(func() (planned, error) {
	var p planned
	w, err := prepared()
	if err != nil {
		return p, err
	}
	out, err := w.command("examples/complete", "plan", "-input=false", "-var-file=terraform.tfvars.example",
		"-out=plan").CombinedOutput()
	if err != nil {
		return p, fmt.Errorf("planning: %w\n%s", err, out)
	}
	text, err := w.command("examples/complete", "show", "-json", "plan").Output()
	if err != nil {
		return p, fmt.Errorf("showing the plan: %w", err)
	}
	return p, json.Unmarshal(text, &p)
})

func complete(t *testing.T) (workshop, planned) {
	t.Helper()
	w := terraform(t)
	need.StandIn(t)
	p, err := plan()
	if err != nil {
		t.Fatal(err)
	}
	return w, p
}

func TestThePlanOfTheCompleteExampleHasEveryAddressOnce(t *testing.T) {
	_, p := complete(t)
	seen := map[string]bool{}
	for _, c := range p.Changes {
		if seen[c.Address] {
			t.Errorf("%s is planned twice", c.Address)
		}
		seen[c.Address] = true
		if !slices.Equal(c.Change.Actions, []string{"create"}) && !slices.Equal(c.Change.Actions, []string{"read"}) {
			t.Errorf("%s: %s", c.Address, c.Change.Actions)
		}
	}
	if len(seen) < 45 {
		t.Errorf("%d addresses, want 45 or more", len(seen))
	}
	t.Logf("%d addresses", len(seen))
}

func TestEveryStatementIsKnownBeforeTheApplyAndHasAPurpose(t *testing.T) {
	_, p := complete(t)
	var all []statement
	if err := json.Unmarshal(p.Values.Outputs["policy_statements"].Value, &all); err != nil {
		t.Fatal(err)
	}
	names, texts := map[string]bool{}, map[string]bool{}
	for _, s := range all {
		if names[s.Name] || texts[s.Text] || s.Purpose == "" || (s.Function != "rotate" && s.Function != "sweep") ||
			!strings.HasPrefix(s.Text, "Allow dynamic-group keyturn-"+s.Function+" to ") {
			t.Errorf("%+v", s)
		}
		names[s.Name], texts[s.Text] = true, true
	}
	if len(all) < 25 {
		t.Errorf("%d statements, want 25 or more", len(all))
	}
}

func TestTheEventsRuleIsTheOneThatTheFunctionIsTestedWith(t *testing.T) {
	_, p := complete(t)
	var text string
	if err := json.Unmarshal(p.Values.Outputs["event_condition"].Value, &text); err != nil {
		t.Fatal(err)
	}
	var got, want bytes.Buffer
	for b, in := range map[*bytes.Buffer]string{&got: text, &want: tenancy.Condition} {
		var v any
		if err := json.Unmarshal([]byte(in), &v); err != nil {
			t.Fatal(err)
		}
		if err := json.NewEncoder(b).Encode(v); err != nil {
			t.Fatal(err)
		}
	}
	if got.String() != want.String() {
		t.Errorf("the stack has %swant %s", &got, &want)
	}
}

// guarded are the resources that the guide removes from the state before it destroys the rest.
var guarded = regexp.MustCompile(
	`oci_(kms_vault\.this|kms_key\.secrets|vault_secret\.first|identity_tag_namespace\.keyturn|identity_tag\.keyturn)`)

func TestTheGuideRemovesProtectedResourcesFromTheState(t *testing.T) {
	if !strings.Contains(read(t, "terraform/README.md"), guarded.String()) {
		t.Errorf("the guide doesn't have %s", guarded)
	}
	protected := regexp.MustCompile(
		`(?s)resource "(oci_[a-z_]+)" "([a-z_]+)" \{[^}]*?\n.*?\n\}\n`).FindAllStringSubmatch(read(t,
		"terraform/vault.tf"), -1)
	seen := 0
	for _, r := range protected {
		if strings.Contains(r[0], "prevent_destroy = true") {
			seen++
			if !guarded.MatchString(r[1] + "." + r[2]) {
				t.Errorf("the guide leaves %s.%s in the state", r[1], r[2])
			}
		}
	}
	if seen != 5 {
		t.Errorf("%d kinds of resources are protected, want 5", seen)
	}
}

func TestOneApplyCreatesEverythingAndDestroyKeepsTheSecrets(t *testing.T) {
	w, p := complete(t) // works without an account, so the provider is fake and the apply changes nothing
	w.run(t, "examples/complete", "apply", "-input=false", "plan")
	configurationIsTaken(t, w)
	again := w.run(t, "examples/complete", "plan", "-input=false", "-var-file=terraform.tfvars.example")
	if !strings.Contains(again, "No changes.") {
		t.Errorf("a second plan would change something:\n%s", again)
	}
	nothingIsPlanned(t, w)
	anotherBindingIsWarnedOf(t, w)
	destroy := []string{"apply", "-destroy", "-auto-approve", "-input=false", "-var-file=terraform.tfvars.example"}
	out, err := w.command("examples/complete", destroy...).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "prevent_destroy") {
		t.Fatalf("destroy went through, or failed for another reason: %v\n%s", err, out)
	}
	var kept []string
	for line := range strings.Lines(w.run(t, "examples/complete", "state", "list")) {
		if guarded.MatchString(line) {
			kept = append(kept, strings.TrimSpace(line))
		}
	}
	if len(kept) != 11 { // vault, key, three secrets, the tag namespace and its five tags
		t.Errorf("%d addresses are protected: %s", len(kept), kept)
	}
	w.run(t, "examples/complete", append([]string{"state", "rm"}, kept...)...)
	w.run(t, "examples/complete", destroy...)
	made := 0
	for _, c := range p.Changes {
		if c.Change.Actions[0] == "create" {
			made++
		}
	}
	if left := w.run(t, "examples/complete", "state", "list"); strings.TrimSpace(left) != "" {
		t.Errorf("of %d resources are left:\n%s", made, left)
	}
}

// configurationIsTaken checks that the functions accept the stack's configuration.
func configurationIsTaken(t *testing.T, w workshop) {
	t.Helper()
	var values map[string]string
	if err := json.Unmarshal([]byte(w.run(t, "examples/complete", "output", "-json", "configuration")),
		&values); err != nil {
		t.Fatal(err)
	}
	// the fake provider's OCIDs have another form
	values["ons_topic"] = "ocid1.onstopic.oc1.eu-frankfurt-1.aaaaaaaatopic"
	values["records_topic"] = "ocid1.onstopic.oc1.eu-frankfurt-1.aaaaaaaarecords"
	var environ []string
	for k, v := range values {
		environ = append(environ, k+"="+v)
	}
	c, err := config.Read(environ)
	if err != nil || !c.Protects("", "breakglass@example.com") || !c.Protects("", "admin-jane") ||
		c.Protects("", "jane") || len(c.SecretCompartments) != 2 || c.SweepDays != 14 || len(c.OwnerTopics) != 1 ||
		c.ReportBucket != "acmespace/keyturn-reports" {
		t.Errorf("the functions make %+v of it, %v", c, err)
	}
}
