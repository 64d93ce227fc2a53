package ociemu

import (
	"strings"

	"github.com/keyturn/keyturn/test/ocipolicy"
)

// Policies decide about the calls of functions and users. They replace the default that functions may do everything.
// Their statements belong to the root compartment.
type Policies struct {
	ocipolicy.Set
	// Groups are the groups of each user, by OCID. Dynamic groups match functions by their rules.
	Groups map[string][]ocipolicy.Group
}

// SetPolicies sets the policies from the next call on; nil removes them. In OCI a change takes up to 15 minutes to
// reach a function; here it takes effect immediately. Operators may still do everything, and users may read themselves.
func (e *Emulator) SetPolicies(p *Policies) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.policies = p
}

// AddCompartment adds a compartment and returns its OCID. An empty parent is the root. Any other OCID may be used as a
// compartment too: it is then in the root and has no name.
func (e *Emulator) AddCompartment(name, parent string) string {
	e.mu.Lock()
	defer e.mu.Unlock()
	s := e.state
	id := s.ids.ocid("compartment", "")
	s.compartments[id] = compartment{name: name, parent: orDefault(parent, s.tenancy)}
	return id
}

type compartment struct {
	name, parent string
	deleted      bool
}

// pathOf is the path from a compartment up to the root.
func (s *state) pathOf(id string) []ocipolicy.Compartment {
	var path []ocipolicy.Compartment
	for id != s.tenancy {
		c, known := s.compartments[id]
		path = append(path, ocipolicy.Compartment{ID: id, Name: c.name})
		if !known {
			break
		}
		id = c.parent
	}
	return append(path, ocipolicy.Compartment{ID: s.tenancy, Name: tenancyName})
}

// permittedLocked reports whether the caller may make the call, according to the policies if there are any. Otherwise
// functions and operators may do everything, and users may read themselves.
func (x *exchange) permittedLocked() bool {
	caller := x.call.Caller
	n := needs[x.route.key()]
	byRole, hasRole := x.hasDomainRole(n)
	switch {
	case n.own || n.self || caller.Operator:
		return true
	case x.readsThemselves():
		return true
	case byRole:
		return hasRole
	case x.e.policies == nil:
		return caller.Kind == "function" || x.e.opts.Authorizer != nil
	}
	target, found := n.on(x)
	if !found {
		return false
	}
	permissions := n.permissions
	if n.also != nil {
		permissions = append(permissions[:len(permissions):len(permissions)], n.also(x)...)
	}
	d := x.e.policies.Decide(ocipolicy.Request{
		Principal: x.e.policies.principal(caller), Operation: x.route.operation, Permissions: permissions,
		Path: x.e.state.pathOf(target.compartment), Region: strings.ToLower(regionKey(x.call.Region)),
		Variables: target.variables,
	})
	x.e.history.amend(x.call.Seq, func(c *Call) { c.Decision = &d })
	return d.Allowed
}

func (p *Policies) principal(c Caller) ocipolicy.Principal {
	if c.Kind == "function" {
		return ocipolicy.Principal{Resource: ocipolicy.Resource{ID: c.ID, Type: "fnfunc", Compartment: c.Compartment}}
	}
	return ocipolicy.Principal{UserID: c.ID, UserName: c.Name, Groups: p.Groups[c.ID]}
}
