package need

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// fakeTest records how a test ended.
type fakeTest struct {
	testing.TB
	skipped, failed string
}

func (s *fakeTest) Helper()                   {}
func (s *fakeTest) Skip(a ...any)             { s.skipped = fmt.Sprint(a...); runtime.Goexit() }
func (s *fakeTest) Fatal(a ...any)            { s.failed = fmt.Sprint(a...); runtime.Goexit() }
func (s *fakeTest) Name() string              { return "seen" }
func (s *fakeTest) Log(...any)                {}
func (s *fakeTest) Skipf(f string, a ...any)  { s.Skip(fmt.Sprintf(f, a...)) }
func (s *fakeTest) Fatalf(f string, a ...any) { s.Fatal(fmt.Sprintf(f, a...)) }

// runFake runs f as a test.
func runFake(f func(t testing.TB)) *fakeTest {
	s := &fakeTest{}
	done := make(chan struct{})
	go func() {
		defer close(done)
		f(s)
	}()
	<-done
	return s
}

func TestAMissingRequirementSkipsLocallyAndFailsInCI(t *testing.T) {
	for _, ci := range []string{"", "false", "1", "TRUE", "true"} {
		t.Setenv("CI", ci)
		s := runFake(func(t testing.TB) { Lacking(t, "%s is missing", "it") })
		got, other := s.skipped, s.failed
		if ci == "true" {
			got, other = s.failed, s.skipped
		}
		if !strings.HasPrefix(got, "it is missing") || other != "" {
			t.Errorf("CI=%s: skipped %q, failed %q", ci, s.skipped, s.failed)
		}
	}
}

func TestASuiteRunsIfItIsChosenOrInCI(t *testing.T) {
	for _, c := range []struct {
		ci, value string
		runs      bool
		failed    string // part of what it says
	}{
		{"", "", false, ""},
		{"", "images", true, ""},
		{"", "bench", false, ""},
		{"", "bench,images", true, ""},
		{"", "all", true, ""},
		{"", "all,bench", true, ""},
		{"true", "", true, ""},
		{"true", "bench", true, ""},
		{"false", "", false, ""},
		{"", "image", false, `no suite "image"`},
		{"", "Images", false, `no suite "Images"`},
		{"", "images ", false, `no suite "images "`},
		{"", "images,", false, `no suite ""`},
		{"", "images;bench", false, `no suite "images;bench"`},
		{"", "1", false, `no suite "1"`},
		{"", "none", false, `no suite "none"`},
		{"true", "imagse", false, `no suite "imagse"`},
	} {
		t.Setenv("CI", c.ci)
		t.Setenv("KEYTURN_SUITE", c.value)
		ran := false
		s := runFake(func(t testing.TB) {
			Suite(t, Images)
			ran = true
		})
		if ran != c.runs || (s.failed != "") != (c.failed != "") || !strings.Contains(s.failed, c.failed) {
			t.Errorf("CI=%q KEYTURN_SUITE=%q: ran %v, skipped %q, failed %q", c.ci, c.value, ran, s.skipped, s.failed)
		}
		if !ran && c.failed == "" && !strings.Contains(s.skipped, Images.Command()) {
			t.Errorf("CI=%q KEYTURN_SUITE=%q: %q doesn't say how to run it", c.ci, c.value, s.skipped)
		}
	}
}

