package inventory

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/keyturn/keyturn/pkg/background"
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
)

// domainsAtOnce is how many domains are read in parallel. Each has its own limit of calls.
const domainsAtOnce = 4

// active is the lifecycle state of a domain that can be read.
const active = "ACTIVE"

// Classic is the Default domain as the classic IAM API shows it, in a tenancy whose Default domain isn't configured or
// refuses its lists. It has no OCID.
var Classic = credential.Domain{Name: "Default", Default: true, Classic: true, State: active}

const doingUsers = "list the users"

// UserReader reads the users of a tenancy and their credentials. Set its fields before use. A nil function skips that
// part. The functions are called from several goroutines at once; User and Credential get the context of their domain,
// which has its share of the time. A panic of a function is a Gap.
type UserReader struct {
	Source UserSource
	Clock  Clock
	// Start is where the reading starts in each list, 0 to 1, so that a deadline doesn't cut off the same each time:
	// see StartAt. It keeps the OCIDs of the classic API's users. With 0 nothing is kept.
	Start float64
	// DefaultBySCIM says that the classic IAM API isn't read in place of a Default domain that isn't configured.
	DefaultBySCIM bool
	Workers       int                                         // how many users of a domain are read in parallel; 0: 4
	Kinds         func(d credential.Domain) []credential.Kind // nil: credential.Kinds
	User          func(context.Context, credential.Domain, credential.User)
	Credential    func(context.Context, Entry)
	Gap           func(Gap) // required
}

// kinds returns the kinds of credential to read.
func (r *UserReader) kinds(d credential.Domain) []credential.Kind {
	switch {
	case r.Credential == nil:
		return nil
	case r.Kinds == nil:
		return credential.Kinds()
	}
	return r.Kinds(d)
}

// gap passes on a gap. Once the time has run out, that is the cause of every gap, and things aren't named: the gap
// about all of them follows.
func (r *UserReader) gap(ctx context.Context, g Gap) {
	if ctx.Err() != nil {
		if g.Thing != "" {
			return
		}
		g.Err = ctx.Err()
	}
	r.Gap(g)
}

// Domains returns the ACTIVE identity domains, in the order in which to read them, and Classic if it is needed. Each of
// the others is a Gap.
func (r *UserReader) Domains(ctx context.Context) []credential.Domain {
	var all, out []credential.Domain
	err := background.Run(func() (err error) {
		all, err = r.Source.AllDomains(ctx)
		return err
	})
	if err != nil {
		r.gap(ctx, Gap{Doing: DoingDomains, Users: r.User != nil, Kinds: r.kinds(credential.Domain{}), Err: err})
	}
	for _, d := range all {
		if d.State == active {
			out = append(out, d)
			continue
		}
		r.Gap(Gap{Doing: "read the users", Domain: d, Users: r.User != nil, Kinds: r.kinds(d), Err: ErrNotActive})
	}
	switch {
	case slices.ContainsFunc(out, func(d credential.Domain) bool { return d.Default }):
	case !r.DefaultBySCIM:
		out = append(out, Classic)
	case err == nil:
		d := credential.Domain{Name: Classic.Name, Default: true}
		r.gap(ctx, Gap{Doing: "read the credentials", Domain: d, Users: r.User != nil, Kinds: r.kinds(d),
			Err: fault.New(fault.Invalid, "default_domain_api",
				"it is scim, and no ACTIVE domain of identity_domains is the Default domain")})
	}
	if r.Start != 0 {
		ring := Ring{Start: r.Start}
		slices.SortFunc(out, func(a, b credential.Domain) int {
			return cmp.Compare(ring.distance(a.ID), ring.distance(b.ID))
		})
	}
	return out
}

// Read reads domains of Domains, a few in parallel. Each gets its share of the time. A domain that fails stops no
// other. In each domain, users come before the first credential of theirs.
func (r *UserReader) Read(ctx context.Context, domains []credential.Domain) {
	group := background.Group{Limit: domainsAtOnce}
	for i, d := range domains {
		rounds := (len(domains) - i + domainsAtOnce - 1) / domainsAtOnce
		group.Go(func() error {
			share, cancel := Share(ctx, r.Clock.Now(), rounds)
			defer cancel()
			r.readDomain(share, d)
			return nil
		})
	}
	for i, err := range group.Wait() {
		if err != nil {
			d := domains[i]
			r.gap(ctx, Gap{Doing: "read the credentials", Domain: d, Users: r.User != nil, Kinds: r.kinds(d), Err: err})
		}
	}
}

