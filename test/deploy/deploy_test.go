package deploy_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// derived is the beginning of the repositories' names, as the command finds it.
func (a account) derived() string { return longHost + "/" + a.Namespace() + "/keyturn" }

// deployRig is a bench that can deploy: it has a tenancy, a registry, the login of both, the stack and images.
func deployRig(t *testing.T) (*bench, account, *registry, map[string]string) {
	t.Helper()
	needRegistry(t)
	b, a := newBench(t), newAccount(t)
	r := newRegistry(t, true)
	r.cloud = a.Emulator
	r.admit(b)
	r.login(b)
	a.signIn(b)
	if err := os.CopyFS(filepath.Join(b.home, "terraform"), os.DirFS(filepath.Join(root, "terraform"))); err != nil {
		t.Fatal(err)
	}
	for _, left := range []string{"images.auto.tfvars", "terraform.tfvars"} {
		_ = os.Remove(filepath.Join(b.home, "terraform", left)) // a developer's
	}
	b.file("LICENSE", "")
	return b, a, r, layouts(t, filepath.Join(b.home, "dist"), 7)
}

func TestADeploymentTakesAllStepsAndASecondOneChangesNothing(t *testing.T) {
	b, a, r, digests := deployRig(t)
	first := b.good("", "--built", "--yes")
	want := ""
	for _, f := range functions {
		want += a.derived() + "/" + f + ":1.0.0@" + digests[f] + "\n"
	}
	if first.out != want {
		t.Errorf("it prints\n%swant\n%s", first.out, want)
	}
	for _, f := range functions {
		if r.pull(a.derived()+"/"+f+":1.0.0") != digests[f] {
			t.Errorf("%s is not there", f)
		}
		if !strings.Contains(b.read("terraform/images.auto.tfvars"), f+":1.0.0@"+digests[f]) {
			t.Errorf("%s is not in the variables", f)
		}
		if stack := unzip(t, filepath.Join(b.home, "dist", "keyturn-stack.zip")); !strings.Contains(
			stack["variables.tf"], f+":1.0.0@"+digests[f]) {
			t.Errorf("%s is not in the stack", f)
		}
	}
	if got := a.signed(a.key); !slices.Equal(got, []string{"keyturn/rotate@" + digests["rotate"],
		"keyturn/sweep@" + digests["sweep"]}) {
		t.Errorf("signed are %v", got)
	}
	sent, archive, signatures := r.written(), b.read("dist/keyturn-stack.zip"), a.count("Sign")
	second := b.good("", "--built") // without --yes: there is nothing to agree to
	if r.written() != sent || a.count("Sign") != signatures || b.read("dist/keyturn-stack.zip") != archive ||
		second.out != first.out {
		t.Errorf("a second deployment has changed something:\n%s", second.log)
	}
}

