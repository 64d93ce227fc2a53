package oci

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/oracle/oci-go-sdk/v65/common"
	"github.com/oracle/oci-go-sdk/v65/identity"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
)

// administratorsGroup is the group that every tenancy has, in the Default domain.
const administratorsGroup = "Administrators"

// Administrators returns the OCIDs of the users who may manage all resources in the tenancy, and the names of the
// groups that allow it: those to which a policy of the root compartment grants it, even under a condition, and
// Administrators of the Default domain. A group of another domain must be in one of IdentityDomains. If a statement or
// a group can't be read or understood, the error says so, and users and groups are what is known.
func (c *Cloud) Administrators(ctx context.Context) (users map[string]bool, groups []string, err error) {
	a := administrators{cloud: c, users: map[string]bool{}, groups: map[string]bool{}}
	problem := a.read(ctx)
	return a.users, slices.Sorted(maps.Keys(a.groups)), problem
}

// administrators collects users and groups.
type administrators struct {
	cloud   *Cloud
	tenancy credential.Tenancy
	cl      identity.IdentityClient
	classic []identity.Group // the groups of the Default domain
	users   map[string]bool
	groups  map[string]bool // by name
	unknown []error
}

func (a *administrators) read(ctx context.Context) (err error) {
	a.tenancy, err = a.cloud.Tenancy(ctx)
	if err != nil {
		return err
	}
	a.cl, err = a.cloud.identity(a.tenancy.Home)
	if err != nil {
		return err
	}
	err = a.listGroups(ctx)
	if err != nil {
		return err
	}
	granted, anyUser := []groupName{{name: administratorsGroup}}, false
	statements, err := a.statements(ctx)
	if err != nil {
		a.unknown = append(a.unknown, err)
	}
	for _, s := range statements {
		g, err := grantOf(s, a.tenancy.ID)
		switch {
		case err != nil:
			a.unknown = append(a.unknown, fault.New(fault.Unclear, "ListPolicies",
				"a statement that names all-resources can't be understood: "+s))
		case g.everyone:
			anyUser = true
		}
		granted = append(granted, g.groups...)
	}
	if anyUser {
		a.groups["any-user"] = true
		a.note(a.everyone(ctx))
	}
	done := map[string]bool{}
	for _, g := range granted {
		key := strings.ToLower(g.String())
		if !done[key] {
			done[key] = true
			a.note(a.add(ctx, g))
		}
	}
	return a.err()
}

func (a *administrators) note(err error) {
	if err != nil {
		a.unknown = append(a.unknown, err)
	}
}

// err says that not all administrators are known; nil if they are.
func (a *administrators) err() error {
	if len(a.unknown) == 0 {
		return nil
	}
	first := a.unknown[0]
	return &fault.Error{Class: fault.Of(first), Operation: "administrators", Err: errors.Join(a.unknown...),
		Message: "not all administrators are known: " + reason(first)}
}

func (a *administrators) listGroups(ctx context.Context) error {
	return everyPage(ctx, a.cloud, "ListGroups", func(ctx context.Context, page *string) (*string, error) {
		r, err := a.cl.ListGroups(ctx, identity.ListGroupsRequest{CompartmentId: &a.tenancy.ID,
			Limit: common.Int(listSize), Page: page})
		for _, g := range r.Items {
			if alive(g.LifecycleState) {
				a.classic = append(a.classic, g)
			}
		}
		return r.OpcNextPage, err
	})
}

// statements are those of the policies of the root compartment. A policy of another one can't grant anything in the
// tenancy.
func (a *administrators) statements(ctx context.Context) (all []string, err error) {
	err = everyPage(ctx, a.cloud, "ListPolicies", func(ctx context.Context, page *string) (*string, error) {
		r, err := a.cl.ListPolicies(ctx, identity.ListPoliciesRequest{CompartmentId: &a.tenancy.ID,
			Limit: common.Int(listSize), Page: page})
		for _, p := range r.Items {
			if alive(p.LifecycleState) {
				all = append(all, p.Statements...)
			}
		}
		return r.OpcNextPage, err
	})
	return all, err
}

// add adds the members of a group.
func (a *administrators) add(ctx context.Context, g groupName) error {
	if g.domain == "" || strings.EqualFold(g.domain, "Default") {
		for _, found := range a.classic {
			if g.id != "" && strings.EqualFold(g.id, str(found.Id)) || g.id == "" && strings.EqualFold(g.name,
				str(found.Name)) {
				a.groups[str(found.Name)] = true
				return a.members(ctx, str(found.Id))
			}
		}
		if g.id == "" {
			return unknownGroup(g, "the Default domain has no such group")
		}
	}
	return a.addFromDomains(ctx, g)
}

