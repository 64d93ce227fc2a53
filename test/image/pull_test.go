package image

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/keyturn/keyturn/test/need"
	"github.com/keyturn/keyturn/test/ociemu"
	"github.com/keyturn/keyturn/test/tenancy"
)

const examples = root + "/deploy/examples"

// This test uses a real engine, the credential helper of deploy/examples, and the token that a rotation wrote to Vault.
// The helper reads the bundle from a file that is kept up to date, as the Secrets Store CSI driver does. In
// test/examples it reads from Vault.
func TestDockerPullsThroughTheCredentialHelperAfterEachRotation(t *testing.T) {
	need.Suite(t, need.Images)
	need.Tool(t, "jq") // the helper needs it to read the bundle
	rotate, err := tenancy.Build(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	s, err := tenancy.New(t.Context(), tenancy.Options{Emulator: ociemu.Calm(), Binary: rotate})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.End(); err != nil {
			t.Error(err)
		}
	})
	e := startEngine(t, "HTTPS_PROXY="+s.URL(), "https_proxy="+s.URL(), "NO_PROXY=", "no_proxy=", "SSL_CERT_FILE="+
		s.CAFile())
	c := s.Add(tenancy.Want{Kind: tenancy.AuthToken, Bundle: true})
	bundle := filepath.Join(t.TempDir(), "bundle")
	e.signIn(t, bundle)
	registry := host + "/" + s.Namespace()
	if _, err := e.pull(s, "before"); err == nil {
		t.Error("Docker pulls without a token: this test shows nothing")
	}
	problem := c.Problem
	for _, tag := range []string{"first", "second"} {
		if err := s.Close(t.Context(), problem, c.Comment()); err != nil {
			t.Fatal(err)
		}
		content := s.Secret(c.Secrets["bundle_secret_ocid"]).Current()
		if err := os.WriteFile(bundle, content, 0o600); err != nil {
			t.Fatal(err)
		}
		if out, err := e.pull(s, tag); err != nil {
			t.Errorf("%s: %v\n%s", tag, err, out)
		}
		problem = s.AddProblem(ociemu.ProblemSeed{Rule: c.Kind.Rule(), User: c.User, ResourceID: c.IDs()[0],
			ResourceName: c.UserName})
	}
	// A missing image is not reported as a wrong credential.
	out, err := e.command("pull", registry+"/orders/export:absent").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "manifest unknown") {
		t.Errorf("an absent tag: %v\n%s", err, out)
	}
	if left := e.do(t, "images", "-q", registry+"/orders/export"); len(strings.Fields(left)) != 2 {
		t.Errorf("the engine has the images %q, want two", left)
	}
}

// signIn installs the credential helper for the engine's client.
func (e *engine) signIn(t *testing.T, bundle string) {
	t.Helper()
	config, err := os.ReadFile(filepath.Join(examples, "registry", "config.json"))
	if err != nil {
		t.Fatal(err)
	}
	bin, err := filepath.Abs(filepath.Join(examples, "bin"))
	if err != nil {
		t.Fatal(err)
	}
	registries := filepath.Join(t.TempDir(), "registries")
	for path, text := range map[string]string{filepath.Join(e.dir, "config", "config.json"): string(config),
		registries: host + " " + bundle + "\n"} {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	e.env = append(e.env, "PATH="+os.Getenv("PATH")+":"+bin, "KEYTURN_REGISTRIES="+registries)
}

const host = "ocir.us-ashburn-1.oci.oraclecloud.com"

// pull seeds an image and pulls it.
func (e *engine) pull(s *tenancy.Deployment, tag string) (out []byte, err error) {
	image, _ := s.AddImage(ociemu.ImageSeed{Repository: "orders/export", Tag: tag, Docker: tag == "first"})
	return e.command("pull", image).CombinedOutput()
}
