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
)

// listSize is the page size of long lists. Services may return smaller pages. Decoding holds an answer in memory
// several times, about 2 KB per user: with pages of 1,000, it took the most memory of a sweep. Pages of 250 cost 3 more
// calls for 1,000 users, of about 3,000.
const listSize = 250

// ClosedProblems returns one page of the ids of resolved problems of the four rules that were detected since the given
// time, and the token of the next page; "" ends the list.
func (c *Cloud) ClosedProblems(ctx context.Context, since time.Time,
	page string) (ids []string, next string, err error) {
	cl, err := c.cloudGuard()
	if err != nil {
		return nil, "", classify("ListProblems", err)
	}
	t, err := c.Tenancy(ctx)
	if err != nil {
		return nil, "", err
	}
	// No source says whether a resolved problem is active or inactive, or what a list without the filter contains. So
	// both are listed, one after the other.
	state, rest := sdk.ListProblemsLifecycleStateActive, page
	if after, ok := strings.CutPrefix(page, inactive); ok {
		state, rest = sdk.ListProblemsLifecycleStateInactive, after
	}
	request := sdk.ListProblemsRequest{LifecycleState: state, CompartmentId: &t.ID,
		CompartmentIdInSubtree: common.Bool(true), AccessLevel: sdk.ListProblemsAccessLevelAccessible,
		LifecycleDetail: sdk.ListProblemsLifecycleDetailResolved, TimeLastDetectedGreaterThanOrEqualTo: &common.SDKTime{
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

// inactive begins the page tokens of the second half of ClosedProblems.
const inactive = "inactive:"

// Users returns one page of the tenancy's users, and the token of the next page; "" ends the list.
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
		users = append(users, credential.User{ID: str(u.Id), Name: str(u.Name), State: string(u.LifecycleState)})
	}
	return users, str(r.OpcNextPage), nil
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
