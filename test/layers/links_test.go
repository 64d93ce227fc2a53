package layers

import (
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"
)

var (
	link    = regexp.MustCompile(`\[[^\]\[]*\]\(<?([^)>\s]+)>?(?:\s+"[^"]*")?\)`)
	named   = regexp.MustCompile(`(?m)^\s*\[[^\]]+\]:\s+<?([^\s>]+)`)
	heading = regexp.MustCompile(`(?m)^#{1,6}\s+(.+?)\s*#*\s*$`)
	anchor  = regexp.MustCompile(`<a\s+(?:id|name)="([^"]+)"`)
	fenced  = regexp.MustCompile("(?ms)^ {0,3}```.*?^ {0,3}```\\s*$")
	code    = regexp.MustCompile("`[^`\n]*`")
)

// slug is the anchor that GitHub gives to a heading.
func slug(text string) string {
	text = regexp.MustCompile(`\[([^\]]*)\]\([^)]*\)`).ReplaceAllString(text, "$1")
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
			return unicode.ToLower(r)
		}
		return -1
	}, strings.TrimSpace(text))
}

// anchors returns the possible link targets in a document.
func anchors(text string) map[string]bool {
	out := map[string]bool{}
	for _, m := range heading.FindAllStringSubmatch(fenced.ReplaceAllString(text, ""), -1) {
		out[slug(m[1])] = true
	}
	for _, m := range anchor.FindAllStringSubmatch(text, -1) {
		out[m[1]] = true
	}
	return out
}

// links returns the targets of a document's links, except those in code.
func links(text string) []string {
	text = code.ReplaceAllString(fenced.ReplaceAllString(text, ""), "")
	var out []string
	for _, m := range append(link.FindAllStringSubmatch(text, -1), named.FindAllStringSubmatch(text, -1)...) {
		out = append(out, m[1])
	}
	return out
}

func TestEveryRelativeLinkHasATarget(t *testing.T) {
	documents, followed := 0, 0
	files(t, func(name string) {
		if path.Ext(name) != ".md" {
			return
		}
		documents++
		for _, target := range links(read(t, name)) {
			u, err := url.Parse(target)
			if err != nil {
				t.Errorf("%s: the link %q can't be read: %v", name, target, err)
				continue
			}
			if u.Scheme != "" || u.Host != "" {
				continue
			}
			followed++
			to := name
			if u.Path != "" {
				to = path.Join(path.Dir(name), u.Path)
			}
			if strings.HasPrefix(to, "..") || strings.HasPrefix(u.Path, "/") {
				t.Errorf("%s: the link %q leads outside the project", name, target)
				continue
			}
			if _, err := os.Stat(filepath.Join(root, filepath.FromSlash(to))); err != nil {
				t.Errorf("%s: the link %q has no target", name, target)
				continue
			}
			if u.Fragment != "" && path.Ext(to) == ".md" && !anchors(read(t, to))[u.Fragment] {
				t.Errorf("%s: the link %q leads to no heading of %s", name, target, to)
			}
		}
	})
	if documents < 45 || followed < 240 {
		t.Errorf("%d documents and %d relative links were checked, want 45 and 240 or more", documents, followed)
	}
}

func TestLinksAndAnchorsAreFound(t *testing.T) {
	text := "# A b: `c`!\n[a](one.md) and ![b](two.png \"title\") [c](<three.md#x>)\n\n[d]: " +
		"four.md\n`[no](code.md)`\n```\n[no](fenced.md)\n# No\n```\n[e](#a-b-c)\n"
	if got := strings.Join(links(text), " "); got != "one.md two.png three.md#x #a-b-c four.md" {
		t.Errorf("the links are %s", got)
	}
	if got := anchors(text); len(got) != 1 || !got["a-b-c"] {
		t.Errorf("the anchors are %v", got)
	}
}
