package acceptance

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/keyturn/keyturn/pkg/credential"
)

// pageSizes asks for the longest page that Keyturn asks for, and for a longer one.
func (p *domainProbe) pageSizes(ctx context.Context) error {
	var saw []string
	for _, count := range []string{"1000", "1001"} {
		_, err := p.read(ctx, "Users", url.Values{"count": {count}, "attributes": {"ocid"}})
		saw = append(saw, short(seen(err)))
	}
	p.fact("domain-count", saw[0], "count=1001: %s", saw[1])
	return nil
}

// orders reads the first users in both orders.
func (p *domainProbe) orders(ctx context.Context) error {
	ids := map[string][]string{}
	for _, order := range []string{"ascending", "descending"} {
		page, err := p.read(ctx, "Users", url.Values{"count": {"50"}, "attributes": {"ocid"}, "sortBy": {"ocid"},
			"sortOrder": {order}})
		if err != nil {
			p.unseen("domain-sort", "%s", short(detailed(err)))
			return nil
		}
		for _, u := range page.Resources {
			ids[order] = append(ids[order], u.OCID)
		}
	}
	up, down := ids["ascending"], ids["descending"]
	slices.Reverse(down)
	p.fact("domain-sort", pick(slices.IsSorted(up) && slices.IsSorted(down), "honoured", "ignored"), "")
	return nil
}

// wholeLists lists the credentials of all users of the domain, and compares them with the lists of the run's users.
func (p *domainProbe) wholeLists(ctx context.Context) error {
	var answers, names, unsorted []string
	own, lacking, pairs := 0, 0, 0
	for _, kind := range credential.Kinds() {
		k, ok := domainKinds[kind]
		if !ok {
			continue
		}
		ids, err := p.ownIDs(ctx, k)
		if err != nil {
			return err
		}
		first, err := p.wholePage(ctx, k, "ocid,user", 1)
		if saw := statusOf(err); !slices.Contains(answers, saw) {
			answers = append(answers, saw)
		}
		if err != nil {
			continue
		}
		saw, err := p.namesIn(ctx, k, first)
		if err != nil {
			return err
		}
		if !slices.Contains(names, saw) {
			names = append(names, saw)
		}
		if !slices.IsSortedFunc(first.Resources, func(a, b scimThing) int { return strings.Compare(a.OCID, b.OCID) }) {
			unsorted = append(unsorted, k.resource)
		}
		pairs += max(0, len(first.Resources)-1)
		own += len(ids)
		missing, err := p.missing(ctx, k, first, ids)
		if err != nil {
			return err
		}
		lacking += missing
	}
	p.fact("domain-whole-lists", strings.Join(answers, ", "), "")
	if len(names) == 0 {
		for _, id := range []string{"domain-whole-complete", "domain-whole-names", "domain-whole-sort"} {
			p.unseen(id, "the domain refuses lists without a filter")
		}
		return nil
	}
	p.fact("domain-whole-names", strings.Join(names, ", "), "")
	if pairs == 0 {
		p.unseen("domain-whole-sort", "no list has two entries")
	} else {
		p.fact("domain-whole-sort", pick(len(unsorted) == 0, "honoured", "ignored"), "%s", strings.Join(unsorted, ", "))
	}
	p.fact("domain-whole-complete", pick(lacking == 0 && own > 0, "complete", fmt.Sprintf("lacking %d of %d", lacking,
		own)), "")
	return nil
}

// ownIDs are the SCIM ids that the lists of the run's users in the domain have.
func (p *domainProbe) ownIDs(ctx context.Context, k domainKind) (ids []string, err error) {
	for _, u := range p.state.DomainUsers {
		m, ok := p.members[u.ID]
		if !ok {
			continue
		}
		all, err := p.ofMember(ctx, m, u.ID, k, "ocid,user")
		if err != nil {
			return nil, fmt.Errorf("listing %s of the user %s: %s", k.resource, u.Name, detailed(err))
		}
		for _, t := range all {
			ids = append(ids, t.ID)
		}
	}
	return ids, nil
}

// wholePage reads a page of the credentials of all users. A domain refuses requests with 401 now and then, so only the
// third such refusal counts.
func (p *domainProbe) wholePage(ctx context.Context, k domainKind, attributes string, start int) (t scimThing,
	err error) {
	request := "GET " + k.resource
	before := p.unauthorized[request]
	defer p.forget(request, before)
	for attempt := range 3 {
		t, err = once(ctx, func(ctx context.Context) (scimThing, error) {
			return p.scimAt(ctx, p.domain.URL, scimRequest{method: http.MethodGet, path: k.resource, query: url.Values{
				"count": {"1000"}, "startIndex": {strconv.Itoa(start)}, "sortBy": {"ocid"},
				"attributes": {attributes}}})
		})
		if !statusIs(err, http.StatusUnauthorized) || sleep(ctx, pauseOf(attempt)) != nil {
			break
		}
	}
	return t, err
}

// namesIn says when a list has the names of the credentials' users.
func (p *domainProbe) namesIn(ctx context.Context, k domainKind, page scimThing) (string, error) {
	named := func(t scimThing) bool { return t.User.Name != "" }
	if slices.ContainsFunc(page.Resources, named) {
		return "with user", nil
	}
	page, err := p.wholePage(ctx, k, "ocid,user.name", 1)
	if err != nil {
		return "", fmt.Errorf("listing %s: %s", k.resource, detailed(err))
	}
	return pick(slices.ContainsFunc(page.Resources, named), "only with user.name", "not at all"), nil
}

// missing counts the ids that the whole list doesn't have. page is its first one.
func (p *domainProbe) missing(ctx context.Context, k domainKind, page scimThing, ids []string) (int, error) {
	for read := 0; ; {
		for _, t := range page.Resources {
			ids = slices.DeleteFunc(ids, func(id string) bool { return id == t.ID })
		}
		read += len(page.Resources)
		if len(ids) == 0 || len(page.Resources) == 0 || page.TotalResults != nil && read >= *page.TotalResults {
			return len(ids), nil
		}
		var err error
		page, err = p.wholePage(ctx, k, "ocid,user", read+1)
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return 0, fmt.Errorf("listing %s: %s", k.resource, seenOr(err))
		}
	}
}
