package command

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/keyturn/keyturn/test/need"
	"github.com/keyturn/keyturn/test/ociemu"
	"github.com/keyturn/keyturn/test/tenancy"
)

// subcommand matches a command in a help text.
var subcommand = regexp.MustCompile(`^  ([a-z][a-z-]*) {2,}\S`)

// helps returns the help texts of keyturn and all its commands, by their names; that of keyturn itself has the name "".
func helps(t *testing.T, c *tenancy.Command) map[string]string {
	t.Helper()
	texts := map[string]string{}
	for queue := []string{""}; len(queue) > 0; queue = queue[1:] {
		name := queue[0]
		text := run(t, c, 0, "", append(strings.Fields(name), "--help")...).Stdout
		texts[name] = text
		_, list, _ := strings.Cut(text, "\nExamples:\n")
		list, _, _ = strings.Cut(list, "\nFlags:\n")
		for _, line := range strings.Split(list, "\n") {
			m := subcommand.FindStringSubmatch(line)
			if m != nil && m[1] != "keyturn" && m[1] != "help" {
				queue = append(queue, strings.TrimSpace(name+" "+m[1]))
			}
		}
	}
	if len(texts) < 5 {
		t.Fatalf("there are %d commands", len(texts))
	}
	return texts
}

func TestANewcomerCanWorkFromTheHelp(t *testing.T) {
	_, c := sharedTenancy(t)
	for name, text := range helps(t, c) {
		long, rest, ok := strings.Cut(text, "\n\nUsage:\n")
		_, examples, has := strings.Cut(rest, "\nExamples:\n")
		examples, _, _ = strings.Cut(examples, "\n\n")
		switch full := strings.TrimSpace("keyturn " + name); {
		case !ok || strings.Count(long, "\n") < 2:
			t.Errorf("%s has no long text:\n%s", full, text)
		case !has || !strings.Contains(examples, "  "+full) && !strings.Contains(examples, "("+full):
			t.Errorf("%s has no example:\n%s", full, text)
		case name != "" && !strings.HasSuffix(strings.TrimSpace(long), "."):
			t.Errorf("%s: the long text isn't sentences:\n%s", full, long)
		}
		for line := range strings.Lines(text) {
			if n := utf8.RuneCountInString(strings.TrimRight(line, "\n")); n > 80 || strings.Contains(line, "\t") {
				t.Errorf("%s: a line of the help has %d columns: %s", name, n, line)
			}
		}
	}
}

