package acceptance

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/keyturn/keyturn/pkg/credential"
)

// longText is a description of 200 characters.
var longText = strings.Repeat("keyturn 21", 20)

// newToken makes an auth token in the domain. A new user may not be known there yet.
func (p *domainProbe) newToken(ctx context.Context, more map[string]any, retryToken string) (scimThing, error) {
	return retry(ctx, unknownUser, func(ctx context.Context) (scimThing, error) {
		return once(ctx, func(ctx context.Context) (scimThing, error) {
			return p.createInDomain(ctx, p.member, p.owner.User, credential.AuthToken, more,
				map[string]string{"Opc-Retry-Token": retryToken})
		})
	})
}

// tokens makes two auth tokens, lists, changes and uses them, and deletes them.
func (p *domainProbe) tokens(ctx context.Context) error {
	expires := time.Now().Add(48 * time.Hour).UTC().Truncate(time.Second)
	more := map[string]any{"description": longText, "expiresOn": expires.Format(time.RFC3339)}
	retryToken := random(32)
	one, err := p.newToken(ctx, more, retryToken)
	if err != nil {
		return fmt.Errorf("creating an auth token in the identity domain: %s", detailed(err))
	}
	p.dates = append(p.dates, one.header.Get("Date"))
	p.echo(one, expires)
	all, err := p.ofMember(ctx, p.member, p.owner.User, domainKinds[credential.AuthToken], safeAttributes)
	if err != nil {
		return err
	}
	p.fact("domain-list-lag", pick(len(all) == 1, "at once", "later"), "")
	p.keptWhole = one.Description == longText
	again, err := p.newToken(ctx, more, retryToken)
	p.fact("domain-retry-token", replayed(again.ID == one.ID, string(one.Token.Reveal()), string(again.Token.Reveal()),
		err), "")
	two := again
	if err != nil || again.ID == one.ID {
		two, err = p.newToken(ctx, map[string]any{"description": "keyturn acceptance run"}, random(32))
		if err != nil {
			return fmt.Errorf("creating a second auth token in the identity domain: %s", detailed(err))
		}
	}
	if err := p.pages(ctx); err != nil {
		return err
	}
	_, err = p.change(ctx, one, "description", longText, map[string]string{"If-Match": random(20)})
	p.fact("domain-if-match", seen(err), "")
	m := credential.Material{Kind: credential.AuthToken, ID: one.OCID, Value: one.Token.Value}
	p.spread(ctx, m)
	p.registryNames(ctx, m)
	if err := p.inactive(ctx, one, m); err != nil {
		return err
	}
	return p.removeTokens(ctx, one, two)
}

// echo compares what the domain says about a new auth token with what was asked for.
func (p *domainProbe) echo(made scimThing, expires time.Time) {
	shown, err := time.Parse(time.RFC3339, made.ExpiresOn)
	p.fact("domain-expiry", pick(err == nil && shown.Equal(expires), "the same instant", "not the same"), "%s",
		made.ExpiresOn)
	if at, err := dateOf(made.header.Get("Date")); err == nil {
		off := made.Meta.Created.Sub(at)
		p.fact("domain-created-time", pick(off.Abs() < time.Minute, "within a minute", "further off"),
			"meta.created is %s after the Date", off.Round(time.Millisecond))
	}
}

// pages lists the two auth tokens one by one.
func (p *domainProbe) pages(ctx context.Context) error {
	var ids, sizes []string
	for start := 1; start <= 2; start++ {
		page, err := p.read(ctx, "AuthTokens", url.Values{"filter": {`user.ocid eq "` + p.owner.User + `"`},
			"attributes": {"ocid"}, "count": {"1"}, "startIndex": {strconv.Itoa(start)}, "sortBy": {"ocid"}})
		if err != nil {
			return err
		}
		for _, t := range page.Resources {
			ids = append(ids, t.ID)
		}
		if page.ItemsPerPage != nil {
			sizes = append(sizes, strconv.Itoa(*page.ItemsPerPage))
		}
	}
	fit := len(ids) == 2 && ids[0] != ids[1]
	p.fact("domain-pages", pick(fit, "the pages fit together", "the pages don't fit together"),
		"itemsPerPage is %s", strings.Join(sizes, ", "))
	return nil
}

