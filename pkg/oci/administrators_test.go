package oci_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/keyturn/keyturn/pkg/fault"
	"github.com/keyturn/keyturn/test/ociemu"
)

func TestAdministratorsAreTheMembersOfEveryGroupThatMayManageAllResources(t *testing.T) {
	o := ociemu.Calm()
	o.PageSize = 2
	cloud, e := withDomains(t, o)
	boss, ada := e.AddOperator("boss").UserID, e.AddUser("ada")
	want := map[string]bool{boss: true, ada: true}
	e.AddToGroup(e.Group("Default", ociemu.AdministratorsGroup), ada)
	members := func(domain, name string, n int) (ids []string) {
		for range n {
			id := e.AddDomainUser(domain, ociemu.UserSeed{Name: name + strings.Repeat("x", len(ids))})
			ids = append(ids, id)
			want[id] = true
		}
		return ids
	}
	e.AddGroup("Default", "Platform", members("Default", "platform", 5)...)
	byID := e.AddGroup("Default", "By ID", members("Default", "by-id", 1)...)
	e.AddGroup("Plant", "Night Shift", members("Plant", "night", 3)...)
	farByID := e.AddGroup("Partners", "Support", members("Partners", "support", 2)...)
	for _, name := range []string{"Readers", "Elsewhere", "Below"} {
		e.AddGroup("Default", name, e.AddUser("no administrator of "+name))
	}
	e.AddGroup("Plant", "Platform", e.AddDomainUser("Plant", ociemu.UserSeed{Name: "of another group of the name"}))
	e.AddPolicy("some", "", "Allow group platform to manage all-resources in tenancy", "allow group Readers to read "+
		"all-resources in tenancy", "Allow group 'plant'/'night shift' to manage all-resources in tenancy")
	e.AddPolicy("others", "", "ALLOW GROUP ID "+byID+", id "+farByID+" TO MANAGE ALL-RESOURCES IN TENANCY")
	dev := e.AddCompartment("dev", "")
	e.AddPolicy("below", dev, "Allow group Below to manage all-resources in tenancy")
	e.AddPolicy("more", "", "Allow group Elsewhere to manage all-resources in compartment dev")
	users, groups, err := cloud.Administrators(t.Context())
	if err != nil || !maps.Equal(users, want) {
		t.Errorf("%v (%v), want %v", users, err, want)
	}
	if all := []string{"Administrators", "By ID", "Partners/Support", "Plant/Night Shift",
		"Platform"}; !slices.Equal(groups, all) {
		t.Errorf("the groups are %q, want %q", groups, all)
	}
	for _, c := range e.Calls() {
		if c.Service == "identity" && c.Operation != "GetTenancy" && c.Region != "us-ashburn-1" {
			t.Errorf("%s was asked in %s", c.Operation, c.Region)
		}
	}
}

func TestWhatMakesEveryoneAnAdministratorNamesEveryone(t *testing.T) {
	cloud, e := withDomains(t, ociemu.Calm())
	want := map[string]bool{}
	for _, domain := range []string{"Default", "Partners", "Plant"} {
		for _, name := range []string{"ada", "ben"} {
			want[e.AddDomainUser(domain, ociemu.UserSeed{Name: name})] = true
		}
	}
	e.AddPolicy("open", "", "Allow any-user to manage all-resources in tenancy")
	users, groups, err := cloud.Administrators(t.Context())
	if err != nil || !maps.Equal(users, want) || !slices.Contains(groups, "any-user") {
		t.Errorf("%v of %q (%v), want %v", users, groups, err, want)
	}
}

func TestAdministratorsThatCannotBeReadAreNotNone(t *testing.T) {
	grant := func(group string) func(*ociemu.Emulator) {
		return func(e *ociemu.Emulator) {
			e.AddPolicy("grant", "", "Allow group "+group+" to manage all-resources in tenancy")
		}
	}
	fails := func(operation string) func(*ociemu.Emulator) {
		return func(e *ociemu.Emulator) {
			grant("'Plant'/'Ops'")(e)
			e.Inject(ociemu.Fault{Operation: operation, Times: -1, Match: func(c ociemu.Call) bool {
				return operation != "GetGroup" || c.Domain == "Plant"
			}, Do: ociemu.Answer(404, "NotAuthorizedOrNotFound")})
		}
	}
	for name, c := range map[string]struct {
		makes func(*ociemu.Emulator)
		says  string
	}{
		"a group that doesn't exist":         {grant("Ghosts"), "Ghosts"},
		"a domain that isn't known":          {grant("'Nowhere'/'Ops'"), "Nowhere/Ops"},
		"a group that its domain lacks":      {grant("'Plant'/'Ghosts'"), "Plant/Ghosts"},
		"an OCID that no domain has":         {grant("id ocid1.group.oc1..ghost"), "ocid1.group.oc1..ghost"},
		"a statement that is not understood": {grant("A B"), "A B"},
		"a domain that is down": {func(e *ociemu.Emulator) {
			grant("'Plant'/'Ops'")(e)
			e.SetDomainDown("Plant", true)
		}, "Plant"},
		"groups that can't be listed":   {fails("ListGroups"), "absent or not allowed"},
		"policies that can't be listed": {fails("ListPolicies"), "not all administrators are known"},
		"members that can't be listed":  {fails("ListUserGroupMemberships"), "not all administrators are known"},
		"members that a domain denies":  {fails("GetGroup"), "Plant"},
	} {
		o := ociemu.Calm()
		cloud, e := withDomains(t, o)
		e.AddGroup("Plant", "Ops")
		boss := e.AddOperator("boss").UserID
		c.makes(e)
		users, _, err := cloud.Administrators(t.Context())
		if err == nil || !strings.Contains(fault.Plain(err)+err.Error(), c.says) {
			t.Errorf("%s: %v with the error %v, want one about %s", name, users, err, c.says)
		}
		if known := !strings.Contains(name, "can't be listed") || strings.Contains(name, "policies"); known &&
			!users[boss] {
			t.Errorf("%s: what is known isn't returned: %v", name, users)
		}
	}
}
