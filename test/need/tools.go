package need

import (
	_ "embed"
	"fmt"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

//go:embed tools.txt
var list string

// basic lists the programs that every contributor has: Go, Git, a shell and coreutils.
var basic = strings.Fields("go git sh base64 basename cat chmod cp cut dirname env head ls mkdir mktemp mv rm " +
	"sha256sum sort tail touch tr wc")

// tool is a line of tools.txt.
type tool struct {
	name, least, debian string
	probe, users        []string
}

// tools reads tools.txt.
func tools(text string) ([]tool, error) {
	var out []tool
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		f := strings.Fields(line)
		if len(f) < 5 {
			return nil, fmt.Errorf("tools.txt: %q has %d columns, want 5 or more", line, len(f))
		}
		out = append(out, tool{f[0], strings.TrimPrefix(f[2], "-"), strings.TrimPrefix(f[3], "-"),
			strings.Split(f[1], ","), f[4:]})
	}
	return out, nil
}

// Tool returns the path of a program. If an optional program is missing, too old or unusable, it skips or fails the
// test, as Lacking does. The test always fails if the program is neither basic nor in tools.txt.
func Tool(t testing.TB, name string) string {
	t.Helper()
	if slices.Contains(basic, name) {
		path, err := exec.LookPath(name)
		if err != nil {
			t.Fatalf("%v; the project needs Go, Git, a shell and coreutils", err)
		}
		return path
	}
	all, err := tools(list)
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(all, func(o tool) bool { return o.name == name })
	if i < 0 {
		t.Fatalf("test/need/tools.txt has no line for %s: add it, so that CI installs it, and tests "+
			"without it", name)
	}
	path, err := all[i].find()
	if err != nil {
		Lacking(t, "%v; %s", err, all[i].remedy())
	}
	return path
}

func (o tool) remedy() string {
	if o.debian == "" {
		return "install " + o.name
	}
	return "install it (Debian and Ubuntu: apt-get install " + o.debian + ")"
}

// find looks for the tool and runs it. A program in the PATH may be a script without its interpreter, or one that only
// says how to install the tool.
func (o tool) find() (path string, err error) {
	path, err = exec.LookPath(o.name)
	if err != nil {
		return "", fmt.Errorf("%s is missing", o.name)
	}
	c := exec.Command(path, o.probe...)
	out, err := c.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%s can't be used: %s %s: %w", o.name, o.name, strings.Join(o.probe, " "),
			err)
	}
	if o.least == "" {
		return path, nil
	}
	enough, err := AtLeast(string(out), o.least)
	switch {
	case err != nil:
		return "", fmt.Errorf("%s can't be used: %w", o.name, err)
	case !enough:
		return "", fmt.Errorf("%s is too old: the tests need %s or newer", o.name, o.least)
	}
	return path, nil
}

var dotted = regexp.MustCompile(`\d+(\.\d+)+`)

// AtLeast reports whether the first version in a program's output is least or newer. A version is numbers with dots
// between them. It is an error if the output has none.
func AtLeast(printed, least string) (bool, error) {
	found := dotted.FindString(printed)
	if found == "" {
		return false, fmt.Errorf("no version can be read from %.60q", printed)
	}
	have, want := strings.Split(found, "."), strings.Split(least, ".")
	for i := range want {
		n := 0
		if i < len(have) {
			var err error
			n, err = strconv.Atoi(have[i])
			if err != nil {
				return false, fmt.Errorf("reading the version %s: %w", found, err)
			}
		}
		m, err := strconv.Atoi(want[i])
		if err != nil {
			return false, fmt.Errorf("reading the version %s: %w", least, err)
		}
		if n != m {
			return n > m, nil
		}
	}
	return true, nil
}
