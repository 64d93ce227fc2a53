package image

import (
	"bytes"
	"compress/gzip"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/big"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/x509roots/fallback/bundle"

	"github.com/keyturn/keyturn/test/ociemu"
	"github.com/keyturn/keyturn/test/tenancy"
)

// calm is an emulator without delays, because the test measures memory.
var calm = ociemu.Calm()

// callTimeout is the maximum timeout of OCI Functions.
const callTimeout = 5 * time.Minute

// Without -engine, the layer has the form of newer engines, such as Docker 20.10's containerd.
func TestTheLayerIsWhatContainerdWrites(t *testing.T) {
	e := startEngine(t)
	ctr := func(args ...string) string {
		return output(t, root, nil, "ctr", append([]string{"-a", e.dir + "/exec/containerd/containerd.sock",
			"snapshots", "--snapshotter", "native"}, args...)...)
	}
	ctr("prepare", "layer")
	at := mountSource.FindStringSubmatch(ctr("mounts", "/nowhere", "layer"))
	if at == nil {
		t.Fatalf("containerd doesn't say where the snapshot is: %s", ctr("mounts", "/nowhere", "layer"))
	}
	for _, f := range functions {
		image := open(t, filepath.Join(shared, f))
		path := filepath.Join(at[1], "function")
		if err := errors.Join(os.WriteFile(path, content(t, image)[0].content, 0o755), os.Chmod(path, 0o755),
			os.Chtimes(path, time.Unix(0, 0), time.Unix(0, 0))); err != nil {
			t.Fatal(err)
		}
		layer, err := gzip.NewReader(strings.NewReader(ctr("diff", "layer")))
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.New()
		if _, err := io.Copy(sum, layer); err != nil {
			t.Fatal(err)
		}
		if got, want := fmt.Sprintf("sha256:%x", sum.Sum(nil)), diffID(t, image); got != want {
			t.Errorf("%s: containerd's layer is %s, keyturn deploy build made %s", f, got, want)
		}
	}
}

// mountSource matches the folder in a mount command that containerd prints.
var mountSource = regexp.MustCompile(`(\S+/snapshots/\d+)`)

// All tests share one engine, because its start, and the compilation in it, take the most time.
func TestInAContainerEngine(t *testing.T) {
	e := startEngine(t)
	tarball := filepath.Join(t.TempDir(), "images.tar")
	dist := build(t, root, nil, "--engine", e.layers(t), "--tarball", tarball)
	t.Logf("Docker %s, layers as of %s", e.version, e.layers(t))
	images := map[string]string{}
	for _, f := range functions {
		images[f] = e.build(t, f)
	}
	t.Run("BothWaysMakeTheSameLayer", func(t *testing.T) { sameLayers(t, e, images, dist) })
	t.Run("TheTarballIsWhatDockerLoadTakes", func(t *testing.T) { loads(t, e, images, tarball) })
	t.Run("PublicAuthoritiesAreTrustedWithoutAFile", func(t *testing.T) { trusts(t, e, images["rotate"]) })
	for _, kind := range tenancy.Kinds() {
		t.Run("Rotates/"+string(kind), func(t *testing.T) { rotates(t, e, images, kind) })
	}
	t.Run("Sweeps", func(t *testing.T) {
		p := &platform{engine: e, t: t, images: images, names: map[string]string{}}
		s := p.play()
		reply, err := s.Sweep(t.Context())
		if err != nil || reply.Status != 200 || !json.Valid(reply.Body) {
			t.Fatalf("the sweep answered %d: %s, %v", reply.Status, reply.Body, err)
		}
		p.confined("sweep")
		t.Logf("a sweep that finds nothing: peak memory %s", p.usage("sweep"))
	})
}

// config is an image's configuration in the engine.
type config struct {
	User       string
	Entrypoint []string
	Cmd        []string
	Labels     map[string]string
}

func (e *engine) inspect(t *testing.T, image string) (c config, layers []string) {
	t.Helper()
	for format, into := range map[string]any{"{{json .Config}}": &c, "{{json .RootFS.Layers}}": &layers} {
		if err := json.Unmarshal([]byte(e.do(t, "image", "inspect", "--format", format, image)), into); err != nil {
			t.Fatal(err)
		}
	}
	return c, layers
}

