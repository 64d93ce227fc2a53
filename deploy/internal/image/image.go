// Package image makes the container images of the functions without a container engine: an OCI image layout and a bill
// of materials (SPDX 2.3) for each. The same commit gives the same digest on any machine: flags, Go version, owner,
// mode and time are fixed.
//
// `docker build` with the Dockerfile at the root makes an identical uncompressed layer, so you can compare the diff
// ids. The digests differ, because an engine writes its own history and compresses differently.
//
// One image holds one function. A function of OCI can't choose its image's command, so an image for both would need a
// configuration key that makes a sweep of a rotator, and each function would carry the other's code.
package image

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/keyturn/keyturn/deploy/internal/reference"
)

// maxSize is the largest allowed size of an image in bytes: layer and configuration, compressed.
const maxSize = 6_000_000

// Options say what to build.
type Options struct {
	Source   string   // folder in the module
	Only     []string // functions; empty for all
	Version  string   // what mails and the label org.opencontainers.image.version show; "" for git describe
	Revision string   // label org.opencontainers.image.revision; "" for the commit that is checked out
	Engine   Engine   // form of the layer; "" for Current
}

// Image is one finished image.
type Image struct {
	Function string
	Version  string
	Image    v1.Image
	Digest   v1.Hash
	DiffID   v1.Hash // of the uncompressed layer
	Size     int64   // of layer and configuration, compressed, in bytes
	SBOM     []byte  // SPDX 2.3, JSON
}

// Build compiles the functions and packs them. It writes nothing but Go's build cache. The log gets warnings.
func Build(ctx context.Context, o Options, log io.Writer) ([]Image, error) {
	for _, f := range o.Only {
		if !slices.Contains(reference.Functions, f) {
			return nil, fmt.Errorf("the function is %q; it can be %s", f, strings.Join(reference.Functions, " or "))
		}
	}
	if o.Engine == "" {
		o.Engine = Current
	}
	if o.Engine != Current && o.Engine != Docker20 {
		return nil, fmt.Errorf("the engine is %q; it can be %s or %s", o.Engine, Current, Docker20)
	}
	s, err := FindSource(ctx, o.Source)
	if err != nil {
		return nil, err
	}
	if err := s.label(ctx, &o, log); err != nil {
		return nil, err
	}
	if strings.ContainsAny(o.Version, " \t\r\n'\"\\") {
		return nil, fmt.Errorf("the version is %q; it can't have blanks or quotation marks", o.Version)
	}
	if len(o.Only) == 0 {
		o.Only = reference.Functions
	}
	var all []Image
	for _, f := range o.Only {
		fmt.Fprintf(log, "building: %s %s\n", f, o.Version)
		m, err := s.make(ctx, f, o)
		if err != nil {
			return nil, fmt.Errorf("making the image of %s: %w", f, err)
		}
		all = append(all, m)
	}
	return all, weigh(all)
}

// weigh refuses images that are too large.
func weigh(all []Image) error {
	for _, m := range all {
		if m.Size >= maxSize {
			return fmt.Errorf("the image of %s has %d bytes compressed; the limit is %d", m.Function, m.Size,
				maxSize)
		}
	}
	return nil
}

// Replaceable refuses a folder in which Write would delete something other than an image layout.
func Replaceable(dir string, functions ...string) error {
	if len(functions) == 0 {
		functions = reference.Functions
	}
	for _, f := range functions {
		err := replaceable(filepath.Join(dir, f))
		if err != nil {
			return err
		}
	}
	return nil
}

// Write writes the layouts, DIR/rotate and DIR/sweep, and the bills of materials, such as DIR/rotate.spdx.json. It
// replaces older ones.
func Write(dir string, all []Image) error {
	for _, m := range all { // before anything is written
		err := Replaceable(dir, m.Function)
		if err != nil {
			return err
		}
	}
	for _, m := range all {
		path := filepath.Join(dir, m.Function)
		err := writeLayout(path, m.Image, m.Version)
		if err == nil {
			err = os.WriteFile(path+".spdx.json", m.SBOM, 0o644)
		}
		if err != nil {
			return fmt.Errorf("writing the image of %s: %w", m.Function, err)
		}
	}
	return nil
}

// WriteTarball writes the images to a file that docker load takes, and returns their names in it.
func WriteTarball(path string, all []Image) (names []string, err error) {
	images := map[name.Tag]v1.Image{}
	for _, m := range all {
		tag, err := name.NewTag("keyturn/" + m.Function + ":" + m.Version)
		if err != nil {
			return nil, fmt.Errorf("naming the image of %s: %w", m.Function, err)
		}
		images[tag] = m.Image
		names = append(names, tag.String())
	}
	if err := tarball.MultiWriteToFile(path, images); err != nil {
		return nil, fmt.Errorf("writing %s: %w", path, err)
	}
	return names, nil
}
