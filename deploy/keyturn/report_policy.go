package main

import (
	"fmt"
	"io"

	"github.com/keyturn/keyturn/pkg/report"
)

// policy prints the policy statements that a report needs.
func (r *reporting) policy() error {
	all := report.ReadPolicy(r.group)
	statements := make([]string, len(all))
	for i, s := range all {
		statements[i] = s.Text
	}
	return r.print(statements, func(w io.Writer) error {
		fmt.Fprint(w, "A policy of the root compartment with these statements lets the group read all that a report\n"+
			"needs. They allow no change, and no reading of the contents of secrets.\n")
		for _, s := range all {
			fmt.Fprintf(w, "\n# %s\n%s\n", s.Purpose, s.Text)
		}
		_, err := fmt.Fprint(w, "\nIf an identity domain answers 401, give the group a role of the domain that reads "+
			"its users,\nsuch as Audit Administrator.\n")
		return err
	})
}
