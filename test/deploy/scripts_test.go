package deploy_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/keyturn/keyturn/test/need"
)

// scripts are the steps, the programs in deploy/.
func scripts(t *testing.T) []string {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(root, "deploy"))
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range entries {
		if !e.IsDir() && filepath.Ext(e.Name()) == "" {
			out = append(out, e.Name())
		}
	}
	if len(out) < 6 {
		t.Fatalf("%d steps, want 6 or more: %v", len(out), out)
	}
	return out
}

func TestEveryStepIsExecutableHasHelpAndIsInTheGuide(t *testing.T) {
	b := newBench(t)
	guide, err := os.ReadFile(filepath.Join(root, "deploy", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range scripts(t) {
		info, err := os.Stat(filepath.Join(root, "deploy", s))
		if err != nil || info.Mode().Perm()&0o111 != 0o111 {
			t.Errorf("deploy/%s can't be run: %v %v", s, info.Mode(), err)
		}
		help := b.good("", s, "-h")
		if !strings.Contains(help.out, "  deploy/"+s+" [-n]") || help.log != "" {
			t.Errorf("deploy/%s -h prints\n%s%s", s, help.out, help.log)
		}
		if !strings.Contains(string(guide), "deploy/"+s) {
			t.Errorf("deploy/README.md doesn't have deploy/%s", s)
		}
	}
}

func TestShellcheckAcceptsTheStepsAndTheChecksOfCI(t *testing.T) {
	program := need.Tool(t, "shellcheck")
	checks, err := filepath.Glob(filepath.Join(root, ".ci", "*"))
	if err != nil || len(checks) < 3 {
		t.Fatalf("%d scripts in .ci, want 3 or more: %v", len(checks), err)
	}
	for _, s := range scripts(t) {
		checks = append(checks, filepath.Join(root, "deploy", s))
	}
	for _, s := range checks {
		if out, err := exec.CommandContext(t.Context(), program, s).CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
	}
}

// The test parses the guides' commands like a shell, and looks up their options in the steps' help.
func TestTheGuidesCallTheStepsCorrectly(t *testing.T) {
	b := newBench(t)
	fenced := regexp.MustCompile("(?ms)^```sh\n(.*?)^```$")
	placeholder := regexp.MustCompile(`<[a-zA-Z_ ]+>`)
	call := regexp.MustCompile(`(?m)(?:^|\()deploy/([a-z-]+) ([^\n#>|;]*)`)
	option := regexp.MustCompile(`(?:^| )-([a-zA-Z])\b`)
	seen := 0
	for _, name := range []string{"deploy/README.md", "terraform/README.md"} {
		text, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		for _, block := range fenced.FindAllStringSubmatch(string(text), -1) {
			commands := strings.ReplaceAll(placeholder.ReplaceAllString(block[1], "x"), "\\\n", " ")
			c := exec.CommandContext(t.Context(), "bash", "-n")
			c.Stdin = strings.NewReader(commands)
			if out, err := c.CombinedOutput(); err != nil {
				t.Errorf("%s: %v\n%s%s", name, err, out, commands)
			}
			for _, m := range call.FindAllStringSubmatch(commands, -1) {
				seen++
				help := b.good("", m[1], "-h").out
				for _, o := range option.FindAllStringSubmatch(m[2], -1) {
					if !strings.Contains(help, " -"+o[1]+" ") && !strings.Contains(help, "[-"+o[1]) &&
						!strings.Contains(help, "-"+o[1]+",") {
						t.Errorf("%s calls deploy/%s with -%s, which its help doesn't have", name, m[1], o[1])
					}
				}
			}
		}
	}
	if seen < 9 {
		t.Errorf("%d calls were looked at, want 9 or more", seen)
	}
}
