package ociemu

import (
	"fmt"
	"strings"
)

// Bulk says which credentials AddUsers gives to each user.
type Bulk struct {
	APIKeys, AuthTokens, CustomerSecretKeys int
	Password                                bool
}

// AddUsers adds n users to a domain, by OCID or display name, for measurements: prefix-0, prefix-1 and so on. It
// returns their OCIDs. OnChange functions are called once. All API keys are one RSA key with different fingerprints,
// and nobody has its private key.
func (e *Emulator) AddUsers(nameOrID, prefix string, n int, each Bulk) []string {
	key := e.newKey()
	shared := apiKey{pem: encodePublicKey(&key.PublicKey), public: &key.PublicKey}
	e.mu.Lock()
	defer e.mu.Unlock()
	d := e.mustDomain(nameOrID)
	ids := make([]string, n)
	for i := range ids {
		u := e.newUser(fmt.Sprintf("%s-%d", prefix, i), false)
		u.domain = d
		if name := strings.ToLower(u.name); !d.isDefault() && d.names[name] == "" {
			d.names[name] = u.id
		}
		e.fill(u, each, shared)
		ids[i] = u.id
	}
	e.notifyLocked()
	return ids
}

// fill gives credentials to a new user.
func (e *Emulator) fill(u *user, each Bulk, shared apiKey) {
	if each.APIKeys > maxAPIKeys || each.AuthTokens > maxAuthTokens || each.CustomerSecretKeys > maxSecretKeys {
		panic("ociemu: too many credentials for a user")
	}
	s := e.state
	for range each.APIKeys {
		k := shared
		k.birth, k.fingerprint = e.bornVisible(), fingerprintForm([]byte(s.ids.hex(16)))
		u.apiKeys = append(u.apiKeys, &k)
		s.named[k.fingerprint] = true
	}
	for range each.AuthTokens {
		e.newAuthToken(u, e.bornVisible(), "bulk")
	}
	for range each.CustomerSecretKeys {
		e.newSecretKey(u, e.bornVisible(), "bulk")
	}
	if each.Password {
		e.givePassword(u)
	}
}
