package command

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/test/ociemu"
	"github.com/keyturn/keyturn/test/tenancy"
)

// signed runs a command that makes one call, and returns the call.
func signed(t *testing.T, e *ociemu.Emulator, c *tenancy.Command, args ...string) ociemu.Call {
	t.Helper()
	before := len(e.Calls())
	const nothing = "ocid1.fnfunc.oc1.iad.aaaaaaaaq3lxdvpdzx5fk4h2xysgvtnblb4dnm6dsvyqwlz4tkqfb2n4bnaa"
	run(t, c, 1, "", slices.Concat([]string{"preflight", "--function", nothing}, args)...)
	for _, call := range e.Calls()[before:] {
		if call.Operation == "GetFunction" {
			return call
		}
	}
	t.Fatal("it made no call")
	return ociemu.Call{}
}

func TestEachWayToSignInReachesOCI(t *testing.T) {
	e := ociemu.New(t, ociemu.Options{})
	ada, grace, alan := e.AddOperator("ada"), e.AddOperator("grace"), e.AddOperator("alan")
	c := shell(t, e, ada)
	file := filepath.Join(c.Home, ".oci", "config")
	config, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(c.Home, "elsewhere")
	all := string(config) + e.NewSession(grace, time.Hour).Config("session") +
		e.NewSession(ada, -time.Hour).Config("old")
	for name, text := range map[string]string{file: all, other: e.Config(alan)} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	tests := []struct {
		name, want string
		env, args  []string
	}{
		{"the default file and profile", ada.UserID, nil, nil},
		{"a session by a flag", grace.UserID, nil, []string{"--profile", "session"}},
		{"a session by variables", grace.UserID, []string{"OCI_CLI_PROFILE=session", "OCI_CLI_AUTH=security_token"},
			nil},
		{"a flag against its variable", ada.UserID, []string{"OCI_CLI_PROFILE=session"}, []string{"--profile",
			"DEFAULT"}},
		{"another file by a flag", alan.UserID, nil, []string{"--config-file", "~/elsewhere"}},
		{"another file by a variable", alan.UserID, []string{"OCI_CLI_CONFIG_FILE=" + other}, nil},
	}
	for _, tt := range tests {
		c.Env = tt.env
		if call := signed(t, e, c, tt.args...); call.Caller.ID != tt.want || call.Status == 401 {
			t.Errorf("%s: the call is %s by %+v, want %s", tt.name, call.Operation, call.Caller, tt.want)
		}
	}
	c.Env = nil
	r := run(t, c, 2, "", "preflight", "--compartment", e.Tenancy(), "--profile", "old")
	if !strings.Contains(r.Stderr, "expired at") || !strings.Contains(r.Stderr,
		"oci session authenticate --profile-name old") {
		t.Errorf("an expired session: %s", r.Stderr)
	}
	c.Env = []string{"OCI_CLI_REGION=eu-zurich-1"}
	r = run(t, c, 1, "", "preflight", "--compartment", e.Tenancy(), "--region", "moon-base-1")
	if !strings.Contains(r.Stderr, "moon-base-1") {
		t.Errorf("a region that doesn't exist: %s", r.Stderr)
	}
}

func TestAFunctionsResourcePrincipalSignsIn(t *testing.T) {
	e := ociemu.New(t, ociemu.Options{})
	p := e.NewFunction("job", "")
	c := shell(t, e, e.AddOperator("ada"))
	if err := os.Remove(filepath.Join(c.Home, ".oci", "config")); err != nil {
		t.Fatal(err)
	}
	for _, v := range e.Env(p) {
		if strings.HasPrefix(v, "OCI_RESOURCE_PRINCIPAL_") {
			c.Env = append(c.Env, v)
		}
	}
	if call := signed(t, e, c, "--auth", "resource_principal"); call.Caller.ID != p.FunctionID {
		t.Errorf("the call is by %+v", call.Caller)
	}
	c.Env = nil
	r := run(t, c, 1, "", "preflight", "--compartment", e.Tenancy(), "--auth", "resource_principal")
	if !strings.Contains(r.Stderr, "OCI_RESOURCE_PRINCIPAL_VERSION") {
		t.Errorf("without its variables: %s", r.Stderr)
	}
	r = run(t, c, 2, "", "preflight", "--compartment", e.Tenancy())
	if !strings.Contains(r.Stderr, "oci setup config") {
		t.Errorf("without a configuration: %s", r.Stderr)
	}
}
