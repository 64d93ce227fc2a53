package main

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"github.com/keyturn/keyturn/deploy/internal/operate"
	"github.com/keyturn/keyturn/pkg/clock"
	"github.com/keyturn/keyturn/pkg/cloudguard"
	"github.com/keyturn/keyturn/pkg/config"
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/oci"
)

const undoText = `Undo makes the version of a secret that was CURRENT before a rotation CURRENT
again, while its credential lives. That is so during the overlap (grace) that
follows a rotation. It changes all secrets of the rotation: both halves of a
customer secret key, for example.

Afterwards the functions leave both credentials alone: they open the problem
again and mail that the secret was changed. It refuses where they might work
against the undo, and says what to do instead.

It reads the version that becomes CURRENT and uses its credential once, to see
that it works. You need the permissions to read and update the secrets, to read
secret-bundles, and to list the user's credentials.`

// noDomains is the value of --domains for a tenancy without identity domains.
const noDomains = "none"

// domainsFlag adds the flag for the identity domains to ask.
func domainsFlag(c *cobra.Command, domains *[]string) {
	c.Flags().StringSliceVar(domains, "domains", []string{config.AllDomains}, "the identity `domains` to ask: all for "+
		"those of the root compartment, OCIDs of compartments and domains, or none in a tenancy without domains")
}

// cloudOf is cloud with the identity domains to ask.
func (a *app) cloudOf(domains []string) (*oci.Cloud, error) {
	c, err := a.cloud()
	if err != nil {
		return nil, err
	}
	if !slices.Equal(domains, []string{noDomains}) {
		c.IdentityDomains = domains
	}
	return c, nil
}

// showPlan prints a plan before the question about it: to the standard error if the result is JSON.
func (a *app) showPlan(text func(io.Writer) error) error {
	if a.json {
		return text(a.err)
	}
	return text(a.out)
}

// listOf lists a user's credentials.
func listOf(c *oci.Cloud) func(context.Context, credential.Kind, string) (credential.Listing, error) {
	return func(ctx context.Context, k credential.Kind, user string) (credential.Listing, error) {
		return c.Issuer(k).List(ctx, user)
	}
}

func undoCommand(a *app) *cobra.Command {
	var domains []string
	c := &cobra.Command{Use: "undo SECRET", Short: "Make a secret's version before the rotation CURRENT again",
		Long: undoText, GroupID: groupChange, Args: cobra.ExactArgs(1),
		Example: "  keyturn undo ocid1.vaultsecret.oc1.iad.amaaaaaa...",
		RunE: func(c *cobra.Command, args []string) error {
			id, err := cloudguard.ParseOCID(args[0], cloudguard.TypeSecret)
			if err != nil {
				return usage("SECRET: %q isn't the OCID of a secret (ocid1.vaultsecret...)", args[0])
			}
			cloud, err := a.cloudOf(domains)
			if err != nil {
				return err
			}
			return a.undo(c.Context(), operate.Undo{Vault: cloud.Vault(), Credentials: listOf(cloud), Directory: cloud,
				Prover: cloud.Prover(), Clock: clock.System{}}, string(id))
		}}
	domainsFlag(c, &domains)
	return c
}

func (a *app) undo(ctx context.Context, u operate.Undo, id string) error {
	p, err := u.Plan(ctx, id)
	switch {
	case err != nil:
		return fmt.Errorf("the rotation can't be undone: %w", err)
	case p.Undone():
		return a.print(p, func(w io.Writer) error {
			_, err := fmt.Fprintln(w, "It is undone already: nothing was changed.")
			return err
		})
	}
	if err := a.showPlan(func(w io.Writer) error { return p.Write(w) }); err != nil {
		return err
	}
	ok, err := a.ask("Make these versions CURRENT?")
	if err != nil {
		return err
	}
	if !ok {
		return declined
	}
	done, err := u.Apply(ctx, p)
	if err != nil {
		for _, s := range done.Secrets {
			state := "not changed"
			if s.Done {
				state = fmt.Sprintf("version %d was made CURRENT", s.To)
			}
			fmt.Fprintf(a.err, "secret %s (%s): %s\n", s.Name, s.ID, state)
		}
		return fmt.Errorf("%w. Run the same command again to finish it", err)
	}
	return a.print(done, func(w io.Writer) error {
		_, err := fmt.Fprintf(w, "Done. The old %s %s is CURRENT again, and the new one, %s, still exists.\n"+
			"The functions open the problem again, and delete neither. Decide within the old one's remaining life: to "+
			"keep the new one\nafter all, make version %d CURRENT again and close the problem again; else delete the "+
			"new one once nothing uses it.\n", done.Kind.Noun(), done.Old, done.New, done.Secrets[0].From)
		return err
	})
}
