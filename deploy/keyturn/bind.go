package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/keyturn/keyturn/deploy/internal/binding"
	"github.com/keyturn/keyturn/deploy/internal/operate"
	"github.com/keyturn/keyturn/pkg/clock"
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
	"github.com/keyturn/keyturn/pkg/inventory"
	"github.com/keyturn/keyturn/pkg/oci"
)

const bindText = `Bind says for which user and kind of credential a secret is. The functions write
a new credential only to a secret that is bound to its user and kind.

Without arguments it proposes bindings for all living credentials that have no
bound secret: from the names and tags of the secrets, and, with --contents, from
what they hold. A secret that fits several credentials is not proposed; the list
says which command decides it. With USER, or USER and KIND, it proposes for that
user alone. With --secret it binds that secret. With --csv it binds what a file
says: its first line is user,kind,secret,role (role is optional), a user is a
name, <domain>/<name> or an OCID, a secret an OCID or a name. If one line is
wrong, nothing is bound.

With --create it makes a secret where none fits, in the given vault and
compartment. Its content is a placeholder until the first rotation.

Other tags of a secret stay. It may be run again: what is bound is skipped. It
never prints what a secret holds.`

// binder are the flags of the command bind.
type binder struct {
	csv, secret, role string
	contents, create  bool
	freeform          bool
	place             binding.Place
	domains, regions  []string
}

func bindCommand(a *app) *cobra.Command {
	var f binder
	c := &cobra.Command{Use: "bind [USER [KIND]]", Short: "Bind secrets to users and kinds of credential",
		Long: bindText, GroupID: groupChange, Args: cobra.MaximumNArgs(2), Example: `  keyturn bind
  keyturn bind --contents
  keyturn bind --csv bindings.csv
  keyturn bind jane@example.com api-key --secret ocid1.vaultsecret...
  keyturn bind --create --vault ocid1.vault... --key ocid1.key... \
    --compartment ocid1.compartment...`,
		RunE: func(c *cobra.Command, args []string) error {
			if err := f.check(args); err != nil {
				return err
			}
			return a.bind(c.Context(), f, args)
		}}
	domainsFlag(c, &f.domains)
	regionsFlag(c, &f.regions)
	flags := c.Flags()
	flags.StringVar(&f.csv, "csv", "", "bind what this `file` says; - is the standard input")
	flags.StringVar(&f.secret, "secret", "", "the `OCID` or the name of the secret to bind to USER and KIND")
	flags.StringVar(&f.role, "role", "", "the `role` of --secret: the part of the credential that it holds, or bundle")
	flags.BoolVar(&f.contents, "contents", false, "read the secrets' contents to recognize credentials")
	flags.BoolVar(&f.create, "create", false, "make secrets where none fits")
	flags.StringVar(&f.place.Vault, "vault", "", "the `OCID` of the vault for new secrets")
	flags.StringVar(&f.place.Key, "key", "", "the `OCID` of the key that encrypts new secrets")
	flags.StringVar(&f.place.Compartment, "compartment", "", "the `OCID` of the compartment for new secrets")
	flags.BoolVar(&f.freeform, "freeform", false, "write freeform tags keyturn-user, keyturn-kind and keyturn-role in "+
		"place of the defined tags keyturn.user, keyturn.kind and keyturn.role")
	return c
}

// check refuses flags that don't fit together.
func (f binder) check(args []string) error {
	switch {
	case f.csv != "" && (len(args) > 0 || f.secret != ""):
		return usage("--csv names the users and secrets itself: leave out USER, KIND and --secret")
	case f.secret != "" && len(args) != 2:
		return usage("--secret needs USER and KIND")
	case f.role != "" && f.secret == "":
		return usage("--role needs --secret")
	case f.create && (f.place.Vault == "" || f.place.Key == "" || f.place.Compartment == ""):
		return usage("--create needs --vault, --key and --compartment")
	case !f.create && f.place != (binding.Place{}):
		return usage("--vault, --key and --compartment need --create")
	}
	return nil
}

