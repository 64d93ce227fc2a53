// Package registry pushes the functions' images to a container registry, without a container engine.
//
// Check reads both tags before anything is sent: it leaves out a tag that already has the same digest, and refuses one
// with another digest unless it may be moved. Push reads back what it pushed. It signs in with the credentials of
// `docker login`, or with a user and a file with a token; a token is never an argument of a program.
package registry

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"github.com/keyturn/keyturn/deploy/internal/reference"
)

// Item is an image to push.
type Item struct {
	Function string
	Image    v1.Image

	digest v1.Hash
	size   int64 // of the compressed layers, in bytes
	tag    name.Tag
}

// String is the reference for Terraform, with tag and digest.
func (i Item) String() string { return i.tag.String() + "@" + i.digest.String() }

// Layouts reads the images of keyturn deploy build, and checks all their bytes. The version is the one in their labels;
// it is empty if they have none.
func Layouts(dir string) (all []Item, version string, err error) {
	versions := map[string]bool{}
	for _, f := range reference.Functions {
		i, err := read(filepath.Join(dir, f))
		if err != nil {
			return nil, "", err
		}
		i.Function = f
		all = append(all, i)
		config, err := i.Image.ConfigFile()
		if err != nil {
			return nil, "", fmt.Errorf("reading the configuration of %s: %w", f, err)
		}
		version = config.Config.Labels["org.opencontainers.image.version"]
		versions[version] = true
	}
	if len(versions) > 1 {
		version = ""
	}
	return all, version, nil
}

// aim names the items' targets. It touches no network.
func aim(o Options, all []Item) (out []Item, err error) {
	if err := checkTarget(o.Repositories); err != nil {
		return nil, err
	}
	if o.Tag == "" {
		return nil, errors.New("the images have no version: give the one that becomes their tag with --version")
	}
	for _, i := range all {
		i.tag, err = name.NewTag(o.Repositories+"/"+i.Function+":"+o.Tag, name.StrictValidation)
		if err != nil {
			return nil, fmt.Errorf("the repository %s and the version %s make no reference: %w", o.Repositories, o.Tag,
				err)
		}
		err = i.measure()
		if err != nil {
			return nil, err
		}
		out = append(out, i)
	}
	return out, nil
}

// measure finds the digest and the size.
func (i *Item) measure() error {
	var err error
	i.digest, err = i.Image.Digest()
	if err != nil {
		return fmt.Errorf("computing the digest of %s: %w", i.Function, err)
	}
	layers, err := i.Image.Layers()
	if err != nil {
		return fmt.Errorf("reading the layers of %s: %w", i.Function, err)
	}
	i.size = 0
	for _, l := range layers {
		n, err := l.Size()
		if err != nil {
			return fmt.Errorf("reading a layer of %s: %w", i.Function, err)
		}
		i.size += n
	}
	return nil
}

// checkTarget refuses names that the library would read as a repository of Docker Hub, or one without a namespace.
func checkTarget(to string) error {
	const want = "write <registry>/<namespace>/<prefix>, for instance fra.ocir.io/mytenancy/keyturn"
	parts := strings.Split(to, "/")
	switch {
	case to == "":
		return errors.New("no repository: " + want)
	case !strings.ContainsAny(parts[0], ".:") || len(parts) < 3:
		return fmt.Errorf("the repository %s: %s", to, want)
	case strings.ContainsAny(to, "@") || strings.Contains(parts[len(parts)-1], ":"):
		return fmt.Errorf("the repository %s has a tag or digest: %s", to, want)
	}
	return nil
}

// read reads a layout and checks all its bytes, because a damaged layout may have the digest of an intact one.
func read(dir string) (Item, error) {
	path, err := layout.FromPath(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return Item{}, fmt.Errorf("%s is not an image layout: run keyturn deploy build first", dir)
	}
	if err != nil {
		return Item{}, fmt.Errorf("reading the layout %s: %w", dir, err)
	}
	index, err := path.ImageIndex()
	if err != nil {
		return Item{}, fmt.Errorf("reading the index of %s: %w", dir, err)
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		return Item{}, fmt.Errorf("reading the index of %s: %w", dir, err)
	}
	if n := len(manifest.Manifests); n != 1 || !manifest.Manifests[0].MediaType.IsImage() {
		return Item{}, fmt.Errorf("the layout %s has %d entries, want one image: remove the folder and run "+
			"keyturn deploy build", dir, n)
	}
	var i Item
	i.Image, err = index.Image(manifest.Manifests[0].Digest)
	if err != nil {
		return Item{}, fmt.Errorf("reading the image of %s: %w", dir, err)
	}
	if err := validate.Image(i.Image); err != nil {
		return Item{}, fmt.Errorf("the layout %s is damaged: remove the folder and run keyturn deploy build: %w",
			dir, err)
	}
	return i, inspect(dir, i)
}

// inspect refuses images that OCI Functions would not start.
func inspect(dir string, i Item) error {
	config, err := i.Image.ConfigFile()
	if err != nil {
		return fmt.Errorf("reading the configuration of %s: %w", dir, err)
	}
	if config.OS != "linux" || config.Architecture != "amd64" {
		return fmt.Errorf("the image of %s is for %s/%s: the functions' application is GENERIC_X86, which takes "+
			"linux/amd64", dir, config.OS, config.Architecture)
	}
	return nil
}

// Same reports whether two lists have the same images in the same order.
func Same(a, b []Item) bool {
	return slices.EqualFunc(a, b, func(a, b Item) bool {
		one, err := a.Image.Digest()
		if err != nil {
			return false
		}
		other, err := b.Image.Digest()
		return err == nil && one == other && a.Function == b.Function
	})
}
