package ociemu

import "slices"

// scimKind is a kind of credential in a domain's own API.
type scimKind struct {
	name    string // of the resource type
	path    string
	schema  string
	most    int  // of a user
	fixed   bool // has no PATCH
	byValue bool // a create must name the user by the SCIM id
	own     []string
	canUse  string                                         // the capability
	held    func(x *exchange, k *scimKind, u *user) []held // for a list; without a call, those that exist
	slots   func(x *exchange, u *user) int
	discard func(x *exchange, u *user, c scimCredential)
	// make adds a credential and returns the attribute with its value.
	make func(x *exchange, k *scimKind, u *user, body map[string]any) (scimCredential, []scimAttr, *refusal)
}

// scimCredential is a credential of any kind.
type scimCredential interface {
	record() *birth
	ownID() string             // a fingerprint, an auth token's OCID or an access key
	ownOCID() string           // if the kind has one in the classic API
	text(name string) *string  // a writable text attribute, or nil
	ownAttributes() []scimAttr // of its kind, without values
	secretValue() scimAttr     // of a list that shows values; see DomainAnswers.ListedSecrets
}

// held is a credential with its owner.
type held struct {
	kind  *scimKind
	owner *user
	scimCredential
}

// scimKinds are the kinds that the classic API has too; see also otherKinds.
var scimKinds = []*scimKind{{
	name: domainAPIKey, path: "/ApiKeys", schema: idcsSchemas + "apikey", most: maxAPIKeys, canUse: "canUseApiKeys",
	own: []string{"fingerprint", "key", "description", "user"}, make: makeAPIKey,
	held:  func(x *exchange, k *scimKind, u *user) []held { return hold(x, k, u, u.goneAPIKeys, u.apiKeys) },
	slots: func(x *exchange, u *user) int { return slots(x, u.apiKeys) },
	discard: func(x *exchange, u *user, c scimCredential) {
		k := c.(*apiKey)
		u.apiKeys, u.goneAPIKeys = remove(u.apiKeys, k), buried(x, u.goneAPIKeys, k)
	},
}, {
	name: domainAuthToken, path: "/AuthTokens", schema: idcsSchemas + "authToken", most: maxAuthTokens,
	canUse: "canUseAuthTokens", own: []string{"description", "token", "status", "expiresOn", "user"},
	make: makeAuthToken,
	held: func(x *exchange, k *scimKind, u *user) []held {
		return hold(x, k, u, u.goneAuthTokens, u.authTokens)
	},
	slots: func(x *exchange, u *user) int { return slots(x, u.authTokens) },
	discard: func(x *exchange, u *user, c scimCredential) {
		t := c.(*authToken)
		u.authTokens, u.goneAuthTokens = remove(u.authTokens, t), buried(x, u.goneAuthTokens, t)
	},
}, {
	name: domainSecretKey, path: "/CustomerSecretKeys", schema: idcsSchemas + "customerSecretKey", most: maxSecretKeys,
	canUse: "canUseCustomerSecretKeys", make: makeSecretKey,
	own: []string{"displayName", "description", "status", "expiresOn", "accessKey", "secretKey", "user"},
	held: func(x *exchange, k *scimKind, u *user) []held {
		return hold(x, k, u, u.goneSecretKeys, u.secretKeys)
	},
	slots: func(x *exchange, u *user) int { return slots(x, u.secretKeys) },
	discard: func(x *exchange, u *user, c scimCredential) {
		k := c.(*secretKey)
		u.secretKeys, u.goneSecretKeys = remove(u.secretKeys, k), buried(x, u.goneSecretKeys, k)
	},
}}

// allKinds are the kinds of credentials of the domains' own API.
func allKinds() []*scimKind { return slices.Concat(scimKinds, otherKinds) }

// hold returns the credentials that a list shows; without a call, those that exist.
func hold[T scimCredential](x *exchange, k *scimKind, u *user, gone, live []T) []held {
	if x != nil {
		live = listed(x, gone, live)
	}
	out := make([]held, len(live))
	for i, c := range live {
		out[i] = held{k, u, c}
	}
	return out
}

func (k *apiKey) ownID() string   { return k.fingerprint }
func (k *apiKey) ownOCID() string { return "" }
func (k *apiKey) text(name string) *string {
	if name == "description" {
		return &k.note
	}
	return nil
}

func (k *apiKey) ownAttributes() []scimAttr {
	return []scimAttr{{name: "fingerprint", returned: byDefault, value: k.fingerprint},
		{name: "key", returned: byDefault, value: k.pem}}
}

func (k *apiKey) secretValue() scimAttr { return scimAttr{} }

func (t *authToken) ownID() string   { return t.id }
func (t *authToken) ownOCID() string { return t.id }
func (t *authToken) text(name string) *string {
	if name == "description" {
		return &t.description
	}
	return nil
}

func (t *authToken) ownAttributes() []scimAttr { return nil }
func (t *authToken) secretValue() scimAttr     { return scimAttr{} } // stored as a hash

func (k *secretKey) ownID() string   { return k.id }
func (k *secretKey) ownOCID() string { return "" }
func (k *secretKey) text(name string) *string {
	switch name {
	case "description":
		return &k.note
	case "displayName":
		return &k.displayName
	}
	return nil
}

func (k *secretKey) ownAttributes() []scimAttr {
	return []scimAttr{{name: "accessKey", returned: byDefault, value: k.id}}
}

func (k *secretKey) secretValue() scimAttr {
	return scimAttr{name: "secretKey", returned: byDefault, value: k.key}
}

// identify sets the ids of the credential, and remembers its owner.
func (h held) identify(s *state) *birth {
	b := s.identify(h.scimCredential)
	s.scimOwners[b.scimID] = h.owner
	return b
}
