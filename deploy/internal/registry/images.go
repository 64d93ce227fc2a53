package main

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

// item is an image and its target.
type item struct {
	image  v1.Image
	digest v1.Hash
	size   int64 // of the compressed layers, in bytes
	tag    name.Tag
}

// String is the reference for Terraform, with tag and digest.
func (i item) String() string { return i.tag.String() + "@" + i.digest.String() }

// items reads the layouts and names their targets. It touches no network.
func items(o options) ([]item, error) {
	if err := checkTarget(o.to); err != nil {
		return nil, err
	}
	if o.tag == "" {
		return nil, errors.New("no -tag: give the images' version")
	}
	var out []item
	for _, function := range functions {
		tag, err := name.NewTag(o.to+"/"+function+":"+o.tag, name.StrictValidation)
		if err != nil {
			return nil, fmt.Errorf("-to %s and -tag %s make no reference: %w", o.to, o.tag, err)
		}
		i, err := read(filepath.Join(o.from, function))
		if err != nil {
			return nil, err
		}
		i.tag = tag
		out = append(out, i)
	}
	return out, nil
}

// checkTarget refuses names that the library would read as a repository of Docker Hub, or one without a namespace.
func checkTarget(to string) error {
	const want = "write <registry>/<namespace>/<prefix>, for instance fra.ocir.io/mytenancy/keyturn"
	parts := strings.Split(to, "/")
	switch {
	case to == "":
		return errors.New("no -to: " + want)
	case !strings.ContainsAny(parts[0], ".:") || len(parts) < 3:
		return fmt.Errorf("-to %s: %s", to, want)
	case strings.ContainsAny(to, "@") || strings.Contains(parts[len(parts)-1], ":"):
		return fmt.Errorf("-to %s has a tag or digest: %s", to, want)
	}
	return nil
}

// read reads a layout and checks all its bytes, because a damaged layout may have the digest of an intact one.
func read(dir string) (item, error) {
	path, err := layout.FromPath(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return item{}, fmt.Errorf("%s is not an image layout: run deploy/build first", dir)
	}
	if err != nil {
		return item{}, fmt.Errorf("reading the layout %s: %w", dir, err)
	}
	index, err := path.ImageIndex()
	if err != nil {
		return item{}, fmt.Errorf("reading the index of %s: %w", dir, err)
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		return item{}, fmt.Errorf("reading the index of %s: %w", dir, err)
	}
	if n := len(manifest.Manifests); n != 1 || !manifest.Manifests[0].MediaType.IsImage() {
		return item{}, fmt.Errorf("the layout %s has %d entries, want one image: remove the folder and run "+
			"deploy/build", dir, n)
	}
	i := item{digest: manifest.Manifests[0].Digest}
	i.image, err = index.Image(i.digest)
	if err != nil {
		return item{}, fmt.Errorf("reading the image of %s: %w", dir, err)
	}
	if err := validate.Image(i.image); err != nil {
		return item{}, fmt.Errorf("the layout %s is damaged: remove the folder and run deploy/build: %w", dir, err)
	}
	err = inspect(dir, &i)
	return i, err
}

// inspect refuses images that OCI Functions would not start, and adds up the size.
func inspect(dir string, i *item) error {
	config, err := i.image.ConfigFile()
	if err != nil {
		return fmt.Errorf("reading the configuration of %s: %w", dir, err)
	}
	if config.OS != "linux" || config.Architecture != "amd64" {
		return fmt.Errorf("the image of %s is for %s/%s: the functions' application is GENERIC_X86, which takes "+
			"linux/amd64", dir, config.OS, config.Architecture)
	}
	layers, err := i.image.Layers()
	if err != nil {
		return fmt.Errorf("reading the layers of %s: %w", dir, err)
	}
	for _, l := range layers {
		n, err := l.Size()
		if err != nil {
			return fmt.Errorf("reading a layer of %s: %w", dir, err)
		}
		i.size += n
	}
	return nil
}
