package main

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
)

// iamProbe is a throw-away user in no group, on whom IAM's answers are observed.
type iamProbe struct {
	*run
	owner credential.Owner
}

// probes observes the facts that the rotations haven't shown.
func (r *run) probes(ctx context.Context) error {
	name, id, err := r.newUser(ctx, "probe")
	if err != nil {
		return err
	}
	p := &iamProbe{r, credential.Owner{Tenancy: r.tenancy, User: id, UserName: name, Region: r.home,
		Namespace: r.namespace, Hosts: r.hosts}}
	for _, probe := range []func(context.Context) error{
		p.tokens, p.secretKeys, p.apiKeys, p.fill, p.passwords, r.probeVault, r.probeProblems} {
		if err := probe(ctx); err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	r.report.fact("domain-refusals", "", "%s", r.domain)
	missing := slices.Contains(r.dates, "")
	r.report.fact("date-header", map[bool]string{true: "missing in some", false: "in all"}[missing], "")
	r.report.check(true, "the facts were looked at", "")
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

// replayed says what a repetition with the same retry token was answered.
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
		p.report.unseen("other-region", "the tenancy is subscribed to its home region only")
	}
	description, retryToken := strings.Repeat("keyturn 21", 20), random(32)
	// A user that was made a moment ago may not be known everywhere yet.
	var made identity.CreateAuthTokenResponse
	_, err := until(ctx, time.Minute, func() (bool, error) {
		var err error
		made, err = p.token(ctx, retryToken, description)
		if status, _ := answer(err); status == 404 {
			return false, nil
		}
		return err == nil, err
	})
	if err != nil {
		return fmt.Errorf("making an auth token: %s", seenOr(err))
	}
	date := made.RawResponse.Header.Get("Date")
	p.dates = append(p.dates, date)
	if at, err := dateOf(date); err == nil {
		off := when(made.TimeCreated).Sub(at)
		p.report.fact("created-time", map[bool]string{true: "within a minute",
			false: "further off"}[off.Abs() < time.Minute], "timeCreated is %s after the Date",
			off.Round(time.Millisecond))
	}
	m := credential.Material{Kind: credential.AuthToken, ID: text(made.Id),
		Value: credential.NewValue([]byte(text(made.Token)))}
	again, err := p.token(ctx, retryToken, description)
	p.report.fact("retry-token", replayed(text(again.Id) == m.ID, text(made.Token), text(again.Token), err), "")
	all, err := p.list(ctx, p.owner.User, credential.AuthToken)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(all, func(l credential.Issued) bool { return l.ID == m.ID })
	p.report.fact("description-length", map[bool]string{true: "kept whole", false: "not kept"}[i >= 0 &&
		all[i].Description == description], "")
	p.spread(ctx, m)
	p.registry(ctx, m)
	deleted, err := p.identity.DeleteAuthToken(ctx, identity.DeleteAuthTokenRequest{UserId: &p.owner.User,
		AuthTokenId: &m.ID})
	if err != nil {
		return fmt.Errorf("deleting an auth token: %s", seen(err))
	}
	p.report.fact("delete-status", fmt.Sprint(status(deleted.RawResponse)), "")
	err = p.delete(ctx, p.owner.User, m.Kind, m.ID)
	p.report.fact("delete-twice", seen(err), "")
	p.end(ctx, m)
	return nil
}

// elsewhere makes an auth token outside the home region.
func (p *iamProbe) elsewhere(ctx context.Context) {
	away := p.identity
	away.SetRegion(p.regions[0])
	_, err := once(ctx, func(ctx context.Context) (identity.CreateAuthTokenResponse, error) {
		return away.CreateAuthToken(ctx, identity.CreateAuthTokenRequest{UserId: &p.owner.User,
			CreateAuthTokenDetails: identity.CreateAuthTokenDetails{
				Description: common.String("keyturn acceptance run")}})
	})
	p.report.fact("other-region", seen(err), "in %s", p.regions[0])
}

// spread times how long it takes until a new credential works.
func (p *iamProbe) spread(ctx context.Context, m credential.Material) used {
	took, last, err := p.works(ctx, m, p.owner, spreadTime)
	if p.report.check(err == nil, "a new "+m.Kind.Noun()+" of a user without rights works", "%s", because(last, err)) {
		p.times["spread"] = append(p.times["spread"], timing{"a new " + m.Kind.Noun(), took})
	}
	return last
}

// end times how long a deleted credential still works, and tells the refusal.
func (p *iamProbe) end(ctx context.Context, m credential.Material) used {
	took, last, err := p.ends(ctx, m, p.owner, spreadTime)
	if p.report.check(err == nil, "a deleted "+m.Kind.Noun()+" is refused", "%s", because(last, err)) {
		p.times["end"] = append(p.times["end"], timing{"a deleted " + m.Kind.Noun(), took})
	}
	return last
}

