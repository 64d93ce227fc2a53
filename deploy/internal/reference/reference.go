// Package reference reads the names of images that are deployed, with tag and digest.
package reference

import (
	"fmt"
	"path"
	"regexp"
)

// Functions are the functions with an image, each in a repository whose name ends in the function's.
var Functions = []string{"rotate", "sweep"}

// Image is the name of an image in a registry.
type Image struct {
	Registry   string // host
	Namespace  string
	Repository string // without the namespace
	Tag        string
	Digest     string // sha256:...
}

// form is what terraform/variables.tf requires, without characters that are special in a quoted string of Terraform.
var form = regexp.MustCompile(
	`^([a-z0-9.-]+)/([a-z0-9_-]+)/([a-z0-9._/-]+):([A-Za-z0-9._-]+)@(sha256:[0-9a-f]{64})$`)

// Parse reads a name of the form registry/namespace/repository:tag@sha256:...
func Parse(text string) (Image, error) {
	m := form.FindStringSubmatch(text)
	if m == nil {
		return Image{}, fmt.Errorf("the image '%s' is not registry/namespace/repository:tag@sha256:<64 hexadecimal "+
			"digits>, as keyturn deploy push prints it", text)
	}
	return Image{m[1], m[2], m[3], m[4], m[5]}, nil
}

// ParseAll reads several names.
func ParseAll(texts []string) (all []Image, err error) {
	for _, t := range texts {
		i, err := Parse(t)
		if err != nil {
			return nil, err
		}
		all = append(all, i)
	}
	return all, nil
}

// String returns the name as Parse reads it.
func (i Image) String() string {
	return i.Registry + "/" + i.Namespace + "/" + i.Repository + ":" + i.Tag + "@" + i.Digest
}

// Function is the last part of the repository's name.
func (i Image) Function() string { return path.Base(i.Repository) }

// Pair is an image of each function, in one version: the functions change together.
type Pair struct{ Rotate, Sweep Image }

// ParsePair reads one name of each function, in any order.
func ParsePair(texts []string) (Pair, error) {
	var p Pair
	if len(texts) != len(Functions) {
		return p, fmt.Errorf("%d images: give two, one of rotate and one of sweep, because the functions change "+
			"together", len(texts))
	}
	all, err := ParseAll(texts)
	if err != nil {
		return p, err
	}
	for _, i := range all {
		switch i.Function() {
		case "rotate":
			p.Rotate = i
		case "sweep":
			p.Sweep = i
		default:
			return p, fmt.Errorf("the repository of '%s' ends neither in rotate nor in sweep", i)
		}
	}
	switch {
	case p.Rotate == Image{}:
		return p, fmt.Errorf("two images of sweep: one of rotate is missing")
	case p.Sweep == Image{}:
		return p, fmt.Errorf("two images of rotate: one of sweep is missing")
	case p.Rotate.Tag != p.Sweep.Tag:
		return p, fmt.Errorf("rotate is %s and sweep is %s: give both in one version", p.Rotate.Tag, p.Sweep.Tag)
	}
	return p, nil
}

// Strings returns the names of the pair.
func (p Pair) Strings() []string { return []string{p.Rotate.String(), p.Sweep.String()} }
