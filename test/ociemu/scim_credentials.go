package ociemu

import (
	"fmt"
	"net/http"
	"strings"
)

// attributes are all that may be returned of a credential. A status never is.
func (h held) attributes(x *exchange) []scimAttr {
	b := h.identify(x.e.state)
	modified := b.created
	if b.modified.After(modified) {
		modified = b.modified
	}
	path, name := h.kind.path, h.kind.name
	if x.self != nil {
		path, name = h.kind.myPath(), "My"+name
	}
	list := x.resource([]string{h.kind.schema}, path, name, b.scimID, b.ocid, b.etag,
		b.shownCreated(), timestamp(modified))
	for _, name := range []string{"displayName", "description"} {
		if text := h.text(name); text != nil && *text != "" {
			list = append(list, scimAttr{name: name, returned: byDefault, value: *text})
		}
	}
	list = append(list, h.ownAttributes()...)
	if !b.expires.IsZero() {
		list = append(list, scimAttr{name: "expiresOn", returned: byDefault, value: timestamp(b.expires)})
	}
	if x.e.opts.DomainAnswers.ListedSecrets {
		list = append(list, h.secretValue())
	}
	return append(list, scimAttr{name: "user", sub: []scimAttr{
		{name: "value", returned: always, value: h.owner.scimID},
		{name: "ocid", returned: always, value: h.owner.id},
		{name: "$ref", returned: byDefault,
			value: x.domain.url() + "/" + scimBase + "/Users/" + h.owner.scimID},
		{name: "display", returned: byDefault, value: h.owner.name},
		{name: "name", returned: byDefault, value: h.owner.name},
	}})
}

// credentialKeys are the attributes by which lists of credentials are sorted and searched.
func credentialKeys(x *exchange) scimKeys[held] {
	s := x.e.state
	return scimKeys[held]{
		"id":   func(h held) string { return h.identify(s).scimID },
		"ocid": func(h held) string { return h.identify(s).ocid },
		"fingerprint": func(h held) string {
			if h.kind.name == domainAPIKey {
				return h.ownID()
			}
			return ""
		},
		"user.ocid":    func(h held) string { return h.owner.id },
		"user.value":   func(h held) string { return h.owner.scimID },
		"meta.created": func(h held) string { return timestamp(h.record().created) },
	}
}

// list lists the credentials of a user, or of the domain.
func (k *scimKind) list(x *exchange) (reply, *refusal) {
	p, refused := x.projection(k.schema)
	if refused != nil {
		return reply{}, refused
	}
	searchable := []string{"id", "ocid", "user.ocid", "user.value"}
	if k.name == domainAPIKey {
		searchable = append(searchable, "fingerprint")
	}
	f, refused := x.filter(searchable...)
	if refused != nil {
		return reply{}, refused
	}
	if refused := x.wholeList(f); refused != nil {
		return reply{}, refused
	}
	keys := credentialKeys(x)
	by, descending, refused := keys.order(x)
	if refused != nil {
		return reply{}, refused
	}
	return listSCIM(x, k.found(x, keys, f, by, descending), func(h held) map[string]any {
		return p.of(h.attributes(x))
	})
}

// wholeList refuses a list of the credentials of all users, according to DomainAnswers.WholeLists.
func (x *exchange) wholeList(f scimFilter) *refusal {
	if x.self != nil || strings.HasPrefix(f.attribute, "user.") {
		return nil
	}
	switch x.e.opts.DomainAnswers.WholeLists {
	case WholeListsUnauthorized:
		return &scimDenied
	case WholeListsForbidden:
		return &refusal{http.StatusForbidden, "", "The list needs a filter for one user."}
	}
	return nil
}

func (k *scimKind) found(x *exchange, keys scimKeys[held], f scimFilter, by string, descending bool) []held {
	owner := x.self
	switch f.attribute {
	case "user.ocid":
		owner = x.e.state.users[f.value]
	case "user.value":
		owner = x.e.state.scimUsers[f.value]
	default:
		if owner != nil {
			break
		}
		all := func() []held {
			var list []held
			for _, u := range x.domainUsers() {
				list = append(list, k.held(x, k, u)...)
			}
			return keys.sorted(list, by, descending)
		}
		if !x.seenAt().Equal(x.now) {
			return keys.matching(all(), f)
		}
		return keys.matching(cached(x, fmt.Sprint(x.domain.id, k.path, by, descending), all), f)
	}
	if owner == nil || owner.domain != x.domain || x.self != nil && owner != x.self {
		return nil
	}
	return keys.matching(keys.sorted(k.held(x, k, owner), by, descending), f)
}

// one finds the credential in the path: only its SCIM id counts.
func (k *scimKind) one(x *exchange) (held, *refusal) {
	if owner := x.e.state.scimOwners[strings.ToLower(x.params["id"])]; owner != nil && owner.domain == x.domain &&
		(x.self == nil || owner == x.self) {
		for _, h := range k.held(nil, k, owner) {
			if strings.EqualFold(h.identify(x.e.state).scimID, x.params["id"]) {
				return h, nil
			}
		}
	}
	return held{}, &scimNotFound
}

func (k *scimKind) answer(x *exchange, h held, status int, more ...scimAttr) (reply, *refusal) {
	p, refused := x.projection(k.schema)
	if refused != nil {
		return reply{}, refused
	}
	return reply{status: status, body: p.of(append(h.attributes(x), more...))}.with("etag", h.record().etag), nil
}

func (k *scimKind) get(x *exchange) (reply, *refusal) {
	h, refused := k.one(x)
	if refused != nil {
		return reply{}, refused
	}
	return k.answer(x, h, http.StatusOK)
}

func (k *scimKind) remove(x *exchange) (reply, *refusal) {
	h, refused := k.one(x)
	if refused == nil {
		refused = x.checkEtag(h.record().etag)
	}
	if refused != nil {
		return reply{}, refused
	}
	k.discard(x, h.owner, h.scimCredential)
	x.changed = true
	return reply{status: http.StatusNoContent}, nil
}
