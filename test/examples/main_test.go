// Package examples_test runs the unmodified scripts of deploy/examples against the emulator, before and after rotations
// by the built function. It logs every program that a script starts with its arguments. They and the scripts' standard
// error must not contain a secret value.
package examples_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/keyturn/keyturn/test/need"
	"github.com/keyturn/keyturn/test/ociemu"
	"github.com/keyturn/keyturn/test/tenancy"
)

const (
	examples = "../../deploy/examples"
	// set in the environment of this test binary when it runs as the fake program of that name
	standIn = "KEYTURN_TEST_STAND_IN"
)

// binary is functions/rotate, built once.
var binary string

func TestMain(m *testing.M) {
	if name := os.Getenv(standIn); name != "" {
		os.Exit(play(name, os.Args[1:]))
	}
	os.Exit(tenancy.RunTests(m, &binary, nil))
}

// rig is a tenancy with one rotated credential, and a workload's machine on which only a few programs are installed.
type rig struct {
	*tenancy.Deployment
	t      *testing.T
	c      *tenancy.Case
	secret string // OCID of the secret that the workload reads
	home   string
	tools  string // the machine's PATH
	argv   string // log of all started programs with their arguments
	config string // OCI CLI configuration of the machine
	extra  []string

	values []string // every secret value so far
	spoken strings.Builder
}

// tools are the programs that the scripts may start. A script that needs another one fails.
var tools = []string{"bash", "base64", "cat", "dirname", "jq", "mkdir", "mktemp", "mv", "openssl", "rm", "sed"}

// place sets up a tenancy and rotates the credential once, so that Keyturn has written the secret. It first checks that
// all programs of the test are installed, before there is anything to clean up.
func place(t *testing.T, want tenancy.Want) *rig {
	t.Helper()
	paths := map[string]string{}
	for _, name := range tools {
		paths[name] = need.Tool(t, name)
	}
	t.Parallel()
	s, err := tenancy.New(t.Context(), tenancy.Options{Binary: binary, Emulator: ociemu.Calm(),
		Config: []string{"grace_period=0"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.End(); err != nil {
			t.Error(err)
		}
	})
	r := &rig{Deployment: s, t: t, c: s.Add(want), home: t.TempDir(), tools: t.TempDir()}
	r.argv, r.config = filepath.Join(t.TempDir(), "argv"), filepath.Join(t.TempDir(), "oci")
	for _, id := range r.c.Secrets {
		r.secret = id
	}
	r.write(r.config, s.Config(s.AddOperator("machine@example.com")))
	for name, path := range paths {
		r.tool(name, "exec '"+path+`' "$@"`)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"oci", "sdk"} {
		r.tool(name, "export "+standIn+"="+name+"\nexec '"+self+`' "$@"`)
	}
	r.values = append(r.values, r.c.Old.Value)
	r.close(r.c.Problem)
	t.Cleanup(r.searchForLeaks)
	return r
}

// tool installs a program on the machine: a shell script that logs its arguments first.
func (r *rig) tool(name, script string) {
	r.t.Helper()
	text := "#!/bin/sh\nprintf '%s\\n' \"$0\" \"$@\" >>'" + r.argv + "'\n" + script + "\n"
	if err := os.WriteFile(filepath.Join(r.tools, name), []byte(text), 0o755); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) write(path, text string) {
	r.t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		r.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		r.t.Fatal(err)
	}
}

// rotate closes a new problem of the current credential.
func (r *rig) rotate() {
	r.t.Helper()
	r.close(r.problem())
}

func (r *rig) problem() string {
	resource := r.c.IDs()[0]
	if r.c.Kind == tenancy.APIKey {
		resource = r.Tenancy() + "/" + r.c.User + "/" + resource
	}
	return r.AddProblem(ociemu.ProblemSeed{Rule: r.c.Kind.Rule(), User: r.c.User, ResourceID: resource,
		ResourceName: r.c.UserName})
}

func (r *rig) close(problem string) {
	r.t.Helper()
	before := r.c.IDs()
	if err := r.Close(r.t.Context(), problem, r.c.Comment()); err != nil {
		r.t.Fatal(err)
	}
	if ids := r.c.IDs(); len(ids) != 1 || slices.Equal(ids, before) {
		r.t.Fatalf("the rotation did not happen: %s", r.Replies()[len(r.Replies())-1].Body)
	}
	r.values = append(r.values, r.stored().Value)
}

