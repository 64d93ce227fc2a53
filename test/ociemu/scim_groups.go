package ociemu

import (
	"fmt"
	"net/http"
)

const groupSchema = "urn:ietf:params:scim:schemas:core:2.0:Group"

// scimGroupRoutes are the operations on groups. Nothing writes them.
func scimGroupRoutes() []route {
	return []route{
		{operation: "ListGroups", method: http.MethodGet, path: "/Groups", handle: inDomain(listDomainGroups)},
		{operation: "GetGroup", method: http.MethodGet, path: "/Groups/{groupId}", handle: inDomain(getDomainGroup)},
	}
}

var groupKeys = scimKeys[*group]{
	"id":           func(g *group) string { return g.scimID },
	"ocid":         func(g *group) string { return g.id },
	"displayname":  func(g *group) string { return g.name },
	"meta.created": func(g *group) string { return timestamp(g.created) },
}

func (x *exchange) domainGroups() []*group {
	var list []*group
	for _, g := range x.e.state.groups {
		if g.domain == x.domain {
			list = append(list, g)
		}
	}
	return list
}

func listDomainGroups(x *exchange) (reply, *refusal) {
	p, refused := x.projection(groupSchema)
	if refused != nil {
		return reply{}, refused
	}
	f, refused := x.filter("id", "ocid", "displayname")
	if refused != nil {
		return reply{}, refused
	}
	by, descending, refused := groupKeys.order(x)
	if refused != nil {
		return reply{}, refused
	}
	list := groupKeys.sorted(groupKeys.matching(x.domainGroups(), f), by, descending)
	for _, g := range list {
		if refused := x.tooMany(p, g); refused != nil {
			return reply{}, refused
		}
	}
	return listSCIM(x, list, func(g *group) map[string]any { return p.of(x.groupAttributes(g)) })
}

func getDomainGroup(x *exchange) (reply, *refusal) {
	g := find(x.domainGroups(), func(g *group) bool { return g.scimID == x.params["groupId"] })
	if g == nil {
		return reply{}, &scimNotFound
	}
	p, refused := x.projection(groupSchema)
	if refused == nil {
		refused = x.tooMany(p, g)
	}
	if refused != nil {
		return reply{}, refused
	}
	return ok(p.of(x.groupAttributes(g))).with("etag", g.etag), nil
}

// tooMany refuses to return more members than a domain returns at once.
func (x *exchange) tooMany(p projection, g *group) *refusal {
	if p.names["members"] && len(g.members) > maxMembers {
		return scimBad(fmt.Sprintf("The group has more than %d members.", maxMembers))
	}
	return nil
}

func (x *exchange) groupAttributes(g *group) []scimAttr {
	members := []map[string]any{}
	for _, u := range x.e.state.usersOf(g) {
		members = append(members, map[string]any{"value": u.scimID, "ocid": u.id, "type": "User", "display": u.name,
			"name": u.name, "$ref": x.domain.url() + "/" + scimBase + "/Users/" + u.scimID})
	}
	return append(x.resource([]string{groupSchema}, "/Groups", "Group", g.scimID, g.id, g.etag, timestamp(g.created),
		timestamp(g.created)),
		scimAttr{name: "displayName", returned: always, value: g.name},
		scimAttr{name: "members", returned: onRequest, value: members})
}
