package operate

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/keyturn/keyturn/pkg/phrase"
)

// moment is how times are shown.
func moment(t time.Time) string {
	if t.IsZero() {
		return "at an unknown time"
	}
	return t.UTC().Format("2006-01-02 15:04 UTC")
}

// Write prints the plan for a person.
func (p UndoPlan) Write(w io.Writer) error {
	if _, err := fmt.Fprintf(w, "Undo the rotation of the %s of %s (%s):\n", p.Kind.Noun(), cmp.Or(p.UserName, p.User),
		p.User); err != nil {
		return err
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "  SECRET\tPART\tCURRENT\tBECOMES\tOCID")
	for _, s := range p.Secrets {
		becomes := fmt.Sprintf("version %d", s.To)
		if s.Done {
			becomes = "is done"
		}
		fmt.Fprintf(t, "  %s\t%s\tversion %d\t%s\t%s\n", s.Name, s.Role, s.From, becomes, s.ID)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "Consumers then read the old %s %s again, made %s. It works.\nThe new one, %s, stays, "+
		"and fills one of the user's slots. The old one would have been deleted %s.\n", p.Kind.Noun(), p.Old,
		moment(p.OldMade), p.New, moment(p.Goes))
	return err
}

// Write prints the order for a person.
func (o Order) Write(w io.Writer) error {
	what := cmp.Or(o.Old, "the password")
	if o.Kind.IDNoun() != "" && o.Old != "" {
		what = o.Kind.IDNoun() + " " + o.Old
	}
	_, err := fmt.Fprintf(w, "Rotate the %s of %s (%s): %s\n  problem  %s\n  comment  %s\n", o.Kind.Noun(), o.UserName,
		o.User, what, o.Problem, o.Comment)
	return err
}

// Write prints the end for a person.
func (e End) Write(w io.Writer) error {
	text := ""
	noun := e.Kind.Noun()
	switch e.State {
	case Started:
		text = "The problem is closed. The functions begin within seconds; look with keyturn status."
	case Rotated:
		text = fmt.Sprintf("Rotated. The new %s %s is CURRENT, and the old one is no longer valid.", noun, e.New)
	case Overlaps:
		text = fmt.Sprintf("Rotated. The new %s %s is CURRENT. The old one works until %s.", noun, e.New,
			moment(*e.OldGoes))
	case WasReset:
		text = "The password was reset: " + e.Reason + "."
	case DryRunDone:
		text = "Nothing was rotated: " + e.Reason + ". The problem is open again."
	default:
		return nil // Err says it
	}
	_, err := fmt.Fprintln(w, text)
	return err
}

// Write prints the status for a person.
func (s Status) Write(w io.Writer) error {
	if _, err := fmt.Fprintf(w, "%s bound; %s of unfinished work; %s opened again by the functions.\n",
		phrase.Count(s.Bound, "secret is", "secrets are"), phrase.Count(len(s.Items), "item"),
		phrase.Count(len(s.Reopened), "problem")); err != nil {
		return err
	}
	for _, i := range append(slices.Clone(s.Items), s.Reopened...) {
		if err := i.write(w); err != nil {
			return err
		}
	}
	for _, text := range s.NotAsked {
		if _, err := fmt.Fprintln(w, "\nNOT ASKED:", text); err != nil {
			return err
		}
	}
	return nil
}

func (i Item) write(w io.Writer) error {
	head := fmt.Sprintf("\n%s: the %s of %s", strings.ToUpper(i.State), i.Kind.Noun(), cmp.Or(i.UserName, i.User, "?"))
	if i.Since != nil {
		head += ", since " + moment(*i.Since)
	}
	if _, err := fmt.Fprintln(w, head); err != nil {
		return err
	}
	next := i.Next
	if i.When != nil {
		next += " (" + moment(*i.When) + ")"
	}
	secret := ""
	if i.Secret != "" {
		secret = i.SecretName + " (" + i.Secret + ")"
	}
	for _, line := range [][2]string{{"next", next}, {"secret", secret}, {"old", i.Old}, {"new", i.New},
		{"user", i.User}, {"problem", i.Problem}} {
		if line[1] == "" {
			continue
		}
		if _, err := fmt.Fprintf(w, "  %-8s %s\n", line[0], line[1]); err != nil {
			return err
		}
	}
	return nil
}
