// Package docs checks the generated parts of the documentation. Update them with: go test ./test/docs -update
package docs

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/keyturn/keyturn/pkg/config"
	"github.com/keyturn/keyturn/pkg/preflight"
	"github.com/keyturn/keyturn/pkg/rotation"
	"github.com/keyturn/keyturn/test/need"
)

var update = flag.Bool("update", false, "rewrite the generated parts")

func TestTheGeneratedDocumentationIsUpToDate(t *testing.T) {
	for _, part := range []struct{ file, name, text string }{
		{"../../docs/decisions.md", "table", rotation.TableText()},
		{"../../docs/configuration.md", "configuration", config.Table()},
		{"../../CONTRIBUTING.md", "suites", need.Table()},
		{"../../docs/preflight.md", "checks", preflight.Table()},
		{"../../docs/preflight.md", "writes", preflight.WritesTable()},
	} {
		before, err := os.ReadFile(part.file)
		if err != nil {
			t.Fatal(err)
		}
		begin, end := "<!-- begin "+part.name+" -->\n", "<!-- end "+part.name+" -->"
		head, rest, ok := strings.Cut(string(before), begin)
		_, tail, closed := strings.Cut(rest, end)
		if !ok || !closed {
			t.Fatalf("%s has no part %s", part.file, part.name)
		}
		after := head + begin + strings.TrimSpace(part.text) + "\n" + end + tail
		switch {
		case after == string(before):
		case *update:
			if err := os.WriteFile(part.file, []byte(after), 0o644); err != nil {
				t.Fatal(err)
			}
		default:
			t.Errorf("the part %s of %s is not what the code says; run: go test ./test/docs -update", part.name,
				part.file)
		}
	}
}
