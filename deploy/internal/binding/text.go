package binding

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/keyturn/keyturn/pkg/phrase"
)

// Write prints the plan for a person.
func (p Plan) Write(w io.Writer) error {
	if left := p.Left(); len(left) > 0 {
		if err := table(w, left); err != nil {
			return err
		}
	}
	if len(p.Not) > 0 {
		if _, err := fmt.Fprintf(w, "\nNOT PROPOSED (%d), a person has to decide:\n", len(p.Not)); err != nil {
			return err
		}
	}
	for _, u := range p.Not {
		if err := u.write(w); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(w, "\n%s to bind, %s to create, %d bound already, %d not proposed.\n",
		phrase.Count(len(p.Bind), "secret"), phrase.Count(len(p.Create), "secret"), len(p.Bound), len(p.Not))
	return err
}

func table(w io.Writer, all []Binding) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "USER\tKIND\tROLE\tSECRET\tWHY\tCONFIDENCE")
	for _, b := range all {
		secret := b.SecretName + " (" + b.Secret + ")"
		if b.Secret == "" {
			secret = b.SecretName + " (to be created)"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", cmp.Or(b.UserName, b.User), b.Kind, b.Role, secret, b.Why,
			b.Confidence)
	}
	return t.Flush()
}

func (u Unclear) write(w io.Writer) error {
	var about []string
	if u.Secret != "" {
		about = append(about, "secret "+u.SecretName+" ("+u.Secret+")")
	}
	if u.User != "" {
		about = append(about, "the "+u.Kind.Noun()+" of "+cmp.Or(u.UserName, u.User))
	}
	_, err := fmt.Fprintf(w, "- %s: %s\n", strings.Join(about, ", "), u.Why)
	for _, c := range u.Commands {
		if err == nil {
			_, err = fmt.Fprintf(w, "    %s\n", c)
		}
	}
	return err
}

// WriteDone prints what was done for a person: counts, and each failure.
func WriteDone(w io.Writer, all []Done) error {
	n := Count(all)
	var parts []string
	for _, state := range []string{WasBound, WasCreated, WasAlready, HasFailed, NotDone} {
		if n[state] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n[state], state))
		}
	}
	_, err := fmt.Fprintln(w, strings.Join(parts, ", ")+".")
	for _, d := range Failed(all) {
		if err == nil {
			_, err = fmt.Fprintf(w, "- %s: secret %s, the %s of %s %s\n", d.State, cmp.Or(d.Secret, d.SecretName),
				d.Kind.Noun(), cmp.Or(d.UserName, d.User), d.Error)
		}
	}
	return err
}
