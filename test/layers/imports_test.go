package layers

import (
	"encoding/json"
	"go/ast"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// layers lists the packages of pkg, the lowest layer first. A package imports only from lower layers. Code that two
// packages of a layer share belongs in a lower layer.
var layers = [][]string{
	{"background"},
	{"phrase", "trace", "version"},
	{"clock", "config", "credential", "fault", "fn"},
	{"cloudguard", "outcome", "vault"},
	{"channel", "guard", "inventory", "oci", "rotation"},
	{"preflight", "report", "responder"},
	{"sweep"},
}

func layerOf(pkg string) int {
	return slices.IndexFunc(layers, func(packages []string) bool { return slices.Contains(packages, pkg) })
}

func TestEveryPackageHasALayer(t *testing.T) {
	known := map[string]bool{}
	for _, s := range sources(t) {
		pkg, ok := strings.CutPrefix(s.folder(), "pkg/")
		if !ok || known[pkg] {
			continue
		}
		known[pkg] = true
		if layerOf(pkg) < 0 {
			t.Errorf("pkg/%s is in no layer; give it one in this test and in the documentation", pkg)
		}
	}
	if len(known) < 15 {
		t.Errorf("pkg has %d packages, want 15 or more", len(known))
	}
}

func TestImportsOnlyPointDown(t *testing.T) {
	seen := 0
	for _, s := range sources(t) {
		pkg, ok := strings.CutPrefix(s.folder(), "pkg/")
		if !ok || s.isTest() {
			continue
		}
		for _, i := range s.imports() {
			ours, ok := strings.CutPrefix(i, module)
			if !ok {
				continue
			}
			seen++
			other, ok := strings.CutPrefix(ours, "pkg/")
			switch {
			case !ok:
				t.Errorf("%s imports %s", s.path, ours)
			case layerOf(other) >= layerOf(pkg):
				t.Errorf("%s imports pkg/%s, which is not below it", s.path, other)
			}
		}
	}
	if seen < 190 {
		t.Errorf("%d imports were checked, want 190 or more", seen)
	}
}

func TestOnlyTestsImportTestPackages(t *testing.T) {
	for _, s := range sources(t) {
		if s.isTest() || under(s.folder(), "test") {
			continue
		}
		for _, i := range s.imports() {
			if i == "testing" || strings.HasPrefix(i, "testing/") || strings.HasPrefix(i, module+"test/") ||
				strings.HasPrefix(i, "net/http/httptest") {
				t.Errorf("%s imports %s, which is only for tests", s.path, i)
			}
		}
	}
}

func TestOnlyPkgOCIImportsTheSDK(t *testing.T) {
	seen := 0
	for _, s := range sources(t) {
		for _, i := range s.imports() {
			if !strings.HasPrefix(i, "github.com/oracle/oci-go-sdk") {
				continue
			}
			seen++
			// The acceptance run observes OCI without pkg/oci. It is no part of a function.
			if s.folder() != "pkg/oci" && s.folder() != "deploy/internal/acceptance" && !under(s.folder(), "test") {
				t.Errorf("%s imports %s; only pkg/oci calls OCI", s.path, i)
			}
		}
	}
	if seen < 140 {
		t.Errorf("the SDK is imported %d times, want 140 or more", seen)
	}
}

func TestOnlyMainPackagesReadTheEnvironment(t *testing.T) {
	readers := 0
	for _, s := range sources(t) {
		if s.isTest() || under(s.folder(), "test") {
			continue
		}
		ast.Inspect(s.ast, func(n ast.Node) bool {
			call, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			from, ok := call.X.(*ast.Ident)
			if !ok || from.Name != "os" && from.Name != "syscall" || !strings.Contains(call.Sel.Name, "env") &&
				!strings.Contains(call.Sel.Name, "Env") {
				return true
			}
			isMain := s.ast.Name.Name == "main" && (under(s.folder(), "functions") ||
				s.path == "deploy/keyturn/main.go")
			if !isMain || call.Sel.Name != "Environ" {
				t.Errorf("%s: %s.%s; read the environment by os.Environ in a main package, and parse it in pkg/config",
					s.fset.Position(call.Pos()), from.Name, call.Sel.Name)
			}
			readers++
			return true
		})
	}
	if readers == 0 {
		t.Error("no code reads the environment: this test checks the wrong files")
	}
}

// modules lists the direct dependencies, each with its reason.
var modules = map[string]string{
	"github.com/aws/aws-sdk-go-v2":             "signs the request that proves a customer secret key (SigV4)",
	"github.com/chromedp/cdproto":              "names the browser's commands and events for chromedp, in tests",
	"github.com/chromedp/chromedp":             "opens the report in Chromium, in tests",
	"github.com/fnproject/fdk-go":              "the Fn contract, which OCI Functions uses",
	"github.com/google/go-containerregistry":   "builds and pushes images; not in the functions",
	"github.com/oracle/oci-go-sdk/v65":         "calls OCI's services",
	"github.com/rs/zerolog":                    "the log, one JSON object per line",
	"github.com/santhosh-tekuri/jsonschema/v6": "compares the record lines with their JSON Schema, in tests",
	"github.com/youmark/pkcs8":                 "encrypts a key with a passphrase, in a test of the login",
	"golang.org/x/crypto":                      "the hash in the password file of the registry server, in a test",
	"golang.org/x/crypto/x509roots/fallback": "the public root certificates, which an image without files " +
		"lacks",
	"github.com/schollz/progressbar/v3": "shows the progress of deploy/keyturn; not in the functions",
	"github.com/spf13/pflag":            "cobra's flags, which a test of the documentation lists",
	"github.com/spf13/cobra":            "reads the commands and flags of deploy/keyturn; not in the functions",
	"golang.org/x/term":                 "tells whether deploy/keyturn can ask somebody; not in the functions",
	"gopkg.in/yaml.v3": "reads the Kubernetes examples in their test, as strictly as " +
		"Oracle's provider does",
}

func TestEveryDirectDependencyHasAReason(t *testing.T) {
	c := exec.CommandContext(t.Context(), "go", "mod", "edit", "-json")
	c.Dir = root
	out, err := c.Output()
	if err != nil {
		t.Fatal(err)
	}
	var mod struct {
		Require []struct {
			Path     string
			Indirect bool
		}
		Replace []struct{ Old struct{ Path string } }
	}
	if err := json.Unmarshal(out, &mod); err != nil {
		t.Fatal(err)
	}
	direct := map[string]bool{}
	for _, r := range mod.Require {
		if r.Indirect {
			continue
		}
		direct[r.Path] = true
		if modules[r.Path] == "" {
			t.Errorf("go.mod requires %s without a reason", r.Path)
		}
	}
	for path := range modules {
		if !direct[path] {
			t.Errorf("go.mod doesn't require %s directly any more; remove it here", path)
		}
	}
	if len(mod.Replace) > 0 {
		t.Errorf("go.mod replaces %s, so go.sum would not verify what is built", mod.Replace[0].Old.Path)
	}
}
