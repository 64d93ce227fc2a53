package acceptance

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/oracle/oci-go-sdk/v65/cloudguard"
	"github.com/oracle/oci-go-sdk/v65/common"
	"github.com/oracle/oci-go-sdk/v65/identity"

	rule "github.com/keyturn/keyturn/pkg/cloudguard"
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/oci"
)

// iamProbe observes IAM's answers on a throw-away user in no group.
type iamProbe struct {
	*run
	owner credential.Owner
}

// probes observes the facts that the rotations have not shown.
func (r *run) probes(ctx context.Context) error {
	name, id, err := r.newUser(ctx, "probe")
	if err != nil {
		return err
	}
	p := &iamProbe{r, r.owner(name, id)}
	if err := inOrder(ctx, p.tokens, p.secretKeys, p.apiKeys, p.fill, p.passwords, r.probeVault,
		r.probeProblems, r.probeDomain); err != nil {
		return err
	}
	r.fact("domain-refusals", "", "%s", r.domain)
	r.fact("date-header", pick(slices.Contains(r.dates, ""), "missing in some", "in all"), "")
	r.check(true, "the facts were observed", "")
	return nil
}

// token makes an auth token with a retry token.
func (p *iamProbe) token(ctx context.Context, retryToken, description string) (identity.CreateAuthTokenResponse,
	error) {
	return once(ctx, func(ctx context.Context) (identity.CreateAuthTokenResponse, error) {
		return p.identity.CreateAuthToken(ctx, identity.CreateAuthTokenRequest{UserId: &p.owner.User,
			OpcRetryToken:          &retryToken,
			CreateAuthTokenDetails: identity.CreateAuthTokenDetails{Description: &description}})
	})
}

// replayed describes the answer to a repetition with the same retry token.
func replayed(sameID bool, before, again string, err error) string {
	switch {
	case err != nil:
		return seen(err)
	case !sameID:
		return "a second one"
	case again == "":
		return "the same, without its value"
	case again != before:
		return "the same, with another value"
	}
	return "the same, with its value"
}

// tokens makes an auth token, repeats the request, uses the token, and deletes it.
func (p *iamProbe) tokens(ctx context.Context) error {
	if len(p.regions) > 0 {
		p.elsewhere(ctx)
	} else {
		p.unseen("other-region", "the tenancy is subscribed to its home region only")
	}
	description, retryToken := strings.Repeat("keyturn 21", 20), random(32)
	// A new user may not be known everywhere yet.
	var made identity.CreateAuthTokenResponse
	_, err := until(ctx, time.Minute, func() (bool, error) {
		var err error
		made, err = p.token(ctx, retryToken, description)
		if statusIs(err, 404) {
			return false, nil
		}
		return err == nil, err
	})
	if err != nil {
		return fmt.Errorf("creating an auth token: %s", seenOr(err))
	}
	date := made.RawResponse.Header.Get("Date")
	p.dates = append(p.dates, date)
	if at, err := dateOf(date); err == nil {
		off := when(made.TimeCreated).Sub(at)
		p.fact("created-time", pick(off.Abs() < time.Minute, "within a minute", "further off"),
			"timeCreated is %s after the Date", off.Round(time.Millisecond))
	}
	m := credential.Material{Kind: credential.AuthToken, ID: text(made.Id),
		Value: credential.NewValue([]byte(text(made.Token)))}
	again, err := p.token(ctx, retryToken, description)
	p.fact("retry-token", replayed(text(again.Id) == m.ID, text(made.Token), text(again.Token), err), "")
	all, err := p.list(ctx, p.owner.User, credential.AuthToken)
	if err != nil {
		return err
	}
	kept := slices.ContainsFunc(all, func(l credential.Issued) bool {
		return l.ID == m.ID && l.Description == description
	})
	p.fact("description-length", pick(kept, "kept whole", "not kept"), "")
	p.spread(ctx, m)
	p.registry(ctx, m)
	deleted, err := p.identity.DeleteAuthToken(ctx, identity.DeleteAuthTokenRequest{UserId: &p.owner.User,
		AuthTokenId: &m.ID})
	if err != nil {
		return fmt.Errorf("deleting an auth token: %s", seen(err))
	}
	p.fact("delete-status", fmt.Sprint(status(deleted.RawResponse)), "")
	err = p.delete(ctx, p.owner.User, m.Kind, m.ID)
	p.fact("delete-twice", seen(err), "")
	p.rejection(ctx, m)
	return nil
}

