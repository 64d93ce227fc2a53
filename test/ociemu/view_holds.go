package ociemu

// Holds reports whether the value belongs to the user's credential with the id, even to a new one that is still
// refused. The kinds are those of Works except the password; a customer secret key's value is the secret key.
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

// Names reports whether the text is the id of an existing or deleted credential: a fingerprint, an auth token's OCID or
// an access key. These ids are not secret.
func (v View) Names(text string) bool { return v.e.state.named[text] }