// readDomain reads the lists of a whole domain, and one user after the other for the kinds whose list the domain
// refuses.
func (r *UserReader) readDomain(ctx context.Context, d credential.Domain) {
	kinds := r.kinds(d)
	switch {
	case r.User == nil && len(kinds) == 0:
		return
	case d.ID == "":
		r.readClassic(ctx, kinds, r.User != nil)
		return
	}
	refused := r.visitUsers(ctx, d)
	rest := r.readWhole(ctx, d, kinds)
	switch {
	case d.Classic && len(rest) > 0:
		r.readClassic(ctx, rest, false)
	case refused != nil:
		r.gap(ctx, Gap{Doing: doingUsers, Domain: d, Users: true, Kinds: rest, Err: refused})
	case len(rest) > 0:
		r.readUsers(ctx, d, rest)
	}
}

// visitUsers reads the list of a domain's users for User, by the classic API if the domain doesn't allow it and that
// has its users. refused is the error if neither does.
func (r *UserReader) visitUsers(ctx context.Context, d credential.Domain) (refused error) {
	if r.User == nil {
		return nil
	}
	refusal, err := r.walkUsers(ctx, d, func(some []credential.User) {
		for _, u := range some {
			r.User(ctx, d, u)
		}
	})
	switch {
	case refusal && d.Classic:
		r.readClassic(ctx, nil, true)
	case refusal:
		return err
	case err != nil:
		r.gap(ctx, Gap{Doing: doingUsers, Domain: d, Users: true, Err: err})
	}
	return nil
}

func (r *UserReader) walkUsers(ctx context.Context, d credential.Domain,
	each func([]credential.User)) (refused bool, err error) {
	return r.walk(ctx, func(start, most int) (credential.Page, error) {
		return r.Source.DomainUsers(ctx, d, start, most)
	}, func(p credential.Page) { each(p.Users) })
}

// walk reads a list. refused says that the domain refused even its first page.
func (r *UserReader) walk(ctx context.Context, read func(start, most int) (credential.Page, error),
	each func(credential.Page)) (refused bool, err error) {
	pages := 0
	w := walk{clock: r.Clock, start: r.Start, read: read, each: func(p credential.Page) { pages++; each(p) }}
	err = background.Run(func() error { return w.all(ctx) })
	return pages == 0 && forbidden(err), err
}

// readWhole reads the lists of all credentials of a domain, and returns the kinds whose list the domain refuses, though
// the users' own lists may be allowed. Passwords have no such list outside the classic API.
func (r *UserReader) readWhole(ctx context.Context, d credential.Domain,
	kinds []credential.Kind) (rest []credential.Kind) {
	refused := make([]bool, len(kinds))
	group := background.Group{}
	for i, kind := range kinds {
		group.Go(func() (err error) {
			refused[i], err = r.walk(ctx, func(start, most int) (credential.Page, error) {
				return r.Source.DomainCredentials(ctx, d, kind, start, most)
			}, func(p credential.Page) {
				for _, h := range p.Held {
					r.Credential(ctx, Entry{Domain: d, Kind: kind, Held: h, At: p.At})
				}
			})
			return err
		})
	}
	for i, err := range group.Wait() {
		own := d.Classic || kinds[i].Origin() != credential.Reset
		switch {
		case refused[i] && own && ctx.Err() == nil:
			rest = append(rest, kinds[i])
		case err != nil:
			r.gap(ctx, Gap{Doing: "list the " + kinds[i].Noun() + "s", Domain: d, Kinds: []credential.Kind{kinds[i]},
				Err: err})
		}
	}
	return rest
}

// readUsers reads the users of a domain and the credentials of each, one call for each user and kind.
func (r *UserReader) readUsers(ctx context.Context, d credential.Domain, kinds []credential.Kind) {
	_, err := r.walkUsers(ctx, d, func(some []credential.User) { r.ofUsers(ctx, d, kinds, some) })
	if err != nil {
		r.gap(ctx, Gap{Doing: doingUsers, Domain: d, Kinds: kinds, Err: err})
	}
}

