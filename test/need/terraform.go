package need

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// Terraform returns a Terraform command that can't reach an account: its home is empty, and it gets only those
// variables of the environment that locate providers.
func Terraform(ctx context.Context, home, dir string, args ...string) *exec.Cmd {
	c := exec.CommandContext(ctx, "terraform", append(args, "-no-color")...)
	c.Dir = dir
	c.Env = []string{"HOME=" + home, "PATH=" + os.Getenv("PATH"), "TMPDIR=" + os.TempDir(), "TF_IN_AUTOMATION=1",
		"CHECKPOINT_DISABLE=1"}
	for _, name := range []string{"TF_CLI_CONFIG_FILE", "TF_PLUGIN_CACHE_DIR", "HTTPS_PROXY", "NO_PROXY",
		"SSL_CERT_FILE"} {
		if v, ok := os.LookupEnv(name); ok {
			c.Env = append(c.Env, name+"="+v)
		}
	}
	return c
}

// ErrNoStandIn means that stacks can't be planned and applied without an account.
var ErrNoStandIn = errors.New("a stand-in for Oracle's Terraform provider is missing, which plans and applies " +
	"without an account; TF_CLI_CONFIG_FILE names the configuration that leads to it")

// StandIn skips or fails a test, as Lacking does, unless Terraform is installed with a stand-in for Oracle's provider.
func StandIn(t testing.TB) {
	t.Helper()
	Tool(t, "terraform")
	if err := standIn(); err != nil {
		Lacking(t, "%v", err)
	}
}

// Offline returns nil if stacks can be applied without an account.
func Offline() error {
	if _, err := exec.LookPath("terraform"); err != nil {
		return fmt.Errorf("looking for Terraform: %w", err)
	}
	return standIn()
}

// plansOffline plans one resource. Oracle's provider can't do that without an account. The presence of a Terraform
// configuration proves nothing, because it may lead to Oracle's provider or to none.
func plansOffline() error {
	dir, err := os.MkdirTemp("", "keyturn-provider")
	if err != nil {
		return fmt.Errorf("making a folder: %w", err)
	}
	defer os.RemoveAll(dir)
	if err := os.WriteFile(filepath.Join(dir, "main.tf"), []byte(probe), 0o600); err != nil {
		return fmt.Errorf("writing a probe: %w", err)
	}
	for _, args := range [][]string{{"init", "-input=false"}, {"plan", "-input=false"}} {
		if out, err := Terraform(context.Background(), dir, dir, args...).CombinedOutput(); err != nil {
			return fmt.Errorf("%w; terraform %s says:\n%s", ErrNoStandIn, args[0], out)
		}
	}
	return nil
}

var standIn = sync.OnceValue(plansOffline)

// probe is a stack with one resource that no stack of this project has.
const probe = `terraform {
  required_providers {
    oci = { source = "oracle/oci" }
  }
}
provider "oci" {
  region = "us-ashburn-1"
}
resource "oci_identity_tag_namespace" "probe" {
  compartment_id = "ocid1.tenancy.oc1..example"
  name           = "probe"
  description    = "nothing"
}
`
