package main

import (
	"fmt"
	"io"
)

// report collects the scores, and compares the survivors with the accepted ones.
type report struct {
	accepted map[key]string
	used     map[key]bool
	sample   bool
	scores   []score
	unlisted int
	low      int
}

func (r *report) add(s score) {
	for i := range s.Survivors {
		k := s.Survivors[i].key()
		s.Survivors[i].Reason = r.accepted[k]
		if s.Survivors[i].Reason == "" {
			r.unlisted++
		}
		r.used[k] = true
	}
	if s.percent() < goal {
		r.low++
	}
	r.scores = append(r.scores, s)
}

func (r *report) ok() bool { return r.unlisted == 0 && (r.sample || r.low == 0) }

func (r *report) write(out io.Writer) {
	for _, s := range r.scores {
		for _, one := range s.Survivors {
			if one.Reason != "" {
				continue
			}
			note := ""
			if one.Uncovered {
				note = ", which no test runs"
			}
			fmt.Fprintf(out, "%s survives%s\n%s %s %s\n- %s\n+ %s\n\n", one.ID, note, one.File, one.Function,
				one.Operator,
				one.Before, one.After)
		}
	}
	fmt.Fprintf(out, "%-16s %8s %8s %8s %10s\n", "package", "mutants", "noticed", "accepted", "score")
	for _, s := range r.scores {
		accepted := 0
		for _, one := range s.Survivors {
			if one.Reason != "" {
				accepted++
			}
		}
		fmt.Fprintf(out, "%-16s %8d %8d %8d %8.1f %%\n", s.Package, s.Mutants, s.Noticed, accepted, s.percent())
	}
	if r.unlisted > 0 {
		fmt.Fprintf(out, "%d survivors are not in test/mutate/survivors.txt: write a test that notices them, or "+
			"list them with a reason\n", r.unlisted)
	}
	if r.low > 0 && !r.sample {
		fmt.Fprintf(out, "%d packages are below %d %%\n", r.low, goal)
	}
}
