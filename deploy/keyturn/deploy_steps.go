package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/keyturn/keyturn/deploy/internal/image"
	"github.com/keyturn/keyturn/deploy/internal/reference"
	"github.com/keyturn/keyturn/deploy/internal/registry"
	"github.com/keyturn/keyturn/deploy/internal/sign"
	"github.com/keyturn/keyturn/deploy/internal/stack"
)

// builtImage is one image in the result of keyturn deploy build.
type builtImage struct {
	Function string `json:"function"`
	Version  string `json:"version"`
	Digest   string `json:"digest"`
	DiffID   string `json:"diff_id"` // of the uncompressed layer
	Size     int64  `json:"size"`    // of the compressed image, in bytes
}

func deployBuildCommand(a *app, d *deployment) *cobra.Command {
	var o image.Options
	var engine, tarball string
	c := &cobra.Command{Use: "build", Short: "Build the images as OCI image layouts, with an SBOM each",
		Args: cobra.NoArgs,
		Long: `Builds the images of both functions as OCI image layouts, with a bill of
materials (SPDX 2.3) each. It needs Go, and no container engine. The same
sources give identical images on any machine, so building again changes
nothing.`,
		Example: `  keyturn deploy build --version 1.0.0
  keyturn deploy build --dry-run           # compiles, and shows the digests`,
		RunE: func(c *cobra.Command, _ []string) error {
			o.Source, o.Version, o.Engine = d.source, d.version, image.Engine(engine)
			return d.build(c.Context(), o, tarball)
		}}
	d.buildFlags(c)
	f := c.Flags()
	f.StringSliceVar(&o.Only, "function", nil, "build only this `function`: rotate or sweep")
	f.StringVar(&o.Revision, "revision", "", "the images' label with the `commit` (default the one checked out)")
	f.StringVar(&tarball, "tarball", "", "also write a `file` that docker load takes")
	f.StringVar(&engine, "engine", string(image.Current), "form of the layer: current (Docker since 23, BuildKit, "+
		"containerd), or docker-20.10, to compare with such an engine's image")
	return c
}

func (d *deployment) build(ctx context.Context, o image.Options, tarball string) error {
	err := d.prepare()
	if err != nil {
		return err
	}
	err = image.Replaceable(d.dist, o.Only...)
	if err != nil {
		return err
	}
	built, err := image.Build(ctx, o, d.a.err)
	if err != nil {
		return err
	}
	if !d.dry {
		err = image.Write(d.dist, built)
	}
	if err == nil && !d.dry && tarball != "" {
		_, err = image.WriteTarball(tarball, built)
	}
	if err != nil {
		return err
	}
	where := "written: "
	if d.dry {
		where = "dry run: would be written: "
	}
	var result []builtImage
	for _, b := range built {
		fmt.Fprintln(d.a.err, where+filepath.Join(d.dist, b.Function))
		result = append(result, builtImage{b.Function, b.Version, b.Digest.String(), b.DiffID.String(), b.Size})
	}
	return d.a.print(result, func(w io.Writer) error {
		for _, b := range result {
			_, err := fmt.Fprintf(w, "%s %s\n  digest   %s\n  size     %d bytes compressed\n  diff id  %s\n",
				b.Function, b.Version, b.Digest, b.Size, b.DiffID)
			if err != nil {
				return err
			}
		}
		return nil
	})
}

func deployPushCommand(_ *app, d *deployment) *cobra.Command {
	c := &cobra.Command{Use: "push", Short: "Push the images of keyturn deploy build to Container Registry",
		Args: cobra.NoArgs,
		Long: `Pushes the images of keyturn deploy build to Container Registry, and prints
them with their digests, for the other steps. It leaves out what is there
already, and refuses a tag that has another image. With --repository and docker
login it needs no other login.`,
		Example: `  keyturn deploy push >images.txt
  keyturn deploy push --token-file ~/.keyturn-push --dry-run`,
		RunE: func(c *cobra.Command, _ []string) error { return d.push(c.Context()) }}
	c.Flags().StringVar(&d.version, "version", "", "the `version`, which becomes the tag (default the images')")
	d.distFlag(c)
	d.pushFlags(c)
	return c
}

func (d *deployment) push(ctx context.Context) error {
	err := d.prepare()
	if err == nil {
		err = d.fromOutputs()
	}
	if err != nil {
		return err
	}
	items, version, err := registry.Layouts(d.dist)
	if err != nil {
		return err
	}
	d.version = cmp.Or(d.version, version)
	t := target{repositories: d.repository}
	if t.repositories == "" {
		t.cloud, err = d.a.cloud()
		if err == nil {
			t.repositories, err = d.repositories(ctx, t.cloud)
		}
		if err == nil {
			_, err = d.findCompartment(ctx, t)
		}
		if err != nil {
			return err
		}
	}
	err = d.findUser(ctx, t)
	if err != nil {
		return err
	}
	plan, err := registry.Check(ctx, d.pushOptions(t), items, d.a.err)
	if err != nil {
		return err
	}
	_, err = d.carryOut([]step{{len(plan.Missing()), "push %d images", func() error { return plan.Push(d.a.err) }}})
	if err != nil {
		return err
	}
	return d.said(deployResult{Images: plan.References(), Pushed: plan.Missing()})
}

