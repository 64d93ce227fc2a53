package docs

import (
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/keyturn/keyturn/pkg/config"
	"github.com/keyturn/keyturn/pkg/outcome"
)

// others are words with an underscore that are not Keyturn's.
var others = map[string]string{
	"oci_faas": "metrics of Functions", "oci_cloudevents": "metrics of Events",
	"dry_run": "an option of the comment, too",
	"call_id": "field of the log", "took_ms": "field of the log", "opc_request_id": "field of the log",
}

func TestEveryNameInTheDocumentsExistsInTheCode(t *testing.T) {
	known := map[string]string{}
	for word, what := range others {
		known[word] = what
	}
	word := regexp.MustCompile("`([a-z]+(?:_[a-z]+)+)[`: =]")
	for _, m := range word.FindAllStringSubmatch(config.Table(), -1) {
		known[m[1]] = "a configuration key"
	}
	for _, m := range regexp.MustCompile("[`,]([a-z]+(?:_[a-z]+)+)[`:]").FindAllStringSubmatch(
		read(t, "docs/closing-problems.md"), -1) {
		known[m[1]] = "a key of closure comments, which have tests of their own"
	}
	files, err := filepath.Glob(filepath.Join(root, "terraform/*.tf"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		text := read(t, "terraform/"+filepath.Base(f))
		for _, m := range regexp.MustCompile(`(?m)^(?:variable|output) "([a-z_]+)"`).FindAllStringSubmatch(text, -1) {
			known[m[1]] = "an input or output of the stack"
		}
	}
	o := reflect.TypeFor[outcome.Outcome]()
	for i := range o.NumField() {
		name, _, _ := strings.Cut(o.Field(i).Tag.Get("json"), ",")
		known[name] = "a field of the record"
	}
	for _, status := range constants(t, "pkg/outcome", "Status") {
		known[status] = "an outcome"
	}
	seen := 0
	for page, text := range pages(t) {
		for _, m := range word.FindAllStringSubmatch(blocks.ReplaceAllString(text, ""), -1) {
			seen++
			if known[m[1]] == "" {
				t.Errorf("%s: %s is nothing that Keyturn or its stack has", page, m[1])
			}
		}
	}
	if seen < 60 {
		t.Errorf("%d words were looked at, want 60 or more", seen)
	}
}