// setPath sets a PATH with one program of that name; with none if script is empty.
func setPath(t *testing.T, name, script string) {
	t.Helper()
	dir := t.TempDir()
	if script != "" {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", dir)
}

func TestAToolThatCanNotBeUsedIsMissing(t *testing.T) {
	t.Setenv("CI", "")
	for what, c := range map[string]struct{ name, script, why string }{
		"missing":             {"jq", "", "jq is missing"},
		"good":                {"jq", "#!/bin/sh\necho jq-1.7.1\n", ""},
		"as old as it may be": {"jq", "#!/bin/sh\necho jq-1.6\n", ""},
		"too old": {"jq", "#!/bin/sh\necho jq-1.5-1-a5b5cbe\n", "jq is too old: the tests " +
			"need 1.6 or newer"},
		"says no version": {"jq", "#!/bin/sh\necho jq\n", "no version can be read"},
		"says nothing":    {"jq", "#!/bin/sh\n", "no version can be read"},
		"only says how to install it": {"rclone", "#!/bin/sh\necho 'Command rclone not found, but can be " +
			"installed with: apt install rclone'\nexit 127\n", "can't be used"},
		"a shim without its program": {"aws", "#!/bin/sh\necho 'pyenv: aws: command not found' >&2\nexit 127\n",
			"can't be used"},
		"its interpreter is missing":    {"s3cmd", "#!/nonexistent/python3\nprint()\n", "can't be used"},
		"Debian 12's Node, which is 18": {"node", "#!/bin/sh\necho v18.19.0\n", "node is too old"},
		"a Node of today":               {"node", "#!/bin/sh\necho v22.1.0\n", ""},
		"openssl without MD5 (FIPS mode)": {"openssl", "#!/bin/sh\n[ \"$*\" != 'dgst -md5 /dev/null' ]\n",
			"can't be used"},
		"Terraform before mocks at plan":  {"terraform", "#!/bin/sh\necho Terraform v1.5.7\n", "terraform is too old"},
		"a tool without a version":        {"sed", "#!/bin/sh\n", ""},
		"a tool that is not in tools.txt": {"xmllint", "#!/bin/sh\n", "tools.txt has no line for xmllint"},
	} {
		setPath(t, c.name, c.script)
		path := ""
		s := runFake(func(t testing.TB) { path = Tool(t, c.name) })
		if got := s.skipped + s.failed; !strings.Contains(got, c.why) || (c.why == "") != (path != "") {
			t.Errorf("%s: it is %q, and the reason %q; want %q", what, path, got, c.why)
		}
		if known := c.name != "xmllint"; known != (s.failed == "") {
			t.Errorf("%s: it fails with %q", what, s.failed)
		}
	}
}

func TestVersionsAreComparedByNumbers(t *testing.T) {
	for _, c := range []struct {
		printed, least string
		want           bool
	}{
		{"v20.20.2", "20.0", true}, {"v9.11.2", "20.0", false}, {"2.9", "2.13", false}, {"2.13", "2.9", true},
		{"1.6", "1.6.1", false},
		{"tool 3.0\nlib 1.0", "2.0", true}, {"Terraform v1.11.4\non linux_amd64", "1.11", true},
		{"1.10.9", "1.11", false},
	} {
		if got, err := AtLeast(c.printed, c.least); err != nil || got != c.want {
			t.Errorf("%q at least %s: %v, %v", c.printed, c.least, got, err)
		}
	}
	for _, printed := range []string{"", "20", "version unknown", "99999999999999999999.1"} {
		if _, err := AtLeast(printed, "1.0"); err == nil {
			t.Errorf("a version was read from %q", printed)
		}
	}
}

func TestTheListOfToolsIsSortedAndNamesExistingTests(t *testing.T) {
	all, err := tools(list)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, o := range all {
		names = append(names, o.name)
		for _, folder := range o.users {
			if found, err := filepath.Glob("../../" + folder + "/*_test.go"); err != nil || len(found) == 0 {
				t.Errorf("%s is used by the tests of %s, which has none: %v", o.name, folder, err)
			}
		}
	}
	if len(names) < 15 || !slices.IsSorted(names) || len(slices.Compact(slices.Clone(names))) != len(names) {
		t.Errorf("the tools are %v; want 15 or more, each once, in order", names)
	}
	for _, bad := range []string{"jq", "jq --version 1.6 jq"} {
		if _, err := tools(bad + "\n"); err == nil {
			t.Errorf("the line %q is read", bad)
		}
	}
}

func TestAStandInMustPlanWithoutAnAccount(t *testing.T) {
	for what, c := range map[string]struct {
		script string
		good   bool
	}{
		"no provider can be had": {`[ "$1" != init ]`, false},
		"Oracle's own provider": {
			`[ "$1" != plan ] || { echo 'can not create client, bad configuration: did not find a proper configuration for tenancy'; exit 1; }`, false},
		"neither":    {`exit 1`, false},
		"a stand-in": {`exit 0`, true},
		"a stand-in without the caller's environment": {
			`[ -z "$OCI_CLI_PROFILE$TF_VAR_tenancy_ocid$AWS_PROFILE" ] && [ "$HOME" != "$REAL_HOME" ]`, true},
	} {
		for _, name := range []string{"OCI_CLI_PROFILE", "TF_VAR_tenancy_ocid", "AWS_PROFILE"} {
			t.Setenv(name, "mine")
		}
		config := filepath.Join(t.TempDir(), "terraformrc")
		if err := os.WriteFile(config, []byte("disable_checkpoint = true\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		t.Setenv("TF_CLI_CONFIG_FILE", config)
		setPath(t, "terraform", "#!/bin/sh\n"+c.script+"\n")
		if err := plansOffline(); (err == nil) != c.good {
			t.Errorf("%s: %v", what, err)
		}
	}
}