// documents are arguments with which a command prints its result in the shared tenancy, without --json. Add a line for
// each new command.
var documents = map[string]struct {
	code int
	args func(*testing.T, *tenancy.Deployment) []string
}{
	"version": {0, func(*testing.T, *tenancy.Deployment) []string { return nil }},
	"man":     {0, func(t *testing.T, _ *tenancy.Deployment) []string { return []string{t.TempDir()} }},
	"accept": {0, func(t *testing.T, s *tenancy.Deployment) []string {
		state := filepath.Join(t.TempDir(), "state.json") // of a run that created nothing
		write(t, state, `{"version":1,"run":"abcdefgh","vault":"ocid1.vault.oc1.iad.a","tenancy":"`+s.Tenancy()+`"}`)
		return []string{"--clean-up", state}
	}},
	"preflight": {0, func(_ *testing.T, s *tenancy.Deployment) []string {
		return []string{"--function", s.Function.FunctionID}
	}},
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// withoutJSON are the commands that are not in documents, each with the reason.
var withoutJSON = map[string]string{
	"completion":   "prints a script",
	"deploy build": "its tests are in test/deploy, since it compiles the functions",
	"deploy push":  "its tests are in test/deploy, with a registry",
	"deploy sign":  "its tests are in test/deploy, with a registry",
	"deploy stack": "its tests are in test/deploy, with the sources",
}

func TestEachCommandPrintsOneJSONDocument(t *testing.T) {
	s, c := sharedTenancy(t)
	texts := helps(t, c)
	for name := range texts {
		parent := slices.ContainsFunc(slices.Collect(maps.Keys(texts)), func(n string) bool {
			return name == "" || strings.HasPrefix(n, name+" ")
		})
		if _, ok := documents[name]; !ok && withoutJSON[name] == "" && !parent {
			t.Errorf("keyturn %s: no test runs it with --json; add it to documents", name)
		}
	}
	for name, d := range documents {
		if _, ok := texts[name]; !ok {
			t.Errorf("there is no command %s", name)
			continue
		}
		r := run(t, c, d.code, "", slices.Concat(strings.Fields(name), d.args(t, s), []string{"--json"})...)
		in := json.NewDecoder(strings.NewReader(r.Stdout))
		var document map[string]any
		if err := in.Decode(&document); err != nil || len(document) == 0 {
			t.Errorf("keyturn %s --json printed no object (%v): %s", name, err, r.Stdout)
		}
		if err := in.Decode(&document); err != io.EOF {
			t.Errorf("keyturn %s --json printed more than one document: %s", name, r.Stdout)
		}
	}
}

func TestTheVersionIsPrintedAsTextAndAsJSON(t *testing.T) {
	_, c := sharedTenancy(t)
	text := run(t, c, 0, "", "version").Stdout
	var b struct{ Version, Commit, Go, System string }
	if err := json.Unmarshal([]byte(run(t, c, 0, "", "version", "--json").Stdout), &b); err != nil {
		t.Fatal(err)
	}
	if b.Version == "" || !strings.HasPrefix(text, "keyturn "+b.Version+"\n") || !strings.Contains(text, b.Go) ||
		!strings.HasPrefix(b.Go, "go1.") || !strings.Contains(b.System, "/") {
		t.Errorf("as text %s, as JSON %+v", text, b)
	}
}

func TestAMistakeInTheArgumentsIsExitCode2(t *testing.T) {
	_, c := sharedTenancy(t)
	for _, tt := range []struct{ args, want string }{
		{"version --no-such-flag", "no-such-flag"},
		{"version extra", `"extra"`},
		{"no-such-command", "no-such-command"},
		{"man", "accepts 1 arg"},
		{"completion tcsh", `"tcsh"`},
		{"preflight", "--function"},
		{"preflight --function nonsense", "--function"},
		{"preflight --compartment nonsense", "--compartment"},
		{"preflight --function a --compartment b", "none of the others can be"},
	} {
		r := run(t, c, 2, "", strings.Fields(tt.args)...)
		if r.Stdout != "" || !strings.HasPrefix(r.Stderr, "keyturn: ") || !strings.Contains(r.Stderr, tt.want) {
			t.Errorf("keyturn %s printed %+v", tt.args, r)
		}
	}
}

func TestWithoutATerminalNothingIsChangedWithoutYes(t *testing.T) {
	s, c := sharedTenancy(t)
	args := []string{"accept", "--switch-event-check", "--function", s.Function.FunctionID, "--vault",
		"ocid1.vault.oc1.iad.amaaaaaaacceptance", "--key", "ocid1.key.oc1.iad.amaaaaaaacceptance"}
	before := len(s.Calls())
	r := run(t, c, 4, "y\n", args...)
	if !strings.Contains(r.Stderr, "--yes") {
		t.Errorf("it printed %+v", r)
	}
	for _, call := range s.Calls()[before:] {
		if call.Method != "GET" {
			t.Errorf("it called %s", call.Operation)
		}
	}
}

func TestASignalEndsACommandWithExitCode130(t *testing.T) {
	s := newTenancy(t, tenancy.Options{})
	c := shell(t, s.Emulator, s.Operator)
	reached, until := make(chan struct{}), make(chan struct{})
	s.Inject(ociemu.Fault{Operation: "GetFunction", Do: ociemu.Hold(until), Match: func(ociemu.Call) bool {
		close(reached)
		return true
	}})
	cmd := exec.CommandContext(t.Context(), c.Binary, "preflight", "--function", s.Function.FunctionID)
	cmd.Env = c.Environment()
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	<-reached
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // the exit code has the result
	close(until)
	if code := cmd.ProcessState.ExitCode(); code != 130 || !strings.Contains(stderr.String(), "interrupted") {
		t.Errorf("it ended with %d: %s", code, stderr.String())
	}
}

func TestTheCompletionOfEachShellNamesTheCommands(t *testing.T) {
	_, c := sharedTenancy(t)
	for shell, begins := range map[string]string{"bash": "# bash completion V2 for keyturn", "zsh": "#compdef keyturn",
		"fish": "# fish completion for keyturn", "powershell": "# powershell completion for keyturn"} {
		if got := run(t, c, 0, "", "completion", shell).Stdout; !strings.HasPrefix(got, begins) {
			t.Errorf("the script for %s begins with %.60q", shell, got)
		}
	}
	// What the scripts ask for.
	if got := run(t, c, 0, "", "__complete", "pre").Stdout; !strings.Contains(got, "preflight\t") {
		t.Errorf("pre is completed with %q", got)
	}
	if got := run(t, c, 0, "", "__complete", "version", "--auth", "inst").Stdout; !strings.Contains(got,
		"instance_obo_user\n") {
		t.Errorf("--auth inst is completed with %q", got)
	}
}

func TestBashLoadsTheCompletion(t *testing.T) {
	need.Tool(t, "bash")
	_, c := sharedTenancy(t)
	cmd := exec.CommandContext(t.Context(), "bash", "--norc", "-c", `set -e; source /dev/stdin; complete -p keyturn`)
	cmd.Stdin = strings.NewReader(run(t, c, 0, "", "completion", "bash").Stdout)
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "__start_keyturn") {
		t.Errorf("bash says %s (%v)", out, err)
	}
}

func TestEachCommandHasAManualPage(t *testing.T) {
	_, c := sharedTenancy(t)
	dir := filepath.Join(t.TempDir(), "new", "man1")
	run(t, c, 0, "", "man", dir)
	for name := range helps(t, c) {
		page := strings.ReplaceAll(strings.TrimSpace("keyturn "+name), " ", "-") + ".1"
		text, err := os.ReadFile(filepath.Join(dir, page))
		if err != nil || !bytes.Contains(text, []byte(".SH EXAMPLE")) {
			t.Errorf("%s: the page is %.300s (%v)", name, text, err)
		}
	}
	text, err := os.ReadFile(filepath.Join(dir, "keyturn-preflight.1"))
	if err != nil || !bytes.Contains(text, []byte("group <GROUP>")) {
		t.Errorf("the page lacks what the help has between < and >: %s (%v)", text, err)
	}
}