// files returns the names of a folder's files with their contents.
func files(t *testing.T, folder string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(folder, func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		text, err := os.ReadFile(path)
		all[path] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestADryDeploymentShowsEachChangeAndMakesNone(t *testing.T) {
	b, a, r, digests := deployRig(t)
	before := files(t, b.home)
	for _, args := range [][]string{{"--built", "--dry-run"}, {"--built"}} { // nobody agrees to the second
		got := b.run("", args...)
		for _, want := range []string{"will be pushed: " + a.derived() + "/rotate:1.0.0@" + digests["rotate"],
			"will be signed after the push with ocid1.keyversion.", "will be written: terraform/images.auto.tfvars",
			"will be written: dist/keyturn-stack.zip"} {
			if !strings.Contains(got.log, want) {
				t.Errorf("%q: it doesn't say %q:\n%s", args, want, got.log)
			}
		}
		if dry := len(args) == 2; dry != (got.code == 0) || dry != (got.out != "") {
			t.Errorf("%q: it ends with %d and prints\n%s", args, got.code, got.out)
		}
	}
	after := files(t, b.home)
	for name, text := range after {
		if before[name] != text {
			t.Errorf("%s was changed", name)
		}
	}
	if len(after) != len(before) || r.written() > 0 || len(a.ImageSignatures()) > 0 || a.count("Sign") > 0 {
		t.Errorf("%d files instead of %d, %d requests that write", len(after), len(before), r.written())
	}
}

func TestADeploymentChecksEverythingBeforeItPushes(t *testing.T) {
	for name, c := range map[string]struct {
		code   int
		words  []string
		args   []string
		change func(b *bench, a account)
	}{
		"no repositories": {failed, []string{"no repository other/rotate", "repositories = true"},
			[]string{"--prefix", "other"}, nil},
		"no key": {failed, []string{"0 enabled keys"}, nil,
			func(_ *bench, a account) { a.DisableSigningKey(a.key) }},
		"no stack": {failed, []string{"terraform has no Terraform files"},
			[]string{"--source", "elsewhere", "--dist", "dist", "--variables", "v.auto.tfvars"}, nil},
		"no variables": {failed, []string{"images.tfvars", "auto.tfvars"},
			[]string{"--variables", "images.tfvars"}, nil},
		"no OCI login": {wrong, []string{"/.oci/config"}, nil,
			func(b *bench, _ account) { b.file(".oci/config", "") }},
		"no registry's": {failed, []string{"no credentials for " + longHost, "docker login"}, nil,
			func(b *bench, _ account) { b.file(".docker/config.json", "{}") }},
		"no images": {failed, []string{"not an image layout"}, []string{"--dist", "elsewhere"}, nil},
		"another region": {failed, []string{"no repository keyturn/rotate"},
			[]string{"--region", "us-ashburn-1"}, nil},
		"another's": {wrong, []string{"is in eu-frankfurt-1"},
			[]string{"--region", "us-ashburn-1", "--repository", repositories}, nil},
		"a wrong version": {wrong, []string{"--version 1 0"}, []string{"--version", "1 0"}, nil},
		"surplus":         {wrong, []string{"surplus"}, []string{"surplus"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			b, a, r, _ := deployRig(t)
			if c.change != nil {
				c.change(b, a)
			}
			b.bad(c.code, c.words, "", append([]string{"--built", "--yes"}, c.args...)...)
			if r.written() > 0 || len(a.ImageSignatures()) > 0 {
				t.Error("something was pushed or signed")
			}
		})
	}
}

func TestADeploymentTakesWhatTheStacksOutputsSay(t *testing.T) {
	b, a, r, digests := deployRig(t)
	vault := strings.Split(a.key, ".")[4]
	values := map[string]any{"registry": repositories, "signing_key_id": a.key, "function_ids": map[string]string{},
		"vault_management_endpoint": "https://" + vault + "-management.kms." + region + ".oraclecloud.com"}
	flat := map[string]any{}
	for name, v := range values {
		flat[name] = map[string]any{"sensitive": false, "value": v}
	}
	nested := map[string]any{"keyturn": map[string]any{"value": values}, "next_steps": map[string]any{"value": "1."}}
	for name, outputs := range map[string]any{"flat.json": flat, "nested.json": nested} {
		text, err := json.Marshal(outputs)
		if err != nil {
			t.Fatal(err)
		}
		b.file(name, string(text))
		got := b.good("", "--built", "--yes", "--outputs", name)
		if got.out != references(digests, "1.0.0") || r.pull(repositories+"/sweep:1.0.0") != digests["sweep"] {
			t.Errorf("%s: it prints\n%s", name, got.out)
		}
	}
	if a.count("ListVaults") > 0 || a.count("GetNamespace") > 0 || len(a.signed(a.key)) != 2 {
		t.Error("what the outputs say was asked for, or the images are not signed")
	}
}

func TestAnUnsignedDeploymentNeedsAFlagAndSaysSo(t *testing.T) {
	b, a, _, _ := deployRig(t)
	a.DisableSigningKey(a.key)
	got := b.good("", "--built", "--yes", "--key", "none")
	if a.count("Sign") > 0 || !strings.Contains(got.log, "not signed") || len(a.ImageSignatures()) > 0 {
		t.Errorf("it says\n%s", got.log)
	}
}

func TestAFailedPushSignsNothingAndCanBeRepeated(t *testing.T) {
	b, a, r, _ := deployRig(t)
	r.setDown(true)
	b.bad(failed, []string{longHost + " can't be reached"}, "", "--built", "--yes")
	if a.count("Sign") > 0 {
		t.Error("it has gone on")
	}
	r.setDown(false)
	b.good("", "--built", "--yes")
	if len(a.signed(a.key)) != 2 {
		t.Errorf("signed are %v", a.signed(a.key))
	}
}

func TestTheResultIsOneJSONDocument(t *testing.T) {
	b, a, _, digests := deployRig(t)
	var r struct {
		DryRun bool `json:"dry_run"`
		Images []string
		Pushed []string
		Signed int
		Files  []string
	}
	out := b.good("", "--built", "--dry-run", "--json").out
	if err := json.Unmarshal([]byte(out), &r); err != nil || !r.DryRun || len(r.Pushed) != 2 || r.Signed != 2 ||
		len(r.Files) != 2 || r.Images[0] != a.derived()+"/rotate:1.0.0@"+digests["rotate"] {
		t.Errorf("got %s, %v", out, err)
	}
}
