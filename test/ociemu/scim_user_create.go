package ociemu

import (
	"net/http"
	"slices"
	"strings"
)

// createDomainUser creates a user. Of its attributes only those that a credential needs are emulated; most others are
// refused.
func createDomainUser(x *exchange) (answer reply, refused *refusal) {
	answer = x.onceAs(x.e.opts.DomainAnswers.RetryToken, func() (reply, func() bool) {
		var u *user
		u, refused = x.newDomainUser()
		if refused != nil {
			return reply{status: refused.status}, nil
		}
		p, _ := x.projection(userSchema) // checked before
		return reply{status: http.StatusCreated, body: p.of(x.userAttributes(u))}.with("etag", u.etag),
			func() bool { return x.e.state.users[u.id] == u }
	})
	return answer, refused
}

func (x *exchange) newDomainUser() (*user, *refusal) {
	if _, refused := x.projection(userSchema); refused != nil {
		return nil, refused
	}
	body, refused := x.readSCIM(userSchema, append(slices.Clone(commonAttributes), "userName", "displayName", "name",
		"emails", "active", "description", userExtension))
	if refused != nil {
		return nil, refused
	}
	name, refused := textOf(body, "userName")
	if refused != nil {
		return nil, refused
	}
	parts, _ := body["name"].(map[string]any)
	family, refused := textOf(parts, "familyName")
	switch {
	case refused != nil:
		return nil, refused
	case name == "":
		return nil, missingAttribute("userName")
	case family == "":
		return nil, missingAttribute("name.familyName")
	}
	email, refused := primaryEmail(body)
	if refused != nil {
		return nil, refused
	}
	for _, other := range x.domainUsers() {
		if sameText(other.name, name) {
			return nil, &refusal{http.StatusConflict, "", "A user of this name exists."}
		}
	}
	u := x.e.state.users[x.e.addUserLocked(name, false)]
	u.domain, u.email = x.domain, email
	x.domain.names[strings.ToLower(name)] = u.id
	x.changed = true
	return u, nil
}

// primaryEmail is the primary address of a new user; empty if there is none. A real domain may require one.
func primaryEmail(body map[string]any) (string, *refusal) {
	list, isList := body["emails"].([]any)
	if body["emails"] != nil && !isList {
		return "", scimBad("The attribute emails must be a list.")
	}
	for _, one := range list {
		fields, _ := one.(map[string]any)
		address, refused := textOf(fields, "value")
		if refused != nil || address == "" || !strings.Contains(address, "@") {
			return "", scimBadAs("error.common.validation.invalidEmailFormat", "The e-mail address is not valid.")
		}
		if fields["primary"] == true {
			return address, nil
		}
	}
	return "", nil
}