// elsewhere tries to make an auth token outside the home region.
func (p *iamProbe) elsewhere(ctx context.Context) {
	away := p.identity
	away.SetRegion(p.regions[0])
	_, err := once(ctx, func(ctx context.Context) (credential.Created, error) {
		return oci.DirectCalls(credential.AuthToken).Create(ctx, away, p.owner.User,
			credential.Draft{Description: "keyturn acceptance run"})
	})
	p.fact("other-region", seen(err), "in %s", p.regions[0])
}

// spread waits until a new credential works.
func (p *iamProbe) spread(ctx context.Context, m credential.Material) used {
	name := "a new " + m.Kind.Noun()
	return p.works(ctx, m, p.owner, wait{name + " of a user without rights works", spreadTime, name})
}

// end deletes a credential and returns the refusal of the deleted one.
func (p *iamProbe) end(ctx context.Context, m credential.Material) (used, error) {
	if err := p.delete(ctx, p.owner.User, m.Kind, m.ID); err != nil {
		return used{}, fmt.Errorf("deleting the %s: %s", m.Kind.Noun(), seen(err))
	}
	return p.rejection(ctx, m), nil
}

// rejection waits until a deleted credential is refused, and returns the refusal.
func (p *iamProbe) rejection(ctx context.Context, m credential.Material) used {
	name := "a deleted " + m.Kind.Noun()
	return p.ends(ctx, m, p.owner, wait{name + " is refused", spreadTime, name})
}

// secretKeys makes a customer secret key, uses it, also with wrong values, and deletes it.
func (p *iamProbe) secretKeys(ctx context.Context) error {
	m, _, err := p.newCredential(ctx, p.owner.User, credential.CustomerSecretKey, "keyturn acceptance run")
	if err != nil {
		return err
	}
	last := p.spread(ctx, m)
	p.fact("s3-no-rights", last.String(), "")
	saw := pick(strings.HasPrefix(m.ID, "ocid1."), "the id is an OCID that signs like the access key",
		"the id is the access key")
	p.fact("access-key", pick(last.accepted(), saw, "the id doesn't sign"), "")
	unknown, wrong := m, m
	unknown.ID, wrong.Value = strings.Repeat("0123456789", 4), credential.NewValue([]byte(random(44)))
	for id, bad := range map[string]credential.Material{"s3-unknown-key": unknown, "s3-wrong-secret": wrong} {
		u, err := p.use(ctx, bad, p.owner)
		if err != nil {
			p.unseen(id, "%v", err)
			continue
		}
		p.fact(id, u.String(), "")
	}
	_, err = p.end(ctx, m)
	return err
}

// apiKeys uploads an API key twice, uses it, and deletes it.
func (p *iamProbe) apiKeys(ctx context.Context) error {
	m, _, err := p.newCredential(ctx, p.owner.User, credential.APIKey, "")
	if err != nil {
		return err
	}
	_, err = once(ctx, func(ctx context.Context) (credential.Created, error) {
		return p.upload(ctx, p.owner.User, m)
	})
	p.fact("duplicate-key", seen(err), "")
	if p.spread(ctx, m).accepted() {
		p.namespaceOf(ctx, m)
	}
	refusal, err := p.end(ctx, m)
	if err == nil {
		p.fact("deleted-key", refusal.String(), "")
	}
	return err
}

// fill makes credentials until one is refused.
func (p *iamProbe) fill(ctx context.Context) error {
	var kinds []credential.Kind
	for _, kind := range credential.Kinds() {
		if kind.Limit() > 0 {
			kinds = append(kinds, kind)
		}
	}
	slots, err := p.fillSlots(ctx, p.owner.User, kinds, seen)
	if err != nil {
		return err
	}
	p.fact("slots", slots.counts, "")
	p.fact("full-slots", slots.refusals, "%s", slots.texts)
	return nil
}

// filled is what a run sees of a user's full slots, by kind.
type filled struct{ counts, refusals, texts string }

