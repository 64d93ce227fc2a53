package oci

import (
	"context"
	"strings"
	"time"

	sdk "github.com/oracle/oci-go-sdk/v65/cloudguard"
	"github.com/oracle/oci-go-sdk/v65/common"
	"github.com/oracle/oci-go-sdk/v65/identity"
	ocivault "github.com/oracle/oci-go-sdk/v65/vault"

	"github.com/keyturn/keyturn/pkg/cloudguard"
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
)

// listSize is the page size of long lists. Services may return smaller pages. Decoding holds an answer in memory
// several times, about 2 KB per user: with pages of 1,000, it took the most memory of a sweep. Pages of 250 cost 3 more
// calls for 1,000 users, of about 3,000.
const listSize = 250

// ClosedProblems returns one page of the ids of resolved problems of the four rules that were detected since the given
// time, and the token of the next page; "" ends the list.
func (c *Cloud) ClosedProblems(ctx context.Context, since time.Time,
	page string) (ids []string, next string, err error) {
	return c.problems(ctx, sdk.ListProblemsLifecycleDetailResolved, since, page)
}

// OpenProblems is ClosedProblems for open problems.
func (c *Cloud) OpenProblems(ctx context.Context, since time.Time,
	page string) (ids []string, next string, err error) {
	return c.problems(ctx, sdk.ListProblemsLifecycleDetailOpen, since, page)
}

func (c *Cloud) problems(ctx context.Context, detail sdk.ListProblemsLifecycleDetailEnum, since time.Time,
	page string) (ids []string, next string, err error) {
	cl, err := c.cloudGuard()
	if err != nil {
		return nil, "", classify("ListProblems", err)
	}
	t, err := c.Tenancy(ctx)
	if err != nil {
		return nil, "", err
	}
	// No source says whether a problem in that state is active or inactive, or what a list without the filter contains.
	// So both are listed, one after the other.
	state, rest := sdk.ListProblemsLifecycleStateActive, page
	if after, ok := strings.CutPrefix(page, inactive); ok {
		state, rest = sdk.ListProblemsLifecycleStateInactive, after
	}
	request := sdk.ListProblemsRequest{LifecycleState: state, CompartmentId: &t.ID,
		CompartmentIdInSubtree: common.Bool(true), AccessLevel: sdk.ListProblemsAccessLevelAccessible,
		LifecycleDetail: detail, TimeLastDetectedGreaterThanOrEqualTo: &common.SDKTime{
			Time: since},
		Limit: common.Int(listSize), Page: token(rest)}
	for _, r := range cloudguard.Rules() {
		request.DetectorRuleIdList = append(request.DetectorRuleIdList, string(r))
	}
	r, err := call(ctx, c, "ListProblems", harmless, func(ctx context.Context) (sdk.ListProblemsResponse, error) {
		return cl.ListProblems(ctx, request)
	})
	if err != nil {
		return nil, "", err
	}
	for _, p := range r.Items {
		ids = append(ids, str(p.Id))
	}
	next = str(r.OpcNextPage)
	if state == sdk.ListProblemsLifecycleStateInactive && next != "" || state == sdk.ListProblemsLifecycleStateActive &&
		next == "" {
		next = inactive + next
	}
	return ids, next, nil
}

// inactive begins the page tokens of the second half of a list of problems.
const inactive = "inactive:"

// Users returns one page of the users of the classic IAM API, and the token of the next page; "" ends the list.
func (c *Cloud) Users(ctx context.Context, page string) (users []credential.User, next string, err error) {
	t, err := c.Tenancy(ctx)
	if err != nil {
		return nil, "", err
	}
	cl, err := c.identity(t.Home)
	if err != nil {
		return nil, "", err
	}
	r, err := call(ctx, c, "ListUsers", harmless, func(ctx context.Context) (identity.ListUsersResponse, error) {
		return cl.ListUsers(ctx, identity.ListUsersRequest{CompartmentId: &t.ID, Limit: common.Int(listSize),
			Page: token(page)})
	})
	if err != nil {
		return nil, "", err
	}
	for _, u := range r.Items {
		users = append(users, credential.User{ID: str(u.Id), Name: str(u.Name), State: string(u.LifecycleState),
			MayNot: forbidden(u.Capabilities), Federated: str(u.IdentityProviderId) != "",
			LastLogin: when(u.LastSuccessfulLoginTime), Tags: oursOf(u.FreeformTags, u.DefinedTags)})
	}
	return users, str(r.OpcNextPage), nil
}

