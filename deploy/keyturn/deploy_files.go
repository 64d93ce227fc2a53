package main

import (
	"io"
	"regexp"
	"strings"

	"github.com/spf13/cobra"

	"github.com/keyturn/keyturn/deploy/internal/release"
)

var releaseForm = regexp.MustCompile(`^[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?$`)

func deployFilesCommand(a *app, d *deployment) *cobra.Command {
	var o release.Options
	c := &cobra.Command{Use: "release-files FOLDER", Short: "Make the files of a release of Keyturn itself",
		Hidden: true, // it is for the project, not for operators
		Args:   cobra.ExactArgs(1),
		Long: `Makes the files of a release in an empty folder: this command for each system,
the images as OCI layouts, a bill of materials (SPDX 2.3) for each, the stack,
and SHA256SUMS. The same sources and version give the same files.`,
		Example: `  keyturn deploy release-files --version 1.2.3 files`,
		RunE: func(c *cobra.Command, args []string) error {
			o.Source = d.source
			if !releaseForm.MatchString(o.Version) {
				return usage("--version %q is not <major>.<minor>.<patch>", o.Version)
			}
			names, err := release.Names(o)
			if err != nil {
				return usage("%w", err)
			}
			if !d.dry {
				err = release.Make(c.Context(), o, args[0], a.err)
				if err != nil {
					return err
				}
			}
			return a.print(map[string]any{"dry_run": d.dry, "files": names}, func(w io.Writer) error {
				_, err := io.WriteString(w, lines(names))
				return err
			})
		}}
	f := c.Flags()
	f.StringVar(&o.Version, "version", "", "the release's `version`, such as 1.2.3")
	f.StringVar(&o.Revision, "revision", "", "the images' label with the `commit` (default the one checked out)")
	f.StringSliceVar(&o.Systems, "system", release.Systems, "`systems` for the command: "+
		strings.Join(release.Systems, ", "))
	return c
}
