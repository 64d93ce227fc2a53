package ociemu

// Holds says whether the value is that of the user's credential with the id, even of one that is still refused because
// it is new. The kinds are those of Works, without the password; a customer secret key's value is the secret key.
func (v View) Holds(kind, user, id, value string) bool {
	u := v.e.state.users[user]
	if u == nil {
		return false
	}
	switch kind {
	case "api-key":
		return u.apiKey(id) != nil && fingerprintOfPEM(value) == id
	case "auth-token":
		t := u.authToken(id)
		return t != nil && t.token == value
	case "customer-secret-key":
		k := u.secretKey(id)
		return k != nil && k.key == value
	}
	panic("ociemu: no credential kind " + kind)
}

// Names says whether the text is the id of a credential that there is or was: a fingerprint, an auth token's OCID or an
// access key. Such an id is no secret, wherever it is kept.
func (v View) Names(text string) bool { return v.e.state.named[text] }