// secretKeys makes a customer secret key, uses it rightly and wrongly, and deletes it.
func (p *iamProbe) secretKeys(ctx context.Context) error {
	m, _, err := p.newCredential(ctx, p.owner.User, credential.CustomerSecretKey, "keyturn acceptance run")
	if err != nil {
		return err
	}
	last := p.spread(ctx, m)
	p.report.fact("s3-no-rights", last.String(), "")
	p.report.fact("access-key", map[bool]string{true: "the id is the access key",
		false: "the id doesn't sign"}[last.accepted()], "")
	unknown, wrong := m, m
	unknown.ID, wrong.Value = strings.Repeat("0123456789", 4), credential.NewValue([]byte(random(44)))
	for id, bad := range map[string]credential.Material{"s3-unknown-key": unknown, "s3-wrong-secret": wrong} {
		u, err := p.use(ctx, bad, p.owner)
		if err != nil {
			p.report.unseen(id, "%v", err)
			continue
		}
		p.report.fact(id, u.String(), "")
	}
	if err := p.delete(ctx, p.owner.User, m.Kind, m.ID); err != nil {
		return fmt.Errorf("deleting a customer secret key: %s", seen(err))
	}
	p.end(ctx, m)
	return nil
}

// apiKeys uploads an API key, twice, uses it, and deletes it.
func (p *iamProbe) apiKeys(ctx context.Context) error {
	m, _, err := p.newCredential(ctx, p.owner.User, credential.APIKey, "")
	if err != nil {
		return err
	}
	_, err = once(ctx, func(ctx context.Context) (credential.Created, error) {
		return p.upload(ctx, p.owner.User, m)
	})
	p.report.fact("duplicate-key", seen(err), "")
	if p.spread(ctx, m).accepted() {
		p.namespaceOf(ctx, m)
	}
	if err := p.delete(ctx, p.owner.User, m.Kind, m.ID); err != nil {
		return fmt.Errorf("deleting an API key: %s", seen(err))
	}
	p.report.fact("deleted-key", p.end(ctx, m).String(), "")
	return nil
}

// fill makes credentials until one is refused.
func (p *iamProbe) fill(ctx context.Context) error {
	var counts, refusals, texts []string
	for _, kind := range credential.Kinds() {
		if kind.Limit() == 0 {
			continue
		}
		const most = 8
		for range most {
			if err := ctx.Err(); err != nil {
				return err
			}
			_, err := once(ctx, func(ctx context.Context) (credential.Material, error) {
				m, _, err := p.create(ctx, p.owner.User, kind, "keyturn acceptance run")
				return m, err
			})
			if err != nil {
				if s := seen(err); !slices.Contains(refusals, s) {
					refusals = append(refusals, s)
				}
				texts = append(texts, kind.Noun()+": "+short(told(err))) // the request has no value
				break
			}
		}
		all, err := p.list(ctx, p.owner.User, kind)
		if err != nil {
			return err
		}
		counts = append(counts, fmt.Sprintf("%d %ss", len(all), kind.Noun()))
	}
	p.report.fact("slots", strings.Join(counts, ", "), "")
	p.report.fact("full-slots", strings.Join(refusals, ", "), "%s", strings.Join(texts, "; "))
	return nil
}

// passwords resets a password twice with one retry token.
func (p *iamProbe) passwords(ctx context.Context) error {
	_, first, err := p.newCredential(ctx, p.owner.User, credential.Password, "")
	if err != nil {
		return err
	}
	if err := sleep(ctx, time.Second); err != nil { // so that the next one is of another second
		return err
	}
	token := random(32)
	reset := func() (identity.CreateOrResetUIPasswordResponse, error) {
		return once(ctx, func(ctx context.Context) (identity.CreateOrResetUIPasswordResponse, error) {
			return p.identity.CreateOrResetUIPassword(ctx, identity.CreateOrResetUIPasswordRequest{
				UserId: &p.owner.User, OpcRetryToken: &token})
		})
	}
	one, err := reset()
	if err != nil {
		return fmt.Errorf("resetting a password: %s", seen(err))
	}
	shown, err := p.passwordMade(ctx, p.owner.User)
	if err != nil {
		return fmt.Errorf("reading when a password was made: %s", seen(err))
	}
	answered := when(one.TimeCreated)
	outcome := "moves, and agrees with the answer"
	switch {
	case !shown.After(first):
		outcome = "doesn't move"
	case !shown.Equal(answered) && shown.Truncate(time.Second).Equal(answered.Truncate(time.Second)):
		outcome = "moves, and agrees with the answer to the second"
	case !shown.Equal(answered):
		outcome = "moves, and is " + shown.Sub(answered).String() + " after that of the answer"
	}
	p.report.fact("password-time", outcome, "")
	two, err := reset()
	later, readErr := p.passwordMade(ctx, p.owner.User)
	switch {
	case err != nil:
		p.report.fact("retry-token-password", seen(err), "")
	case readErr != nil:
		p.report.unseen("retry-token-password", "%s", seen(readErr))
	case later.Equal(shown) && (text(two.Password) == "" || text(two.Password) == text(one.Password)):
		p.report.fact("retry-token-password", "one reset", "the second answer %s", map[bool]string{true: "has no value",
			false: "has the value again"}[text(two.Password) == ""])
	default:
		p.report.fact("retry-token-password", "two resets", "")
	}
	return nil
}

// probeProblems counts resolved problems of the four rules, and reads nothing else of them.
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
		p, err := patiently(ctx, func(ctx context.Context) (cloudguard.ListProblemsResponse, error) {
			return r.cloudguard.ListProblems(ctx, request)
		})
		if err != nil {
			r.report.unseen("resolved-state", "you may not list problems: %s", seen(err))
			return nil
		}
		if len(p.Items) > 0 {
			found = append(found, string(state))
		}
	}
	if len(found) == 0 {
		r.report.unseen("resolved-state", "the tenancy has no resolved problem of the four rules")
		return nil
	}
	r.report.fact("resolved-state", strings.Join(found, " and "), "")
	return nil
}
