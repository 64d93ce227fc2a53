package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/keyturn/keyturn/deploy/internal/operate"
	"github.com/keyturn/keyturn/pkg/clock"
	"github.com/keyturn/keyturn/pkg/cloudguard"
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/oci"
)

const rotateText = `Rotate closes the open problem about a user's credential with the closure
comment that orders its rotation, and follows the rotation to its end.

USER is a name, <domain>/<name> for a user of another domain than Default, or an
OCID. KIND is api-key, auth-token, customer-secret-key or password. The comment
names the secrets that are bound to the user and kind (keyturn bind).

The functions rotate only what Cloud Guard has an open problem for. If they
refuse, they open the problem again; this command then prints why, and ends with
exit code 1.`

// rotating are the flags of the command rotate.
type rotating struct {
	wish    operate.Wish
	domains []string
	regions []string
	noWait  bool
	timeout time.Duration
}

func rotateCommand(a *app) *cobra.Command {
	var f rotating
	c := &cobra.Command{Use: "rotate USER KIND", Short: "Rotate a credential now", Long: rotateText,
		GroupID: groupChange, Args: cobra.ExactArgs(2), Example: `  keyturn rotate jane@example.com api-key
  keyturn rotate Partners/jane auth-token --grace 72h
  keyturn rotate jane@example.com api-key --dry-run`,
		RunE: func(c *cobra.Command, args []string) error { return a.rotate(c, f, args[0], args[1]) }}
	domainsFlag(c, &f.domains)
	regionsFlag(c, &f.regions)
	flags := c.Flags()
	flags.StringVar(&f.wish.Problem, "problem", "", "the `OCID` of the problem, if several are open")
	flags.StringVar(&f.wish.ID, "credential", "", "the `id` of the credential, if several problems are open")
	flags.StringVar(&f.wish.Grace, "grace", "", "how long the old credential stays: a `time` such as 72h, 3d or 0 "+
		"(default: the functions' configuration)")
	flags.BoolVar(&f.wish.Replace, "replace", false, "allow deleting the old credential first if the user has no "+
		"free slot")
	flags.BoolVar(&f.wish.DryRun, "dry-run", false, "let the functions mail what they would do, and do nothing")
	flags.BoolVar(&f.noWait, "no-wait", false, "don't follow the rotation")
	flags.DurationVar(&f.timeout, "timeout", 10*time.Minute, "how long to follow the rotation")
	return c
}

// kindOf reads an argument KIND.
func kindOf(text string) (credential.Kind, error) {
	k := credential.Kind(strings.ToLower(text))
	if k.Rotates() {
		return k, nil
	}
	var all []string
	for _, k := range credential.Kinds() {
		all = append(all, string(k))
	}
	return "", usage("KIND: %q is none of %s", text, strings.Join(all, ", "))
}

func (a *app) rotate(c *cobra.Command, f rotating, user, kind string) (err error) {
	ctx := c.Context()
	f.wish.Kind, err = kindOf(kind)
	if err != nil {
		return err
	}
	if f.wish.Problem != "" {
		id, err := cloudguard.ParseOCID(f.wish.Problem, cloudguard.TypeProblem)
		if err != nil {
			return usage("--problem: %q isn't the OCID of a problem (ocid1.cloudguardproblem...)", f.wish.Problem)
		}
		f.wish.Problem = string(id)
	}
	cloud, err := a.cloudOf(f.domains)
	if err != nil {
		return err
	}
	f.wish.User, err = operate.FindUser(ctx, cloud, clock.System{}, user)
	if err != nil {
		return err
	}
	order, err := a.order(c, cloud, f)
	if err != nil {
		return err
	}
	r := operate.Rotate{Problems: cloud, Secret: cloud.Vault().Secret, Versions: cloud.Vault().Versions,
		Credentials: listOf(cloud), Clock: clock.System{}}
	order, err = r.Prepare(ctx, order)
	if err != nil {
		return err
	}
	if err := a.showPlan(func(w io.Writer) error { return order.Write(w) }); err != nil {
		return err
	}
	ok, err := a.ask("Close the problem with this comment?")
	if err != nil {
		return err
	}
	if !ok {
		return declined
	}
	if err := r.Start(ctx, order); err != nil {
		return err
	}
	end := operate.End{Order: order, State: operate.Started}
	if !f.noWait {
		end, err = r.Follow(ctx, order, f.timeout, func(text string) { fmt.Fprintln(a.err, "keyturn:", text) })
		if err != nil {
			return fmt.Errorf("the problem is closed, and the functions go on: %w. See keyturn status", err)
		}
	}
	if err := a.print(end, func(w io.Writer) error { return end.Write(w) }); err != nil {
		return err
	}
	return end.Err()
}

// order finds the problem and the bound secrets.
func (a *app) order(c *cobra.Command, cloud *oci.Cloud, f rotating) (operate.Order, error) {
	ctx := c.Context()
	open, err := operate.Open(ctx, cloud, time.Now().AddDate(-1, 0, 0))
	if err != nil {
		if open == nil || f.wish.Problem == "" {
			return operate.Order{}, err
		}
		fmt.Fprintln(a.err, "keyturn:", err)
	}
	p, err := operate.Choose(open, f.wish)
	if err != nil {
		return operate.Order{}, err
	}
	secrets, gaps := operate.Secrets(ctx, cloud, clock.System{}, f.regions)
	order, err := operate.PlanRotation(p, f.wish, secrets)
	if len(gaps) > 0 && len(order.Secrets) == 0 {
		return order, incomplete("not all secrets could be listed, so that it isn't known which are bound: %s",
			gapText(gaps))
	}
	return order, err
}
