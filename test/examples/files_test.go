package examples_test

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/keyturn/keyturn/test/need"
)

// scripts are the programs of deploy/examples/bin.
func scripts(t *testing.T) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(examples, "bin", "*"))
	if err != nil || len(found) < 6 {
		t.Fatalf("%d scripts were found, want 6 or more: %v", len(found), err)
	}
	return found
}

func TestShellcheckAcceptsTheScripts(t *testing.T) {
	shellcheck := need.Tool(t, "shellcheck")
	if out, err := exec.CommandContext(t.Context(), shellcheck, scripts(t)...).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestEveryScriptStopsAtTheFirstErrorAndShowsNoTrace(t *testing.T) {
	for _, path := range scripts(t) {
		name := filepath.Base(path)
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		text := read(t, "bin/"+name)
		if info.Mode().Perm()&0o111 != 0o111 {
			t.Errorf("%s can't be run", name)
		}
		if !strings.HasPrefix(text, "#!/usr/bin/env bash\n#") ||
			!strings.Contains(text, "\nset +x # a trace would show the value\nset -euo pipefail\n") {
			t.Errorf("%s doesn't begin as the others do", name)
		}
		for _, leak := range []string{"eval ", "<<", "set -x", "curl ", "--arg token", "--arg key"} {
			if strings.Contains(text, leak) {
				t.Errorf("%s has %q", name, leak)
			}
		}
	}
}

func TestATracedScriptDoesNotTraceTheValue(t *testing.T) {
	r := placeS3(t)
	path, err := filepath.Abs(filepath.Join(examples, "bin", "keyturn-s3-credentials"))
	if err != nil {
		t.Fatal(err)
	}
	// the search for leaks reads the trace
	r.want(r.exec("", filepath.Join(r.tools, "bash"), "-x", path, r.secret))
	r.extra = []string{"SHELLOPTS=xtrace"}
	r.want(r.exec("", path, r.secret))
}

// fields of a bundle and OCIDs in examples must be recognizable as examples.
func TestNoExampleHasAnIdentifierOfARealTenancy(t *testing.T) {
	ocid := regexp.MustCompile(`ocid1\.[a-z]+\.oc1\.[a-z0-9.-]*`)
	files, found := 0, 0
	err := filepath.WalkDir(examples, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		files++
		for _, id := range ocid.FindAllString(string(text), -1) {
			found++
			if !strings.HasSuffix(id, ".example") {
				t.Errorf("%s has %s", path, id)
			}
		}
		return nil
	})
	if err != nil || files < 15 || found < 5 {
		t.Errorf("%d OCIDs in %d files were looked at, want 5 and 15 or more: %v", found, files, err)
	}
}

func TestEveryExampleHasAGuideThatTheIndexNames(t *testing.T) {
	index := read(t, "README.md")
	folders, err := os.ReadDir(examples)
	if err != nil {
		t.Fatal(err)
	}
	guides := 0
	for _, d := range folders {
		if !d.IsDir() || d.Name() == "bin" {
			continue
		}
		guides++
		guide := read(t, d.Name()+"/README.md")
		for _, heading := range []string{"## Before", "## Set up", "## What happens at a rotation",
			"## What to watch"} {
			if !strings.Contains(guide, "\n"+heading+"\n") {
				t.Errorf("%s/README.md has no %q", d.Name(), heading)
			}
		}
		if !strings.Contains(index, "("+d.Name()+"/README.md)") {
			t.Errorf("the index doesn't name %s", d.Name())
		}
	}
	if guides < 5 {
		t.Errorf("%d guides, want 5 or more", guides)
	}
	for _, path := range scripts(t) {
		if !strings.Contains(index, "`"+filepath.Base(path)+"`") {
			t.Errorf("the index doesn't name %s", filepath.Base(path))
		}
	}
}

func TestTheUnitsRunTheScriptEveryTenMinutesAsAnOrdinaryUser(t *testing.T) {
	service, timer := unit(t, "oci-config/keyturn-oci-config.service"), unit(t, "oci-config/keyturn-oci-config.timer")
	program, argument, _ := strings.Cut(service["Service.ExecStart"], " ")
	if _, err := os.Stat(filepath.Join(examples, "bin", filepath.Base(program))); err != nil {
		t.Error(err)
	}
	if argument != "${KEYTURN_SECRET}" || service["Service.Type"] != "oneshot" ||
		slices.Contains([]string{"", "root"}, service["Service.User"]) {
		t.Errorf("the service is %v", service)
	}
	if timer["Timer.OnUnitActiveSec"] != "10min" || timer["Install.WantedBy"] != "timers.target" {
		t.Errorf("the timer is %v", timer)
	}
}

func unit(t *testing.T, name string) map[string]string {
	t.Helper()
	out, section := map[string]string{}, ""
	for _, line := range strings.Split(read(t, name), "\n") {
		switch key, value, pair := strings.Cut(line, "="); {
		case line == "" || line[0] == '#':
		case line[0] == '[':
			section = strings.Trim(line, "[]")
		case pair:
			out[section+"."+key] = value
		default:
			t.Errorf("%s: %q is no setting", name, line)
		}
	}
	return out
}