func unknownGroup(g groupName, why string) error {
	return fault.New(fault.Absent, "groups", fmt.Sprintf("a policy lets the group %s manage all resources, and %s: "+
		"remove the statement if the group was deleted", g, why))
}

// members adds the members of a group of the Default domain.
func (a *administrators) members(ctx context.Context, group string) error {
	const operation = "ListUserGroupMemberships"
	return everyPage(ctx, a.cloud, operation, func(ctx context.Context, page *string) (*string, error) {
		r, err := a.cl.ListUserGroupMemberships(ctx, identity.ListUserGroupMembershipsRequest{
			CompartmentId: &a.tenancy.ID, GroupId: &group, Limit: common.Int(listSize), Page: page})
		for _, m := range r.Items {
			if alive(m.LifecycleState) {
				a.users[str(m.UserId)] = true
			}
		}
		return r.OpcNextPage, err
	})
}

// addFromDomains adds the members of a group of another domain than Default. A group that is given by its OCID is
// looked for in all domains.
func (a *administrators) addFromDomains(ctx context.Context, g groupName) error {
	all, err := a.cloud.AllDomains(ctx)
	if err != nil {
		return unknownGroup(g, "the identity domains aren't known: "+reason(err))
	}
	found := false
	for _, d := range all {
		if d.Default || g.id == "" && !strings.EqualFold(d.Name, g.domain) {
			continue
		}
		if notActive(d) {
			return unknownGroup(g, fmt.Sprintf("its domain may be %q, which is %s", d.Name, d.State))
		}
		group, err := a.cloud.domainGroup(ctx, d, g)
		if err != nil {
			return unknownGroup(g, fmt.Sprintf("the domain %q can't be asked for it: %s", d.Name, reason(err)))
		}
		if group == nil {
			continue
		}
		found = true
		a.groups[d.UserName(group.DisplayName)] = true
		for _, m := range group.Members {
			switch {
			case m.Type != "" && !strings.EqualFold(m.Type, "User"):
			case m.OCID == "":
				return unknownGroup(g, "its list of members has one without an OCID")
			default:
				a.users[m.OCID] = true
			}
		}
	}
	if !found {
		return unknownGroup(g, "it is in none of identity_domains")
	}
	return nil
}

// scimGroup is a group as a domain returns it.
type scimGroup struct {
	ID          scimID
	OCID        string
	DisplayName string
	Members     []struct{ OCID, Type string }
}

// domainGroup reads a group with its members; nil if the domain doesn't have it. A domain refuses to return more than
// 10,000 members at once (oci-go-sdk, identitydomains/group.go).
func (c *Cloud) domainGroup(ctx context.Context, d credential.Domain, g groupName) (*scimGroup, error) {
	filter, err := scimEq("displayName", g.name)
	if g.id != "" {
		filter, err = scimEq("ocid", g.id)
	}
	if err != nil {
		return nil, err
	}
	all, _, err := listDomain(ctx, c, d, scimQuery{"SCIM ListGroups", "Groups", filter, "ocid,displayName"},
		func(g scimGroup) scimID { return g.ID })
	switch {
	case err != nil || len(all) == 0:
		return nil, err
	case len(all) > 1:
		return nil, fault.New(fault.Unclear, "SCIM ListGroups", "the domain has several groups of the name")
	}
	r := scimRequest{operation: "SCIM GetGroup", repeat: harmless, method: http.MethodGet,
		path: "Groups/" + string(all[0].ID), query: url.Values{"attributes": {"ocid,displayName,members"}}}
	return askDomain(ctx, c, d, r, func(answer scimAnswer) (*scimGroup, error) {
		var group scimGroup
		if json.Unmarshal(answer.body, &group) != nil || group.ID != all[0].ID {
			return nil, errors.New("the answer is not about the group that was asked for")
		}
		return &group, nil
	})
}

// everyone adds all users: those of the classic API, and those of all domains.
func (a *administrators) everyone(ctx context.Context) error {
	for page := ""; ; {
		users, next, err := a.cloud.Users(ctx, page)
		if err != nil {
			return err
		}
		for _, u := range users {
			a.users[u.ID] = true
		}
		page = next
		if page == "" {
			break
		}
	}
	all, err := a.cloud.Domains(ctx)
	if err != nil {
		return err
	}
	for _, d := range all {
		if d.Classic {
			continue
		}
		q := scimQuery{operation: operationUser, resource: "Users", attributes: "ocid"}
		users, _, err := listDomain(ctx, a.cloud, d, q, func(u scimUser) scimID { return u.ID })
		if err != nil {
			return err
		}
		for _, u := range users {
			a.users[u.OCID] = true
		}
	}
	return nil
}
