package ociemu_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/oracle/oci-go-sdk/v65/common"
	"github.com/oracle/oci-go-sdk/v65/identity"

	"github.com/keyturn/keyturn/test/ociemu"
)

func TestTheClassicAPIListsTheGroupsOfDefaultWithTheirMembers(t *testing.T) {
	o := ociemu.Calm()
	o.Domains = []ociemu.DomainSeed{{Name: "Partners"}}
	e := ociemu.New(t, o)
	c := asOperator(t, e) // ada
	jane := e.AddUser("jane")
	ops := e.AddGroup("Default", "Ops", jane)
	far := e.AddGroup("Partners", "Ops", e.AddDomainUser("Partners", ociemu.UserSeed{Name: "jane"}))
	tenancy := e.Tenancy()
	groups := must[identity.ListGroupsResponse](t)(c.identity.ListGroups(t.Context(), identity.ListGroupsRequest{
		CompartmentId: &tenancy}))
	if len(groups.Items) != 2 || *groups.Items[0].Name != ociemu.AdministratorsGroup || *groups.Items[1].Id != ops {
		t.Errorf("the groups are %v", groups.Items)
	}
	members := must[identity.ListUserGroupMembershipsResponse](t)(c.identity.ListUserGroupMemberships(t.Context(),
		identity.ListUserGroupMembershipsRequest{CompartmentId: &tenancy, GroupId: &ops}))
	if len(members.Items) != 1 || *members.Items[0].UserId != jane || *members.Items[0].GroupId != ops {
		t.Errorf("the members are %v", members.Items)
	}
	_, err := c.identity.ListUserGroupMemberships(t.Context(), identity.ListUserGroupMembershipsRequest{
		CompartmentId: &tenancy})
	refused(t, err, 400, "MissingParameter")
	_, err = c.identity.ListUserGroupMemberships(t.Context(), identity.ListUserGroupMembershipsRequest{
		CompartmentId: &tenancy, GroupId: &far})
	refused(t, err, 404, "NotAuthorizedOrNotFound")
}

func TestEveryTenancyHasThePolicyOfItsAdministrators(t *testing.T) {
	e := ociemu.New(t, ociemu.Calm())
	c, tenancy, dev := asOperator(t, e), e.Tenancy(), e.AddCompartment("dev", "")
	e.AddPolicy("in dev", dev, "Allow group Ops to read users in compartment dev")
	list := func(compartment string) []identity.Policy {
		return must[identity.ListPoliciesResponse](t)(c.identity.ListPolicies(t.Context(), identity.ListPoliciesRequest{
			CompartmentId: &compartment})).Items
	}
	if all := list(tenancy); len(all) != 1 || !strings.Contains(all[0].Statements[0], "manage all-resources") {
		t.Errorf("the root has %v", all)
	}
	if all := list(dev); len(all) != 1 || *all[0].Name != "in dev" {
		t.Errorf("dev has %v", all)
	}
}

func TestOnlyTheTenancyListsTheCompartmentsBelowItsOwn(t *testing.T) {
	e := ociemu.New(t, ociemu.Calm())
	c, tenancy, dev := asOperator(t, e), e.Tenancy(), e.AddCompartment("dev", "")
	e.AddCompartment("test", dev)
	list := func(parent string, subtree bool) (names []string, err error) {
		r, err := c.identity.ListCompartments(t.Context(), identity.ListCompartmentsRequest{CompartmentId: &parent,
			CompartmentIdInSubtree: &subtree})
		for _, one := range r.Items {
			names = append(names, *one.Name)
		}
		return names, err
	}
	for _, want := range []struct {
		parent  string
		subtree bool
		names   []string
	}{{tenancy, false, []string{"dev"}}, {tenancy, true, []string{"dev", "test"}}, {dev, false, []string{"test"}}} {
		if got, err := list(want.parent, want.subtree); err != nil || !slices.Equal(got, want.names) {
			t.Errorf("%v: %q (%v)", want, got, err)
		}
	}
	_, err := list(dev, true)
	refused(t, err, 400, "InvalidParameter")
	_, err = list("ocid1.compartment.oc1..nothing", false)
	refused(t, err, 404, "NotAuthorizedOrNotFound")
}

func TestADomainReturnsTheMembersOfItsGroupsOnlyOnRequest(t *testing.T) {
	o := ociemu.Calm()
	o.Domains = []ociemu.DomainSeed{{Name: "Partners"}}
	e := ociemu.New(t, o)
	p := asDomainFunction(e, "Partners")
	jane := e.AddDomainUser("Partners", ociemu.UserSeed{Name: "jane"})
	ops := e.AddGroup("Partners", "Ops", jane)
	found := p.get(t, "/Groups?filter=displayName+eq+%22ops%22").resources(t)
	if len(found) != 1 || found[0]["ocid"] != ops || found[0]["members"] != nil {
		t.Fatalf("%v", found)
	}
	one := p.get(t, "/Groups/"+found[0]["id"].(string)+"?attributes=ocid,members").body
	members, _ := one["members"].([]any)
	if len(members) != 1 || members[0].(map[string]any)["ocid"] != jane {
		t.Errorf("%v", one)
	}
	if status := p.get(t, "/Groups/"+ops).status; status != 404 {
		t.Errorf("a group by its OCID is answered %d", status)
	}
}

func TestTheClassicAPIListsTheOtherCredentials(t *testing.T) {
	o := ociemu.Calm()
	o.PageSize = 1
	e := ociemu.New(t, o)
	c, jane := asOperator(t, e), e.AddUser("jane")
	smtp, db := e.AddSMTPCredential(jane, "mail"), e.AddDatabasePassword(jane)
	first, second := e.AddOAuth2Credential(jane, "first"), e.AddOAuth2Credential(jane, "second")
	mails := must[identity.ListSmtpCredentialsResponse](t)(c.identity.ListSmtpCredentials(t.Context(),
		identity.ListSmtpCredentialsRequest{UserId: &jane}))
	if len(mails.Items) != 1 || *mails.Items[0].Id != smtp || *mails.Items[0].Description != "mail" {
		t.Errorf("%v", mails.Items)
	}
	passwords := must[identity.ListDbCredentialsResponse](t)(c.identity.ListDbCredentials(t.Context(),
		identity.ListDbCredentialsRequest{UserId: &jane}))
	if len(passwords.Items) != 1 || *passwords.Items[0].Id != db {
		t.Errorf("%v", passwords.Items)
	}
	page := must[identity.ListOAuthClientCredentialsResponse](t)(c.identity.ListOAuthClientCredentials(t.Context(),
		identity.ListOAuthClientCredentialsRequest{UserId: &jane}))
	next := must[identity.ListOAuthClientCredentialsResponse](t)(c.identity.ListOAuthClientCredentials(t.Context(),
		identity.ListOAuthClientCredentialsRequest{UserId: &jane, Page: page.OpcNextPage}))
	if len(page.Items) != 1 || *page.Items[0].Id != first || len(next.Items) != 1 || *next.Items[0].Id != second {
		t.Errorf("%v, then %v", page.Items, next.Items)
	}
	_, err := c.identity.ListDbCredentials(t.Context(), identity.ListDbCredentialsRequest{
		UserId: common.String("ocid1.user.oc1..nobody")})
	refused(t, err, 404, "NotAuthorizedOrNotFound")
}
