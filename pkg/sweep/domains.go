package sweep

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/inventory"
	"github.com/keyturn/keyturn/pkg/outcome"
)

// readCredentials reads the credentials of all users, looks for orphans, and adds up ages. A domain that fails stops no
// other.
func (r *run) readCredentials(ctx context.Context) {
	all := map[string]*ages{} // by domain
	reader := &inventory.UserReader{Source: r.Inventory, Clock: r.Clock, Start: r.start,
		DefaultBySCIM: r.Config.DefaultBySCIM, Kinds: r.kinds}
	reader.Gap = func(g inventory.Gap) { r.gap(ctx, g, all[g.Domain.ID]) }
	reader.Credential = func(ctx context.Context, e inventory.Entry) { r.look(ctx, reader, e, all[e.Domain.ID]) }
	domains := reader.Domains(ctx)
	for _, d := range domains {
		if r.counts(d) {
			all[d.ID] = newAges(r.Config.MaximumAge, r.Clock.Now())
		}
	}
	reader.Read(ctx, domains)
	for _, d := range domains {
		if finding, ok := all[d.ID].finding(d); ok {
			r.digest.Unfinished = append(r.digest.Unfinished, finding)
		}
	}
}

// counts reports whether the ages of a domain's credentials count.
func (r *run) counts(d credential.Domain) bool { return !d.Default && r.Config.MaximumAge > 0 }

// kinds lists the kinds of credential to read in a domain.
func (r *run) kinds(d credential.Domain) []credential.Kind {
	if r.counts(d) {
		return credential.Kinds()
	}
	return markedKinds()
}

// gap records that some credentials weren't read.
func (r *run) gap(ctx context.Context, g inventory.Gap, a *ages) {
	for _, k := range g.Kinds {
		a.incomplete(k)
	}
	d := g.Domain
	switch {
	case errors.Is(g.Err, inventory.ErrNotActive):
		r.mu.Lock()
		defer r.mu.Unlock()
		r.digest.Unfinished = append(r.digest.Unfinished, outcome.Finding{About: "state of " + d.ID, State: d.State,
			Needs: true, Text: fmt.Sprintf("The identity %s is %s: its users' credentials were not read, and can't be "+
				"rotated. Activate it, or remove it from identity_domains (%s).", place(d), d.State, d.ID)})
	case d.Name+d.ID == "" || d == inventory.Classic:
		r.failed(ctx, g.Doing, g.Thing, g.Err)
	default:
		r.failed(ctx, g.Doing+" of "+place(d), g.Thing, g.Err)
	}
}

// place names a domain in a sentence.
func place(d credential.Domain) string { return "domain " + cmp.Or(d.Name, d.ID) }

// look looks at one credential. The classic API may know a credential of the Default domain by another id than the
// domain itself, so a candidate in a list of that domain is looked up there.
func (r *run) look(ctx context.Context, reader *inventory.UserReader, e inventory.Entry, a *ages) {
	a.add(e.Kind, e.Held, r.Config.Protects(e.User, e.UserName))
	if e.Kind.Origin() != credential.Server {
		return
	}
	s := r.candidate(e.Kind, e.User, e.Issued, e.At)
	switch {
	case s == nil:
	case e.Domain.Classic && e.Domain != inventory.Classic:
		reader.OfUser(ctx, inventory.Classic, []credential.Kind{e.Kind}, credential.User{ID: e.User})
	default:
		r.collect(ctx, e.Kind, e.User, e.Issued, s)
	}
}
