package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/keyturn/keyturn/pkg/clock"
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/inventory"
	"github.com/keyturn/keyturn/pkg/oci"
	"github.com/keyturn/keyturn/pkg/phrase"
	"github.com/keyturn/keyturn/pkg/report"
	"github.com/keyturn/keyturn/pkg/version"
)

const reportText = `Read every credential of the tenancy, and say how old it is, what it is bound
to, and what to do with it. The report begins with the recommendations 1.8 to
1.12 and 1.17 of the CIS OCI Foundations Benchmark 3.1.

It only reads, and needs nothing of Keyturn in the tenancy. --print-policy
prints the policy statements that let a group of users run it.

What could not be read is listed at the end, and is never taken for "none": a
recommendation whose evidence is not complete is "not known".

A user's tags keyturn.exempt (the reason) and keyturn.exempt_until (the last
day, such as 2027-03-01), or keyturn-exempt and keyturn-exempt_until as
freeform tags, are an exemption. The reason may begin with kinds: "api-key:
vendor".`

// reporting is one run of the command report.
type reporting struct {
	*app
	limit        string
	domains      []string
	regions      []string
	compartments []string
	kinds        []string
	format       string
	files        [3]string // in the order of fileForms
	rows         int
	failOn       string
	printPolicy  bool
	group        string
}

func reportCommand(a *app) *cobra.Command {
	r := &reporting{app: a}
	c := &cobra.Command{Use: "report", Long: reportText,
		Short: "Show every credential, its age, and what to do with it",
		Example: `  keyturn report
  keyturn report --html report.html --csv report.csv
  keyturn report --domains Default --kinds api-key,auth-token --limit 60d
  keyturn report --json | jq '.rows[] | select(.state == "old")'`,
		Args: cobra.NoArgs, GroupID: groupSee,
		RunE: func(c *cobra.Command, _ []string) error { return r.run(c.Context()) }}
	f := c.Flags()
	f.StringVar(&r.limit, "limit", "90d", "the `age` from which a credential is too old")
	f.StringSliceVar(&r.domains, "domains", nil, "only the identity domains of these `names`; none if the tenancy has "+
		"no domains (default all)")
	f.StringSliceVar(&r.kinds, "kinds", nil, "only these `kinds` of credential (default all)")
	f.StringSliceVar(&r.regions, "regions", nil, "look for bound secrets only in these `regions` (default all)")
	f.StringSliceVar(&r.compartments, "compartments", nil, "look for bound secrets only in the compartments "+
		"with these `OCIDs` (default all)")
	f.StringVar(&r.format, "format", "table", "what to print: `table`, json, csv or html")
	for i, form := range fileForms {
		f.StringVar(&r.files[i], form.flag, "", "write the report to this `file`, too, as "+form.about)
	}
	f.IntVar(&r.rows, "rows", 30, "how many credentials the table shows at most")
	f.StringVar(&r.failOn, "fail-on", "", "not-met: end with the exit code 1 if a recommendation is `not-met`")
	f.BoolVar(&r.printPolicy, "print-policy", false, "print the policy statements that it needs, and read nothing")
	f.StringVar(&r.group, "group", "Auditors", "the `group` of these statements, such as 'Domain'/'Auditors'")
	return c
}

// run reads the tenancy and writes the report.
func (r *reporting) run(ctx context.Context) error {
	o, err := r.options()
	if err != nil {
		return err
	}
	if r.printPolicy {
		return r.policy()
	}
	out, err := r.outputs()
	if err != nil {
		return err
	}
	defer out.discard()
	spool, err := os.CreateTemp("", "keyturn-report-") // with the mode 0600
	if err != nil {
		return fmt.Errorf("making a temporary file: %w", err)
	}
	// Without a name, nothing is left of a process that was killed. Windows allows that only at the end.
	removed := os.Remove(spool.Name())
	defer func() {
		_ = spool.Close()
		if removed != nil {
			_ = os.Remove(spool.Name())
		}
	}()
	o.Spool = spool
	cloud, err := r.cloud()
	if err != nil {
		return err
	}
	defer cloud.Close()
	b, made, err := r.read(ctx, cloud, o)
	if err != nil {
		return err
	}
	if err := out.write(made, b.Rows()); err != nil {
		return err
	}
	return r.verdict(made)
}

// verdict is the error with the exit code.
func (r *reporting) verdict(made report.Report) error {
	if against := made.NotMet(); r.failOn != "" && len(against) > 0 {
		return exit{exitWrong, errors.New("not met: " + strings.Join(against, ", "))}
	}
	if made.Gaps() {
		return incomplete("the report is not complete: see what was not asked")
	}
	return nil
}

// options reads the flags.
func (r *reporting) options() (o report.Options, err error) {
	minutes, ok := phrase.Minutes(r.limit)
	switch {
	case !ok || minutes <= 0 || minutes > 3650*24*60:
		return o, usage("--limit is %q, want an age such as 90d", r.limit)
	case r.failOn != "" && r.failOn != "not-met":
		return o, usage("--fail-on is %q, want not-met", r.failOn)
	case r.rows < 0:
		return o, usage("--rows is %d, want 0 or more", r.rows)
	}
	o = report.Options{At: clock.System{}.Now(), Version: version.Version(),
		Limit: time.Duration(minutes) * time.Minute}
	for _, name := range r.kinds {
		k := credential.Kind(strings.ToLower(strings.TrimSpace(name)))
		if !slices.Contains(credential.Observed(), k) {
			return o, usage("--kinds has %q, want some of %s", name, strings.Join(names(credential.Observed()), ", "))
		}
		o.Kinds = append(o.Kinds, k)
	}
	if o.Kinds == nil {
		o.Kinds = credential.Observed()
	}
	return o, nil
}

func names[T ~string](all []T) (texts []string) {
	for _, one := range all {
		texts = append(texts, string(one))
	}
	return texts
}

// read reads the tenancy.
func (r *reporting) read(ctx context.Context, cloud *oci.Cloud, o report.Options) (*report.Builder, report.Report,
	error) {
	tenancy, err := cloud.Tenancy(ctx)
	if err != nil {
		return nil, report.Report{}, fmt.Errorf("reading the tenancy: %w", err)
	}
	o.Tenancy, o.Name = tenancy.ID, tenancy.Name
	source := &scoped{Cloud: cloud, reporting: r}
	scope, err := source.domains(ctx)
	if err != nil {
		return nil, report.Report{}, err
	}
	o.By, o.ByName, _ = cloud.WhoAmI(ctx) // whoever has no name is shown by the OCID
	b := report.NewBuilder(o)
	b.Administrators(cloud.Administrators(ctx))
	shown := r.progress(0, "users")
	v := b.Visitor()
	user := v.User
	v.User = func(d credential.Domain, u credential.User) {
		user(d, u)
		shown.Add(1)
	}
	none := slices.Equal(r.domains, []string{"none"})
	reader := inventory.Reader{Source: source, Clock: clock.System{}, Kinds: o.Kinds,
		DefaultBySCIM: len(r.domains) > 0 && !none}
	gaps := reader.Read(ctx, v)
	gaps = slices.DeleteFunc(gaps, func(g inventory.Gap) bool {
		return reader.DefaultBySCIM && !source.wants(g.Domain) || source.without(g)
	})
	scope.Gaps = slices.Concat(scope.Gaps, gaps, source.unread)
	shown.Finish()
	scope.Regions, scope.Interrupted = source.asked, ctx.Err()
	made, err := b.Finish(scope)
	return b, made, err
}
