package ociemu

import (
	"encoding/base32"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Groups, policies and compartments, as the APIs list them. They decide nothing: SetPolicies does.

// AdministratorsGroup is the group that every tenancy has in its Default domain. All operators are its members.
const AdministratorsGroup = "Administrators"

// maxMembers is the most members that a domain returns at once (oci-go-sdk identitydomains/group.go).
const maxMembers = 10_000

// group is a group of users of one domain.
type group struct {
	id, name, scimID string
	domain           *domain // nil in a tenancy without domains
	members          []string
	created          time.Time
	etag             string
}

// listedPolicy is a policy that ListPolicies shows.
type listedPolicy struct {
	id, name, compartment string
	statements            []string
	created               time.Time
}

// derivedOCID makes an OCID from a text, without the source of ids.
func derivedOCID(s *state, kind, text string) string {
	return "ocid1." + kind + ".oc1..aaaaaaaa" + letters52(derived(s, kind+" "+text))
}

// letters52 makes the unique part of an OCID.
func letters52(sum [32]byte) string {
	return strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(sum[:]))[:52]
}

// addGroup adds a group. Its ids don't change the other ids of a run.
func (s *state) addGroup(d *domain, name string, now time.Time) *group {
	place := ""
	if d != nil {
		place = d.id
	}
	g := &group{id: derivedOCID(s, "group", place+" "+name), name: name, domain: d, created: now}
	g.scimID, g.etag = scimIDOf(s, "group "+g.id), s.ids.etagOf(g.id)
	s.groups = append(s.groups, g)
	return g
}

// addFirstGroup adds what every tenancy has: the group of the administrators, and its policy.
func (s *state) addFirstGroup(now time.Time) {
	s.addGroup(s.defaultDomain(), AdministratorsGroup, now)
	s.addPolicy("Tenant Admin Policy", s.tenancy, now,
		"ALLOW GROUP "+AdministratorsGroup+" to manage all-resources IN TENANCY")
}

func (s *state) addPolicy(name, compartment string, now time.Time, statements ...string) string {
	p := &listedPolicy{id: derivedOCID(s, "policy", fmt.Sprint(compartment, " ", name)), name: name,
		compartment: compartment, statements: statements, created: now}
	s.listedPolicies = append(s.listedPolicies, p)
	return p.id
}

// AddGroup adds a group to a domain, by OCID or display name, and returns its OCID. The members are OCIDs of the
// domain's users. In a tenancy without domains, the domain is "".
func (e *Emulator) AddGroup(nameOrID, name string, members ...string) string {
	e.mu.Lock()
	defer e.mu.Unlock()
	var d *domain
	if nameOrID != "" {
		d = e.mustDomain(nameOrID)
	}
	s := e.state
	if slices.ContainsFunc(s.groups, func(g *group) bool { return g.domain == d && strings.EqualFold(g.name, name) }) {
		panic("ociemu: there is a group " + name)
	}
	g := s.addGroup(d, name, e.now().Add(s.createdOffset))
	for _, id := range members {
		e.join(g, id)
	}
	e.notifyLocked()
	return g.id
}

// AddToGroup adds a user to a group, by their OCIDs.
func (e *Emulator) AddToGroup(groupID, user string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	g := find(e.state.groups, func(g *group) bool { return g.id == groupID })
	if g == nil {
		panic("ociemu: no group " + groupID)
	}
	e.join(g, user)
	e.notifyLocked()
}

func (e *Emulator) join(g *group, user string) {
	if u := e.mustUser(user); u.domain != g.domain {
		panic("ociemu: the user " + u.name + " is in another domain than the group " + g.name)
	}
	if !slices.Contains(g.members, user) {
		g.members = append(g.members, user)
	}
}

// Group is the OCID of a group, by its domain's OCID or display name and its own name; "" if there is none.
func (e *Emulator) Group(nameOrID, name string) string {
	e.mu.Lock()
	defer e.mu.Unlock()
	d := e.state.domain(nameOrID)
	if g := find(e.state.groups, func(g *group) bool { return g.domain == d && g.name == name }); g != nil {
		return g.id
	}
	return ""
}

