package ociemu

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"
)

// create makes a credential. Its value is only in this answer.
func (k *scimKind) create(x *exchange) (reply, *refusal) {
	var refused *refusal
	answer := x.onceAs(x.e.opts.DomainAnswers.RetryToken, func() (reply, func() bool) {
		var made held
		var answer reply
		answer, made, refused = k.createOnce(x)
		if refused != nil {
			return reply{status: refused.status}, nil
		}
		return answer, func() bool {
			return slices.ContainsFunc(k.held(nil, k, made.owner), func(h held) bool {
				return h.scimCredential == made.scimCredential
			})
		}
	})
	return answer, refused
}

func (k *scimKind) createOnce(x *exchange) (reply, held, *refusal) {
	var h held
	if _, refused := x.projection(k.schema); refused != nil {
		return reply{}, h, refused
	}
	body, refused := x.readSCIM(k.schema, append(slices.Clone(commonAttributes), k.own...))
	if refused != nil {
		return reply{}, h, refused
	}
	u, refused := k.ownerOf(x, body)
	if refused != nil {
		return reply{}, h, refused
	}
	inactive, expires, refused := k.term(x, body)
	if refused != nil {
		return reply{}, h, refused
	}
	texts := map[string]string{}
	for _, name := range []string{"description", "displayName", "name"} {
		texts[name], refused = textOf(body, name)
		if refused != nil {
			return reply{}, h, refused
		}
	}
	if !u.can(k.canUse) {
		return reply{}, h, scimBad("The user lacks the capability " + k.canUse + ".")
	}
	c, secret, refused := k.make(x, k, u, body)
	if refused != nil {
		return reply{}, h, refused
	}
	for name, text := range texts {
		if to := c.text(name); to != nil {
			*to = text
		}
	}
	c.record().expires = expires
	x.setInactive(c.record(), inactive)
	x.changed = true
	h = held{k, u, c}
	x.e.state.named[c.ownID()] = true
	answer, refused := k.answer(x, h, http.StatusCreated, secret...)
	return answer, h, refused
}

// referred finds the user that a create names by SCIM id, by OCID or by both.
func (x *exchange) referred(body map[string]any) (*user, *refusal) {
	reference, isObject := body["user"].(map[string]any)
	if body["user"] == nil {
		return nil, missingAttribute("user")
	}
	if !isObject {
		return nil, scimBad("The attribute user must be an object.")
	}
	value, refused := textOf(reference, "value")
	if refused != nil {
		return nil, refused
	}
	ocid, refused := textOf(reference, "ocid")
	switch {
	case refused != nil:
		return nil, refused
	case value == "" && ocid == "":
		return nil, missingAttribute("user.value")
	case len(value) > 40:
		return nil, scimBadAs(msgTooLong, "The value of user.value has more than 40 characters.")
	}
	u := x.e.state.users[ocid]
	if ocid == "" {
		u = x.e.state.scimUsers[value]
	}
	if u == nil || u.domain != x.domain || value != "" && u.scimID != value {
		return nil, scimBadAs(msgReference, "The user that is referenced does not exist.")
	}
	return u, nil
}

// term reads status and expiresOn.
func (k *scimKind) term(x *exchange, body map[string]any) (inactive bool, expires time.Time, refused *refusal) {
	status, refused := textOf(body, "status")
	if refused != nil {
		return false, expires, refused
	}
	inactive, refused = inactiveOf(status)
	if status != "" && refused != nil {
		return false, expires, refused
	}
	text, refused := textOf(body, "expiresOn")
	if refused != nil || text == "" {
		return inactive, expires, refused
	}
	expires, err := time.Parse(time.RFC3339, text)
	if err != nil || !expires.After(x.now) {
		return false, expires, scimBad("The expiresOn must be a time in the future.")
	}
	return inactive, expires, nil
}

func inactiveOf(status string) (bool, *refusal) {
	if status != "ACTIVE" && status != "INACTIVE" {
		return false, scimBad("The status is ACTIVE or INACTIVE.")
	}
	return status == "INACTIVE", nil
}

// setInactive changes a credential's status, which the places of its use learn according to DomainAnswers.InactiveUse.
func (x *exchange) setInactive(b *birth, inactive bool) {
	a := x.e.opts.DomainAnswers
	if b.inactive == inactive {
		return
	}
	b.inactive, b.refusedFrom = inactive, time.Time{}
	if !inactive {
		return
	}
	switch a.InactiveUse {
	case InactiveUseRefused:
		b.refusedFrom = x.now
	case InactiveUseLags:
		b.refusedFrom = x.now.Add(a.InactiveLag)
	}
}

// checkSlot refuses a credential beyond the user's maximum, which holds for both APIs together.
func (k *scimKind) checkSlot(x *exchange, u *user) *refusal {
	if k.slots(x, u) < k.most {
		return nil
	}
	detail := fmt.Sprintf("You can not create %s as maximum quota limit of %d has been reached.", k.name, k.most)
	switch x.e.opts.DomainAnswers.Quota {
	case QuotaConflict:
		return &refusal{http.StatusConflict, "", detail}
	case QuotaOther:
		return scimBad("The user has too many credentials.")
	}
	return scimBad(detail)
}

func makeAPIKey(x *exchange, kind *scimKind, u *user, body map[string]any) (scimCredential, []scimAttr, *refusal) {
	text, refused := textOf(body, "key")
	switch {
	case refused != nil:
		return nil, nil, refused
	case text == "":
		return nil, nil, missingAttribute("key")
	}
	public, err := parsePublicKey(text)
	if err != nil {
		if errors.Is(err, errNoHeader) {
			return nil, nil, scimBadAs(msgHeader, "Invalid public key header or footer.")
		}
		return nil, nil, scimBad("The key is not acceptable: " + err.Error() + ".")
	}
	print := fingerprintOf(public)
	if u.apiKey(print) != nil {
		return nil, nil, &refusal{http.StatusConflict, "", "The user has an API key with this fingerprint."}
	}
	if refused := kind.checkSlot(x, u); refused != nil {
		return nil, nil, refused
	}
	k := &apiKey{birth: x.born(x.e.spread().APIKey), fingerprint: print, pem: text, public: public}
	u.apiKeys = append(u.apiKeys, k)
	return k, nil, nil
}

func makeAuthToken(x *exchange, kind *scimKind, u *user, _ map[string]any) (scimCredential, []scimAttr, *refusal) {
	if refused := kind.checkSlot(x, u); refused != nil {
		return nil, nil, refused
	}
	t := x.e.newAuthToken(u, x.born(x.e.spread().AuthToken), "")
	return t, []scimAttr{{name: "token", returned: byDefault, value: t.token}}, nil
}

func makeSecretKey(x *exchange, kind *scimKind, u *user, _ map[string]any) (scimCredential, []scimAttr, *refusal) {
	if refused := kind.checkSlot(x, u); refused != nil {
		return nil, nil, refused
	}
	k := x.e.newSecretKey(u, x.born(x.e.spread().CustomerSecretKey), "")
	return k, []scimAttr{k.secretValue()}, nil
}
