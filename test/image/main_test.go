// Package image builds the functions' images with both methods, compares and inspects them, and runs them in a real
// container engine with the platform's limits, against the emulator. Tests that need an image are in the suite
// need.Images. Those with an engine need Debian's docker.io, and root.
package image

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"

	"github.com/keyturn/keyturn/test/need"
	"github.com/keyturn/keyturn/test/tenancy"
)

const root = "../.."

// functions are the functions with an image.
var functions = []string{"rotate", "sweep"}

// made sets these: maker is the compiled command, shared the folder with its images, and printed its output.
// tempDir is the folder that is removed at the end.
var maker, shared, printed, tempDir string

func TestMain(m *testing.M) {
	code := m.Run()
	_ = os.RemoveAll(tempDir) // anything left is in the system's temporary folder
	os.Exit(code)
}

// made builds the images once for all tests, if their suite is chosen. With a release's flags everything is compiled
// again, including OCI's SDK.
func made(t *testing.T) {
	t.Helper()
	need.Suite(t, need.Images)
	if err := tenancy.DependOn("go.mod", "go.sum", "pkg", "functions", "deploy", "Dockerfile",
		"func.yaml"); err != nil {
		t.Fatal(err)
	}
	if err := makeOnce(); err != nil {
		t.Fatal(err)
	}
}

var makeOnce = sync.OnceValue(func() error {
	var err error
	tempDir, err = os.MkdirTemp("", "keyturn-image")
	if err != nil {
		return fmt.Errorf("making a folder: %w", err)
	}
	maker, shared = filepath.Join(tempDir, "keyturn"), filepath.Join(tempDir, "dist")
	if out, err := exec.CommandContext(context.Background(), "go", "build", "-o", maker,
		"../../deploy/keyturn").CombinedOutput(); err != nil {
		return fmt.Errorf("building deploy/keyturn: %w\n%s", err, out)
	}
	c := exec.CommandContext(context.Background(), maker, "deploy", "build", "--version", version, "--revision",
		revision, "--dist", shared)
	c.Dir = root
	out, err := c.CombinedOutput()
	if err != nil {
		return fmt.Errorf("making the images: %w\n%s", err, out)
	}
	printed = string(out)
	return nil
})

const (
	version  = "v1.2.3"
	revision = "0123456789abcdef0123456789abcdef01234567"
)

// output runs a command in a folder with additional environment. It must succeed.
func output(t *testing.T, dir string, env []string, name string, args ...string) string {
	t.Helper()
	c := exec.CommandContext(t.Context(), name, args...)
	c.Dir, c.Env = dir, append(os.Environ(), env...)
	var stderr bytes.Buffer
	c.Stderr = &stderr
	out, err := c.Output()
	if err != nil {
		t.Fatalf("%s %.200q: %v\n%s%s", filepath.Base(name), args, err, out, stderr.String())
	}
	return string(out)
}

// build builds images from the source in a folder, and returns their folder.
func build(t *testing.T, source string, env []string, more ...string) (dist string) {
	t.Helper()
	dist = filepath.Join(t.TempDir(), "dist")
	output(t, source, env, maker, append([]string{"deploy", "build", "--version", version, "--revision", revision,
		"--dist", dist}, more...)...)
	return dist
}

// open reads the only image of a layout.
func open(t *testing.T, path string) v1.Image {
	t.Helper()
	index, err := layout.ImageIndexFromPath(path)
	if err != nil {
		t.Fatal(err)
	}
	list, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	if len(list.Manifests) != 1 {
		t.Fatalf("%s has %d images, want 1", path, len(list.Manifests))
	}
	image, err := index.Image(list.Manifests[0].Digest)
	if err != nil {
		t.Fatal(err)
	}
	return image
}

// entry is a file of a layer.
type entry struct {
	*tar.Header
	content []byte
}

// content returns the files of an image's only layer.
func content(t *testing.T, image v1.Image) []entry {
	t.Helper()
	layers, err := image.Layers()
	if err != nil {
		t.Fatal(err)
	}
	if len(layers) != 1 {
		t.Fatalf("the image has %d layers, want 1", len(layers))
	}
	r, err := layers[0].Uncompressed()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var all []entry
	for files := tar.NewReader(r); ; {
		h, err := files.Next()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(files)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, entry{h, b})
	}
}

// diffID is the digest of an image's uncompressed layer.
func diffID(t *testing.T, image v1.Image) string {
	t.Helper()
	config, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if len(config.RootFS.DiffIDs) != 1 {
		t.Fatalf("the image has %d layers, want 1", len(config.RootFS.DiffIDs))
	}
	return config.RootFS.DiffIDs[0].String()
}

func digest(t *testing.T, image v1.Image) string {
	t.Helper()
	d, err := image.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return d.String()
}
