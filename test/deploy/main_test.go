// Package deploy_test runs keyturn deploy as operators do: the built command, with nothing in its PATH but Go and Git.
// The push uses a real registry server, reached by its name in OCI over TLS. The emulator signs with real keys and
// checks the signatures. The package also reads the GitHub workflows, which can't be run here.
//
// Every test checks that no token is an argument of a process or in the output.
package deploy_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/keyturn/keyturn/test/need"
	"github.com/keyturn/keyturn/test/tenancy"
)

const root = "../.."

// tempDir has the built command. It is removed at the end.
var tempDir string

func TestMain(m *testing.M) {
	code := m.Run()
	if tempDir != "" {
		_ = os.RemoveAll(tempDir) // anything left is in the system's temporary folder
	}
	os.Exit(code)
}

var buildOnce = sync.OnceValues(func() (binary string, err error) {
	tempDir, err = os.MkdirTemp("", "keyturn-deploy")
	if err != nil {
		return "", fmt.Errorf("making a folder: %w", err)
	}
	return tenancy.BuildCommand(context.Background(), tempDir)
})

// bench is a machine on which the command runs.
type bench struct {
	t      *testing.T
	home   string // the current folder
	binary string
	tools  string // its PATH
	argv   string // file with the arguments of every process that the command starts
	env    []string
	secret []string // text that must not appear anywhere
	spoken strings.Builder
}

// result is the result of a command.
type result struct {
	code     int
	out, log string // standard output and standard error
}

func newBench(t *testing.T) *bench {
	t.Helper()
	t.Parallel()
	if err := tenancy.DependOn("go.mod", "go.sum", "pkg", "deploy", "terraform", "functions"); err != nil {
		t.Fatal(err)
	}
	binary, err := buildOnce()
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{t: t, home: t.TempDir(), tools: t.TempDir(), binary: binary}
	b.argv = filepath.Join(t.TempDir(), "argv")
	for _, name := range []string{"go", "git"} {
		path, err := exec.LookPath(name)
		if err != nil {
			t.Fatal(err)
		}
		b.logged(name, "exec '"+path+`' "$@"`)
	}
	for _, name := range []string{"GOCACHE", "GOMODCACHE", "GOROOT"} {
		value, err := exec.CommandContext(t.Context(), "go", "env", name).Output()
		if err != nil {
			t.Fatal(err)
		}
		b.env = append(b.env, name+"="+strings.TrimSpace(string(value)))
	}
	// No downloads, no name lookups, and no other credentials than the test's.
	b.env = append(b.env, "GOPROXY=off", "HTTPS_PROXY=http://127.0.0.1:9", "GOTOOLCHAIN=local", "GOFLAGS=", "HOME="+
		b.home, "PATH="+b.tools, "TMPDIR="+t.TempDir())
	t.Cleanup(b.searchForLeaks)
	return b
}

// tool installs a shell script as a program.
func (b *bench) tool(name, script string) {
	b.t.Helper()
	if err := os.WriteFile(filepath.Join(b.tools, name), []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
		b.t.Fatal(err)
	}
}

// logged installs a tool that logs its arguments first.
func (b *bench) logged(name, script string) {
	b.t.Helper()
	b.tool(name, "printf '%s %s\\n' "+name+` "$*" >>'`+b.argv+"'\n"+script)
}

// file writes a file on the machine and returns its path.
func (b *bench) file(name, text string) string {
	b.t.Helper()
	path := filepath.Join(b.home, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		b.t.Fatal(err)
	}
	return path
}

func (b *bench) read(name string) string {
	b.t.Helper()
	text, err := os.ReadFile(filepath.Join(b.home, name))
	if err != nil {
		b.t.Fatal(err)
	}
	return string(text)
}

// run runs keyturn deploy in the machine's home, with in as its standard input.
func (b *bench) run(in string, args ...string) result {
	b.t.Helper()
	return b.start(in, b.binary, append([]string{"deploy"}, args...)...)
}

func (b *bench) start(in, program string, args ...string) result {
	b.t.Helper()
	var out, log bytes.Buffer
	c := exec.CommandContext(context.WithoutCancel(b.t.Context()), program, args...)
	c.Dir, c.Env, c.Stdin, c.Stdout, c.Stderr = b.home, b.env, strings.NewReader(in), &out, &log
	err := c.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); err != nil && (!ok || !exit.Exited()) {
		b.t.Fatal(err)
	}
	r := result{code: c.ProcessState.ExitCode(), out: out.String(), log: log.String()}
	b.spoken.WriteString(r.out + r.log)
	return r
}

// good runs keyturn deploy, which must succeed.
func (b *bench) good(in string, args ...string) result {
	b.t.Helper()
	r := b.run(in, args...)
	if r.code != 0 {
		b.t.Fatalf("keyturn deploy %q has failed with %d:\n%s%s", args, r.code, r.out, r.log)
	}
	return r
}

// The exit codes of a failure, of a wrong command line, and of a plan that nobody has agreed to.
const failed, wrong, declined = 1, 2, 4

// bad runs keyturn deploy, which must fail with the code, an empty standard output and all these words in its message.
func (b *bench) bad(code int, words []string, in string, args ...string) result {
	b.t.Helper()
	r := b.run(in, args...)
	if r.code != code || r.out != "" {
		b.t.Errorf("keyturn deploy %q has ended with %d and printed %q, want the exit code %d\n%s", args, r.code, r.out,
			code, r.log)
	}
	for _, w := range words {
		if !strings.Contains(r.log, w) {
			b.t.Errorf("keyturn deploy %q doesn't say %q:\n%s", args, w, r.log)
		}
	}
	return r
}

// calls returns the logged processes whose arguments contain the text.
func (b *bench) calls(text string) int {
	b.t.Helper()
	logged, err := os.ReadFile(b.argv)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		b.t.Fatal(err)
	}
	return strings.Count(string(logged), text)
}

func (b *bench) searchForLeaks() {
	logged, err := os.ReadFile(b.argv)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		b.t.Fatal(err)
	}
	for _, s := range b.secret {
		if strings.Contains(string(logged), s) {
			b.t.Error("a token was an argument of a process")
		}
		if strings.Contains(b.spoken.String(), s) {
			b.t.Error("a token was printed")
		}
	}
}

func TestShellcheckAcceptsTheChecksOfCI(t *testing.T) {
	program := need.Tool(t, "shellcheck")
	checks, err := filepath.Glob(filepath.Join(root, ".ci", "*"))
	if err != nil || len(checks) < 3 {
		t.Fatalf("%d scripts in .ci, want 3 or more: %v", len(checks), err)
	}
	for _, s := range checks {
		if out, err := exec.CommandContext(t.Context(), program, s).CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
	}
}
