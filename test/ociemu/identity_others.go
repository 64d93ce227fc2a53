package ociemu

import (
	"fmt"
	"net/http"
	"time"
)

// The other credentials in the classic API, which only lists them here.

func otherRoutes() []route {
	get := http.MethodGet
	return []route{
		{operation: "ListSmtpCredentials", method: get, path: "/users/{userId}/smtpCredentials",
			handle: ofUser(listSMTP)},
		{operation: "ListDbCredentials", method: get, path: "/users/{userId}/dbCredentials",
			handle: ofUser(listDatabase)},
		{operation: "ListOAuthClientCredentials", method: get, path: "/users/{userId}/oauth2ClientCredentials",
			handle: ofUser(listOAuth)},
	}
}

// otherBodies are the user's credentials of a kind, each with what all kinds have and what more adds.
func (x *exchange) otherBodies(u *user, kind string, more func(*otherCredential) map[string]any) []map[string]any {
	list := []map[string]any{}
	for _, c := range listed(x, u.goneOthers[kind], u.others[kind]) {
		body := map[string]any{"id": c.id, "userId": u.id, "description": c.description,
			"timeCreated": timestamp(c.created), "lifecycleState": x.lifecycle(&c.birth)}
		for key, value := range more(c) {
			body[key] = value
		}
		list = append(list, body)
	}
	return list
}

// listSMTP is never paged: the SDK's request has no page parameter.
func listSMTP(x *exchange, u *user) reply {
	return ok(x.otherBodies(u, domainSMTP, func(c *otherCredential) map[string]any {
		return map[string]any{"username": c.name, "timeExpires": timeOrNil(c.expires), "inactiveStatus": nil}
	}))
}

func listDatabase(x *exchange, u *user) reply {
	return listReply(x, x.otherBodies(u, domainDatabase, func(c *otherCredential) map[string]any {
		return map[string]any{"timeExpires": timeOrNil(c.expires)}
	}), bare)
}

func listOAuth(x *exchange, u *user) reply {
	return listReply(x, x.otherBodies(u, domainOAuth, func(c *otherCredential) map[string]any {
		return map[string]any{"name": c.name, "scopes": c.scopes, "expiresOn": timeOrNil(c.expires),
			"compartmentId": x.e.state.tenancy}
	}), bare)
}

// AddSMTPCredential adds an SMTP credential and returns its OCID.
func (e *Emulator) AddSMTPCredential(user, description string) string {
	c := newSMTP()
	c.description = description
	return e.addOther(domainSMTP, user, c)
}

// AddOAuth2Credential adds an OAuth 2.0 client credential of that name and returns its OCID.
func (e *Emulator) AddOAuth2Credential(user, name string) string {
	return e.addOther(domainOAuth, user, newOAuth(name, []any{map[string]any{"audience": "urn:opc:idm:__myscopes__",
		"scope": "urn:opc:idm:__myscopes__"}}))
}

// AddDatabasePassword gives the user a random database password and returns its OCID. The user gets a dbUserName if
// there is none.
func (e *Emulator) AddDatabasePassword(user string) string {
	e.mu.Lock()
	u := e.mustUser(user)
	u.databaseName = orDefault(u.databaseName, "DB"+u.id[len(u.id)-8:])
	c := newDatabase(u.databaseName, newPassword())
	e.mu.Unlock()
	return e.addOther(domainDatabase, user, c)
}

func (e *Emulator) addOther(kind, user string, c *otherCredential) string {
	e.mu.Lock()
	defer e.mu.Unlock()
	u, s := e.mustUser(user), e.state
	k := find(otherKinds, func(k *scimKind) bool { return k.name == kind })
	if len(u.others[kind]) >= k.most {
		panic("ociemu: the user has too many credentials of the kind " + kind)
	}
	c.birth, c.id = e.bornVisible(), derivedOCID(s, "credential", fmt.Sprint(kind, " ", u.id, len(u.others[kind])))
	if kind == domainSMTP {
		c.name = s.smtpName(u, c)
	}
	if u.others == nil {
		u.others = map[string][]*otherCredential{}
	}
	u.others[kind] = append(u.others[kind], c)
	e.notifyLocked()
	return c.id
}

// SetLastLogin sets when the user last signed in to the Console; the zero time means never.
func (e *Emulator) SetLastLogin(user string, at time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.mustUser(user).lastLogin = at
	e.notifyLocked()
}

// ExpireDatabasePassword makes a domain say that a database password, by its OCID, has expired.
func (e *Emulator) ExpireDatabasePassword(user, id string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	c := e.mustUser(user).other(id)
	if c == nil {
		panic("ociemu: no credential " + id)
	}
	c.expired = true
	e.notifyLocked()
}

// Deactivate makes a credential INACTIVE, as a PATCH of its status does. The id is an OCID or an access key.
func (e *Emulator) Deactivate(user, id string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	(&exchange{e: e, now: e.now()}).setInactive(e.credentialOf(e.mustUser(user), id).record(), true)
	e.notifyLocked()
}
