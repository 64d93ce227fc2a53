// Command image makes the container images of the functions without a container engine:
//
//	go run ./deploy/image [-function rotate|sweep|all] [-version V] [-revision SHA] [-o DIR] [-tarball FILE]
//
// It writes an OCI image layout and a bill of materials (SPDX 2.3) for each function and prints the digest to deploy.
// The same commit gives the same digest on any machine: flags, Go version, owner, mode and time are fixed.
//
// `docker build` with the Dockerfile at the root makes an identical uncompressed layer, so you can compare the diff
// ids. The digests differ, because an engine writes its own history and compresses differently.
//
// One image holds one function. A function of OCI can't choose its image's command, so an image for both would need a
// configuration key that makes a sweep of a rotator, and each function would carry the other's code.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

var functions = []string{"rotate", "sweep"}

// maxSize is the largest allowed size of an image in bytes: layer and configuration, compressed.
const maxSize = 6_000_000

type options struct {
	function, version, revision, out, tarball string
	engine                                    engine
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, "image:", err)
		os.Exit(1)
	}
}

func parse(args []string, stderr io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("image", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&o.function, "function", "all", "rotate, sweep or all")
	flags.StringVar(&o.version, "version", "", "the version, which mails and the label "+
		"org.opencontainers.image.version show; empty: git describe")
	flags.StringVar(&o.revision, "revision", "", "label org.opencontainers.image.revision; empty: the commit that "+
		"is checked out")
	flags.StringVar(&o.out, "o", "dist", "`folder` for the image layouts and bills of materials")
	flags.StringVar(&o.tarball, "tarball", "", "also write the images to a `file` that docker load takes")
	text := flags.String("engine", string(current), "form of the layer: current (Docker since 23, BuildKit, "+
		"containerd), or docker-20.10, to compare with such an engine's image")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if flags.NArg() > 0 {
		return o, fmt.Errorf("there is no argument %q; -h shows the flags", flags.Arg(0))
	}
	if o.function != "all" && !slices.Contains(functions, o.function) {
		return o, fmt.Errorf("-function is %q; it can be %s or all", o.function, strings.Join(functions, ", "))
	}
	if strings.ContainsAny(o.version, " \t\r\n'\"\\") {
		return o, fmt.Errorf("-version is %q; it can't have blanks or quotation marks", o.version)
	}
	o.engine = engine(*text)
	if o.engine != current && o.engine != docker20 {
		return o, fmt.Errorf("-engine is %q; it can be %s or %s", *text, current, docker20)
	}
	return o, nil
}

// made is one finished image.
type made struct {
	function string
	image    v1.Image
	sbom     []byte
	size     int64
	lines    string // what is printed of it
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o, err := parse(args, stderr)
	if err != nil {
		return err
	}
	source, err := findSource(ctx)
	if err != nil {
		return err
	}
	if err := source.label(ctx, &o, stderr); err != nil {
		return err
	}
	chosen := functions
	if o.function != "all" {
		chosen = []string{o.function}
	}
	for _, f := range chosen {
		if err := replaceable(filepath.Join(o.out, f)); err != nil {
			return err
		}
	}
	var all []made
	for _, f := range chosen {
		m, err := source.make(ctx, f, o)
		if err != nil {
			return fmt.Errorf("making the image of %s: %w", f, err)
		}
		all = append(all, m)
	}
	if err := weigh(all); err != nil { // before anything is written
		return err
	}
	for _, m := range all {
		if err := m.write(o); err != nil {
			return fmt.Errorf("writing the image of %s: %w", m.function, err)
		}
		fmt.Fprint(stdout, m.lines)
	}
	return writeTarball(all, o, stdout)
}

// weigh refuses images that are too large.
func weigh(all []made) error {
	for _, m := range all {
		if m.size >= maxSize {
			return fmt.Errorf("the image of %s has %d bytes compressed; the limit is %d", m.function, m.size,
				maxSize)
		}
	}
	return nil
}

// write replaces the layout and the bill of materials.
func (m made) write(o options) error {
	path := filepath.Join(o.out, m.function)
	if err := writeLayout(path, m.image, o.version); err != nil {
		return err
	}
	return os.WriteFile(path+".spdx.json", m.sbom, 0o644)
}

func writeTarball(all []made, o options, stdout io.Writer) error {
	if o.tarball == "" {
		return nil
	}
	images := map[name.Tag]v1.Image{}
	for _, m := range all {
		tag, err := name.NewTag("keyturn/" + m.function + ":" + o.version)
		if err != nil {
			return fmt.Errorf("naming the image of %s: %w", m.function, err)
		}
		images[tag] = m.image
		fmt.Fprintf(stdout, "%s is in %s\n", tag, o.tarball)
	}
	if err := tarball.MultiWriteToFile(o.tarball, images); err != nil {
		return fmt.Errorf("writing %s: %w", o.tarball, err)
	}
	return nil
}
