package sweep

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/keyturn/keyturn/pkg/background"
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
	"github.com/keyturn/keyturn/pkg/outcome"
)

const (
	// domainsAtOnce is how many domains are read in parallel. Each has its own limit of calls.
	domainsAtOnce = 4
	// pageSize is the most that a domain returns at once.
	pageSize = 1000
	// throttlePause is how long to wait after a domain has refused a call, and the repetitions of package oci, because
	// of its limit of calls per minute. throttledTries is how often such a call is made.
	throttlePause  = 15 * time.Second
	throttledTries = 20
)

// classic is the Default domain as the classic IAM API shows it.
var classic = credential.Domain{Classic: true}

// readCredentials reads the credentials of all users, looks for orphans, and adds up ages. The order of the domains is
// that of the ring. A domain that fails stops no other.
func (r *run) readCredentials(ctx context.Context) {
	all, err := r.Inventory.AllDomains(ctx)
	if err != nil {
		r.failed(ctx, "list the identity domains", "", err)
	}
	domains := r.active(all)
	switch {
	case slices.ContainsFunc(domains, func(d credential.Domain) bool { return d.Default }):
	case !r.Config.DefaultBySCIM:
		domains = append(domains, classic)
	case err == nil:
		r.failed(ctx, "read the credentials of domain Default", "", fault.New(fault.Invalid, "default_domain_api",
			"it is scim, and no ACTIVE domain of identity_domains is the Default domain"))
	}
	slices.SortFunc(domains, func(a, b credential.Domain) int {
		return cmp.Compare(r.distance(a.ID), r.distance(b.ID))
	})
	group := background.Group{Limit: domainsAtOnce}
	for i, d := range domains {
		rounds := (len(domains) - i + domainsAtOnce - 1) / domainsAtOnce
		group.Go(func() error {
			share, cancel := r.share(ctx, rounds)
			defer cancel()
			r.readDomain(share, d)
			return nil
		})
	}
	for i, err := range group.Wait() {
		if err != nil {
			r.failed(ctx, "read the credentials of "+place(domains[i]), "", err)
		}
	}
}

// active returns the ACTIVE domains. It adds a finding for each of the others.
func (r *run) active(all []credential.Domain) (out []credential.Domain) {
	for _, d := range all {
		if d.State == "ACTIVE" {
			out = append(out, d)
			continue
		}
		r.mu.Lock()
		r.digest.Unfinished = append(r.digest.Unfinished, outcome.Finding{About: "state of " + d.ID, State: d.State,
			Needs: true, Text: fmt.Sprintf("The identity %s is %s: its users' credentials were not read, and can't be "+
				"rotated. Activate it, or remove it from identity_domains (%s).", place(d), d.State, d.ID)})
		r.mu.Unlock()
	}
	return out
}

// place names a domain in a sentence.
func place(d credential.Domain) string { return "domain " + cmp.Or(d.Name, d.ID) }

// readDomain reads the credentials of one domain: the list of the whole domain for each kind, and one user after the
// other for the kinds whose list the domain refuses.
func (r *run) readDomain(ctx context.Context, d credential.Domain) {
	if d.ID == "" {
		r.readClassic(ctx, markedKinds())
		return
	}
	kinds, a := markedKinds(), (*ages)(nil)
	if !d.Default && r.Config.MaximumAge > 0 {
		kinds, a = credential.Kinds(), newAges(r.Config.MaximumAge, r.Clock.Now())
	}
	refused := make([]bool, len(kinds))
	group := background.Group{}
	for i, kind := range kinds {
		group.Go(func() (err error) {
			refused[i], err = r.readWhole(ctx, d, kind, a)
			return err
		})
	}
	var rest []credential.Kind
	for i, err := range group.Wait() {
		switch {
		case err != nil:
			a.incomplete(kinds[i])
			r.failed(ctx, "list the "+kinds[i].Noun()+"s of "+place(d), "", err)
		case refused[i]:
			rest = append(rest, kinds[i])
		}
	}
	switch {
	case len(rest) > 0 && d.Classic:
		r.readClassic(ctx, rest)
	case len(rest) > 0:
		r.readUsers(ctx, d, rest, a)
	}
	if finding, ok := a.finding(d); ok {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.digest.Unfinished = append(r.digest.Unfinished, finding)
	}
}

// readWhole reads the list of all credentials of a kind in a domain. refused says that the domain doesn't allow it, and
// that the users' own lists may be allowed. There is no such list for passwords.
func (r *run) readWhole(ctx context.Context, d credential.Domain, kind credential.Kind, a *ages) (refused bool,
	err error) {
	pages := 0
	err = r.walk(ctx, func(start, most int) (credential.Page, error) {
		return r.Inventory.DomainCredentials(ctx, d, kind, start, most)
	}, func(p credential.Page) {
		pages++
		for _, h := range p.Held {
			r.look(ctx, d, kind, h, p.At, a)
		}
	})
	if pages == 0 && forbidden(err) && kind.Origin() != credential.Reset {
		return true, nil
	}
	return false, err
}

// forbidden reports whether a list was refused, and not only for now. A domain may answer 401 to a caller that lacks a
// role, as it does for a while to others.
func forbidden(err error) bool {
	f, ok := errors.AsType[*fault.Error](err)
	if !ok {
		return false
	}
	return f.Status == 401 || slices.Contains([]fault.Class{fault.Denied, fault.Absent, fault.Invalid}, f.Class)
}

