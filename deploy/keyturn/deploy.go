package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/spf13/cobra"

	"github.com/keyturn/keyturn/deploy/internal/image"
	"github.com/keyturn/keyturn/deploy/internal/reference"
	"github.com/keyturn/keyturn/deploy/internal/registry"
	"github.com/keyturn/keyturn/deploy/internal/sign"
	"github.com/keyturn/keyturn/deploy/internal/stack"
)

// deployment has the flags of keyturn deploy and its subcommands.
type deployment struct {
	a *app

	dry     bool
	source  string // the project's folder
	dist    string // folder of the image layouts; "" for dist in source
	version string
	built   bool // take the layouts in dist instead of building them

	repository  string // beginning of the repositories' names
	prefix      string // name_prefix of the stack
	outputs     string // file of `terraform output -json`
	compartment string
	user        string
	tokenFile   string
	moveTag     bool

	key, keyVersion, endpoint string

	variables string
	archive   string
}

// deployResult is the result of keyturn deploy and its subcommands.
type deployResult struct {
	DryRun bool     `json:"dry_run"`
	Images []string `json:"images,omitempty"` // references with tag and digest
	Pushed []string `json:"pushed,omitempty"`
	Signed int      `json:"signed"`
	Key    string   `json:"key,omitempty"`   // OCID of the version that signs
	Files  []string `json:"files,omitempty"` // written, or to be written
}

const deployText = `Brings the functions' images into the tenancy: builds them, pushes them to
Container Registry, signs them with the stack's key in Vault, writes them into
Terraform's variables, and packs the stack for Resource Manager. Then apply the
stack. What is already done is left alone, so you can run it again.

It needs the repositories and the key that the stack's first apply creates. What
it needs to know, it finds: the region and the namespace by your login, the
compartment by the repositories, the key by its name. Or it reads them from the
stack's outputs: terraform output -json >outputs.json.

Container Registry takes an auth token as password. Run docker login, or give a
file with your token. A token is never an argument.

It shows what it will do, and asks. --dry-run only shows it.`

func deployCommand(a *app) *cobra.Command {
	d := &deployment{a: a}
	c := &cobra.Command{Use: "deploy", Short: "Build, push and sign the functions' images, and fill in the stack",
		Long: deployText, Args: cobra.NoArgs, GroupID: groupDeploy,
		Example: `  keyturn deploy --version 1.0.0 --token-file ~/.keyturn-push
  keyturn deploy --version 1.0.0 --outputs outputs.json --dry-run
  keyturn deploy --built --key none        # a release's images, unsigned`,
		RunE: func(c *cobra.Command, _ []string) error { return d.all(c.Context()) }}
	f := c.PersistentFlags()
	f.BoolVar(&d.dry, "dry-run", false, "show what would be done, and change nothing")
	f.StringVar(&d.source, "source", ".", "the project's `folder`")
	d.buildFlags(c)
	c.Flags().BoolVar(&d.built, "built", false, "take the images that are in the folder --dist, such as a release's")
	d.pushFlags(c)
	d.signFlags(c)
	d.fileFlags(c)
	for _, make := range []func(*app, *deployment) *cobra.Command{deployBuildCommand, deployPushCommand,
		deploySignCommand, deployVariablesCommand, deployStackCommand, deployFilesCommand} {
		c.AddCommand(make(a, d))
	}
	return c
}

func (d *deployment) buildFlags(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&d.version, "version", "", "the images' `version`, which becomes their tag (default git describe)")
	d.distFlag(c)
}

func (d *deployment) distFlag(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&d.dist, "dist", "", "`folder` of the images (default dist in the project's)")
}

func (d *deployment) pushFlags(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&d.repository, "repository", "", "beginning of the repositories' `names`, such as "+
		"fra.ocir.io/<namespace>/keyturn (default the tenancy's in your region)")
	f.StringVar(&d.prefix, "prefix", "keyturn", "the stack's input name_prefix")
	f.StringVar(&d.user, "user", "", "`user` of --token-file: <namespace>/<user>, or "+
		"<namespace>/<domain>/<user> (default you)")
	f.StringVar(&d.tokenFile, "token-file", "", "`file` with an auth token, which is the password for the "+
		"registry; - is the standard input (default as docker login has left it)")
	f.BoolVar(&d.moveTag, "move-tag", false, "move a tag that has another image; an immutable repository refuses that")
	d.outputsFlag(c)
}

