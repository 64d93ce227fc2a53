package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const root = "../.."

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// pages are the documents for operators, by their path from the root.
func pages(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	for name, text := range runbooks(t) {
		out["docs/runbooks/"+name] = text
	}
	for _, name := range []string{"docs/runbooks/README.md", "docs/queries.md", "docs/threat-model.md",
		"docs/upgrade.md", "SECURITY.md"} {
		out[name] = read(t, name)
	}
	return out
}

// runbooks are the pages of docs/runbooks except the index, by file name.
func runbooks(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, "docs/runbooks/*.md"))
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, f := range files {
		if name := filepath.Base(f); name != "README.md" {
			out[name] = read(t, "docs/runbooks/"+name)
		}
	}
	if len(out) < 25 {
		t.Fatalf("%d runbooks were found, want 25 or more", len(out))
	}
	return out
}

var blocks = regexp.MustCompile("(?ms)^ *```sh\n(.*?)^ *```$")

// commands returns the commands in a page's blocks and text, each in one line.
func commands(page string) []string {
	var out []string
	for _, b := range blocks.FindAllStringSubmatch(page, -1) {
		for line := range strings.Lines(strings.ReplaceAll(b[1], "\\\n", " ")) {
			out = append(out, strings.TrimSpace(line))
		}
	}
	for _, m := range regexp.MustCompile("`(oci [^`]+)`").FindAllStringSubmatch(blocks.ReplaceAllString(page, ""), -1) {
		out = append(out, m[1])
	}
	return out
}

func TestEveryRunbookSaysWhatItMeansWhatToRunAndWhenItIsOver(t *testing.T) {
	for name, text := range runbooks(t) {
		lines := strings.Split(text, "\n")
		if len(lines) > 60 {
			t.Errorf("%s has %d lines, more than 60", name, len(lines))
		}
		sentence := lines[2]
		if !strings.HasPrefix(lines[0], "# ") || lines[1] != "" || !strings.HasSuffix(sentence, ".") ||
			strings.Contains(sentence, ". ") || len(sentence) > 200 {
			t.Errorf("%s doesn't begin with one sentence: %q", name, sentence)
		}
		first, shell, over := strings.Index(text, "\nFirst: "), strings.Index(text, "\n```sh\n"),
			strings.Index(text, "\nDone when ")
		if first < 0 || shell < first || over < shell {
			t.Errorf("%s has no first command, or doesn't say when it is over", name)
		}
	}
}

func TestTheIndexLinksEveryRunbook(t *testing.T) {
	index := read(t, "docs/runbooks/README.md")
	for name := range runbooks(t) {
		if !strings.Contains(index, "]("+name+")") {
			t.Errorf("docs/runbooks/README.md doesn't link %s", name)
		}
	}
}

func TestEveryAlarmHasItsRunbook(t *testing.T) {
	text := read(t, "terraform/alarms.tf")
	_, table, _ := strings.Cut(text, "alarm_table = {\n")
	table, _, _ = strings.Cut(table, "\n  }\n")
	alarms := regexp.MustCompile(`(?m)^    ([a-z-]+) = \{$`).FindAllStringSubmatch(table, -1)
	if len(alarms) < 5 {
		t.Fatalf("%d alarms were found, want 5 or more", len(alarms))
	}
	books := runbooks(t)
	for _, a := range alarms {
		page, ok := books["alarm-"+a[1]+".md"]
		if !ok || !strings.HasPrefix(page, "# Alarm: "+a[1]+"\n") {
			t.Errorf("the alarm %s has no runbook", a[1])
		}
	}
	for name := range books {
		alarm, ok := strings.CutPrefix(strings.TrimSuffix(name, ".md"), "alarm-")
		if ok && !slices.ContainsFunc(alarms, func(a []string) bool { return a[1] == alarm }) {
			t.Errorf("%s is about an alarm that doesn't exist", name)
		}
	}
	if !strings.Contains(text, `${each.value.body} What to do: ${local.runbooks}/alarm-${each.key}.md"`) {
		t.Error("the alarms don't name their runbooks")
	}
}
