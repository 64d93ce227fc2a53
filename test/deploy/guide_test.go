package deploy_test

import (
	"encoding/json"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/keyturn/keyturn/test/need"
)

const guide = "docs/cloud-shell.md"

var (
	fenced      = regexp.MustCompile("(?ms)^```sh\n(.*?)^```$")
	placeholder = regexp.MustCompile(`<([a-zA-Z_ -]+)>`)
	heading     = regexp.MustCompile(`(?m)^## (\d+\. .*)$`)
)

func page(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestTheGuideForCloudShellHasNineStepsWithTheirTimes(t *testing.T) {
	text := page(t, guide)
	var steps, timed []string
	for _, m := range heading.FindAllStringSubmatch(text, -1) {
		steps = append(steps, m[1])
	}
	for _, m := range regexp.MustCompile(`(?m)^\| (\d+\. [^|]*) \| \d+ min \| [^|]+ \|$`).FindAllStringSubmatch(text, -1) {
		timed = append(timed, m[1])
	}
	if len(steps) != 9 || !slices.Equal(steps, timed) {
		t.Errorf("the steps are\n%s\nthe times are of\n%s", strings.Join(steps, "\n"), strings.Join(timed, "\n"))
	}
}

// The commands run in a shell, word by word, as Cloud Shell would run them. Terraform and the OCI CLI are stand-ins:
// the emulator has neither their APIs nor, in this suite, a provider. Everything else is real.
func TestTheGuideForCloudShellWorksWordByWord(t *testing.T) {
	need.Suite(t, need.Registry)
	bash := need.Tool(t, "bash")
	b, a := newBench(t), newAccount(t)
	b.coreutils("cat", "mkdir", "cp")
	operator := a.AddOperator("ann@example.com")
	_, token := a.AddAuthToken(operator.UserID, "Keyturn images")
	b.secret = append(b.secret, token)
	b.file(".oci/config", a.Config(operator))
	clone(t, filepath.Join(b.home, "origin"))
	b.logged("git", `[ "$1 $2" = 'clone https://github.com/keyturn/keyturn' ] && cp -R '`+b.home+`/origin' keyturn`)
	b.logged("terraform", "exit 0")
	b.logged("oci", `[ "$1 $2 $3" = 'iam auth-token create' ] && [ "$5" = "$OCI_CS_USER_OCID" ] && cat '`+
		b.file("token-of-the-stand-in", token+"\n")+`'`)
	b.env = append(b.env, "HTTPS_PROXY="+a.URL(), "SSL_CERT_FILE="+a.CAFile(), "OCI_TENANCY="+a.Tenancy(),
		"OCI_REGION="+region, "OCI_CS_USER_OCID="+operator.UserID)
	values := map[string]string{"compartment OCID": a.compartment, "break-glass user": "breakglass@example.com",
		"your mail address": "secops@example.com"}
	script := "set -e\n"
	for _, m := range fenced.FindAllStringSubmatch(page(t, guide), -1) {
		script += placeholder.ReplaceAllStringFunc(m[1], func(p string) string {
			value := values[strings.Trim(p, "<>")]
			if value == "" {
				t.Errorf("the guide has the unknown placeholder %s", p)
			}
			return value
		})
	}
	// The only change: nobody is there to agree.
	const deploy = "go run ./deploy/keyturn deploy "
	if strings.Count(script, deploy) != 1 {
		t.Fatalf("the guide's commands are\n%s", script)
	}
	r := b.start("", bash, "-c", strings.Replace(script, deploy, deploy+"--yes ", 1))
	if r.code != 0 {
		t.Fatalf("the guide's commands end with %d:\n%s%s", r.code, r.out, r.log)
	}
	if got := a.ImageSignatures(); len(got) != 2 || got[0].Key != a.key || got[1].Repository != "keyturn/sweep" {
		t.Errorf("signed are %v", got)
	}
	for _, s := range a.ImageSignatures() {
		if line := longHost + "/" + a.Namespace() + "/" + s.Repository + ":1.0.0@" + s.Digest; !strings.Contains(
			b.read("keyturn/terraform/images.auto.tfvars"), `"`+line+`"`) || !strings.Contains(r.out, line+"\n") {
			t.Errorf("%s is not in the variables, or not printed", line)
		}
	}
	if variables := b.read("keyturn/terraform/terraform.tfvars"); !strings.Contains(variables, `"`+a.Tenancy()+`"`) ||
		!strings.Contains(variables, "dry_run          = true") {
		t.Errorf("the variables are\n%s", variables)
	}
	if b.calls("terraform -chdir=terraform apply") != 2 || b.calls("jq") > 0 {
		t.Error("the stack is not applied before and after the push")
	}
}

// clone copies what the guide's commands need of the project.
func clone(t *testing.T, to string) {
	t.Helper()
	for _, name := range []string{"deploy", "functions", "pkg", "terraform"} {
		if err := os.CopyFS(filepath.Join(to, name), os.DirFS(filepath.Join(root, name))); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"go.mod", "go.sum", "LICENSE"} {
		if err := os.WriteFile(filepath.Join(to, name), []byte(page(t, name)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	_ = os.Remove(filepath.Join(to, "terraform", "images.auto.tfvars")) // a developer's
}

// The test looks up the commands and flags of the guides in the command's help.
func TestTheGuidesCallTheCommandCorrectly(t *testing.T) {
	b := newBench(t)
	call := regexp.MustCompile(`(?m)keyturn deploy((?: [a-z][a-z-]*)?)((?: [^\n#|;>]*)?)`)
	flag := regexp.MustCompile(`(?:^| )(--[a-z-]+)\b`)
	seen := 0
	for _, name := range []string{"deploy/README.md", "terraform/README.md", guide} {
		for _, block := range fenced.FindAllStringSubmatch(page(t, name), -1) {
			for _, m := range call.FindAllStringSubmatch(strings.ReplaceAll(block[1], "\\\n", " "), -1) {
				seen++
				args := append(strings.Fields(m[1]), "--help")
				help := b.good("", args...).out
				if !strings.Contains(help, "keyturn deploy"+m[1]+" ") {
					t.Errorf("%s calls keyturn deploy%s, which doesn't exist", name, m[1])
				}
				for _, f := range flag.FindAllStringSubmatch(m[2], -1) {
					if !strings.Contains(help, " "+f[1]+" ") {
						t.Errorf("%s calls keyturn deploy%s with %s, which its help doesn't have", name, m[1], f[1])
					}
				}
			}
		}
	}
	if seen < 7 {
		t.Errorf("%d calls were looked at, want 7 or more", seen)
	}
	for _, command := range []string{"build", "push", "sign", "variables", "stack"} {
		if !strings.Contains(page(t, "deploy/README.md"), "| `"+command+"` |") {
			t.Errorf("deploy/README.md doesn't have keyturn deploy %s", command)
		}
	}
}

func TestTheButtonTakesTheReleasesStackWithInputsThatItHas(t *testing.T) {
	b := newBench(t)
	button := regexp.MustCompile(`\[!\[Deploy to Oracle Cloud\]\((https://[^)]+/deploy-to-oracle-cloud\.svg)\)\]\(([^)]+)\)`)
	made := b.good("", "release-files", "--source", b.project(), "--version", "1.2.3", "--dry-run", "files").out
	addresses := map[string]bool{}
	for _, name := range []string{"README.md", "deploy/README.md", "terraform/README.md"} {
		m := button.FindStringSubmatch(page(t, name))
		if m == nil {
			t.Fatalf("%s has no button", name)
		}
		addresses[m[2]] = true
	}
	if len(addresses) != 1 {
		t.Fatalf("the buttons lead to %v", addresses)
	}
	for text := range addresses {
		address, err := url.Parse(text)
		if err != nil || address.Host != "cloud.oracle.com" || address.Path != "/resourcemanager/stacks/create" {
			t.Fatalf("the button leads to %s: %v", text, err)
		}
		file, latest := strings.CutPrefix(address.Query().Get("zipUrl"),
			"https://github.com/keyturn/keyturn/releases/latest/download/")
		if !latest || !strings.Contains("\n"+made, "\n"+file+"\n") {
			t.Errorf("a release has no %s:\n%s", address.Query().Get("zipUrl"), made)
		}
		var values map[string]string
		if err := json.Unmarshal([]byte(address.Query().Get("zipUrlVariables")), &values); err != nil {
			t.Fatal(err)
		}
		if values["dry_run"] != "true" || values["repositories"] != "true" {
			t.Errorf("the form begins with %v", values)
		}
		schema := page(t, "terraform/schema.yaml")
		for name := range values {
			if !regexp.MustCompile(`(?m)^  ` + name + `:$`).MatchString(schema) {
				t.Errorf("the stack's form has no input %s", name)
			}
		}
	}
}
