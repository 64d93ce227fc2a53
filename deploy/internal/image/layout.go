package image

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// Engine identifies the form of the layer's header.
type Engine string

// The forms.
const (
	// Current is the form of Docker since version 23, BuildKit and containerd: permission bits, and no names of owners
	// (moby/go-archive, FileInfoHeader; containerd, pkg/archive, HandleChange).
	Current Engine = "current"
	// Docker20 is the form of Docker 20.10: the file type is among the mode's bits (moby/moby, pull request 44083), and
	// the owner has a name.
	Docker20 Engine = "docker-20.10"
)

// epoch is the time of everything in an image, so that an image doesn't depend on when it is built.
var epoch = time.Unix(0, 0).UTC()

// header is the layer's only entry.
func (e Engine) header(size int) *tar.Header {
	h := &tar.Header{Typeflag: tar.TypeReg, Name: "function", Mode: 0o755, Size: int64(size), ModTime: epoch,
		Format: tar.FormatPAX}
	if e == Docker20 {
		h.Mode |= 0o100000
		h.Uname, h.Gname = "root", "root"
	}
	return h
}

// layer packs a binary as /function.
func (e Engine) layer(binary []byte) (v1.Layer, error) {
	var packed bytes.Buffer
	z, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	if err != nil {
		return nil, fmt.Errorf("compressing the layer: %w", err)
	}
	t := tar.NewWriter(z)
	err = t.WriteHeader(e.header(len(binary)))
	if err == nil {
		_, err = t.Write(binary)
	}
	if err := errors.Join(err, t.Close(), z.Close()); err != nil {
		return nil, fmt.Errorf("packing the layer: %w", err)
	}
	open := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(packed.Bytes())), nil }
	return tarball.LayerFromOpener(open, tarball.WithMediaType(types.OCILayer))
}

// labels are the image's labels, as in the Dockerfile.
func labels(function string, o Options) map[string]string {
	return map[string]string{
		"org.opencontainers.image.title":    "keyturn/" + function,
		"org.opencontainers.image.version":  o.Version,
		"org.opencontainers.image.revision": o.Revision,
		"org.opencontainers.image.source":   "https://" + module,
		"org.opencontainers.image.licenses": "Apache-2.0",
	}
}

// make compiles a function and packs it.
func (s Source) make(ctx context.Context, function string, o Options) (Image, error) {
	m := Image{Function: function, Version: o.Version}
	binary, info, err := s.Compile(ctx, Target{"./functions/" + function, "linux", "amd64"}, o.Version)
	if err != nil {
		return m, err
	}
	m.SBOM, err = BillOfMaterials(Program{function, o.Version, "/function in the image"}, binary, info)
	if err != nil {
		return m, err
	}
	layer, err := o.Engine.layer(binary)
	if err != nil {
		return m, err
	}
	base, err := mutate.ConfigFile(mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1),
		types.OCIConfigJSON), &v1.ConfigFile{
		Architecture: "amd64", OS: "linux", Created: v1.Time{Time: epoch}, RootFS: v1.RootFS{Type: "layers"},
		Config: v1.Config{User: "1000:1000", Entrypoint: []string{"/function"}, Labels: labels(function, o)},
	})
	if err != nil {
		return m, fmt.Errorf("writing the configuration: %w", err)
	}
	m.Image, err = mutate.Append(base, mutate.Addendum{Layer: layer, MediaType: types.OCILayer,
		History: v1.History{Created: v1.Time{Time: epoch}, CreatedBy: "keyturn deploy build " + function}})
	if err != nil {
		return m, fmt.Errorf("adding the layer: %w", err)
	}
	return m, m.measure()
}

// measure finds the image's digest and size.
func (m *Image) measure() error {
	var err error
	m.Digest, err = m.Image.Digest()
	if err != nil {
		return fmt.Errorf("computing the digest: %w", err)
	}
	manifest, err := m.Image.Manifest()
	if err != nil {
		return fmt.Errorf("reading the manifest: %w", err)
	}
	config, err := m.Image.ConfigFile()
	if err != nil {
		return fmt.Errorf("reading the configuration: %w", err)
	}
	m.Size = manifest.Config.Size
	for _, l := range manifest.Layers {
		m.Size += l.Size
	}
	m.DiffID = config.RootFS.DiffIDs[0]
	return nil
}

// replaceable refuses a folder that isn't an image layout, because writing would delete it.
func replaceable(path string) error {
	switch _, err := os.Stat(path); {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	}
	if _, err := os.Stat(filepath.Join(path, "oci-layout")); err != nil {
		return fmt.Errorf("%s exists and is not an image layout: choose another folder with --dist", path)
	}
	return nil
}

// writeLayout replaces an image layout.
func writeLayout(path string, image v1.Image, version string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	draft, err := os.MkdirTemp(filepath.Dir(path), ".layout-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(draft)
	if err := os.Chmod(draft, 0o755); err != nil {
		return err
	}
	l, err := layout.Write(draft, empty.Index)
	if err != nil {
		return err
	}
	err = l.AppendImage(image, layout.WithPlatform(v1.Platform{OS: "linux", Architecture: "amd64"}),
		layout.WithAnnotations(map[string]string{"org.opencontainers.image.ref.name": version}))
	if err != nil {
		return err
	}
	if err := os.RemoveAll(path); err != nil {
		return err
	}
	return os.Rename(draft, path)
}