func (r *rig) stored() tenancy.Credential {
	r.t.Helper()
	v, err := r.c.Stored()
	if err != nil {
		r.t.Fatal(err)
	}
	return v
}

// result is the result of a script.
type result struct {
	out, err string
	code     int
}

// run runs a script of deploy/examples/bin on the machine.
func (r *rig) run(script string, args ...string) result {
	r.t.Helper()
	return r.runWith("", script, args...)
}

func (r *rig) runWith(input, script string, args ...string) result {
	r.t.Helper()
	path, err := filepath.Abs(filepath.Join(examples, "bin", script))
	if err != nil {
		r.t.Fatal(err)
	}
	return r.exec(input, path, args...)
}

func (r *rig) exec(input, path string, args ...string) result {
	r.t.Helper()
	c := exec.CommandContext(r.t.Context(), path, args...)
	c.Env, c.Dir, c.Stdin = r.env(), r.home, strings.NewReader(input)
	var out, errs bytes.Buffer
	c.Stdout, c.Stderr = &out, &errs
	err := c.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		r.t.Fatal(err)
	}
	r.spoken.WriteString(errs.String())
	return result{out.String(), errs.String(), c.ProcessState.ExitCode()}
}

func (r *rig) env() []string {
	return append([]string{
		"PATH=" + r.tools, "HOME=" + r.home, "OCI_CLI_CONFIG_FILE=" + r.config,
		"HTTPS_PROXY=" + r.URL(), "https_proxy=" + r.URL(), "SSL_CERT_FILE=" + r.CAFile(),
	}, r.extra...)
}

// want fails the test if a script failed.
func (r *rig) want(got result) string {
	r.t.Helper()
	if got.code != 0 {
		r.t.Fatalf("exit code %d: %s", got.code, got.err)
	}
	return got.out
}

// refused checks that a script failed, said why, and printed nothing else.
func (r *rig) refused(got result, why string) {
	r.t.Helper()
	if got.code == 0 || got.out != "" || !strings.Contains(got.err, why) {
		r.t.Errorf("exit code %d, %d bytes of output, and it says %q; want a refusal that says %q", got.code,
			len(got.out), got.err, why)
	}
}

// searchForLeaks looks for all values so far in the arguments of all programs and in standard error.
func (r *rig) searchForLeaks() {
	log, err := os.ReadFile(r.argv)
	if err != nil || len(log) == 0 {
		r.t.Errorf("no program was logged: %v", err)
	}
	if found := leaks(string(log), r.values); found > 0 {
		r.t.Errorf("%d parts of secret values are in the arguments of processes", found)
	}
	if found := leaks(r.spoken.String(), r.values); found > 0 {
		r.t.Errorf("%d parts of secret values are in what the scripts said", found)
	}
}

// leaks counts the values' lines in a text, plain and in base64.
func leaks(text string, values []string) int {
	found := 0
	for _, value := range values {
		for _, line := range strings.Split(value, "\n") {
			if len(line) < 8 || strings.HasPrefix(line, "-----") {
				continue
			}
			coded := base64.StdEncoding.EncodeToString([]byte(line))
			if strings.Contains(text, line) || strings.Contains(text, coded[:len(coded)-4]) {
				found++
			}
		}
	}
	return found
}

func TestTheSearchForLeaksFindsThem(t *testing.T) {
	value := strings.Repeat("ab", 8)
	for _, text := range []string{"x" + value + "y", base64.StdEncoding.EncodeToString([]byte(value + "\n"))} {
		if leaks(text, []string{"-----BEGIN\n" + value + "\n-----END"}) != 1 {
			t.Errorf("%q is not found in %q", value, text)
		}
	}
	if leaks("-----BEGIN", []string{"-----BEGIN\n" + value}) != 0 {
		t.Error("something is found where nothing is")
	}
}

// tree returns every file in a folder with its mode, time and content.
func tree(t *testing.T, root string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		text := ""
		if d.Type().IsRegular() {
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			text = info.ModTime().String() + string(b)
		}
		out[path] = info.Mode().String() + text
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}
