package ociemu

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
)

const (
	userSchema          = "urn:ietf:params:scim:schemas:core:2.0:User"
	userExtension       = idcsSchemas + "extension:user:User"
	capabilityExtension = idcsSchemas + "extension:capabilities:User"
	passwordExtension   = idcsSchemas + "extension:passwordState:User"
	credentialExtension = idcsSchemas + "extension:userCredentials:User"
	tagExtension        = idcsSchemas + "extension:OCITags"
	stateExtension      = idcsSchemas + "extension:userState:User"
)

// domainUsers are the users of the call's domain.
func (x *exchange) domainUsers() []*user {
	return cached(x, x.domain.id, func() []*user {
		var list []*user
		for _, id := range x.e.state.userOrder {
			if u := x.e.state.users[id]; u.domain == x.domain {
				list = append(list, u)
			}
		}
		return list
	})
}

// scimUser finds the user in the path: only its SCIM id counts.
func (x *exchange) scimUser() (*user, *refusal) {
	u := x.e.state.scimUsers[strings.ToLower(x.params["userId"])]
	if u == nil || u.domain != x.domain {
		return nil, &scimNotFound
	}
	return u, nil
}

var userKeys = scimKeys[*user]{
	"id":           func(u *user) string { return u.scimID },
	"ocid":         func(u *user) string { return u.id },
	"username":     func(u *user) string { return u.name },
	"displayname":  func(u *user) string { return u.name },
	"meta.created": func(u *user) string { return timestamp(u.created) },
}

func listDomainUsers(x *exchange) (reply, *refusal) {
	p, refused := x.projection(userSchema)
	if refused != nil {
		return reply{}, refused
	}
	f, refused := x.filter("id", "ocid", "username")
	if refused != nil {
		return reply{}, refused
	}
	by, descending, refused := userKeys.order(x)
	if refused != nil {
		return reply{}, refused
	}
	list := cached(x, fmt.Sprint(x.domain.id, "users", by, descending), func() []*user {
		return userKeys.sorted(x.domainUsers(), by, descending)
	})
	var only *user
	switch f.attribute { // found without a search: a domain may have many users
	case "ocid":
		only = x.e.state.users[f.value]
	case "id":
		only = x.e.state.scimUsers[strings.ToLower(f.value)]
	default:
		list = userKeys.matching(list, f)
	}
	if f.attribute == "ocid" || f.attribute == "id" {
		list = slices.DeleteFunc([]*user{only}, func(u *user) bool { return u == nil || u.domain != x.domain })
	}
	return listSCIM(x, list, func(u *user) map[string]any { return p.of(x.userAttributes(u)) })
}

func getDomainUser(x *exchange) (reply, *refusal) {
	u, refused := x.scimUser()
	if refused != nil {
		return reply{}, refused
	}
	p, refused := x.projection(userSchema)
	if refused != nil {
		return reply{}, refused
	}
	return ok(p.of(x.userAttributes(u))).with("etag", u.etag), nil
}

// removeDomainUser deletes a user. No source says what a domain answers about a user with credentials; here it refuses
// like the classic API.
func removeDomainUser(x *exchange) (reply, *refusal) {
	u, refused := x.scimUser()
	if refused == nil {
		refused = x.dropUser(u)
	}
	return reply{status: http.StatusNoContent}, refused
}

// userAttributes are all that may be returned of a user.
func (x *exchange) userAttributes(u *user) []scimAttr {
	modified := u.created
	if u.modified.After(modified) {
		modified = u.modified
	}
	schemas := []string{userSchema, userExtension, capabilityExtension, passwordExtension, credentialExtension,
		tagExtension, stateExtension}
	list := append(x.resource(schemas, "/Users", "User", u.scimID, u.id, u.etag, timestamp(u.created),
		timestamp(modified)),
		scimAttr{name: "userName", returned: always, value: u.name},
		scimAttr{name: "displayName", returned: byDefault, value: u.name},
		scimAttr{name: "active", returned: byDefault, value: !u.deactivated},
		scimAttr{name: "name", sub: []scimAttr{{name: "familyName", returned: byDefault, value: u.name}}},
		scimAttr{name: userExtension, sub: []scimAttr{
			{name: "isFederatedUser", returned: byDefault, value: u.federated}}},
		scimAttr{name: capabilityExtension, sub: u.scimCapabilities()},
		scimAttr{name: passwordExtension, sub: x.passwordState(u)},
		scimAttr{name: stateExtension, sub: []scimAttr{
			{name: "lastSuccessfulLoginDate", returned: onRequest, value: timeOrNil(u.lastLogin)}}},
		scimAttr{name: credentialExtension, sub: x.credentialIDs(u)},
	)
	if u.email != "" {
		list = append(list, scimAttr{name: "emails", returned: byDefault, value: []map[string]any{
			{"value": u.email, "type": "work", "primary": true, "verified": true}}})
	}
	return append(list, u.scimTags()...)
}