// fillSlots makes a user's credentials of each kind until one is refused. seen says how a refusal looks.
func (a *admin) fillSlots(ctx context.Context, user string, kinds []credential.Kind, seen func(error) string) (filled,
	error) {
	var counts, refusals, texts []string
	for _, kind := range kinds {
		const most = 8
		for range most {
			if err := ctx.Err(); err != nil {
				return filled{}, err
			}
			_, err := once(ctx, func(ctx context.Context) (credential.Material, error) {
				m, _, err := a.create(ctx, user, kind, "keyturn acceptance run")
				return m, err
			})
			if err != nil {
				if s := seen(err); !slices.Contains(refusals, s) {
					refusals = append(refusals, s)
				}
				texts = append(texts, kind.Noun()+": "+short(detailed(err))) // the request has no value
				break
			}
		}
		all, err := a.list(ctx, user, kind)
		if err != nil {
			return filled{}, err
		}
		counts = append(counts, fmt.Sprintf("%d %ss", len(all), kind.Noun()))
	}
	return filled{strings.Join(counts, ", "), strings.Join(refusals, ", "), strings.Join(texts, "; ")}, nil
}

// passwords resets a password twice with one retry token.
func (p *iamProbe) passwords(ctx context.Context) error {
	_, first, err := p.newCredential(ctx, p.owner.User, credential.Password, "")
	if err != nil {
		return err
	}
	if err := sleep(ctx, time.Second); err != nil { // so that the next reset is in another second
		return err
	}
	token := random(32)
	reset := func() (credential.Created, error) {
		return once(ctx, func(ctx context.Context) (credential.Created, error) {
			return oci.DirectCalls(credential.Password).Create(ctx, p.identity, p.owner.User,
				credential.Draft{RetryToken: token})
		})
	}
	one, err := reset()
	if err != nil {
		return fmt.Errorf("resetting a password: %s", seen(err))
	}
	shown, err := p.passwordMade(ctx, p.owner.User)
	if err != nil {
		return fmt.Errorf("reading when a password was set: %s", seen(err))
	}
	outcome := "moves, and agrees with the answer"
	switch {
	case !shown.After(first):
		outcome = "doesn't move"
	case !shown.Equal(one.Created) && shown.Truncate(time.Second).Equal(one.Created.Truncate(time.Second)):
		outcome = "moves, and agrees with the answer to the second"
	case !shown.Equal(one.Created):
		outcome = "moves, and is " + shown.Sub(one.Created).String() + " after that of the answer"
	}
	p.fact("password-time", outcome, "")
	two, err := reset()
	later, readErr := p.passwordMade(ctx, p.owner.User)
	switch {
	case err != nil:
		p.fact("retry-token-password", seen(err), "")
	case readErr != nil:
		p.unseen("retry-token-password", "%s", seen(readErr))
	case later.Equal(shown) && (two.Value.Empty() || two.Value.Equal(one.Value)):
		p.fact("retry-token-password", "one reset", "the second answer %s", pick(two.Value.Empty(),
			"has no value", "has the value again"))
	default:
		p.fact("retry-token-password", "two resets", "")
	}
	return nil
}

// probeProblems checks in which state resolved problems of the four rules are listed. It reads nothing else of them.
func (r *run) probeProblems(ctx context.Context) error {
	var found []string
	for _, state := range []cloudguard.ListProblemsLifecycleStateEnum{cloudguard.ListProblemsLifecycleStateActive,
		cloudguard.ListProblemsLifecycleStateInactive} {
		request := cloudguard.ListProblemsRequest{LifecycleState: state, CompartmentId: &r.tenancy,
			CompartmentIdInSubtree: common.Bool(true),
			AccessLevel:            cloudguard.ListProblemsAccessLevelAccessible,
			LifecycleDetail:        cloudguard.ListProblemsLifecycleDetailResolved, Limit: common.Int(1),
			TimeLastDetectedGreaterThanOrEqualTo: &common.SDKTime{Time: time.Now().AddDate(0, -6, 0)}}
		for _, id := range rule.Rules() {
			request.DetectorRuleIdList = append(request.DetectorRuleIdList, string(id))
		}
		p, err := ask(ctx, r.cloudguard.ListProblems, request)
		if err != nil {
			r.unseen("resolved-state", "you may not list problems: %s", seen(err))
			return nil
		}
		if len(p.Items) > 0 {
			found = append(found, string(state))
		}
	}
	if len(found) == 0 {
		r.unseen("resolved-state", "the tenancy has no resolved problem of the four rules")
		return nil
	}
	r.fact("resolved-state", strings.Join(found, " and "), "")
	return nil
}
