package ociemu

import (
	"maps"
	"slices"
	"strings"
)

// otherCredential is an SMTP, an OAuth 2.0 client or a database credential. Only the domains' own API has them here,
// and no emulated service accepts their values.
type otherCredential struct {
	birth
	id, name, description, value string
	scopes                       any
	expired                      bool // of a database credential
	attributes                   func(*otherCredential) []scimAttr
	writable                     []string // the text attributes that a PATCH may change
}

// The domains' names of the other kinds of credentials.
const (
	domainSMTP     = "SmtpCredential"
	domainOAuth    = "OAuth2ClientCredential"
	domainDatabase = "UserDbCredential"
)

// otherKinds are the kinds of [otherCredential]. A user may have two SMTP credentials, according to the pages of the
// classic API. The other two maxima have no source.
var otherKinds = []*scimKind{
	otherKind(&scimKind{name: domainSMTP, path: "/SmtpCredentials", schema: idcsSchemas + "smtpCredential", most: 2,
		canUse: "canUseSmtpCredentials",
		own:    []string{"userName", "description", "password", "status", "expiresOn", "user"}, make: makeSMTP}),
	otherKind(&scimKind{name: domainOAuth, path: "/OAuth2ClientCredentials", most: 10,
		schema: idcsSchemas + "oauth2ClientCredential", canUse: "canUseOAuth2ClientCredentials", make: makeOAuth,
		own: []string{"name", "scopes", "description", "status", "expiresOn", "isResetSecret", "secret", "user"}}),
	otherKind(&scimKind{name: domainDatabase, path: "/UserDbCredentials", schema: idcsSchemas + "UserDbCredentials",
		most: 2, canUse: "canUseDbCredentials", make: makeDatabase, fixed: true, byValue: true,
		own: []string{"dbPassword", "name", "description", "mixedDbPassword", "salt", "mixedSalt", "lastSetDate",
			"expired", "status", "expiresOn", "user"}}),
}

func otherKind(k *scimKind) *scimKind {
	name := k.name
	k.held = func(x *exchange, k *scimKind, u *user) []held {
		return hold(x, k, u, u.goneOthers[name], u.others[name])
	}
	k.slots = func(x *exchange, u *user) int { return slots(x, u.others[name]) }
	k.discard = func(x *exchange, u *user, c scimCredential) {
		o := c.(*otherCredential)
		u.others[name] = remove(u.others[name], o)
		if u.goneOthers == nil {
			u.goneOthers = map[string][]*otherCredential{}
		}
		u.goneOthers[name] = buried(x, u.goneOthers[name], o)
	}
	return k
}

// addOther adds a credential if the user has a free slot.
func (x *exchange) addOther(k *scimKind, u *user, c *otherCredential) *refusal {
	if refused := k.checkSlot(x, u); refused != nil {
		return refused
	}
	c.birth, c.id = x.born(0), x.e.state.ids.ocid("credential", "")
	if u.others == nil {
		u.others = map[string][]*otherCredential{}
	}
	u.others[k.name] = append(u.others[k.name], c)
	return nil
}

func makeSMTP(x *exchange, k *scimKind, u *user, _ map[string]any) (scimCredential, []scimAttr, *refusal) {
	c := newSMTP()
	refused := x.addOther(k, u, c)
	if refused != nil {
		return nil, nil, refused
	}
	c.name = x.e.state.smtpName(u, c)
	return c, []scimAttr{{name: "password", returned: byDefault, value: c.value}}, nil
}

func newSMTP() *otherCredential {
	return &otherCredential{value: newAuthToken(), writable: []string{"description"},
		attributes: func(c *otherCredential) []scimAttr {
			return []scimAttr{{name: "userName", returned: byDefault, value: c.name}}
		}}
}

func (s *state) smtpName(u *user, c *otherCredential) string {
	return u.id + "@" + s.tenancy + "." + c.id[len(c.id)-2:] + ".com"
}