// AddPolicy adds a policy to a compartment and returns its OCID. An empty compartment is the root. ListPolicies shows
// it; it decides nothing, see SetPolicies.
func (e *Emulator) AddPolicy(name, compartment string, statements ...string) string {
	e.mu.Lock()
	defer e.mu.Unlock()
	s := e.state
	id := s.addPolicy(name, orDefault(compartment, s.tenancy), e.now().Add(s.createdOffset), statements...)
	e.notifyLocked()
	return id
}

// usersOf are the members of a group that exist.
func (s *state) usersOf(g *group) []*user {
	var list []*user
	for _, id := range s.userOrder {
		u := s.users[id]
		first := u.operator && g.name == AdministratorsGroup && g.domain == s.defaultDomain()
		if u.domain == g.domain && (first || slices.Contains(g.members, id)) {
			list = append(list, u)
		}
	}
	return list
}

// groupRoutes are the operations of the classic API on groups, policies and compartments.
func groupRoutes() []route {
	get := http.MethodGet
	return []route{
		{operation: "ListGroups", method: get, path: "/groups", handle: listGroups},
		{operation: "ListUserGroupMemberships", method: get, path: "/userGroupMemberships", handle: listMemberships},
		{operation: "ListPolicies", method: get, path: "/policies", handle: listPolicies},
		{operation: "ListCompartments", method: get, path: "/compartments", handle: listCompartments},
	}
}

func (x *exchange) classicGroups() []*group {
	var list []*group
	for _, g := range x.e.state.groups {
		if g.domain == nil || g.domain.isDefault() {
			list = append(list, g)
		}
	}
	return list
}

func listGroups(x *exchange) reply {
	if x.query.Get("compartmentId") != x.e.state.tenancy {
		return errNotFound.reply()
	}
	bodies := []map[string]any{}
	for _, g := range x.classicGroups() {
		if fits(x.query.Get("name"), g.name) {
			bodies = append(bodies, map[string]any{"id": g.id, "compartmentId": x.e.state.tenancy, "name": g.name,
				"description": g.name, "timeCreated": timestamp(g.created), "lifecycleState": "ACTIVE",
				"inactiveStatus": nil, "freeformTags": map[string]string{}, "definedTags": map[string]any{}})
		}
	}
	return listReply(x, bodies, bare)
}

// listMemberships needs a user or a group, as the SDK's documentation says.
func listMemberships(x *exchange) reply {
	s, userID, groupID := x.e.state, x.query.Get("userId"), x.query.Get("groupId")
	switch {
	case x.query.Get("compartmentId") != s.tenancy:
		return errNotFound.reply()
	case userID == "" && groupID == "":
		return errMissing.because("Either userId or groupId is needed.").reply()
	}
	groups := x.classicGroups()
	if groupID != "" && !slices.ContainsFunc(groups, func(g *group) bool { return g.id == groupID }) {
		return errNotFound.reply()
	}
	bodies := []map[string]any{}
	for _, g := range groups {
		for _, u := range s.usersOf(g) {
			if fits(groupID, g.id) && fits(userID, u.id) {
				bodies = append(bodies, map[string]any{"id": derivedOCID(s, "groupmembership", g.id+u.id),
					"compartmentId": s.tenancy, "groupId": g.id, "userId": u.id, "timeCreated": timestamp(g.created),
					"lifecycleState": "ACTIVE", "inactiveStatus": nil})
			}
		}
	}
	return listReply(x, bodies, bare)
}

// listPolicies lists the policies of one compartment.
func listPolicies(x *exchange) reply {
	compartment := x.query.Get("compartmentId")
	if compartment == "" {
		return errMissing.because("The compartmentId is missing.").reply()
	}
	bodies := []map[string]any{}
	for _, p := range x.e.state.listedPolicies {
		if p.compartment == compartment && fits(x.query.Get("name"), p.name) {
			bodies = append(bodies, map[string]any{"id": p.id, "compartmentId": p.compartment, "name": p.name,
				"description": p.name, "statements": p.statements, "timeCreated": timestamp(p.created),
				"lifecycleState": "ACTIVE", "inactiveStatus": nil, "versionDate": nil,
				"freeformTags": map[string]string{}, "definedTags": map[string]any{}})
		}
	}
	return listReply(x, bodies, bare)
}
