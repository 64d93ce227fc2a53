package ociemu

// AddPublicKeys adds n API keys to a user and returns their fingerprints. All are one RSA key with different
// fingerprints, and nobody has its private key.
func (e *Emulator) AddPublicKeys(user string, n int) (fingerprints []string) {
	key := e.newKey()
	shared := apiKey{pem: encodePublicKey(&key.PublicKey), public: &key.PublicKey}
	e.mu.Lock()
	defer e.mu.Unlock()
	u := e.mustUser(user)
	if len(u.apiKeys)+n > maxAPIKeys {
		panic("ociemu: the user has 3 API keys")
	}
	e.fill(u, Bulk{APIKeys: n}, shared)
	for _, k := range u.apiKeys[len(u.apiKeys)-n:] {
		fingerprints = append(fingerprints, k.fingerprint)
	}
	e.notifyLocked()
	return fingerprints
}

// DeactivateCredential makes a seeded credential INACTIVE. The id is an auth token's OCID or an access key.
func (e *Emulator) DeactivateCredential(user, id string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	b := e.mustCredential(user, id)
	b.inactive, b.refusedFrom = true, e.now()
	e.notifyLocked()
}

// ForgetCreated makes the lists omit when a seeded credential was created: the SDKs' models don't require the field
// (oci-go-sdk identity.AuthToken, identitydomains.Meta).
func (e *Emulator) ForgetCreated(user, id string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.mustCredential(user, id).undated = true
	e.notifyLocked()
}

func (e *Emulator) mustCredential(user, id string) *birth {
	u := e.mustUser(user)
	for _, k := range allKinds() {
		for _, h := range k.held(nil, k, u) {
			if h.ownID() == id {
				return h.record()
			}
		}
	}
	panic("ociemu: no credential " + id)
}

// shownCreated is the time in lists; "" if they omit it.
func (b *birth) shownCreated() string {
	if b.undated {
		return ""
	}
	return timestamp(b.created)
}