// change changes one attribute of an auth token.
func (p *domainProbe) change(ctx context.Context, t scimThing, attribute, value string, header map[string]string) (
	scimThing, error) {
	return p.scimOnce(ctx, p.domain, changeOf(t.ID, attribute, value, header))
}

func changeOf(id, attribute, value string, header map[string]string) scimRequest {
	return scimRequest{method: http.MethodPatch, path: "AuthTokens/" + id, header: header,
		body: map[string]any{"schemas": []string{scimPatch},
			"Operations": []map[string]any{{"op": "replace", "path": attribute, "value": value}}}}
}

// registryNames signs in with each form of the user's name.
func (p *domainProbe) registryNames(ctx context.Context, m credential.Material) {
	_, bare, _ := strings.Cut(p.owner.UserName, p.domain.Name+"/")
	var accepted []string
	for form, name := range map[string]string{"namespace/name": bare, "namespace/domain/name": p.owner.UserName} {
		u, err := p.signIn(ctx, p.namespace+"/"+name, m, p.owner)
		if err == nil && u.accepted() {
			accepted = append(accepted, form)
		}
	}
	slices.SortFunc(accepted, func(a, b string) int { return len(a) - len(b) })
	p.fact("domain-registry-user", strings.Join(accepted, ", "), "")
}

// inactiveTime is how long an INACTIVE auth token is used.
const inactiveTime = 4 * time.Minute

// inactive makes one of two auth tokens INACTIVE, and observes its use and its slot.
func (p *domainProbe) inactive(ctx context.Context, t scimThing, m credential.Material) error {
	changed, err := p.change(ctx, t, "status", "INACTIVE", nil)
	if err != nil {
		for _, id := range []string{"domain-inactive-slot", "domain-inactive-use"} {
			p.unseen(id, "the domain refuses the change: %s", short(detailed(err)))
		}
		return nil
	}
	at, err := dateOf(changed.header.Get("Date"))
	if err != nil {
		return err
	}
	first, err := p.use(ctx, m, p.owner)
	if err != nil {
		return err
	}
	third, full := p.newToken(ctx, map[string]any{"description": "keyturn acceptance run"}, random(32))
	if full != nil {
		p.fact("domain-inactive-slot", "keeps it", "%s", short(detailed(full)))
	} else {
		p.fact("domain-inactive-slot", "frees it", "")
		if err := p.deleteToken(ctx, third); err != nil {
			return err
		}
	}
	if first.refused() {
		p.fact("domain-inactive-use", "refused at once", "%s", first)
		return nil
	}
	saw, detail := "works", "for "+inactiveTime.String()
	_, err = until(ctx, 2*inactiveTime, func() (bool, error) {
		now, err := p.serverNow(ctx)
		if err != nil {
			return false, err
		}
		u, err := p.use(ctx, m, p.owner)
		if err == nil && u.refused() {
			saw, detail = "refused later", fmt.Sprintf("%s, after %s at most", u, now.Sub(at).Round(time.Second))
		}
		return saw != "works" || now.After(at.Add(inactiveTime)), err
	})
	p.fact("domain-inactive-use", saw, "%s", detail)
	return err
}

func (p *domainProbe) deleteToken(ctx context.Context, t scimThing) error {
	_, err := p.scim(ctx, p.domain, scimRequest{method: http.MethodDelete, path: "AuthTokens/" + t.ID})
	if err != nil {
		return fmt.Errorf("deleting an auth token in the identity domain: %s", detailed(err))
	}
	return nil
}

// removeTokens deletes the two auth tokens, one of them twice.
func (p *domainProbe) removeTokens(ctx context.Context, one, two scimThing) error {
	gone := scimRequest{method: http.MethodDelete, path: "AuthTokens/" + two.ID}
	deleted, err := p.scim(ctx, p.domain, gone)
	if err != nil {
		return fmt.Errorf("deleting an auth token in the identity domain: %s", detailed(err))
	}
	p.fact("domain-delete-status", strconv.Itoa(deleted.status), "")
	_, err = p.scim(ctx, p.domain, gone)
	p.fact("domain-delete-twice", seen(err), "")
	return p.deleteToken(ctx, one)
}
