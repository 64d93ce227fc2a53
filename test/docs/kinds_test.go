package docs

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/keyturn/keyturn/pkg/credential"
)

// kindsOf finds names of single kinds in a file.
var kindsOf = regexp.MustCompile(
	`(?:credential|tenancy)\.(APIKey|AuthToken|CustomerSecretKey|Password)\b|"(api-key|auth-token|customer-secret-key)"|&(apiKey|authToken|customerSecretKey|password)\b`)

// CONTRIBUTING names every file that a new kind may have to change. All other code is derived from the records.
func TestOnlyTheFilesOfTheRecipeKnowSingleKinds(t *testing.T) {
	text, err := os.ReadFile("../../CONTRIBUTING.md")
	if err != nil {
		t.Fatal(err)
	}
	_, recipe, found := strings.Cut(string(text), "## Adding a kind of credential")
	if !found {
		t.Fatal("CONTRIBUTING.md has no recipe")
	}
	recipe, _, _ = strings.Cut(recipe, "\n## ")
	var named, knows []string
	for _, m := range regexp.MustCompile("`([a-z_]+/[a-z_/]+\\.go)`").FindAllStringSubmatch(recipe, -1) {
		named = append(named, m[1])
	}
	for _, folder := range []string{"pkg", "functions", "deploy", "test"} {
		err := filepath.WalkDir(filepath.Join("../..", folder), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			source, err := os.ReadFile(path)
			name := strings.TrimPrefix(filepath.ToSlash(path), "../../")
			own := slices.Contains([]string{"api_key.go", "auth_token.go", "customer_secret_key.go", "password.go"},
				filepath.Base(name))
			if kindsOf.Match(source) && !own {
				knows = append(knows, name)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range knows {
		if !slices.Contains(named, name) {
			t.Errorf("%s knows single kinds, and the recipe doesn't name it", name)
		}
	}
	for _, name := range named {
		if !slices.Contains(knows, name) {
			t.Errorf("the recipe names %s, which knows no single kind", name)
		}
	}
	if len(knows) < 20 {
		t.Errorf("only %v know single kinds: the search finds too little", knows)
	}
}

func TestTheReadmesDiagramNamesEveryKind(t *testing.T) {
	text, err := os.ReadFile("../../docs/flow.svg")
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range credential.Kinds() {
		if !strings.Contains(string(text), ">"+kind.Noun()+": ") {
			t.Errorf("docs/flow.svg doesn't say how a credential of the kind %s is proven", kind.Noun())
		}
	}
}
