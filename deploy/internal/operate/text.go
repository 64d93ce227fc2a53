package operate

import (
	"cmp"
	"fmt"
	"io"
	"text/tabwriter"
	"time"
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
	_, err := fmt.Fprintf(w, "Consumers then read the old %s %s again, made %s. It works.\nThe new one, %s, stays, and "+
		"fills one of the user's slots. The old one would have been deleted %s.\n", p.Kind.Noun(), p.Old,
		moment(p.OldMade), p.New, moment(p.Goes))
	return err
}
