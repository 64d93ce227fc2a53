package sweep

import (
	"fmt"
	"slices"
	"strings"

	"github.com/keyturn/keyturn/pkg/fault"
	"github.com/keyturn/keyturn/pkg/outcome"
)

// failures is what a sweep could not do. Failures of the same operation with the same cause are one finding: a missing
// permission may cause one for each user of the tenancy.
type failures struct {
	all    []error // the first of each group, for the log
	groups []failure
}

// failure is an operation that failed for some things with the same cause.
type failure struct {
	doing, cause string
	count        int
	things       []string // the first few of these things, such as OCIDs
}

// maxNamed is how many things a finding names.
const maxNamed = 3

func (t *failures) none() bool { return len(t.groups) == 0 }

// err returns the first error, with the number of other groups; nil if there was no failure.
func (t *failures) err() error {
	switch n := len(t.all); n {
	case 0:
		return nil
	case 1:
		return t.all[0]
	default:
		return fmt.Errorf("%w (and %d more)", t.all[0], n-1)
	}
}

// add adds a failure of an operation. thing may be empty.
func (t *failures) add(doing, thing string, err error) {
	cause := fault.Plain(err)
	at := slices.IndexFunc(t.groups, func(g failure) bool { return g.doing == doing && g.cause == cause })
	if at < 0 {
		t.groups, at = append(t.groups, failure{doing: doing, cause: cause}), len(t.groups)
		t.all = append(t.all, err)
	}
	g := &t.groups[at]
	g.count++
	if thing != "" && len(g.things) < maxNamed {
		g.things = append(g.things, thing)
	}
}

// findings returns one finding for each group. Its state has the cause and, if all of them are named, the things.
func (t *failures) findings() []outcome.Finding {
	var out []outcome.Finding
	for _, g := range t.groups {
		slices.Sort(g.things)
		named := strings.Join(g.things, ", ")
		text, state := "The sweep could not "+g.doing, g.cause
		switch {
		case g.count > maxNamed:
			text += fmt.Sprintf(" (%d of them, such as %s)", g.count, named)
		case named != "":
			text, state = text+" ("+named+")", g.cause+" "+named
		}
		out = append(out, outcome.Finding{About: g.doing, State: state, Text: text + ": " + g.cause + "."})
	}
	return out
}