func (d *deployment) outputsFlag(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&d.outputs, "outputs", "", "`file` that terraform output -json has written")
}

func (d *deployment) signFlags(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&d.compartment, "compartment", "", "`OCID` of the repositories' compartment (default where they are)")
	f.StringVar(&d.key, "key", "", "`OCID` of the signing key, or none (default the key <prefix>-signing in "+
		"--compartment)")
	f.StringVar(&d.keyVersion, "key-version", "", "`OCID` of the key's version (default the current one)")
	f.StringVar(&d.endpoint, "endpoint", "", "management `endpoint` of the key's vault (default by the key's OCID)")
}

func (d *deployment) fileFlags(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&d.variables, "variables", "", "`file` for the images that Terraform loads (default "+
		"terraform/images.auto.tfvars)")
	f.StringVar(&d.archive, "stack", "", "`file` for the packed stack (default keyturn-stack.zip in --dist)")
}

var tagForm = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$`)

// prepare sets the defaults of files, and refuses wrong flags.
func (d *deployment) prepare() error {
	d.dist = cmp.Or(d.dist, filepath.Join(d.source, "dist"))
	d.variables = cmp.Or(d.variables, filepath.Join(d.source, "terraform", "images.auto.tfvars"))
	d.archive = cmp.Or(d.archive, filepath.Join(d.dist, "keyturn-stack.zip"))
	if d.version != "" && !tagForm.MatchString(d.version) {
		return usage("--version %s can't be a tag: letters, digits, dots and dashes", d.version)
	}
	if d.user != "" && d.tokenFile == "" {
		return usage("%s has no token: give --token-file, or leave out --user to sign in as docker login has left it",
			d.user)
	}
	return nil
}

// said is a result that was only shown.
func (d *deployment) said(r deployResult) error {
	if d.dry {
		fmt.Fprintln(d.a.err, "dry run: nothing was changed")
	}
	r.DryRun = d.dry
	return d.a.print(r, func(w io.Writer) error {
		_, err := io.WriteString(w, lines(r.Images))
		return err
	})
}

func lines(all []string) string {
	if len(all) == 0 {
		return ""
	}
	return strings.Join(all, "\n") + "\n"
}

// step is a part of a plan.
type step struct {
	todo int
	what string // such as "push %d images"
	do   func() error
}

// carryOut asks, and takes the steps that are to be taken.
func (d *deployment) carryOut(steps []step) (done bool, err error) {
	var plan []string
	for _, s := range steps {
		if s.todo > 0 {
			plan = append(plan, fmt.Sprintf(s.what, s.todo))
		}
	}
	if d.dry || len(plan) == 0 {
		return false, nil
	}
	agreed, err := d.a.ask("This will " + strings.Join(plan, ", ") + ". Go on?")
	if err != nil {
		return false, err
	}
	if !agreed {
		return false, declined
	}
	for _, s := range steps {
		if s.todo > 0 {
			err := s.do()
			if err != nil {
				return false, err
			}
		}
	}
	return true, nil
}

// all takes all steps. It checks everything before it changes anything.
func (d *deployment) all(ctx context.Context) error {
	err := d.prepare()
	if err != nil {
		return err
	}
	t, err := d.target(ctx)
	if err != nil {
		return err
	}
	err = d.findUser(ctx, t)
	if err != nil {
		return err
	}
	items, built, err := d.images(ctx)
	if err != nil {
		return err
	}
	push, err := registry.Check(ctx, d.pushOptions(t), items, d.a.err)
	if err != nil {
		return err
	}
	pair, err := reference.ParsePair(push.References())
	if err != nil {
		return err
	}
	signing, err := d.checkSigning(ctx, t, pair, push.Missing())
	if err != nil {
		return err
	}
	variables, archive, err := d.files(pair)
	if err != nil {
		return err
	}
	result := deployResult{Images: push.References(), Pushed: push.Missing(), Signed: signing, Key: t.key.Version,
		Files: d.changed(variables, archive)}
	_, err = d.carryOut([]step{
		{len(built), "write %d image layouts to " + d.dist, func() error { return image.Write(d.dist, built) }},
		{len(push.Missing()), "push %d images", func() error { return push.Push(d.a.err) }},
		{signing, "sign %d images", func() error { return d.sign(ctx, t, pair) }},
		{len(result.Files), "write %d files of the stack", func() error { return d.write(variables, archive) }},
	})
	if err != nil {
		return err
	}
	if !d.dry {
		fmt.Fprintf(d.a.err, "next: apply the stack. Terraform loads %s; for Resource Manager, upload %s\n",
			d.variables, d.archive)
	}
	return d.said(result)
}

// images builds the images, or reads those that are built.
func (d *deployment) images(ctx context.Context) (items []registry.Item, built []image.Image, err error) {
	if d.built {
		var version string
		items, version, err = registry.Layouts(d.dist)
		d.version = cmp.Or(d.version, version)
		return items, nil, err
	}
	err = image.Replaceable(d.dist)
	if err != nil {
		return nil, nil, err
	}
	built, err = image.Build(ctx, image.Options{Source: d.source, Version: d.version}, d.a.err)
	if err != nil {
		return nil, nil, err
	}
	if d.version == "" && strings.HasSuffix(built[0].Version, "-dirty") {
		return nil, nil, usage("the sources have changes that are not committed, so no version names them: " +
			"commit them, or choose a version with --version")
	}
	d.version = built[0].Version
	for _, b := range built {
		items = append(items, registry.Item{Function: b.Function, Image: b.Image})
	}
	if same, _, err := registry.Layouts(d.dist); err == nil && registry.Same(same, items) {
		built = nil // nothing to write
	}
	return items, built, nil
}

// checkSigning says what is to be signed, and returns the number of images. Those that are not pushed yet can't be
// looked up.
func (d *deployment) checkSigning(ctx context.Context, t target, pair reference.Pair, missing []string) (int, error) {
	if t.unsigned {
		fmt.Fprintln(d.a.err, "not signed: an application with require_signed_images = true refuses these images")
		return 0, nil
	}
	var there []reference.Image
	for _, i := range []reference.Image{pair.Rotate, pair.Sweep} {
		if !contains(missing, i.String()) {
			there = append(there, i)
			continue
		}
		fmt.Fprintf(d.a.err, "will be signed after the push with %s: %s\n", t.key.Version, i)
	}
	plan, err := sign.Check(ctx, t.cloud, t.signOptions(), t.key, there, d.a.err)
	if err != nil {
		return 0, err
	}
	return plan.Todo() + len(missing), nil
}

func contains(all []string, one string) bool {
	for _, a := range all {
		if a == one {
			return true
		}
	}
	return false
}

// sign signs the images of the registry that are not signed.
func (d *deployment) sign(ctx context.Context, t target, pair reference.Pair) error {
	plan, err := sign.Check(ctx, t.cloud, t.signOptions(), t.key, []reference.Image{pair.Rotate, pair.Sweep},
		io.Discard)
	if err != nil {
		return err
	}
	return plan.Sign(ctx, d.a.err)
}

// files prepares the variables and the archive.
func (d *deployment) files(pair reference.Pair) (*stack.Variables, stack.Archive, error) {
	variables, err := stack.Fill(d.variables, pair)
	if err != nil {
		return nil, stack.Archive{}, err
	}
	archive, err := stack.Pack(d.source, &pair)
	return variables, archive, err
}

// changed are the files that would be written.
func (d *deployment) changed(variables *stack.Variables, archive stack.Archive) (files []string) {
	if variables.Changed() {
		files = append(files, d.variables)
	}
	if !archive.Current(d.archive) {
		files = append(files, d.archive)
	}
	for _, f := range files {
		fmt.Fprintf(d.a.err, "will be written: %s\n", f)
	}
	return files
}

func (d *deployment) write(variables *stack.Variables, archive stack.Archive) error {
	err := variables.Write()
	if err == nil {
		err = archive.Write(d.archive)
	}
	return err
}