func deploySignCommand(_ *app, d *deployment) *cobra.Command {
	c := &cobra.Command{Use: "sign IMAGE...", Short: "Sign images with the stack's key in Vault",
		Args: cobra.MinimumNArgs(1),
		Long: `Signs images with a key in Vault, so that the application's image policy
accepts them. An IMAGE is as keyturn deploy push prints it. It leaves out what
this key has already signed, and signs nothing unless it finds all images.
Before you sign, you can build the same commit with keyturn deploy build, and
compare the digests.`,
		Example: `  keyturn deploy sign $(cat images.txt)
  keyturn deploy sign --key ocid1.key.oc1..aaaa --dry-run $(cat images.txt)`,
		RunE: func(c *cobra.Command, args []string) error { return d.signAlone(c.Context(), args) }}
	d.signFlags(c)
	d.outputsFlag(c)
	return c
}

func (d *deployment) signAlone(ctx context.Context, args []string) error {
	images, err := reference.ParseAll(args)
	if err != nil {
		return usage("%w", err)
	}
	d.repository = strings.TrimSuffix(images[0].Registry+"/"+images[0].Namespace+"/"+images[0].Repository,
		"/"+images[0].Function())
	for _, i := range images {
		if i.Registry != images[0].Registry {
			return usage("the images are in two registries, %s and %s: sign them one after the other",
				images[0].Registry, i.Registry)
		}
	}
	if d.key == "none" {
		return usage("--key none signs nothing")
	}
	t, err := d.target(ctx)
	if err != nil {
		return err
	}
	o := t.signOptions()
	o.Patience = 0 // they have been pushed before
	plan, err := sign.Check(ctx, t.cloud, o, t.key, images, d.a.err)
	if err != nil {
		return err
	}
	_, err = d.carryOut([]step{{plan.Todo(), "sign %d images", func() error { return plan.Sign(ctx, d.a.err) }}})
	if err != nil {
		return err
	}
	return d.said(deployResult{Images: args, Signed: plan.Todo(), Key: t.key.Version})
}

func deployVariablesCommand(a *app, d *deployment) *cobra.Command {
	var file string
	c := &cobra.Command{Use: "variables IMAGE IMAGE", Short: "Write the images into Terraform's variables",
		Args: cobra.ArbitraryArgs,
		Long: `Writes the images with their digests into variables that Terraform loads. Give
one image of rotate and one of sweep, as keyturn deploy push prints them. Other
lines of the file don't change. Without --file, it prints the two lines.`,
		Example: `  keyturn deploy variables --file terraform/images.auto.tfvars $(cat images.txt)`,
		RunE: func(_ *cobra.Command, args []string) error {
			pair, err := reference.ParsePair(args)
			if err != nil {
				return usage("%w", err)
			}
			if file == "" {
				return a.print(map[string]any{"images": pair.Strings()}, func(w io.Writer) error {
					_, err := io.WriteString(w, stack.Lines(pair))
					return err
				})
			}
			return d.fillIn(file, pair)
		}}
	c.Flags().StringVar(&file, "file", "", "the `file`, such as terraform/images.auto.tfvars")
	return c
}

func (d *deployment) fillIn(file string, pair reference.Pair) error {
	v, err := stack.Fill(file, pair)
	if err != nil {
		return usage("%w", err)
	}
	r := deployResult{DryRun: d.dry, Images: pair.Strings()}
	switch {
	case !v.Changed():
		fmt.Fprintf(d.a.err, "%s already has these images\n", file)
	case d.dry:
		fmt.Fprintf(d.a.err, "dry run: %s would contain\n", file)
		r.Files = []string{file}
	default:
		r.Files = []string{file}
		err := v.Write()
		if err != nil {
			return err
		}
		fmt.Fprintf(d.a.err, "written: %s\n", file)
	}
	return d.a.print(r, func(w io.Writer) error {
		if !d.dry || !v.Changed() {
			return nil
		}
		_, err := io.WriteString(w, v.Text)
		return err
	})
}

func deployStackCommand(a *app, d *deployment) *cobra.Command {
	return &cobra.Command{Use: "stack FILE.zip [IMAGE IMAGE]", Short: "Pack the stack for Resource Manager",
		Args: cobra.MinimumNArgs(1),
		Long: `Packs the project's terraform folder as a stack for Resource Manager. With two
images, as keyturn deploy push prints them, the form has them as default
values; without, it has none, as the first apply needs. The same files give an
identical archive.`,
		Example: `  keyturn deploy stack keyturn-stack.zip
  keyturn deploy stack keyturn-stack.zip $(cat images.txt)`,
		RunE: func(_ *cobra.Command, args []string) error {
			err := stack.CheckArchive(args[0])
			if err != nil {
				return usage("%w", err)
			}
			var images *reference.Pair
			if len(args) > 1 {
				pair, err := reference.ParsePair(args[1:])
				if err != nil {
					return usage("%w", err)
				}
				images = &pair
			}
			archive, err := stack.Pack(d.source, images)
			if err != nil {
				return err
			}
			if d.dry {
				fmt.Fprintf(a.err, "dry run: %s would contain\n", args[0])
			} else {
				err = archive.Write(args[0])
				if err != nil {
					return err
				}
				fmt.Fprintf(a.err, "written: %s\n", args[0])
			}
			return a.print(map[string]any{"dry_run": d.dry, "file": args[0], "contains": archive.Names},
				func(w io.Writer) error {
					_, err := io.WriteString(w, lines(archive.Names))
					return err
				})
		}}
}
