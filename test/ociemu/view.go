package ociemu

import (
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// User is a snapshot of a user and its existing credentials, without secret values.
type User struct {
	ID                 string              `json:"id"`
	Name               string              `json:"name"`
	Domain             string              `json:"domain,omitempty"` // display name
	APIKeys            []APIKey            `json:"apiKeys"`
	AuthTokens         []AuthToken         `json:"authTokens"`
	CustomerSecretKeys []CustomerSecretKey `json:"customerSecretKeys"`
	HasPassword        bool                `json:"hasPassword"`
	PasswordCreated    time.Time           `json:"passwordCreated"`
	// Others are credentials that the classic API doesn't have.
	Others []OtherCredential `json:"others,omitempty"`
}

// APIKey is an API key in a snapshot.
type APIKey struct {
	Fingerprint string    `json:"fingerprint"`
	Created     time.Time `json:"created"`
	Description string    `json:"description,omitempty"` // only in a domain's own API
}

// AuthToken is an auth token in a snapshot.
type AuthToken struct {
	ID          string    `json:"id"`
	Description string    `json:"description"`
	Created     time.Time `json:"created"`
	Inactive    bool      `json:"inactive,omitempty"`
}

// CustomerSecretKey is a customer secret key in a snapshot. Its ID is an access key; see Answers.SecretKeyID.
type CustomerSecretKey struct {
	ID          string    `json:"id"`
	DisplayName string    `json:"displayName"`
	Created     time.Time `json:"created"`
	Description string    `json:"description,omitempty"` // only in a domain's own API
	Inactive    bool      `json:"inactive,omitempty"`
}

// Secret is a snapshot of a secret with the contents of its versions, oldest first.
type Secret struct {
	ID             string
	Name           string
	Compartment    string
	Region         string
	Vault          string
	State          string
	Etag           string
	CurrentVersion int64
	Versions       []SecretVersion
	Metadata       map[string]any
	FreeformTags   map[string]string
	DefinedTags    map[string]map[string]any
}

// SecretVersion is a version in a snapshot.
type SecretVersion struct {
	Number  int64
	Name    string
	Stages  []string
	Content []byte
	// Deletion is when the version will be deleted; zero: not scheduled.
	Deletion time.Time
}

// Current returns the CURRENT version's content; nil for the zero Secret.
func (s Secret) Current() []byte {
	for _, v := range s.Versions {
		if v.Number == s.CurrentVersion {
			return v.Content
		}
	}
	return nil
}

// Problem is a snapshot of a problem and its history, oldest first, without any lag.
type Problem struct {
	ID           string        `json:"id"`
	Rule         string        `json:"rule"`
	User         string        `json:"user"`
	ResourceID   string        `json:"resourceId"`
	ResourceName string        `json:"resourceName"`
	Status       string        `json:"status"`
	Comment      string        `json:"comment"`
	History      []HistoryItem `json:"history"`
}

// View reads the state in an OnChange function, where the emulator's methods would deadlock.
type View struct {
	e     *Emulator
	cause Call
}

// Cause is the call that made the change, as known when it took effect; the zero Call if a method of the emulator made
// it.
func (v View) Cause() Call { return v.cause }

// OnChange adds a function that is called after each change, while the emulator's lock is held. It is not called for
// changes by time, such as a secret that settles or a credential that becomes visible.
func (e *Emulator) OnChange(f func(View)) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.hooks = append(e.hooks, f)
}

// Look calls the function once, while the emulator's lock is held.
func (e *Emulator) Look(f func(View)) {
	e.mu.Lock()
	defer e.mu.Unlock()
	f(View{e: e})
}

func (e *Emulator) notifyLocked() { e.announceLocked(View{e: e}) }

func (e *Emulator) announceLocked(v View) {
	e.state.changes++
	for _, f := range e.hooks {
		f(v)
	}
}

// User returns a snapshot of the user, or the zero User.
func (e *Emulator) User(id string) User {
	e.mu.Lock()
	defer e.mu.Unlock()
	return View{e: e}.User(id)
}

// Secret returns a snapshot of the secret, or the zero Secret.
func (e *Emulator) Secret(id string) Secret {
	e.mu.Lock()
	defer e.mu.Unlock()
	return View{e: e}.Secret(id)
}

// Problem returns a snapshot of the problem, or the zero Problem.
func (e *Emulator) Problem(id string) Problem {
	e.mu.Lock()
	defer e.mu.Unlock()
	return View{e: e}.Problem(id)
}

// Users returns the OCIDs of all users.
func (v View) Users() []string { return slices.Clone(v.e.state.userOrder) }

// Secrets returns the OCIDs of all secrets.
func (v View) Secrets() []string {
	ids := []string{}
	for _, s := range v.e.state.secrets {
		ids = append(ids, s.id)
	}
	return ids
}

