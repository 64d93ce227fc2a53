package deploy_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"github.com/keyturn/keyturn/test/need"
)

// workflow is the part of a workflow that these tests read. The workflow runs actionlint to check the rest.
type workflow struct {
	file        string
	text        string
	Permissions map[string]string `yaml:"permissions"`
	Defaults    struct {
		Run struct {
			Shell string `yaml:"shell"`
		} `yaml:"run"`
	} `yaml:"defaults"`
	Jobs map[string]struct {
		Uses        string            `yaml:"uses"`
		Timeout     int               `yaml:"timeout-minutes"`
		Permissions map[string]string `yaml:"permissions"`
		Steps       []ciStep          `yaml:"steps"`
	} `yaml:"jobs"`
}

type ciStep struct {
	Name   string            `yaml:"name"`
	Uses   string            `yaml:"uses"`
	Run    string            `yaml:"run"`
	Shell  string            `yaml:"shell"`
	Folder string            `yaml:"working-directory"`
	With   map[string]any    `yaml:"with"`
	Env    map[string]string `yaml:"env"`
}

func workflows(t *testing.T) map[string]workflow {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, ".github", "workflows", "*"))
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]workflow{}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		w := workflow{file: filepath.Base(f), text: string(text)}
		if err := yaml.Unmarshal(text, &w); err != nil {
			t.Fatalf("%s: %v", f, err)
		}
		out[w.file] = w
	}
	if len(out) < 2 || len(out["test.yml"].Jobs) == 0 || len(out["release.yml"].Jobs) == 0 {
		t.Fatalf("the workflows are %v, want test.yml and release.yml with jobs", files)
	}
	return out
}

// steps visits every step of every workflow.
func steps(t *testing.T, visit func(where string, w workflow, s ciStep)) {
	t.Helper()
	for _, w := range workflows(t) {
		for name, job := range w.Jobs {
			for _, s := range job.Steps {
				visit(w.file+", "+name+", "+s.Name+s.Uses, w, s)
			}
		}
	}
}

func TestAWorkflowMayReadTheProjectAndOnlyTheReleasesLastJobMayWrite(t *testing.T) {
	// The permissions of a job besides reading; the workflow says why it needs them.
	more := map[string][]string{"release.yml publish": {"attestations", "contents", "id-token"}}
	for _, w := range workflows(t) {
		if len(w.Permissions) != 1 || w.Permissions["contents"] != "read" {
			t.Errorf("%s has the permissions %v, want contents: read alone", w.file, w.Permissions)
		}
		for name, job := range w.Jobs {
			var writes []string
			for what, level := range job.Permissions {
				if level == "write" {
					writes = append(writes, what)
				} else if level != "read" || what != "contents" {
					t.Errorf("%s, %s has %s: %s", w.file, name, what, level)
				}
			}
			slices.Sort(writes)
			if !slices.Equal(writes, more[w.file+" "+name]) {
				t.Errorf("%s, %s may write %v, want %v", w.file, name, writes, more[w.file+" "+name])
			}
			if len(writes) > 0 {
				for _, s := range job.Steps {
					if strings.HasPrefix(s.Uses, "actions/checkout@") {
						t.Errorf("%s, %s may write and has the project's code", w.file, name)
					}
				}
			}
			if job.Uses == "" && (job.Timeout < 1 || job.Timeout > 120) {
				t.Errorf("%s, %s may take %d minutes", w.file, name, job.Timeout)
			}
		}
	}
}

func TestEveryActionIsPinnedByItsFullCommit(t *testing.T) {
	pinned := regexp.MustCompile(`^\s*-?\s*uses: ([a-z-]+/[a-z-]+)@([0-9a-f]{40}) # v\d+\.\d+\.\d+$`)
	local := regexp.MustCompile(`^\s*uses: \./(\.github/workflows/[a-z]+\.yml)$`)
	seen, commits := 0, map[string]string{}
	for _, w := range workflows(t) {
		for line := range strings.Lines(w.text) {
			line = strings.TrimRight(line, "\n")
			if !strings.Contains(line, "uses:") {
				continue
			}
			seen++
			if m := local.FindStringSubmatch(line); m != nil {
				if _, err := os.Stat(filepath.Join(root, m[1])); err != nil {
					t.Errorf("%s: %v", w.file, err)
				}
				continue
			}
			m := pinned.FindStringSubmatch(line)
			if m == nil {
				t.Errorf("%s: %q is not pinned by commit, with its version in a comment", w.file, line)
				continue
			}
			if before := commits[m[1]]; before != "" && before != m[2] {
				t.Errorf("%s: %s is pinned to two commits", w.file, m[1])
			}
			commits[m[1]] = m[2]
		}
	}
	if seen < 8 || len(commits) < 5 {
		t.Errorf("%d lines and %d actions were looked at, want 8 and 5 or more", seen, len(commits))
	}
	steps(t, func(where string, _ workflow, s ciStep) {
		if strings.HasPrefix(s.Uses, "actions/checkout@") && s.With["persist-credentials"] != false {
			t.Errorf("%s leaves its token in the folder", where)
		}
	})
}

