package docs

import (
	"path"
	"regexp"
	"strings"
	"testing"
)

func TestEveryTestThatTheThreatModelNamesExists(t *testing.T) {
	seen := 0
	for page, text := range pages(t) {
		for _, m := range regexp.MustCompile(
			`\[((?:Test|Fuzz)[A-Za-z0-9]+|[A-Za-z0-9]+(?:_[A-Za-z0-9]+){2,})\]\(([^)]+)\)`).FindAllStringSubmatch(text,
			-1) {
			file := path.Join(path.Dir(page), m[2])
			declaration := "func " + m[1] + "("
			if strings.HasSuffix(file, ".tftest.hcl") {
				declaration = `run "` + m[1] + `" {`
			}
			seen++
			if !strings.Contains(read(t, file), declaration) {
				t.Errorf("%s: %s has no test %s", page, file, m[1])
			}
		}
	}
	if seen < 95 {
		t.Errorf("%d tests are named, want 95 or more", seen)
	}
}

func TestEveryAttackHasATestOrSaysThatItHasNone(t *testing.T) {
	_, attacks, ok := strings.Cut(read(t, "docs/threat-model.md"), "\n## Attacks\n")
	if !ok {
		t.Fatal("docs/threat-model.md has no attacks")
	}
	attacks, _, _ = strings.Cut(attacks, "\n## What remains\n")
	seen := 0
	for line := range strings.Lines(attacks) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), " | ")
		if !strings.HasPrefix(line, "| ") || strings.HasPrefix(line, "| ---") || strings.HasPrefix(line, "| attack") {
			continue
		}
		seen++
		if len(cells) != 4 {
			t.Errorf("%d cells, want 4: %s", len(cells), line)
			continue
		}
		if !strings.Contains(cells[2], "](../") && !strings.HasPrefix(strings.TrimSpace(cells[2]), "none: ") {
			t.Errorf("neither a test nor a reason for its absence: %s", cells[0])
		}
		if strings.TrimSpace(cells[3]) == "" {
			t.Errorf("nothing is said of what remains: %s", cells[0])
		}
	}
	if seen < 45 {
		t.Errorf("%d attacks were looked at, want 45 or more", seen)
	}
}