// readUsers reads the users of a domain and the credentials of each, one call for each user and kind.
func (r *run) readUsers(ctx context.Context, d credential.Domain, kinds []credential.Kind, a *ages) {
	err := r.walk(ctx, func(start, most int) (credential.Page, error) {
		return r.Inventory.DomainUsers(ctx, d, start, most)
	}, func(p credential.Page) {
		group := background.Group{Limit: workers}
		for _, u := range p.Users {
			group.Do(func() {
				r.handle(ctx, "check the "+nouns(kinds)+" of users of "+place(d), u.ID,
					func(ctx context.Context, id string) error {
						return r.readUser(ctx, d, kinds, credential.Held{User: id, UserName: u.Name}, a)
					})
			})
		}
		group.Join()
	})
	if err != nil {
		for _, k := range kinds {
			a.incomplete(k)
		}
		r.failed(ctx, "list the users of "+place(d), "", err)
	}
}

// readClassic reads the users of the Default domain with the classic IAM API, and the credentials of each that may be
// orphans.
func (r *run) readClassic(ctx context.Context, kinds []credential.Kind) {
	users := func(page string) (ids []string, next string, err error) {
		some, next, err := r.Inventory.Users(ctx, page)
		for _, u := range some {
			ids = append(ids, u.ID)
		}
		return ids, next, err
	}
	r.forEach(ctx, []list{{"list the users", users}}, "check the "+nouns(kinds)+" of users",
		func(ctx context.Context, user string) error {
			return r.readUser(ctx, classic, kinds, credential.Held{User: user}, nil)
		})
}

// readUser reads the credentials of a user.
func (r *run) readUser(ctx context.Context, d credential.Domain, kinds []credential.Kind, u credential.Held,
	a *ages) error {
	for i, kind := range kinds {
		var l credential.Listing
		err := r.patiently(ctx, func() (err error) {
			l, err = r.Inventory.CredentialsOf(ctx, d, kind, u.User)
			return err
		})
		if err != nil {
			for _, k := range kinds[i:] {
				a.incomplete(k)
			}
			return fmt.Errorf("listing the %ss of %s: %w", kind.Noun(), u.User, err)
		}
		for _, c := range l.Credentials {
			u.Issued = c
			r.look(ctx, d, kind, u, l.At, a)
		}
	}
	return nil
}

// look looks at one credential. The classic API may know a credential of the Default domain by another id than the
// domain itself, so a candidate in a list of that domain is looked up there.
func (r *run) look(ctx context.Context, d credential.Domain, kind credential.Kind, h credential.Held, at time.Time,
	a *ages) {
	a.add(kind, h, r.Config.Protects(h.User, h.UserName))
	if kind.Origin() != credential.Server {
		return
	}
	s := r.candidate(kind, h.User, h.Issued, at)
	switch {
	case s == nil:
	case d.Classic && d.ID != "":
		err := r.readUser(ctx, classic, []credential.Kind{kind}, credential.Held{User: h.User}, nil)
		if err != nil {
			r.failed(ctx, "check the "+kind.Noun()+"s of users", h.User, err)
		}
	default:
		r.collect(ctx, kind, h.User, h.Issued, s)
	}
}

var (
	errChanged    = fault.New(fault.Conflict, "list", "the list changed while it was read")
	errUnreadable = fault.New(fault.Unclear, "entries without a user or an id", "")
)

// walk reads a list from this sweep's start in it to its end, and then from its beginning to that start. The first
// answer only says how long the list is, unless it has all of it. A list that changes between two pages may lack an
// entry; the next sweep has it.
func (r *run) walk(ctx context.Context, read func(start, most int) (credential.Page, error),
	each func(credential.Page)) error {
	unreadable := 0
	next := func(start, most int) (p credential.Page, err error) {
		err = r.patiently(ctx, func() (err error) {
			p, err = read(start, most)
			unreadable += p.Unreadable
			return err
		})
		if err == nil && p.Entries == 0 && start <= p.Total {
			err = errChanged
		}
		return p, err
	}
	first, err := next(1, pageSize)
	if err != nil {
		return err
	}
	middle := 1 + int(r.start*float64(first.Total))
	legs := [][2]int{{middle, first.Total + 1}, {1, middle}}
	if first.Entries >= first.Total {
		n, m := int(r.start*float64(len(first.Held))), int(r.start*float64(len(first.Users)))
		first.Held = slices.Concat(first.Held[n:], first.Held[:n])
		first.Users = slices.Concat(first.Users[m:], first.Users[:m])
		each(first)
		legs = nil
	}
	for i, leg := range legs {
		for at, end := leg[0], leg[1]; at < end; {
			p, err := next(at, min(pageSize, end-at))
			if err != nil {
				return err
			}
			if p.Entries == 0 { // the list has become shorter
				break
			}
			each(p)
			at += p.Entries
			if i == 0 {
				end = p.Total + 1
			}
		}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if unreadable > 0 {
		return errUnreadable
	}
	return nil
}

// patiently calls f again while a domain refuses it because of its limit of calls. It returns the last error.
func (r *run) patiently(ctx context.Context, f func() error) error {
	for try := 1; ; try++ {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		err := f()
		if err == nil || fault.Of(err) != fault.Throttled || try == throttledTries {
			return err
		}
		slept := r.Clock.Sleep(ctx, throttlePause)
		if slept != nil {
			return err
		}
	}
}
