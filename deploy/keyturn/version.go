package main

import (
	"fmt"
	"io"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/keyturn/keyturn/pkg/version"
)

// build is the result of keyturn version.
type build struct {
	Version string `json:"version"`
	Commit  string `json:"commit,omitempty"` // "" if the build doesn't know it
	Go      string `json:"go"`
	System  string `json:"system"` // such as linux/amd64
}

func versionCommand(a *app) *cobra.Command {
	return &cobra.Command{Use: "version", Short: "Print the version", Args: cobra.NoArgs, GroupID: groupOther,
		Long: `Prints which build this is: its version, the commit of its sources, the version
of Go that built it, and the system that it was built for. It calls no service.

With --json: {"version", "commit", "go", "system"}. A build from sources outside
of Git has no commit.`,
		Example: `  keyturn version
  keyturn version --json`,
		RunE: func(*cobra.Command, []string) error {
			b := build{version.Version(), version.Commit(), runtime.Version(), runtime.GOOS + "/" + runtime.GOARCH}
			return a.print(b, func(w io.Writer) error {
				_, err := fmt.Fprintf(w, "keyturn %s\n", b.Version)
				if err == nil && b.Commit != "" {
					_, err = fmt.Fprintf(w, "commit  %s\n", b.Commit)
				}
				if err == nil {
					_, err = fmt.Fprintf(w, "built   by %s for %s\n", b.Go, b.System)
				}
				return err
			})
		}}
}
