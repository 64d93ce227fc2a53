package main

import (
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

var update = flag.Bool("update", false, "rewrite the list of commands in the documentation")

const top = "../.."

func TestTheDocumentationHasTheCommandsAndFlags(t *testing.T) {
	const file, begin, end = top + "/docs/command.md", "<!-- begin commands -->\n", "<!-- end commands -->"
	before, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok := strings.Cut(string(before), begin)
	_, tail, closed := strings.Cut(rest, end)
	if !ok || !closed {
		t.Fatalf("%s has no part for the commands", file)
	}
	after := head + begin + commandTable(rootForTest()) + end + tail
	switch {
	case after == string(before):
	case *update:
		if err := os.WriteFile(file, []byte(after), 0o644); err != nil {
			t.Fatal(err)
		}
	default:
		t.Errorf("the commands in %s are not those of the code; run: go test ./deploy/keyturn -update", file)
	}
}

func rootForTest() *cobra.Command {
	root := newApp(nil, nil, nil, nil).root()
	root.InitDefaultHelpFlag()
	return root
}

// commandTable is the table of commands, with their flags, for the documentation.
func commandTable(root *cobra.Command) string {
	var b strings.Builder
	b.WriteString("| command | does | its flags |\n| --- | --- | --- |\n")
	var add func(*cobra.Command)
	add = func(c *cobra.Command) {
		if c.Runnable() && c != root {
			fmt.Fprintf(&b, "| `%s` | %s | %s |\n", cell(c.CommandPath()+strings.TrimPrefix(c.Use, c.Name())), c.Short,
				flagList(c.LocalNonPersistentFlags()))
		}
		for _, sub := range c.Commands() {
			add(sub)
		}
	}
	add(root)
	fmt.Fprintf(&b, "\nAll commands have %s.\n", flagList(root.PersistentFlags()))
	return b.String()
}

func flagList(f *pflag.FlagSet) string {
	var names []string
	f.VisitAll(func(f *pflag.Flag) {
		if value, _ := pflag.UnquoteUsage(f); f.Name != "help" {
			names = append(names, "`"+strings.TrimSpace("--"+f.Name+" "+value)+"`")
		}
	})
	return strings.Join(names, ", ")
}

func cell(s string) string { return strings.ReplaceAll(s, "|", `\|`) }

// written matches a use of the command in a document: in a block, or between backquotes.
var written = regexp.MustCompile("(?m)(?:^ *|`|<\\(|go run \\./(?:deploy|test/demo) ?/?)keyturn ([a-z][^`\n]*)")

// Who follows the documentation word by word must find each command and flag that it names.
func TestTheDocumentsNameCommandsAndFlagsThatAreThere(t *testing.T) {
	root := rootForTest()
	seen := 0
	for file, text := range documents(t) {
		for _, m := range written.FindAllStringSubmatch(strings.ReplaceAll(text, "\\\n", " "), -1) {
			line, _, _ := strings.Cut(m[1], "#")
			line, _, _ = strings.Cut(line, " | ")
			line, _, _ = strings.Cut(line, ")")
			words := strings.Fields(line)
			c, rest, err := root.Find(words)
			if err != nil || c == root {
				t.Errorf("%s: there is no command %q", file, m[0])
				continue
			}
			seen++
			for _, w := range rest {
				name, ok := strings.CutPrefix(w, "--")
				name, _, _ = strings.Cut(name, "=")
				if ok && name != "help" && c.Flag(name) == nil && c.InheritedFlags().Lookup(name) == nil {
					t.Errorf("%s: keyturn %s has no flag --%s", file, c.Name(), name)
				}
			}
		}
	}
	if seen < 12 {
		t.Errorf("%d uses were checked, want 12 or more", seen)
	}
}

// Each flag that the page of the acceptance run names is one of keyturn accept.
func TestTheAcceptancePageNamesFlagsThatAreThere(t *testing.T) {
	c, _, err := rootForTest().Find([]string{"accept"})
	if err != nil {
		t.Fatal(err)
	}
	page, outputs := readText(t, "docs/acceptance.md"), readText(t, "terraform/outputs.tf")
	guide := readText(t, "terraform/README.md") // whose quick start passes them on from a module
	seen := 0
	for _, m := range regexp.MustCompile("(?:`| )--([a-z][a-z-]+)\\b").FindAllStringSubmatch(page, -1) {
		seen++
		if c.Flag(m[1]) == nil && c.InheritedFlags().Lookup(m[1]) == nil && m[1] != "help" {
			t.Errorf("there is no flag --%s", m[1])
		}
	}
	for _, m := range regexp.MustCompile(`terraform output (\w+)`).FindAllStringSubmatch(page, -1) {
		seen++
		if !strings.Contains(outputs+guide, `output "`+m[1]+`"`) {
			t.Errorf("the stack has no output %s", m[1])
		}
	}
	if seen < 12 {
		t.Errorf("%d names were compared, want 12 or more", seen)
	}
}

// documents are the texts of the project, and the Terraform file that prints commands, by path.
func documents(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && (d.Name() == "node_modules" || d.Name() == ".git" || d.Name() == ".terraform") {
			return filepath.SkipDir
		}
		if err == nil && (filepath.Ext(path) == ".md" || d.Name() == "next_steps.tf") {
			all[path] = readText(t, strings.TrimPrefix(filepath.ToSlash(path), top+"/"))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func readText(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(top, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