// scimTags are the user's tags (oci-go-sdk, identitydomains.ExtensionOciTags).
func (u *user) scimTags() []scimAttr {
	var own []scimAttr
	if len(u.tags) > 0 {
		var tags []map[string]string
		for _, key := range sortedKeys(u.tags) {
			tags = append(tags, map[string]string{"key": key, "value": u.tags[key]})
		}
		own = append(own, scimAttr{name: "freeformTags", returned: byDefault, value: tags})
	}
	if len(u.defined) > 0 {
		var tags []map[string]any
		for _, namespace := range slices.Sorted(maps.Keys(u.defined)) {
			for _, key := range slices.Sorted(maps.Keys(u.defined[namespace])) {
				tags = append(tags, map[string]any{"namespace": namespace, "key": key,
					"value": u.defined[namespace][key]})
			}
		}
		own = append(own, scimAttr{name: "definedTags", returned: byDefault, value: tags})
	}
	if len(own) == 0 {
		return nil
	}
	return []scimAttr{{name: tagExtension, sub: own}}
}

func (u *user) scimCapabilities() []scimAttr {
	var list []scimAttr
	for _, name := range capabilities {
		list = append(list, scimAttr{name: name, returned: byDefault, value: u.can(name)})
	}
	return list
}

// passwordState is returned only on request. A user without a password has none.
func (x *exchange) passwordState(u *user) []scimAttr {
	p := x.passwordSeen(u)
	if p == nil {
		return nil
	}
	set := scimAttr{name: "lastSuccessfulSetDate", returned: onRequest, value: timestamp(p.created)}
	if x.e.opts.DomainAnswers.NoPasswordDate {
		set.value = nil
	}
	return []scimAttr{set,
		{name: "mustChange", returned: onRequest, value: u.mustChange},
		{name: "expired", returned: onRequest, value: false},
		{name: "cantChange", returned: onRequest, value: false},
		{name: "cantExpire", returned: onRequest, value: false},
	}
}

// credentialIDs are the ids of the user's credentials, returned only on request.
func (x *exchange) credentialIDs(u *user) []scimAttr {
	var list []scimAttr
	for _, k := range allKinds() {
		ids := []map[string]any{}
		for _, h := range k.held(x, k, u) {
			b := h.identify(x.e.state)
			one := map[string]any{"value": b.scimID, "ocid": b.ocid,
				"$ref": x.domain.url() + "/" + scimBase + k.path + "/" + b.scimID}
			if k.name == domainAPIKey {
				one["key"] = h.ownID()
			}
			ids = append(ids, one)
		}
		if len(ids) > 0 {
			name := map[string]string{domainAPIKey: "apiKeys", domainAuthToken: "authTokens",
				domainSecretKey: "customerSecretKeys", domainSMTP: "smtpCredentials",
				domainOAuth: "oAuth2ClientCredentials", domainDatabase: "dbCredentials"}[k.name]
			list = append(list, scimAttr{name: name, returned: onRequest, value: ids})
		}
	}
	return list
}

// DomainMail is a message that a domain sent to a user about a password.
type DomainMail struct {
	Domain string `json:"domain"` // display name
	User   string `json:"user"`   // OCID
	To     string `json:"to"`
	// Kind is "reset", with a link to set a new password, or "changed".
	Kind string `json:"kind"`
}

// DomainMails returns the messages that the domains sent so far.
func (e *Emulator) DomainMails() []DomainMail {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]DomainMail(nil), e.state.domainMails...)
}