func (a *app) bind(ctx context.Context, f binder, args []string) error {
	rows, err := a.rows(f, args) // before anything is asked
	if err != nil {
		return err
	}
	cloud, err := a.cloudOf(f.domains)
	if err != nil {
		return err
	}
	plan, gaps, err := a.bindingPlan(ctx, cloud, f, args, rows)
	if err != nil {
		return err
	}
	var missing error
	if len(gaps) > 0 {
		missing = incomplete("not everything could be read, so that more may be missing: %s", gapText(gaps))
	}
	if len(plan.Left()) == 0 {
		return errors.Join(a.print(bound{plan, []binding.Done{}}, func(w io.Writer) error { return plan.Write(w) }),
			missing)
	}
	if err := a.showPlan(plan.Write); err != nil {
		return err
	}
	if missing != nil {
		fmt.Fprintln(a.err, "keyturn: WARNING:", missing)
	}
	ok, err := a.ask(fmt.Sprintf("Make these %d bindings?", len(plan.Left())))
	if err != nil {
		return err
	}
	if !ok {
		return declined
	}
	a.stop.Store(&stopping{first: "interrupted; it finishes the bindings that it has begun. Run the same command " +
		"again for the rest."})
	bar := a.progress(len(plan.Left()), "bindings")
	done := binding.Applier{Vault: cloud.Vault(), Clock: clock.System{}, Freeform: f.freeform, Place: f.place,
		Progress: bar.Add}.Apply(ctx, plan)
	bar.Finish()
	err = a.print(bound{plan, done}, func(w io.Writer) error { return binding.WriteDone(w, done) })
	if bad := binding.Failed(done); len(bad) > 0 {
		return errors.Join(err, fmt.Errorf("%d of %d bindings are not made. Run the same command again: it makes "+
			"those alone", len(bad), len(done)))
	}
	return errors.Join(err, missing)
}

// bound is the result of the command bind.
type bound struct {
	binding.Plan
	Done []binding.Done `json:"done"`
}

// rows are the bindings that the operator states, by a file or by flags.
func (a *app) rows(f binder, args []string) ([]binding.Row, error) {
	switch {
	case f.secret != "":
		return []binding.Row{{User: args[0], Kind: args[1], Secret: f.secret, Role: f.role}}, nil
	case f.csv == "":
		return nil, nil
	}
	var in io.Reader = a.in
	if f.csv != "-" {
		file, err := os.Open(filepath.Clean(f.csv))
		if err != nil {
			return nil, usage("--csv: %v", err)
		}
		defer file.Close()
		in = file
	}
	rows, err := binding.ReadRows(in)
	if err != nil {
		return nil, usage("%s: nothing was bound\n%v", f.csv, err)
	}
	return rows, nil
}

// bindingPlan reads the tenancy and makes the plan.
func (a *app) bindingPlan(ctx context.Context, cloud *oci.Cloud, f binder, args []string,
	rows []binding.Row) (plan binding.Plan, gaps []inventory.Gap, err error) {
	secrets, gaps := operate.Secrets(ctx, cloud, clock.System{}, f.regions)
	if rows != nil {
		w := binding.World{Secrets: binding.Candidates(secrets), Create: f.create}
		var more []inventory.Gap
		w.Users, more = operate.AllUsers(ctx, cloud, clock.System{})
		plan, err = binding.Check(rows, w)
		gaps = append(gaps, more...)
		switch {
		case err != nil && len(gaps) > 0:
			return plan, gaps, incomplete("nothing was bound. Not everything could be read (%s), which may be the "+
				"cause:\n%v",
				gapText(gaps), err)
		case err != nil:
			return plan, gaps, usage("nothing was bound\n%v", err)
		}
		return plan, gaps, nil
	}
	if f.create && len(gaps) > 0 && len(args) < 2 {
		return plan, gaps, incomplete("not all secrets could be listed, so that it isn't known where one is "+
			"missing: %s. Name USER and KIND, or the regions to ask with --regions", gapText(gaps))
	}
	subjects, more, err := a.subjects(ctx, cloud, args)
	if err != nil {
		return plan, gaps, err
	}
	all := binding.Candidates(secrets)
	if f.contents {
		bar := a.progress(len(all), "secrets read")
		binding.ReadContents(ctx, cloud.Vault(), all, bar.Add)
		bar.Finish()
	}
	return binding.Propose(subjects, all, f.create), append(gaps, more...), nil
}

// subjects reads the living credentials: of one user, or of all.
func (a *app) subjects(ctx context.Context, cloud *oci.Cloud, args []string) (all []binding.Subject,
	gaps []inventory.Gap, err error) {
	if len(args) == 0 {
		all, gaps := a.allSubjects(ctx, cloud)
		return all, gaps, nil
	}
	kinds := credential.Kinds()
	if len(args) == 2 {
		k, err := kindOf(args[1])
		if err != nil {
			return nil, nil, err
		}
		kinds = []credential.Kind{k}
	}
	u, err := operate.FindUser(ctx, cloud, clock.System{}, args[0])
	if err != nil {
		return nil, nil, err
	}
	for _, k := range kinds {
		listing, err := cloud.Issuer(k).List(ctx, u.ID)
		if k.Origin() == credential.Reset && fault.Of(err) == fault.Absent {
			err = nil // the user has no password; it needs no secret
		}
		if err != nil {
			return nil, nil, fmt.Errorf("listing the %ss of %s: %w", k.Noun(), u.Name, err)
		}
		s := binding.Subject{Kind: k, User: u.ID, Name: u.Name}
		for _, c := range listing.Credentials {
			s.IDs = append(s.IDs, c.ID)
		}
		if len(s.IDs) > 0 || len(args) == 2 {
			all = append(all, s)
		}
	}
	return all, nil, nil
}
