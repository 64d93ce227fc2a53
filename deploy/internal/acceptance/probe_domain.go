package acceptance

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/oracle/oci-go-sdk/v65/cloudguard"
	"github.com/oracle/oci-go-sdk/v65/common"
	"github.com/oracle/oci-go-sdk/v65/identity"

	rule "github.com/keyturn/keyturn/pkg/cloudguard"
)

// domainProbe observes an identity domain's answers on a throw-away user in no group.
type domainProbe struct {
	*iamProbe
	member
	keptWhole bool // the description of an auth token
}

// noDomain enters that the facts about identity domains are not asked.
func (r *run) noDomain() {
	for _, f := range domainFacts {
		if f.Expect != never {
			r.unseen(f.ID, "not asked: --domain names no identity domain")
		}
	}
}

// permitted enters whether the function could rotate a credential of a user in the domain.
func (r *run) permitted(rotated bool, i invoked) {
	if earlier, ok := r.saw["domain-permissions"]; rotated && (!ok || earlier.Verdict == asAssumed) {
		r.fact("domain-permissions", "enough", "")
	} else if !rotated {
		r.fact("domain-permissions", "not enough, or another fault", "%s", i)
	}
}

// unknownUser reports whether a domain doesn't know a new user yet.
func unknownUser(err error) bool {
	_, code := answer(err)
	return strings.HasSuffix(code, ".invalidReferenceResource")
}

// probeDomain observes the facts about identity domains that the rotations have not shown.
func (r *run) probeDomain(ctx context.Context) error {
	if r.within == nil {
		return nil
	}
	if !slices.ContainsFunc(r.subjects, func(s *subject) bool { return s.inDomain && s.owner.User != "" }) {
		return errors.New("no user of the identity domain was created")
	}
	name, id, err := r.newDomainUser(ctx, "domain-probe", r.address("domain-probe"))
	if err != nil {
		return err
	}
	p := &domainProbe{iamProbe: &iamProbe{r, r.owner(name, id)}, member: r.members[id]}
	if err := inOrder(ctx, p.requests, p.pageSizes, p.orders, p.wholeLists, p.tokens, p.secretKeys, p.apiKeys,
		p.fill, p.passwords, p.withoutMail, p.mailed, p.inDefault, p.problems); err != nil {
		return err
	}
	var refused []string
	for what, n := range r.unauthorized {
		refused = append(refused, fmt.Sprintf("%d times %s", n, what))
	}
	slices.Sort(refused)
	r.fact("domain-unauthorized", "", "%s", pick(len(refused) == 0, "never", strings.Join(refused, ", ")))
	return nil
}

// get reads from the domain.
func (p *domainProbe) read(ctx context.Context, path string, query url.Values) (scimThing, error) {
	return p.scim(ctx, p.domain, scimRequest{method: http.MethodGet, path: path, query: query})
}

// requests makes requests that the domain or the classic API should refuse.
func (p *domainProbe) requests(ctx context.Context) error {
	_, err := once(ctx, func(ctx context.Context) (identity.GetUserResponse, error) {
		return p.identity.GetUser(ctx, identity.GetUserRequest{UserId: &p.owner.User})
	})
	p.fact("domain-classic", seen(err), "")
	few := url.Values{"count": {"1"}, "attributes": {"userName"}}
	if bare, has := strings.CutSuffix(p.domain.URL, ":443"); has {
		before := p.unauthorized["GET Users"]
		_, err = p.scimAt(ctx, bare, scimRequest{method: http.MethodGet, path: "Users", query: few})
		p.fact("domain-host-port", seen(err), "")
		p.forget("GET Users", before)
	} else {
		p.unseen("domain-host-port", "the URL names no port")
	}
	_, err = p.scimOnce(ctx, p.domain, scimRequest{method: http.MethodPost, path: "AuthTokens",
		body: map[string]any{"schemas": []string{scimSchemas + "authToken"}, "description": "keyturn acceptance run"}})
	if err == nil {
		return errors.New("the domain creates an auth token without a user")
	}
	_, id := answer(err)
	p.fact("domain-message-id", pick(id == "", "none", id), "%s", short(detailed(err)))
	return nil
}

// forget forgets refusals that a probe has provoked.
func (p *domainProbe) forget(request string, before int) {
	p.unauthorized[request] = before
	if before == 0 {
		delete(p.unauthorized, request)
	}
}

// problems looks for problems about users of the domain.
func (p *domainProbe) problems(ctx context.Context) error {
	found, err := p.openProblems(ctx)
	if err != nil {
		p.unseen("domain-problems", "you may not read problems: %s", seenOr(err))
		return nil
	}
	var forms []string
	for _, problem := range found {
		user := problem.AdditionalDetails["User OCID"]
		filter := url.Values{"filter": {`ocid eq "` + user + `"`}, "attributes": {"userName"}}
		if strings.ContainsAny(user, `"\`) || user == "" {
			continue
		}
		users, err := p.scimList(ctx, p.domain, "Users", filter)
		if err != nil {
			return err
		}
		if len(users) == 0 {
			continue
		}
		form := fmt.Sprintf("%s: resourceId %s, resourceName %s", text(problem.DetectorRuleId),
			formOf(text(problem.ResourceId)), pick(strings.Contains(text(problem.ResourceName), "/"), "with a slash",
				"without a slash"))
		if !slices.Contains(forms, form) {
			forms = append(forms, form)
		}
	}
	p.fact("domain-problems", "", "%s", pick(len(forms) == 0, fmt.Sprintf("none of %d problems is about a user of the "+
		"domain", len(found)), strings.Join(forms, "; ")))
	return nil
}

// openProblems reads up to 200 problems of the four rules.
func (p *domainProbe) openProblems(ctx context.Context) (found []cloudguard.GetProblemResponse, err error) {
	request := cloudguard.ListProblemsRequest{CompartmentId: &p.tenancy, CompartmentIdInSubtree: common.Bool(true),
		AccessLevel: cloudguard.ListProblemsAccessLevelAccessible, Limit: common.Int(200),
		TimeLastDetectedGreaterThanOrEqualTo: &common.SDKTime{Time: time.Now().AddDate(0, -6, 0)}}
	for _, id := range rule.Rules() {
		request.DetectorRuleIdList = append(request.DetectorRuleIdList, string(id))
	}
	all, err := ask(ctx, p.cloudguard.ListProblems, request)
	if err != nil {
		return nil, err
	}
	for _, one := range all.Items {
		problem, err := ask(ctx, p.cloudguard.GetProblem, cloudguard.GetProblemRequest{ProblemId: one.Id})
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return nil, err
		}
		found = append(found, problem)
	}
	return found, nil
}

// formOf describes an id without showing it.
func formOf(id string) string {
	switch {
	case strings.Count(id, "/") == 2:
		return "tenancy/user/fingerprint"
	case strings.HasPrefix(id, "ocid1."):
		return strings.Join(strings.SplitN(id, ".", 3)[:2], ".")
	case strings.Count(id, ":") == 15:
		return "a fingerprint"
	case len(id) == 32:
		return "of 32 characters"
	case len(id) == 40:
		return "of 40 characters"
	}
	return "of another form"
}
