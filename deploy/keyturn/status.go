package main

import (
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/keyturn/keyturn/deploy/internal/operate"
	"github.com/keyturn/keyturn/pkg/clock"
	"github.com/keyturn/keyturn/pkg/guard"
	"github.com/keyturn/keyturn/pkg/inventory"
)

const statusText = `Status says what is half-way, due or held in the secrets that are bound, and
which problems the functions opened again, and why. It changes nothing.

It ends with exit code 1 if a person has to do something, and with 3 if a part
of the tenancy could not be asked. It needs no permission but to inspect and
read secrets, users, their credentials, and Cloud Guard's problems. It reads no
content of a secret.`

// regionsFlag adds the flag for the regions of secrets.
func regionsFlag(c *cobra.Command, regions *[]string) {
	c.Flags().StringSliceVar(regions, "regions", nil, "the `regions` in which to look for secrets (default: all "+
		"that the tenancy is subscribed to)")
}

func statusCommand(a *app) *cobra.Command {
	var domains, regions []string
	c := &cobra.Command{Use: "status", Short: "Show what is half-way, due or held", Long: statusText, GroupID: groupSee,
		Args: cobra.NoArgs, Example: "  keyturn status\n  keyturn status --json --regions eu-frankfurt-1",
		RunE: func(c *cobra.Command, _ []string) error { return a.status(c, domains, regions) }}
	domainsFlag(c, &domains)
	regionsFlag(c, &regions)
	return c
}

func (a *app) status(c *cobra.Command, domains, regions []string) error {
	cloud, err := a.cloudOf(domains)
	if err != nil {
		return err
	}
	secrets, gaps := operate.Secrets(c.Context(), cloud, clock.System{}, regions)
	n := 0
	for _, s := range secrets {
		if _, _, ok := guard.BoundTo(s); ok {
			n++
		}
	}
	bar := a.progress(n, "bound secrets")
	s := operate.StatusOf{Secret: cloud.Vault().Secret, Credentials: listOf(cloud), Problems: cloud,
		Name: cloud.UserName}.
		Run(c.Context(), secrets, time.Now(), bar.Add)
	bar.Finish()
	for _, g := range gaps {
		s.NotAsked = append(s.NotAsked, gapText([]inventory.Gap{g}))
	}
	if err := a.print(s, func(w io.Writer) error { return s.Write(w) }); err != nil {
		return err
	}
	switch {
	case len(s.NotAsked) > 0:
		return exit{code: exitIncomplete}
	case s.Needs():
		return exit{code: exitWrong}
	}
	return nil
}

// gapText describes gaps in a sentence.
func gapText(gaps []inventory.Gap) string {
	text := ""
	for i, g := range gaps {
		if i > 0 {
			text += "; "
		}
		where := ""
		for _, w := range []string{g.Domain.Name, g.Region, g.Thing} {
			if w != "" {
				where += " " + w
			}
		}
		text += fmt.Sprintf("%s%s: %v", g.Doing, where, g.Err)
	}
	return text
}