func (r *UserReader) ofUsers(ctx context.Context, d credential.Domain, kinds []credential.Kind,
	some []credential.User) {
	group := background.Group{Limit: cmp.Or(r.Workers, workers)}
	for _, u := range some {
		group.Do(func() { r.OfUser(ctx, d, kinds, u) })
	}
	group.Join()
}

// readClassic reads the users of the Default domain with the classic IAM API, and the credentials of each. users says
// whether they are for User, too.
func (r *UserReader) readClassic(ctx context.Context, kinds []credential.Kind, users bool) {
	visit := func(some []credential.User) {
		for _, u := range some {
			if users {
				r.User(ctx, Classic, u)
			}
		}
	}
	if r.Start != 0 && len(kinds) > 0 {
		r.ringClassic(ctx, kinds, users, visit)
		return
	}
	err := pages(func(page string) (some []credential.User, next string, err error) {
		err = patiently(ctx, r.Clock, func() (err error) {
			some, next, err = r.Source.Users(ctx, page)
			return err
		})
		return some, next, err
	}, func(some []credential.User) {
		visit(some)
		r.ofUsers(ctx, Classic, kinds, some)
	})
	err = cmp.Or(err, ctx.Err())
	if err != nil {
		r.gap(ctx, Gap{Doing: doingUsers, Domain: Classic, Users: users, Kinds: kinds, Err: err})
	}
}

// ringClassic is readClassic in the order of the ring.
func (r *UserReader) ringClassic(ctx context.Context, kinds []credential.Kind, users bool,
	visit func([]credential.User)) {
	ring := Ring{Start: r.Start, Failed: func(ctx context.Context, doing, user string, err error) {
		r.gap(ctx, Gap{Doing: doing, Domain: Classic, Users: users && doing == doingUsers, Kinds: kinds, Thing: user,
			Err: err})
	}}
	list := IDs{doingUsers, func(page string) (ids []string, next string, err error) {
		some, next, err := r.Source.Users(ctx, page)
		visit(some)
		for _, u := range some {
			ids = append(ids, u.ID)
		}
		return ids, next, err
	}}
	ring.Each(ctx, []IDs{list}, doingUser(kinds), func(ctx context.Context, id string) error {
		r.OfUser(ctx, Classic, kinds, credential.User{ID: id})
		return nil
	})
}

// doingUser names the reading of users' own lists.
func doingUser(kinds []credential.Kind) string { return "check the " + nouns(kinds) + " of users" }

// nouns names kinds in a sentence, such as "auth tokens and customer secret keys".
func nouns(kinds []credential.Kind) string {
	var all []string
	for _, k := range kinds {
		all = append(all, k.Noun()+"s")
	}
	return strings.Join(all, " and ")
}

// OfUser reads the credentials of one user of a domain, by the domain's own API unless that is Classic. What can't be
// read is one Gap.
func (r *UserReader) OfUser(ctx context.Context, d credential.Domain, kinds []credential.Kind, u credential.User) {
	var failed []credential.Kind
	var first error
	for i, kind := range kinds {
		err := background.Run(func() error { return r.list(ctx, d, kind, u) })
		if err == nil {
			continue
		}
		failed, first = append(failed, kind), cmp.Or(first, err)
		if ctx.Err() != nil || fault.Of(err) == fault.Throttled {
			failed = append(failed, kinds[i+1:]...)
			break
		}
	}
	if first != nil {
		r.gap(ctx, Gap{Doing: doingUser(kinds), Domain: d, Kinds: failed, Thing: u.ID, Err: first})
	}
}

// list reads the credentials of a kind of one user.
func (r *UserReader) list(ctx context.Context, d credential.Domain, kind credential.Kind, u credential.User) error {
	var l credential.Listing
	err := patiently(ctx, r.Clock, func() (err error) {
		l, err = r.Source.CredentialsOf(ctx, d, kind, u.ID)
		return err
	})
	if err != nil {
		return fmt.Errorf("listing the %ss of %s: %w", kind.Noun(), u.ID, err)
	}
	for _, c := range l.Credentials {
		r.Credential(ctx, Entry{Domain: d, Kind: kind, Held: credential.Held{User: u.ID, UserName: u.Name, Issued: c},
			At: l.At})
	}
	return nil
}