func sameLayers(t *testing.T, e *engine, images map[string]string, dist string) {
	for _, f := range functions {
		c, layers := e.inspect(t, images[f])
		if want := diffID(t, open(t, filepath.Join(dist, f))); !slices.Equal(layers, []string{want}) {
			t.Errorf("%s: the engine's layers are %s, keyturn deploy build made %s", f, layers, want)
		} else {
			t.Logf("%s: the layers of the engine and of keyturn deploy build: %s", f, want)
		}
		if c.User != "1000:1000" || !slices.Equal(c.Entrypoint, []string{"/function"}) || len(c.Cmd) > 0 ||
			!maps.Equal(c.Labels, labels(f)) {
			t.Errorf("%s: the engine's image has %+v", f, c)
		}
		// The other form of the layer has another header for the same file.
		ours := content(t, open(t, filepath.Join(dist, f)))
		others := content(t, open(t, filepath.Join(shared, f)))
		if len(ours) != 1 || len(others) != 1 || !bytes.Equal(ours[0].content, others[0].content) ||
			ours[0].Mode&0o7777 != others[0].Mode {
			t.Errorf("%s: the two forms of the layer don't hold the same file", f)
		}
	}
}

func loads(t *testing.T, e *engine, images map[string]string, tarball string) {
	e.do(t, "load", "-i", tarball)
	for _, f := range functions {
		loaded, layers := e.inspect(t, "keyturn/"+f+":"+version)
		built, want := e.inspect(t, images[f])
		if !slices.Equal(layers, want) || loaded.User != built.User ||
			!slices.Equal(loaded.Entrypoint, built.Entrypoint) || !maps.Equal(loaded.Labels, built.Labels) {
			t.Errorf("%s: loaded, it is %+v %s; built, it is %+v %s", f, loaded, layers, built, want)
		}
	}
}

// trusts runs a test in place of the function, in the image, where no file has certificates.
func trusts(t *testing.T, e *engine, image string) {
	dir := t.TempDir()
	program := filepath.Join(dir, "wire.test")
	output(t, root, []string{"CGO_ENABLED=0"}, "go", "test", "-c", "-trimpath", "-o", program,
		"./functions/internal/app") // with the flags of an image, so that OCI's SDK is compiled once for both
	if err := readable(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(program, 0o755); err != nil {
		t.Fatal(err)
	}
	var public []byte
	for r := range bundle.Roots() {
		if bytes.Contains(r.Certificate, []byte("DigiCert Global Root G2")) { // the CA of OCI's endpoints
			public = r.Certificate
		}
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "nobody"}, IsCA: true,
		BasicConstraintsValid: true,
		NotBefore:             time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour)}
	unknown, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		der  []byte
		code int
	}{"public": {public, 0}, "unknown": {unknown, 3}} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, c.der, 0o644); err != nil {
			t.Fatal(err)
		}
		run := e.command(append(append([]string{"run", "--rm"}, limits...), "-v", program+":/wire.test:ro", "-v",
			path+":/cert:ro",
			"-e", "KEYTURN_TEST_CERTIFICATE=/cert", "--entrypoint", "/wire.test", image)...)
		out, err := run.CombinedOutput()
		if got := run.ProcessState.ExitCode(); got != c.code {
			t.Errorf("a certificate of a %s authority: exit code %d, want %d (%v: %s)", name, got, c.code, err, out)
		}
	}
}

func rotates(t *testing.T, e *engine, images map[string]string, kind tenancy.Kind) {
	p := &platform{engine: e, t: t, images: images, names: map[string]string{}}
	s := p.play()
	p.confined("rotate")
	before := p.usage("rotate")
	c := s.Add(tenancy.Want{Kind: kind})
	old := c.IDs()
	if err := s.Close(t.Context(), c.Problem, c.Comment()); err != nil {
		t.Fatal(err)
	}
	replies := s.Replies()
	if len(replies) != 1 || replies[0].Status != 200 {
		t.Fatalf("the function answered %+v", replies)
	}
	var a struct{ Outcome string }
	if err := json.Unmarshal(replies[0].Body, &a); err != nil || a.Outcome != "rotated" {
		t.Fatalf("the function answered %s", replies[0].Body)
	}
	if now := c.IDs(); len(now) != 1 || slices.Contains(old, now[0]) {
		t.Errorf("the user has %v in place of %v; want one new credential", now, old)
	}
	stored, err := c.Stored()
	if err != nil || stored.Value == "" || stored.Value == c.Old.Value {
		t.Fatalf("the secret's CURRENT version doesn't hold a new value (%v)", err)
	}
	if kind != tenancy.Password { // a password can't be tried
		if status := c.Try(stored); status != 200 {
			t.Errorf("the stored credential is answered %d", status)
		}
		if status := c.Try(c.Old); status != 401 && (kind != tenancy.CustomerSecretKey || status != 403) {
			t.Errorf("the old credential is answered %d, want it refused", status)
		}
	}
	t.Logf("%s: peak memory %s (before the call: %s)", kind, p.usage("rotate"), before)
}
