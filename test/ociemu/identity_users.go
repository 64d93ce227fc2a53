package ociemu

import (
	"net/http"
	"slices"
)

// createUser creates a user without credentials. Names and mail addresses are unique, ignoring case.
func createUser(x *exchange) reply {
	return x.once(func() (reply, func() bool) {
		var details struct {
			CompartmentID, Name string
			Description, Email  *string
		}
		if refused := x.read(&details); refused != nil {
			return refused.reply(), nil
		}
		s := x.e.state
		switch {
		case details.CompartmentID == "" || details.Name == "" || details.Description == nil:
			return errMissing.because("compartmentId, name and description are needed.").reply(), nil
		case details.CompartmentID != s.tenancy:
			return errInvalid.because("Users belong to the root compartment.").reply(), nil
		case details.Email == nil || *details.Email == "":
			// Several public reports have this message.
			return x.byDomain(http.StatusBadRequest, "error.common.validation.missingReqAttributes",
				"The primary email must be specified.").reply(), nil
		}
		for _, u := range s.users {
			if u.domain != s.defaultDomain() {
				continue
			}
			if sameText(u.name, details.Name) || sameText(u.email, *details.Email) {
				return errConflict.because("A user of this name or email exists.").reply(), nil
			}
		}
		id := x.e.addUserLocked(details.Name, false)
		u := s.users[id]
		u.email = *details.Email
		return ok(userBody(s, u)).with("etag", u.etag), func() bool { return s.users[id] == u }
	})
}

func deleteUser(x *exchange, u *user) reply {
	if refused := x.dropUser(u); refused != nil {
		return refused.reply()
	}
	return x.deleted()
}

// dropUser refuses while the user has credentials that the API can delete.
func (x *exchange) dropUser(u *user) *refusal {
	if refused := x.checkEtag(u.etag); refused != nil {
		return refused
	}
	if len(u.apiKeys)+len(u.authTokens)+len(u.secretKeys)+len(u.otherCredentials()) > 0 {
		refused := errConflict.because("The user has credentials.")
		return &refused
	}
	delete(x.e.state.users, u.id)
	delete(x.e.state.scimUsers, u.scimID)
	x.e.state.userOrder = slices.DeleteFunc(x.e.state.userOrder, func(id string) bool { return id == u.id })
	x.changed = true
	return nil
}

// RenameUser changes a user's name. From now on its tokens work only with the new name.
func (e *Emulator) RenameUser(id, name string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	u := e.mustUser(id)
	u.name, u.etag = name, e.state.ids.etag()
	e.notifyLocked()
}