func TestEveryScriptOfAWorkflowPassesShellcheckAndUsesNoExpression(t *testing.T) {
	shellcheck, bash := need.Tool(t, "shellcheck"), need.Tool(t, "bash")
	seen := 0
	steps(t, func(where string, w workflow, s ciStep) {
		if s.Run == "" {
			return
		}
		seen++
		if w.Defaults.Run.Shell != "bash" || s.Shell != "" {
			t.Errorf("%s doesn't run in bash with pipefail", where)
		}
		// A branch may be called $(anything), so external values must come through the environment.
		if strings.Contains(s.Run, "${{") {
			t.Errorf("%s has an expression in its script", where)
		}
		for _, c := range []*exec.Cmd{exec.CommandContext(t.Context(), bash, "-n"),
			exec.CommandContext(t.Context(), shellcheck, "--shell=bash", "-")} {
			c.Stdin = strings.NewReader("set -eo pipefail\n" + s.Run)
			if out, err := c.CombinedOutput(); err != nil {
				t.Errorf("%s: %v\n%s", where, err, out)
			}
		}
	})
	if seen < 10 {
		t.Errorf("%d scripts were looked at, want 10 or more", seen)
	}
}

// inProject matches the project's paths in a script.
var inProject = regexp.MustCompile(
	`(?:^|[\s"'=])(?:\./)?((?:deploy|docs|functions|pkg|terraform|test|\.ci|\.github)(?:/[A-Za-z0-9_.-]+)*)`)

func TestEveryPathThatAWorkflowNamesExists(t *testing.T) {
	seen := 0
	look := func(where, path string) {
		seen++
		path = strings.TrimSuffix(strings.TrimSuffix(path, "/..."), "/")
		if _, err := os.Stat(filepath.Join(root, path)); err != nil {
			t.Errorf("%s names %s: %v", where, path, err)
		}
	}
	steps(t, func(where string, _ workflow, s ciStep) {
		for _, m := range inProject.FindAllStringSubmatch(s.Run, -1) {
			look(where, m[1])
		}
		if s.Folder != "" && s.Folder != "files" { // files has the release's files
			look(where, s.Folder)
		}
		if file, ok := s.With["go-version-file"].(string); ok {
			look(where, file)
		}
	})
	if seen < 15 {
		t.Errorf("%d paths were looked at, want 15 or more", seen)
	}
}

var (
	// stepLists are the lists in .ci/run.
	stepLists = regexp.MustCompile(`(?m)^(steps|on_request)=\(([a-z ]+)\)$`)
	// ciRun is the only command of a job of test.yml, perhaps run as root with CI=true.
	ciRun = regexp.MustCompile(`^(?:sudo --preserve-env env "PATH=\$PATH" CI=true )?bash \.ci/run ([a-z ]+)\n?$`)
)

func TestTheWorkflowRunsEveryStepOfCIRunAndNoOtherCheck(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, ".ci", "run"))
	if err != nil {
		t.Fatal(err)
	}
	lists := stepLists.FindAllStringSubmatch(string(text), -1)
	if len(lists) != 2 || lists[0][1] != "steps" || lists[1][1] != "on_request" {
		t.Fatalf("the lists of steps in .ci/run are %q", lists)
	}
	all := strings.Fields(lists[0][2])
	// The newcomer's check comes first, so that no later step's tools can help it.
	if len(all) < 8 || all[0] != "newcomer" {
		t.Fatalf("the steps of .ci/run are %q", all)
	}
	all = append(all, strings.Fields(lists[1][2])...)
	ran := map[string]bool{"clean": true} // a workflow's tree is temporary
	for name, job := range workflows(t)["test.yml"].Jobs {
		for _, s := range job.Steps {
			m := ciRun.FindStringSubmatch(s.Run)
			switch {
			case s.Run == "" || name == "terraform": // it tests the stack with Oracle's provider
			case m == nil:
				t.Errorf("test.yml, %s runs a check that is not a step of .ci/run: %s", name, s.Run)
			default:
				for _, step := range strings.Fields(m[1]) {
					ran[step] = true
					if !slices.Contains(all, step) {
						t.Errorf("test.yml runs the step %s, which .ci/run doesn't have", step)
					}
				}
			}
		}
	}
	for _, step := range all {
		if !ran[step] {
			t.Errorf("test.yml doesn't run the step %s of .ci/run", step)
		}
		if !strings.Contains(string(text), "\n"+step+"() {") {
			t.Errorf(".ci/run doesn't say what the step %s is", step)
		}
	}
}

