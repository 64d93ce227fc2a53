package examples_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/crane"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"github.com/keyturn/keyturn/test/need"
	"github.com/keyturn/keyturn/test/ociemu"
)

// placePulls sets up a machine that pulls an image with the token that the credential helper reads from Vault.
func placePulls(t *testing.T) (r *rig, image, digest string) {
	t.Helper()
	r = placeRegistry(t)
	image, digest = r.AddImage(ociemu.ImageSeed{Repository: "orders/export", Tag: "1.0.0", Docker: true})
	bin, err := filepath.Abs(filepath.Join(examples, "bin"))
	if err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(r.home, ".docker", "config.json")
	r.write(config, read(t, "registry/config.json"))
	r.extra = []string{"PATH=" + r.tools + ":" + bin, "REGISTRY_AUTH_FILE=" + config}
	return r, image, digest
}

// pulled checks that the registry delivered the image without refusals.
func (r *rig) pulled(digest string) {
	r.t.Helper()
	got := map[string]bool{}
	for _, c := range r.Calls() {
		if c.Service != "registry" {
			continue
		}
		if c.Status >= 400 && c.Status != 401 { // with 401 a registry says where to sign in
			r.t.Errorf("%s %s is answered %d", c.Method, c.Path, c.Status)
		}
		got[c.Operation] = got[c.Operation] || c.Status == 200
	}
	if !got["DockerToken"] || !got["PullManifest"] {
		r.t.Errorf("the registry has seen %v, want a sign-in and the manifest %s", got, digest)
	}
}

func TestSkopeoPullsThroughTheCredentialHelperAfterEachRotation(t *testing.T) {
	path := need.Tool(t, "skopeo")
	r, image, digest := placePulls(t)
	r.tool("skopeo", "exec '"+path+`' "$@"`)
	skopeo := filepath.Join(r.tools, "skopeo")
	for range 2 {
		r.ResetCalls()
		var seen struct{ Name, Digest string }
		if out := r.want(r.exec("", skopeo, "inspect", "docker://"+image)); json.Unmarshal([]byte(out), &seen) != nil ||
			seen.Digest != digest {
			t.Errorf("skopeo inspect says %s, want the digest %s", out, digest)
		}
		to := t.TempDir()
		r.want(r.exec("", skopeo, "--insecure-policy", "copy", "docker://"+image, "dir:"+to))
		if _, err := os.Stat(filepath.Join(to, "manifest.json")); err != nil {
			t.Error(err)
		}
		r.pulled(digest)
		r.rotate()
	}
	// A refusal and a missing image are distinguished.
	if got := r.exec("", skopeo, "inspect", "docker://"+image+"-absent"); got.code == 0 ||
		!strings.Contains(got.err, "manifest unknown") {
		t.Errorf("an absent tag: exit code %d, %s", got.code, got.err)
	}
	r.Inject(ociemu.Fault{Operation: "GetSecretBundle", Times: -1, Do: ociemu.Answer(404, "NotAuthorizedOrNotFound")})
	if got := r.exec("", skopeo, "inspect", "docker://"+image); got.code == 0 {
		t.Error("skopeo needs no secret: this test shows nothing")
	}
}

// helper calls the credential helper for crane's library.
type helper struct{ r *rig }

func (h helper) Get(server string) (user, secret string, err error) {
	a := h.r.answer(h.r.runWith(server, "docker-credential-keyturn", "get"))
	return a.Username, a.Secret, nil
}

func TestCranePullsThroughTheCredentialHelperAfterEachRotation(t *testing.T) {
	r, image, digest := placePulls(t)
	options := []crane.Option{crane.WithTransport(r.Client().Transport),
		crane.WithAuthFromKeychain(authn.NewKeychainFromHelper(helper{r}))}
	for range 2 {
		r.ResetCalls()
		got, err := crane.Pull(image, options...)
		if err != nil {
			t.Fatal(err)
		}
		if err := validate.Image(got); err != nil {
			t.Error(err)
		}
		if err := crane.Save(got, image, filepath.Join(t.TempDir(), "image.tar")); err != nil {
			t.Error(err)
		}
		if d, err := crane.Digest(image, options...); err != nil || d != digest {
			t.Errorf("the digest is %s, %v, want %s", d, err, digest)
		}
		r.pulled(digest)
		r.rotate()
	}
}
