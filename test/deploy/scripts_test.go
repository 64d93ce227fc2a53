package deploy_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// scripts are the steps: what of deploy/ is a program.
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

func TestEveryStepCanBeRunAndSaysHowAndIsInTheGuide(t *testing.T) {
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

func TestTheStepsAreCleanForShellcheck(t *testing.T) {
	program, err := exec.LookPath("shellcheck")
	if err != nil {
		missing(t, "shellcheck")
	}
	for _, s := range scripts(t) {
		if out, err := exec.CommandContext(t.Context(), program, filepath.Join(root, "deploy", s)).CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
	}
}