func TestEveryTestThatTheRaceStepSkipsExists(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, ".ci", "run"))
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(root, "pkg", "rotation", "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	var tests strings.Builder
	for _, f := range files {
		source, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		tests.Write(source)
	}
	skip := regexp.MustCompile(`go test -race .*-skip "([A-Za-z|]+)"`).FindStringSubmatch(string(text))
	if skip == nil {
		t.Fatal("the step race of .ci/run skips nothing")
	}
	for part := range strings.SplitSeq(skip[1], "|") {
		if !regexp.MustCompile(`(?m)^func Test\w*` + part).MatchString(tests.String()) {
			t.Errorf("the step race of .ci/run skips %s, which is no test of pkg/rotation", part)
		}
	}
}

// script returns the script of a step of the release.
func script(t *testing.T, job, name string) string {
	t.Helper()
	for _, s := range workflows(t)["release.yml"].Jobs[job].Steps {
		if s.Name == name {
			return s.Run
		}
	}
	t.Fatalf("release.yml, %s has no step %q", job, name)
	return ""
}

// ci runs a step in a folder, as GitHub does.
func (b *bench) ci(folder, text string) result {
	b.t.Helper()
	return b.runAt("", b.file("step.sh", "set -eo pipefail\ncd '"+folder+"'\n"+text))
}

func TestTheReleasesScriptsMakeItsFiles(t *testing.T) {
	more := map[string]string{}
	for _, name := range []string{"diff", "mkdir", "tar"} {
		more[name] = need.Tool(t, name)
	}
	b := newBench(t)
	for name, path := range more {
		b.tool(name, "exec '"+path+`' "$@"`)
	}
	made := t.TempDir()
	digests := layouts(t, made, 3)
	for _, f := range functions {
		if err := os.WriteFile(filepath.Join(made, f+".spdx.json"), []byte("{}\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	b.builder(made)
	b.logged("gh", "exit 0")
	project, environment := t.TempDir(), b.file("environment", "")
	for _, name := range []string{"deploy", "terraform", "LICENSE"} {
		there, err := filepath.Abs(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(there, filepath.Join(project, name)); err != nil {
			t.Fatal(err)
		}
	}
	b.env = append(b.env, "GITHUB_REF_NAME=v1.2.3", "GITHUB_ENV="+environment, "RUNNER_TEMP="+t.TempDir(),
		"GITHUB_REPOSITORY=keyturn/keyturn")
	run := func(folder, job, name string) {
		t.Helper()
		if r := b.ci(folder, script(t, job, name)); r.code != 0 {
			t.Fatalf("%s has failed:\n%s%s", name, r.out, r.log)
		}
	}
	run(project, "build", "version")
	b.env = append(b.env, strings.TrimSpace(b.read("environment")))
	run(project, "build", "images and SBOMs, twice the same")
	run(project, "build", "files of the release")
	files := filepath.Join(project, "files")
	run(files, "publish", "whole")
	run(files, "publish", "release")

	entries, err := os.ReadDir(files)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	want := []string{"SHA256SUMS", "keyturn-rotate-1.2.3.oci.tar", "keyturn-rotate-1.2.3.spdx.json",
		"keyturn-stack-1.2.3.zip", "keyturn-sweep-1.2.3.oci.tar", "keyturn-sweep-1.2.3.spdx.json"}
	if !slices.Equal(names, want) {
		t.Errorf("the files are %v, want %v", names, want)
	}
	if b.calls("gh release create v1.2.3 --repo keyturn/keyturn --verify-tag --title Keyturn 1.2.3 "+
		"--generate-notes -- "+strings.Join(want, " ")) != 1 {
		t.Error("the release was not made from these files")
	}
	// deploy/push must accept the unpacked files.
	back := t.TempDir()
	for _, f := range functions {
		if err := os.Mkdir(filepath.Join(back, f), 0o700); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.CommandContext(t.Context(), "tar", "-xf", filepath.Join(files, "keyturn-"+f+
			"-1.2.3.oci.tar"), "-C", filepath.Join(back, f)).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		index, err := os.ReadFile(filepath.Join(back, f, "index.json"))
		if err != nil || !strings.Contains(string(index), digests[f]) {
			t.Errorf("the layout of %s has another image: %v", f, err)
		}
	}
}

func TestOnlyATagOfAVersionIsReleased(t *testing.T) {
	b := newBench(t)
	text := script(t, "build", "version")
	b.env = append(b.env, "GITHUB_ENV="+b.file("environment", ""))
	for tag, good := range map[string]bool{"v1.2.3": true, "v1.2.3-rc.1": true, "v1.2": false, "vnext": false,
		"v1.2.3;id": false, "v1.2.3\nX=1": false} {
		b.env = append(b.env, "GITHUB_REF_NAME="+tag)
		if r := b.ci(b.home, text); (r.code == 0) != good {
			t.Errorf("the tag %q ends with %d:\n%s", tag, r.code, r.out)
		}
	}
}