// passwordCall reads what both calls about passwords have in common.
func (x *exchange) passwordCall(name string, own ...string) (*user, map[string]any, *refusal) {
	u, refused := x.scimUser()
	if refused != nil {
		return nil, nil, refused
	}
	body, refused := x.readSCIM(idcsSchemas+name, append(append(own, commonAttributes...), "externalId",
		"bypassNotification", "notificationEmailTemplateId"))
	if refused != nil {
		return nil, nil, refused
	}
	if refused := x.checkEtag(u.etag); refused != nil {
		return nil, nil, refused
	}
	switch quiet := body["bypassNotification"]; {
	case quiet != nil && quiet != true && quiet != false:
		return nil, nil, scimBad("The attribute bypassNotification must be a boolean.")
	case u.federated:
		return nil, nil, scimBad("The password of a federated user cannot be changed here.")
	case !u.can("canUseConsolePassword"):
		return nil, nil, scimBad("The user lacks the capability canUseConsolePassword.")
	}
	return u, body, nil
}

// setPassword replaces the password and sends a message, if the user has an address and the call doesn't bypass it.
func (x *exchange) setPassword(u *user, value string, mustChange bool, body map[string]any, kind string) {
	if u.password != nil {
		u.gonePasswords = buried(x, u.gonePasswords, u.password)
	}
	u.password, u.mustChange = &password{birth: x.born(0), value: value}, mustChange
	u.etag, u.modified = x.e.state.ids.etag(), x.now
	if u.email != "" && body["bypassNotification"] != true {
		x.e.state.domainMails = append(x.e.state.domainMails, DomainMail{x.domain.seed.Name, u.id, u.email, kind})
	}
	x.changed = true
}

// passwordAnswer never has the password.
func (x *exchange) passwordAnswer(u *user, name string, more ...scimAttr) (reply, *refusal) {
	p, refused := x.projection(idcsSchemas + name)
	if refused != nil {
		return reply{}, refused
	}
	list := x.resource([]string{idcsSchemas + name}, "/"+name, name, u.scimID, u.id, u.etag, timestamp(u.created),
		timestamp(x.now))
	return reply{status: http.StatusOK, body: p.of(append(list, more...))}.with("etag", u.etag), nil
}

// changePassword sets a password that the caller chose.
func changePassword(x *exchange) (reply, *refusal) {
	const name = "UserPasswordChanger"
	u, body, refused := x.passwordCall(name, "password")
	if refused != nil {
		return reply{}, refused
	}
	value, refused := textOf(body, "password")
	switch {
	case refused != nil:
		return reply{}, refused
	case value == "":
		return reply{}, missingAttribute("password")
	}
	if flaw := u.passwordFlaw(value); flaw != "" {
		return reply{}, scimBad(flaw)
	}
	x.setPassword(u, value, x.e.opts.DomainAnswers.PasswordMustChange, body, "changed")
	return x.passwordAnswer(u, name)
}

// passwordFlaw says what is wrong with a password according to the domain's password policy, or returns "".
func (u *user) passwordFlaw(value string) string {
	has := func(letters string) bool { return strings.ContainsAny(value, letters) }
	switch {
	case len(value) < 8 || len(value) > 500:
		return "The password must have 8 to 500 characters."
	case !has("abcdefghijklmnopqrstuvwxyz"), !has("ABCDEFGHIJKLMNOPQRSTUVWXYZ"), !has("0123456789"):
		return "The password must have a small letter, a capital letter and a digit."
	case strings.Contains(strings.ToLower(value), strings.ToLower(u.name)):
		return "The password must not contain the user name."
	case u.password != nil && u.password.value == value:
		return "The password must differ from the current one."
	}
	for _, p := range u.gonePasswords {
		if p.value == value {
			return "The password must differ from earlier ones."
		}
	}
	return ""
}

// sendPassword ends the password; the user gets a message with a link. It returns no value, except a one-time password
// for a user without an e-mail address.
func sendPassword(x *exchange) (reply, *refusal) {
	const name = "UserPasswordResetter"
	u, body, refused := x.passwordCall(name, "userFlowControlledByExternalClient", "userToken", "oneTimePassword")
	if refused != nil {
		return reply{}, refused
	}
	if body["userFlowControlledByExternalClient"] == true {
		return reply{}, scimBad("The emulator has no user tokens.")
	}
	if _, refused := x.projection(idcsSchemas + name); refused != nil {
		return reply{}, refused
	}
	once := newPassword()
	x.setPassword(u, once, true, body, "reset")
	when, shown := x.e.opts.DomainAnswers.OneTimePassword, onRequest
	if when == OneTimePasswordAlways {
		shown = byDefault
	}
	if u.email != "" || when == OneTimePasswordNever {
		return x.passwordAnswer(u, name)
	}
	return x.passwordAnswer(u, name, scimAttr{name: "oneTimePassword", returned: shown, value: once})
}

func sortedKeys(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }
