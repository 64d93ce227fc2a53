package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/inventory"
)

// Scope is how far a reading went.
type Scope struct {
	Regions []string        // the regions that were asked for secrets
	Gaps    []inventory.Gap // what could not be read
	// LeftOut are the names of the domains that were left out on request.
	LeftOut []string
	// Interrupted is why the reading ended early; nil if it didn't.
	Interrupted error
}

// Finish ends the reading and returns the report. It judges every credential once.
func (b *Builder) Finish(s Scope) (Report, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err != nil {
		return Report{}, b.err
	}
	if err := b.spool.sort(); err != nil {
		return Report{}, err
	}
	o := b.options
	r := Report{Schema: Schema, Tenancy: o.Tenancy, Name: o.Name, By: o.By, ByName: o.ByName, At: o.At.UTC(),
		Version: o.Version, LimitDays: int(o.Limit.Hours() / 24), Users: b.listed, Regions: []string{},
		Domains: []string{}, NotAsked: []Gap{}}
	if s.Interrupted != nil {
		r.Interrupts = oneLine(s.Interrupted.Error())
	}
	for _, region := range s.Regions {
		if !slices.ContainsFunc(s.Gaps, func(g inventory.Gap) bool { return g.Region == region && g.Thing == "" }) {
			r.Regions = append(r.Regions, region)
		}
	}
	missing := b.missing(&r, s)
	a := newAssessment(b, missing)
	for row, err := range b.Rows() {
		if err != nil {
			return Report{}, err
		}
		r.Rows++
		a.add(row)
	}
	for _, k := range o.Kinds {
		r.Counts = append(r.Counts, *a.count(k))
	}
	r.Verdicts = a.verdicts()
	return r, nil
}

// missing lists what was not read, and returns the kinds of which credentials may be missing.
func (b *Builder) missing(r *Report, s Scope) map[credential.Kind]bool {
	missing := map[credential.Kind]bool{}
	lose := func(kinds []credential.Kind) {
		for _, k := range kinds {
			missing[k] = true
		}
	}
	for _, d := range b.domains {
		about := func(g inventory.Gap) bool { return g.Domain.ID == d.ID && g.Domain.Name == d.Name && g.Thing == "" }
		lost := slices.ContainsFunc(s.Gaps, func(g inventory.Gap) bool { return about(g) && b.whole(g.Kinds) })
		switch active := d.State == "" || d.State == "ACTIVE" || d.State == "UPDATING"; {
		case slices.Contains(s.LeftOut, domainName(d)):
		case active && !lost:
			r.Domains = append(r.Domains, domainName(d))
		case !active:
			lose(b.options.Kinds)
			if !slices.ContainsFunc(s.Gaps, about) {
				r.NotAsked = append(r.NotAsked, Gap{What: "the domain " + domainName(d), Why: "it is " + d.State,
					Remedy: "activate the domain, or check its credentials before you delete it"})
			}
		}
	}
	for _, name := range s.LeftOut {
		lose(b.options.Kinds)
		r.NotAsked = append(r.NotAsked, Gap{What: "the domain " + name, Why: "it was left out on request"})
	}
	var kinds []credential.Kind
	for _, k := range credential.Observed() {
		if !slices.Contains(b.options.Kinds, k) {
			kinds = append(kinds, k)
		}
	}
	if len(kinds) > 0 {
		lose(kinds)
		r.NotAsked = append(r.NotAsked, Gap{What: "the " + nouns(kinds), Why: "they were left out on request"})
	}
	for _, g := range s.Gaps {
		lose(g.Kinds)
		r.NotAsked = append(r.NotAsked, Explain(g))
	}
	if s.Interrupted != nil {
		lose(b.options.Kinds)
	}
	switch err := b.admins.err; {
	case err != nil:
		r.NotAsked = append(r.NotAsked, Explain(inventory.Gap{Doing: "who the administrators are", Err: err}))
	case !b.admins.asked:
		r.NotAsked = append(r.NotAsked, Gap{What: "who the administrators are", Why: "the reading didn't ask"})
	}
	return missing
}

// whole reports whether the kinds are all that were asked for.
func (b *Builder) whole(kinds []credential.Kind) bool {
	return !slices.ContainsFunc(b.options.Kinds, func(k credential.Kind) bool { return !slices.Contains(kinds, k) })
}

// Gaps reports whether the report lacks something that was asked for.
func (r Report) Gaps() bool {
	return r.Interrupts != "" || slices.ContainsFunc(r.NotAsked, func(g Gap) bool {
		return !strings.HasSuffix(g.Why, "left out on request")
	})
}

// NotMet returns the numbers of the recommendations that are not met.
func (r Report) NotMet() (all []string) {
	for _, v := range r.Verdicts {
		if v.Result == NotMet {
			all = append(all, v.Recommendation)
		}
	}
	return all
}

// example is a credential in the evidence of a verdict.
func example(r Row) string {
	text := fmt.Sprintf("%s: %s, %d days old (%s %s)", r.UserName, r.Kind.Noun(), r.AgeDays, r.Kind.IDNoun(), r.ID)
	if r.Exempt != "" {
		text += ", exempt: " + r.Exempt
	}
	return text
}
