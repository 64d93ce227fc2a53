package acceptance

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/oracle/oci-go-sdk/v65/identity"

	"github.com/keyturn/keyturn/pkg/credential"
)

// secretKeys makes a customer secret key, uses it, and sees whether the domain shows its value again.
func (p *domainProbe) secretKeys(ctx context.Context) error {
	m, _, err := p.newCredential(ctx, p.owner.User, credential.CustomerSecretKey, "keyturn acceptance run")
	if err != nil {
		return err
	}
	k := domainKinds[credential.CustomerSecretKey]
	all, err := p.ofMember(ctx, p.member, p.owner.User, k, "") // whatever it returns is not shown
	if err != nil {
		return err
	}
	shown := slices.ContainsFunc(all, func(t scimThing) bool { return !t.SecretKey.Empty() })
	for _, t := range all {
		one, err := p.read(ctx, k.resource+"/"+t.ID, nil)
		if err != nil {
			return err
		}
		shown = shown || !one.SecretKey.Empty()
	}
	p.fact("domain-listed-secrets", pick(shown, "shown", "hidden"), "")
	p.spread(ctx, m)
	_, err = p.end(ctx, m)
	return err
}

// apiKeys adds an API key twice, uses it, and deletes it.
func (p *domainProbe) apiKeys(ctx context.Context) error {
	m, err := credential.GenerateAPIKey(2048)
	if err != nil {
		return err
	}
	public, err := m.PublicPEM()
	if err != nil {
		return err
	}
	add := func(ctx context.Context) (credential.Created, error) {
		return p.uploadInDomain(ctx, p.member, p.owner.User, m.Kind, public, longText)
	}
	if _, err := once(ctx, add); err != nil {
		return fmt.Errorf("creating an API key in the identity domain: %s", detailed(err))
	}
	_, err = once(ctx, add)
	p.fact("domain-duplicate-key", seen(err), "")
	all, err := p.list(ctx, p.owner.User, m.Kind)
	if err != nil {
		return err
	}
	kept := p.keptWhole && slices.ContainsFunc(all, func(i credential.Issued) bool { return i.Description == longText })
	p.fact("domain-descriptions", pick(kept, "kept whole", "not kept"), "")
	p.spread(ctx, m)
	p.withoutRights(ctx, m)
	_, err = p.end(ctx, m)
	return err
}

// withoutRights lists users with the API key of the user, who has no rights.
func (p *domainProbe) withoutRights(ctx context.Context, m credential.Material) {
	itself := p.domain.URL + "/admin/v1/Users/" + p.id
	known := false
	_, err := until(ctx, time.Minute, func() (bool, error) {
		u, err := p.signed(ctx, itself, m, p.owner)
		known = err == nil && u.accepted()
		return known, err
	})
	u, failed := p.signed(ctx, p.domain.URL+"/admin/v1/Users?count=1", m, p.owner)
	if failed != nil {
		p.unseen("domain-no-rights", "%v", failed)
		return
	}
	p.fact("domain-no-rights", fmt.Sprintf("%d %s", u.status, pick(u.size > 0, "with a body", "without a body")), "%s",
		pick(known && err == nil, "", "the domain has refused the key for everything, so it may not know the key yet"))
}

// fill makes credentials in the domain until one is refused.
func (p *domainProbe) fill(ctx context.Context) error {
	kinds := slices.DeleteFunc(credential.Kinds(), func(k credential.Kind) bool {
		_, ok := domainKinds[k]
		return !ok
	})
	slots, err := p.fillSlots(ctx, p.owner.User, kinds, func(err error) string {
		status, _ := answer(err)
		known := strings.Contains(strings.ToLower(err.Error()), "maximum quota limit")
		return fmt.Sprintf("%d %s", status, pick(known, "with the quota's text", "with another text"))
	})
	if err != nil {
		return err
	}
	p.fact("domain-slots", slots.counts, "")
	p.fact("domain-full-slots", slots.refusals, "%s", slots.texts)
	return nil
}

// inDefault compares the API of the Default domain with the classic one.
func (p *domainProbe) inDefault(ctx context.Context) error {
	d, err := p.defaultDomain(ctx)
	if err != nil {
		for _, id := range []string{"domain-default-ids", "domain-classic-inactive"} {
			p.unseen(id, "%s", seenOr(err))
		}
		return nil
	}
	_, user, err := p.newUser(ctx, "in-default")
	if err != nil {
		return err
	}
	var tokenID string
	var same []string
	for _, kind := range []credential.Kind{credential.AuthToken, credential.CustomerSecretKey} {
		m, _, err := p.newCredential(ctx, user, kind, "keyturn acceptance run")
		if err != nil {
			return err
		}
		all, err := p.ofMember(ctx, member{domain: d}, user, domainKinds[kind], safeAttributes)
		switch {
		case err != nil:
			return fmt.Errorf("listing by the API of Default: %s", detailed(err))
		case len(all) != 1:
			same = append(same, fmt.Sprintf("%d listed", len(all)))
		case m.ID == all[0].OCID:
			same = append(same, "the OCID")
		case m.ID == all[0].AccessKey:
			same = append(same, "the access key")
		default:
			same = append(same, "another id")
		}
		if tokenID == "" && len(all) == 1 {
			tokenID = all[0].ID
		}
	}
	p.fact("domain-default-ids", strings.Join(same, ", "), "")
	if tokenID == "" {
		p.unseen("domain-classic-inactive", "the API of Default doesn't list the auth token")
		return nil
	}
	return p.classicState(ctx, d, user, tokenID)
}

// classicState makes an auth token of Default INACTIVE, and reads its state with the classic API.
func (p *domainProbe) classicState(ctx context.Context, d *identityDomain, user, token string) error {
	if _, err := p.scimOnce(ctx, d, changeOf(token, "status", "INACTIVE", nil)); err != nil {
		p.unseen("domain-classic-inactive", "Default refuses the change: %s", short(detailed(err)))
		return nil
	}
	var state identity.AuthTokenLifecycleStateEnum
	_, err := until(ctx, time.Minute, func() (bool, error) {
		all, err := ask(ctx, p.identity.ListAuthTokens, identity.ListAuthTokensRequest{UserId: &user})
		if err == nil && len(all.Items) == 1 {
			state = all.Items[0].LifecycleState
		}
		return state != "" && state != identity.AuthTokenLifecycleStateCreating, err
	})
	if err != nil {
		return fmt.Errorf("listing auth tokens: %s", seenOr(err))
	}
	p.fact("domain-classic-inactive", string(state), "")
	return nil
}
