package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"

	"github.com/keyturn/keyturn/pkg/version"
)

// manPages is the result of keyturn man.
type manPages struct {
	Folder string   `json:"folder"`
	Pages  []string `json:"pages"` // names of the files
}

func manCommand(a *app) *cobra.Command {
	return &cobra.Command{Use: "man FOLDER", Short: "Write manual pages", Args: cobra.ExactArgs(1), GroupID: groupOther,
		Long: `Writes a manual page for keyturn, and one for each command, into the folder. It
makes the folder if there is none, and overwrites pages of an earlier version.

With --json: {"folder", "pages"}.`,
		Example: `  keyturn man ~/.local/share/man/man1 && man keyturn
  keyturn man /usr/local/share/man/man1`,
		RunE: func(c *cobra.Command, args []string) error {
			if err := os.MkdirAll(args[0], 0o755); err != nil {
				return fmt.Errorf("making the folder: %w", err)
			}
			forMan(c.Root())
			header := &doc.GenManHeader{Section: "1", Source: "Keyturn " + version.Version(), Manual: "Keyturn"}
			if err := doc.GenManTree(c.Root(), header, args[0]); err != nil {
				return fmt.Errorf("writing the pages: %w", err)
			}
			paths, err := filepath.Glob(filepath.Join(args[0], "keyturn*.1"))
			if err != nil {
				return fmt.Errorf("listing the pages: %w", err)
			}
			m := manPages{Folder: args[0]}
			for _, p := range paths {
				m.Pages = append(m.Pages, filepath.Base(p))
			}
			slices.Sort(m.Pages)
			return a.print(m, func(w io.Writer) error {
				_, err := fmt.Fprintf(w, "%d pages written to %s\n", len(m.Pages), m.Folder)
				return err
			})
		}}
}

// forMan changes the texts of all commands so that their Markdown, from which the pages are made, shows them unchanged.
func forMan(c *cobra.Command) {
	c.Long = markdown(c.Long)
	for _, sub := range c.Commands() {
		forMan(sub)
	}
}

// markdown turns indented lines into blocks without wrapping, and escapes what would be a tag.
func markdown(text string) string {
	var b strings.Builder
	inside := false
	for line := range strings.Lines(text) {
		indented := strings.HasPrefix(line, "  ")
		if indented != inside {
			b.WriteString("\n")
		}
		inside = indented
		if indented {
			b.WriteString("  " + line)
			continue
		}
		b.WriteString(strings.NewReplacer("<", `\<`, "*", `\*`).Replace(line))
	}
	return b.String()
}
