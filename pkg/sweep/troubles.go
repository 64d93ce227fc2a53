package sweep

import (
	"fmt"
	"slices"
	"strings"

	"github.com/keyturn/keyturn/pkg/fault"
	"github.com/keyturn/keyturn/pkg/outcome"
)

// troubles is what a sweep could not do. Failures of one sort with one cause are one finding: where a permission is
// missing, they are as many as the tenancy has users.
type troubles struct {
	all    []error // the first of each trouble, for the log
	groups []trouble
}

// trouble is one thing that could not be done, to some things, for one cause.
type trouble struct {
	doing, cause string
	count        int
	things       []string // the first few that it was to be done to, such as OCIDs
}

// shown is how many of the things a finding names.
const shown = 3

func (t *troubles) none() bool { return len(t.groups) == 0 }

// err is the first error, with the number of those of other sorts or causes; nil if there was none.
func (t *troubles) err() error {
	switch n := len(t.all); n {
	case 0:
		return nil
	case 1:
		return t.all[0]
	default:
		return fmt.Errorf("%w (and %d more)", t.all[0], n-1)
	}
}

// add adds a failure. thing may be empty.
func (t *troubles) add(doing, thing string, err error) {
	cause := fault.Plain(err)
	at := slices.IndexFunc(t.groups, func(g trouble) bool { return g.doing == doing && g.cause == cause })
	if at < 0 {
		t.groups, at = append(t.groups, trouble{doing: doing, cause: cause}), len(t.groups)
		t.all = append(t.all, err)
	}
	g := &t.groups[at]
	g.count++
	if thing != "" && len(g.things) < shown {
		g.things = append(g.things, thing)
	}
}

// findings are one finding for each trouble. Another cause is another state, and so are other things, as long as there
// are so few that all of them are named.
func (t *troubles) findings() []outcome.Finding {
	var out []outcome.Finding
	for _, g := range t.groups {
		slices.Sort(g.things)
		named := strings.Join(g.things, ", ")
		text, state := "The sweep could not "+g.doing, g.cause
		switch {
		case g.count > shown:
			text += fmt.Sprintf(" (%d of them, such as %s)", g.count, named)
		case named != "":
			text, state = text+" ("+named+")", g.cause+" "+named
		}
		out = append(out, outcome.Finding{About: g.doing, State: state, Text: text + ": " + g.cause + "."})
	}
	return out
}
