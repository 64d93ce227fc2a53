package ociemu

import (
	"cmp"
	"slices"
	"strconv"
)

// DeleteCompartment sets a compartment to DELETED.
func (e *Emulator) DeleteCompartment(id string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	c, known := e.state.compartments[id]
	if !known {
		panic("ociemu: no compartment " + id)
	}
	c.deleted = true
	e.state.compartments[id] = c
	e.notifyLocked()
}

// listCompartments lists the children of a compartment, or all compartments of the tenancy: compartmentIdInSubtree is
// allowed only there (oci-go-sdk identity/list_compartments_request_response.go). Callers who may list compartments
// have access to all of them, so that accessLevel makes no difference.
func listCompartments(x *exchange) reply {
	s, parent := x.e.state, x.query.Get("compartmentId")
	subtree, err := strconv.ParseBool(orDefault(x.query.Get("compartmentIdInSubtree"), "false"))
	level := orDefault(x.query.Get("accessLevel"), "ANY")
	switch _, known := s.compartments[parent]; {
	case parent == "":
		return errMissing.because("The compartmentId is missing.").reply()
	case !known && parent != s.tenancy:
		return errNotFound.reply()
	case err != nil || subtree && parent != s.tenancy || level != "ANY" && level != "ACCESSIBLE":
		return errInvalid.reply()
	}
	bodies := []map[string]any{}
	for id, c := range s.compartments {
		state := "ACTIVE"
		if c.deleted {
			state = "DELETED"
		}
		if (subtree || c.parent == parent) && fits(x.query.Get("name"), c.name) &&
			fits(x.query.Get("lifecycleState"), state) {
			bodies = append(bodies, map[string]any{"id": id, "compartmentId": c.parent, "name": c.name,
				"description": c.name, "timeCreated": timestamp(x.e.started), "lifecycleState": state,
				"inactiveStatus": nil, "isAccessible": true, "freeformTags": map[string]string{},
				"definedTags": map[string]any{}})
		}
	}
	slices.SortFunc(bodies, func(a, b map[string]any) int {
		return cmp.Or(cmp.Compare(a["name"].(string), b["name"].(string)), cmp.Compare(a["id"].(string),
			b["id"].(string)))
	})
	return listReply(x, bodies, bare)
}