// Regions returns the identifiers of the regions that the tenancy is subscribed to.
func (c *Cloud) Regions(ctx context.Context) ([]string, error) {
	t, err := c.Tenancy(ctx)
	if err != nil {
		return nil, err
	}
	cl, err := c.identity(t.Home)
	if err != nil {
		return nil, err
	}
	r, err := call(ctx, c, "ListRegionSubscriptions", harmless,
		func(ctx context.Context) (identity.ListRegionSubscriptionsResponse, error) {
			return cl.ListRegionSubscriptions(ctx, identity.ListRegionSubscriptionsRequest{TenancyId: &t.ID})
		})
	if err != nil {
		return nil, err
	}
	var regions []string
	for _, s := range r.Items {
		regions = append(regions, str(s.RegionName))
	}
	return regions, nil
}

// Compartments returns the OCIDs of the tenancy and of all its ACTIVE compartments. It has those that the caller may
// not read, too: a list of what such a compartment has is refused, and so known to be missing.
func (c *Cloud) Compartments(ctx context.Context) ([]string, error) {
	t, err := c.Tenancy(ctx)
	if err != nil {
		return nil, err
	}
	cl, err := c.identity(t.Home)
	if err != nil {
		return nil, err
	}
	all := []string{t.ID}
	err = everyPage(ctx, c, "ListCompartments", func(ctx context.Context, page *string) (*string, error) {
		r, err := cl.ListCompartments(ctx, identity.ListCompartmentsRequest{CompartmentId: &t.ID,
			CompartmentIdInSubtree: common.Bool(true), AccessLevel: identity.ListCompartmentsAccessLevelAny,
			LifecycleState: identity.CompartmentLifecycleStateActive, Limit: common.Int(listSize), Page: page})
		for _, found := range r.Items {
			if id := str(found.Id); id != t.ID {
				all = append(all, id)
			}
		}
		return r.OpcNextPage, err
	})
	return all, err
}

// everyPage reads a list to its end. ask reads the page with the token, and returns the token of the next one. A list
// that repeats a page is an error.
func everyPage(ctx context.Context, c *Cloud, operation string,
	ask func(ctx context.Context, page *string) (next *string, err error)) error {
	seen := map[string]bool{}
	for page := ""; ; {
		next, err := call(ctx, c, operation, harmless, func(ctx context.Context) (*string, error) {
			return ask(ctx, token(page))
		})
		if err != nil {
			return err
		}
		seen[page] = true
		page = str(next)
		if page == "" {
			return nil
		}
		if seen[page] {
			return fault.New(fault.Unclear, operation, "the list repeats a page")
		}
	}
}

func token(page string) *string {
	if page == "" {
		return nil
	}
	return &page
}

// ScheduleDeletion schedules the deletion of a deprecated version of a secret at OCI's default time. OCI refuses it for
// any other version.
func (v *Vault) ScheduleDeletion(ctx context.Context, id string, number int64) error {
	cl, err := v.management(id)
	if err != nil {
		return classify("ScheduleSecretVersionDeletion", err)
	}
	_, err = call(ctx, v.cloud, "ScheduleSecretVersionDeletion", once, func(ctx context.Context) (struct{}, error) {
		_, err := cl.ScheduleSecretVersionDeletion(ctx, ocivault.ScheduleSecretVersionDeletionRequest{SecretId: &id,
			SecretVersionNumber: &number})
		return struct{}{}, err
	})
	return err
}
