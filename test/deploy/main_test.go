// Package deploy_test runs the steps of deploy/ unmodified. The push uses a real registry server, reached by its name
// in OCI over TLS. The signing uses a fake OCI CLI with the CLI's options and output. The package also reads the GitHub
// workflows, which can't be run here.
//
// Every test checks that no token is an argument of a process or in the output of a step.
package deploy_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/keyturn/keyturn/test/need"
	"github.com/keyturn/keyturn/test/tenancy"
)

const (
	root    = "../.."
	standIn = "KEYTURN_TEST_STAND_IN" // set in the environment of this test binary when it runs as the fake OCI CLI
)

func TestMain(m *testing.M) {
	if os.Getenv(standIn) != "" {
		os.Exit(playOCI(os.Args[1:], os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

// bench is a machine on which the steps run.
type bench struct {
	t      *testing.T
	home   string
	tools  string // its PATH
	argv   string // file with the arguments of every process of go and oci
	env    []string
	secret []string // text that must not appear anywhere
	spoken strings.Builder
}

// result is the result of a step.
type result struct {
	code     int
	out, log string // standard output and standard error
}

// programs are the programs that the steps may start besides go and oci. A step that needs another one fails.
var programs = []string{"awk", "bash", "cat", "chmod", "cmp", "cp", "dirname", "env", "jq", "mktemp", "mv", "rm", "sed",
	"sha256sum", "touch", "wc", "zip"}

func newBench(t *testing.T) *bench {
	t.Helper()
	for _, name := range programs { // before there are files to clean up
		need.Tool(t, name)
	}
	t.Parallel()
	if err := tenancy.DependOn("deploy", "terraform"); err != nil {
		t.Fatal(err)
	}
	b := &bench{t: t, home: t.TempDir(), tools: t.TempDir()}
	b.argv = filepath.Join(t.TempDir(), "argv")
	for _, name := range programs {
		b.tool(name, "exec '"+b.find(name)+`' "$@"`)
	}
	b.logged("go", "exec '"+b.find("go")+`' "$@"`)
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

// find returns the path of an installed program.
func (b *bench) find(name string) string {
	b.t.Helper()
	return need.Tool(b.t, name)
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

func (b *bench) remove(name string) {
	b.t.Helper()
	if err := os.Remove(filepath.Join(b.tools, name)); err != nil {
		b.t.Fatal(err)
	}
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

// run runs a step of deploy/ in the machine's home, with in as its standard input.
func (b *bench) run(in, step string, args ...string) result {
	b.t.Helper()
	script, err := filepath.Abs(filepath.Join(root, "deploy", step))
	if err != nil {
		b.t.Fatal(err)
	}
	return b.runAt(in, script, args...)
}

func (b *bench) runAt(in, script string, args ...string) result {
	b.t.Helper()
	var out, log bytes.Buffer
	c := exec.CommandContext(context.WithoutCancel(b.t.Context()), "bash", append([]string{script}, args...)...)
	c.Dir, c.Env, c.Stdin, c.Stdout, c.Stderr = b.home, b.env, strings.NewReader(in), &out, &log
	err := c.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); err != nil && (!ok || !exit.Exited()) {
		b.t.Fatal(err)
	}
	r := result{code: c.ProcessState.ExitCode(), out: out.String(), log: log.String()}
	b.spoken.WriteString(r.out + r.log)
	return r
}

// good runs a step that must succeed.
func (b *bench) good(in, step string, args ...string) result {
	b.t.Helper()
	r := b.run(in, step, args...)
	if r.code != 0 {
		b.t.Fatalf("deploy/%s has failed with %d:\n%s%s", step, r.code, r.out, r.log)
	}
	return r
}

// bad runs a step that must fail with an empty standard output and with all these words in its message.
func (b *bench) bad(words []string, in, step string, args ...string) result {
	b.t.Helper()
	r := b.run(in, step, args...)
	if r.code == 0 || r.out != "" {
		b.t.Errorf("deploy/%s %q has ended with %d and printed %q: it should have failed", step, args, r.code, r.out)
	}
	for _, w := range words {
		if !strings.Contains(r.log, w) {
			b.t.Errorf("deploy/%s %q doesn't say %q:\n%s", step, args, w, r.log)
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