func makeOAuth(x *exchange, k *scimKind, u *user, body map[string]any) (scimCredential, []scimAttr, *refusal) {
	name, refused := textOf(body, "name")
	scopes, isList := body["scopes"].([]any)
	switch {
	case refused != nil:
		return nil, nil, refused
	case name == "":
		return nil, nil, missingAttribute("name")
	case body["scopes"] == nil || isList && len(scopes) == 0:
		return nil, nil, missingAttribute("scopes")
	case !isList || slices.ContainsFunc(scopes, func(s any) bool { return !isScope(s) }):
		return nil, nil, scimBad("The scopes must be a list of objects with an audience and a scope.")
	case body["isResetSecret"] == true:
		return nil, nil, scimBad("The emulator has no reset of a secret.")
	}
	c := newOAuth(name, scopes)
	return c, []scimAttr{{name: "secret", returned: byDefault, value: c.value}}, x.addOther(k, u, c)
}

func newOAuth(name string, scopes []any) *otherCredential {
	return &otherCredential{name: name, scopes: scopes, value: newAuthToken(),
		writable: []string{"description", "name"}, attributes: func(c *otherCredential) []scimAttr {
			return []scimAttr{{name: "name", returned: byDefault, value: c.name},
				{name: "scopes", returned: byDefault, value: c.scopes}}
		}}
}

func isScope(s any) bool {
	fields, isObject := s.(map[string]any)
	audience, isText := fields["audience"].(string)
	scope, isTextToo := fields["scope"].(string)
	return isObject && isText && isTextToo && audience != "" && scope != ""
}

// makeDatabase adds a credential with the password that the caller chose, which no answer has.
func makeDatabase(x *exchange, k *scimKind, u *user, body map[string]any) (scimCredential, []scimAttr, *refusal) {
	value, refused := textOf(body, "dbPassword")
	switch {
	case refused != nil:
		return nil, nil, refused
	case value == "":
		return nil, nil, missingAttribute("dbPassword")
	case u.databaseName == "":
		return nil, nil, scimBad("The user has no dbUserName.")
	}
	c := newDatabase(u.databaseName, value)
	return c, nil, x.addOther(k, u, c)
}

func newDatabase(name, value string) *otherCredential {
	return &otherCredential{name: name, value: value, attributes: func(c *otherCredential) []scimAttr {
		return []scimAttr{{name: "name", returned: byDefault, value: c.name},
			{name: "lastSetDate", returned: byDefault, value: timestamp(c.created)},
			{name: "expired", returned: byDefault, value: c.expired}}
	}}
}

func (c *otherCredential) ownID() string   { return c.id }
func (c *otherCredential) ownOCID() string { return c.id }
func (c *otherCredential) text(name string) *string {
	switch {
	case name == "description":
		return &c.description
	case name == "name" && slices.Contains(c.writable, name):
		return &c.name
	}
	return nil
}

func (c *otherCredential) ownAttributes() []scimAttr { return c.attributes(c) }
func (c *otherCredential) secretValue() scimAttr     { return scimAttr{} } // stored as a hash

// OtherCredential is a snapshot of a credential that only the domains' own API has.
type OtherCredential struct {
	Kind        string `json:"kind"` // SmtpCredential, OAuth2ClientCredential or UserDbCredential
	ID          string `json:"id"`   // OCID
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
	Inactive    bool   `json:"inactive,omitempty"`
}

func (u *user) otherCredentials() []OtherCredential {
	var all []OtherCredential
	for _, kind := range slices.Sorted(maps.Keys(u.others)) {
		for _, c := range u.others[kind] {
			all = append(all, OtherCredential{kind, c.id, c.name, c.description, c.inactive})
		}
	}
	return all
}

// myPath is the path of the caller's own credentials of a kind.
func (k *scimKind) myPath() string { return "/My" + strings.TrimPrefix(k.path, "/") }

// ofCaller serves calls about the caller's own credentials. A function has none: no source says how a domain answers
// it.
func ofCaller(handle func(*exchange) (reply, *refusal)) func(*exchange) reply {
	return inDomain(func(x *exchange) (reply, *refusal) {
		x.self = x.e.state.users[x.call.Caller.ID]
		if x.self == nil || x.self.domain != x.domain {
			return reply{}, &scimDenied
		}
		return handle(x)
	})
}

// ownerOf is the user for whom a create is: the caller itself for its own credentials, or the one that it names.
func (k *scimKind) ownerOf(x *exchange, body map[string]any) (*user, *refusal) {
	if x.self != nil {
		return x.self, nil // the attribute user is read-only
	}
	reference, _ := body["user"].(map[string]any)
	if k.byValue && reference != nil && (reference["value"] == nil || reference["value"] == "") {
		return nil, missingAttribute("user.value")
	}
	return x.referred(body)
}
