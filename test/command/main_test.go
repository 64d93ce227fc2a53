package command

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/keyturn/keyturn/test/ociemu"
	"github.com/keyturn/keyturn/test/tenancy"
)

// The built programs.
var rotateBinary, sweepBinary, keyturnBinary string

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "keyturn")
		if err != nil {
			fmt.Fprintln(os.Stderr, "making a folder:", err)
			return 1
		}
		defer os.RemoveAll(dir)
		keyturnBinary, err = tenancy.BuildCommand(context.Background(), dir)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return tenancy.RunTests(m, &rotateBinary, &sweepBinary)
	}())
}

// newTenancy sets up a tenancy with the functions for one test.
func newTenancy(t *testing.T, o tenancy.Options) *tenancy.Deployment {
	t.Helper()
	o.Binary, o.Sweeper = rotateBinary, sweepBinary
	s, err := tenancy.New(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.End(); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Logf("the functions printed:\n%s", s.Printed)
		}
	})
	return s
}

// shell returns the shell of an operator.
func shell(t *testing.T, e *ociemu.Emulator, o ociemu.Operator) *tenancy.Command {
	t.Helper()
	c, err := tenancy.NewCommand(keyturnBinary, t.TempDir(), e, o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// run runs keyturn with an answer on its standard input, and checks the exit code.
func run(t *testing.T, c *tenancy.Command, code int, in string, args ...string) tenancy.Ran {
	t.Helper()
	r, err := c.Run(t.Context(), strings.NewReader(in), args...)
	if err != nil {
		t.Fatal(err)
	}
	if r.Code != code {
		t.Fatalf("keyturn %s: exit code %d, want %d\n%s%s", strings.Join(args, " "), r.Code, code, r.Stdout, r.Stderr)
	}
	return r
}

func TestTheVersionIsPrintedAsTextAndAsJSON(t *testing.T) {
	s := newTenancy(t, tenancy.Options{})
	c := shell(t, s.Emulator, s.Operator)
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

func TestAWrongFlagIsAUsageError(t *testing.T) {
	s := newTenancy(t, tenancy.Options{})
	r := run(t, shell(t, s.Emulator, s.Operator), 2, "", "version", "--no-such-flag")
	if r.Stdout != "" || !strings.Contains(r.Stderr, "no-such-flag") {
		t.Errorf("it printed %+v", r)
	}
}