// Mails returns the published messages so far.
func (v View) Mails() []Mail { return slices.Clone(v.e.state.mails) }

// User returns a snapshot of the user, or the zero User.
func (v View) User(id string) User {
	u := v.e.state.users[id]
	if u == nil {
		return User{}
	}
	snap := User{ID: u.id, Name: u.name, HasPassword: u.password != nil, Others: u.otherCredentials()}
	if u.domain != nil {
		snap.Domain = u.domain.seed.Name
	}
	for _, k := range u.apiKeys {
		snap.APIKeys = append(snap.APIKeys, APIKey{k.fingerprint, k.created, k.note})
	}
	for _, t := range u.authTokens {
		snap.AuthTokens = append(snap.AuthTokens, AuthToken{t.id, t.description, t.created, t.inactive})
	}
	for _, k := range u.secretKeys {
		snap.CustomerSecretKeys = append(snap.CustomerSecretKeys, CustomerSecretKey{k.shown, k.displayName, k.created,
			k.note, k.inactive})
	}
	if u.password != nil {
		snap.PasswordCreated = u.password.created
	}
	return snap
}

// Secret returns a snapshot of the secret, or the zero Secret.
func (v View) Secret(id string) Secret {
	s := v.e.secretByID(id, "")
	if s == nil {
		return Secret{}
	}
	now := v.e.now()
	snap := Secret{
		ID: s.id, Name: s.name, Compartment: s.compartment, Region: s.region, Vault: s.vault.vault, State: s.state(now),
		Etag:           s.etagNow(now),
		CurrentVersion: s.current, Metadata: maps.Clone(s.metadata), FreeformTags: maps.Clone(s.freeform),
		DefinedTags: maps.Clone(s.defined),
	}
	for _, ver := range s.live(now) {
		snap.Versions = append(snap.Versions, SecretVersion{
			Number: ver.number, Name: ver.name, Stages: s.stages(ver), Content: slices.Clone(ver.content),
			Deletion: ver.deletion,
		})
	}
	return snap
}

// Problem returns a snapshot of the problem, or the zero Problem.
func (v View) Problem(id string) Problem {
	p := find(v.e.state.problems, func(p *problem) bool { return p.id == id })
	if p == nil {
		return Problem{}
	}
	return Problem{
		ID: p.id, Rule: p.rule, User: p.user, ResourceID: p.resourceID, ResourceName: p.resourceName, Status: p.status,
		Comment: p.comment, History: slices.Clone(p.history),
	}
}

// Works reports whether the value belongs to a credential of the user, even to a new one that is still refused. The
// kinds and their values: "api-key": the private key in PEM; "auth-token": the token; "customer-secret-key": the access
// key and the secret key; "password": the password.
func (v View) Works(kind, user string, value ...string) bool {
	return v.credential(kind, user, value) != nil
}

// Usable reports whether, in addition, the credential would be accepted now.
func (v View) Usable(kind, user string, value ...string) bool {
	b := v.credential(kind, user, value)
	return b != nil && b.visible(v.e.now())
}

// credential returns the credential with the value, or nil.
func (v View) credential(kind, userID string, value []string) *birth {
	u := v.e.state.users[userID]
	if u == nil || len(value) == 0 {
		return nil
	}
	switch kind {
	case "api-key":
		if k := u.apiKey(fingerprintOfPEM(value[0])); k != nil {
			return &k.birth
		}
	case "auth-token":
		if t := find(u.authTokens, func(t *authToken) bool { return t.token == value[0] }); t != nil {
			return &t.birth
		}
	case "customer-secret-key":
		if k := u.secretKey(value[0]); k != nil && len(value) == 2 && k.key == value[1] {
			return &k.birth
		}
	case "password":
		if u.password != nil && u.password.value == value[0] {
			return &u.password.birth
		}
	default:
		panic("ociemu: no credential kind " + kind)
	}
	return nil
}

// fingerprints caches the results of fingerprintOfPEM, which a View needs after every change.
var fingerprints sync.Map // [32]byte -> string

// fingerprintOfPEM returns the fingerprint of a private key, or "".
func fingerprintOfPEM(text string) string {
	sum := sha256.Sum256([]byte(text))
	if known, ok := fingerprints.Load(sum); ok {
		return known.(string)
	}
	print := ""
	if key := parsePrivateKey(text); key != nil {
		print = fingerprintOf(&key.PublicKey)
	}
	fingerprints.Store(sum, print)
	return print
}

// parsePrivateKey reads an RSA key in PKCS 8 or PKCS 1, or returns nil.
func parsePrivateKey(text string) *rsa.PrivateKey {
	block, _ := pem.Decode([]byte(strings.TrimSpace(text)))
	if block == nil {
		return nil
	}
	if key, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
		return key
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil
	}
	key, _ := parsed.(*rsa.PrivateKey)
	return key
}
