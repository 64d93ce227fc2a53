package ocipolicy

import (
	"maps"
	"slices"
	"strings"
)

// DynamicGroup is a dynamic group.
type DynamicGroup struct {
	Name   string
	Domain string // empty: Default
	ID     string
	Rule   Rule
}

// Group is a group of users, by name or OCID.
type Group struct {
	Name   string
	Domain string // empty: Default
	ID     string
}

// Principal makes a request: a user with groups, a resource that dynamic groups may match, or a service.
type Principal struct {
	Resource Resource // a resource principal has a Type, the others have none
	UserID   string
	UserName string
	Groups   []Group
	Service  string
}

// Compartment is one element of the path from a target up to the root.
type Compartment struct{ ID, Name string }

// Request is a request for one operation.
type Request struct {
	Principal   Principal
	Operation   string // the API's name, such as UploadApiKey
	Permissions []string
	// Path is the compartment of the target, then its parent, and so on to the root.
	Path   []Compartment
	Region string // the region's key, such as iad
	// Variables are those of the target, by name in lower case. Decide adds the general ones.
	Variables map[string]string
}

// Grant says which statement grants a permission.
type Grant struct {
	Permission string
	Statement  int // index in Set.Statements
}

// Decision is the answer. An operation that needs no permission is allowed without a grant.
type Decision struct {
	Allowed bool
	Grants  []Grant
	Missing []string // permissions that no statement grants
}

// Set is all policies of a tenancy.
type Set struct {
	Statements    []Statement
	DynamicGroups []DynamicGroup
	Inapplicable  Inapplicable
}

// Decide decides whether the request is allowed: statements must grant each permission that it needs, not necessarily
// the same statement. The decision names the first one for each.
func (s Set) Decide(r Request) Decision {
	variables := r.variables()
	d := Decision{Allowed: true}
	for _, permission := range r.Permissions {
		variables["request.permission"] = permission
		i := slices.IndexFunc(s.Statements, func(st Statement) bool {
			return st.Grants(permission) && st.Location.covers(r.Path) && s.anySubject(st.Subjects, r.Principal) &&
				(st.Where == nil || st.Where.holds(variables, s.Inapplicable))
		})
		if i < 0 {
			d.Allowed = false
			d.Missing = append(d.Missing, permission)
			continue
		}
		d.Grants = append(d.Grants, Grant{permission, i})
	}
	return d
}

func (r Request) variables() map[string]string {
	v := maps.Clone(r.Variables)
	if v == nil {
		v = map[string]string{}
	}
	v["request.operation"] = r.Operation
	if r.Region != "" {
		v["request.region"] = r.Region
	}
	if len(r.Path) > 0 {
		v["target.compartment.id"], v["target.compartment.name"] = r.Path[0].ID, r.Path[0].Name
	}
	switch p := r.Principal; {
	case p.UserID != "":
		v["request.user.id"], v["request.user.name"], v["request.principal.type"] = p.UserID, p.UserName, "user"
		v["request.principal.id"] = p.UserID
	case p.Resource.ID != "":
		v["request.principal.id"], v["request.principal.type"] = p.Resource.ID, p.Resource.Type
		v["request.principal.compartment.id"] = p.Resource.Compartment
	}
	return v
}

func (l Location) covers(path []Compartment) bool {
	switch {
	case l.ID != "":
		return slices.ContainsFunc(path, func(c Compartment) bool { return strings.EqualFold(c.ID, l.ID) })
	case l.Path == "":
		return true
	}
	names := strings.Split(l.Path, ":")
	if len(names) >= len(path) { // the names don't include the root
		return false
	}
	for i, name := range names {
		if !strings.EqualFold(path[len(path)-2-i].Name, name) {
			return false
		}
	}
	return true
}

func (s Set) anySubject(subjects []Subject, p Principal) bool {
	return slices.ContainsFunc(subjects, func(sub Subject) bool {
		switch sub.Kind {
		case AnyUser:
			return true
		case ServiceSubject:
			return p.Service != "" && strings.EqualFold(p.Service, sub.Name)
		case GroupSubject:
			return slices.ContainsFunc(p.Groups, func(g Group) bool { return sub.is(g.Domain, g.Name, g.ID) })
		}
		return p.Resource.ID != "" && slices.ContainsFunc(s.DynamicGroups, func(g DynamicGroup) bool {
			return sub.is(g.Domain, g.Name, g.ID) && g.Rule.Matches(p.Resource)
		})
	})
}

// is compares the subject with a group. An empty domain is the default one.
func (s Subject) is(domain, name, id string) bool {
	if s.ID != "" {
		return strings.EqualFold(s.ID, id)
	}
	orDefault := func(d string) string {
		if d == "" {
			return defaultDomain
		}
		return d
	}
	return strings.EqualFold(s.Name, name) && strings.EqualFold(orDefault(s.Domain), orDefault(domain))
}
