package ociemu

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// UserSeed describes a user of an identity domain to add.
type UserSeed struct {
	Name string
	// Email is the primary e-mail address. Empty: none, so a password can only be reset to a one-time password.
	Email string
	// DatabaseName is the user's dbUserName. Empty: the user can have no database credential.
	DatabaseName string
	// Federated says that another identity provider signs the user in.
	Federated bool
	// Deactivated refuses all of the user's credentials.
	Deactivated bool
	// Without are the capabilities that the user lacks, such as canUseApiKeys.
	Without []string
	// FreeformTags and DefinedTags are the user's tags, those by namespace and name.
	FreeformTags map[string]string
	DefinedTags  map[string]map[string]any
	// LastLogin is when the user last signed in to the Console. Zero: never.
	LastLogin time.Time
}

// capabilities are the names of a user's capabilities.
var capabilities = []string{"canUseApiKeys", "canUseAuthTokens", "canUseConsolePassword", "canUseCustomerSecretKeys",
	"canUseOAuth2ClientCredentials", "canUseSmtpCredentials", "canUseDbCredentials", "canUseConsole"}

// domainSide is what only a domain's own API knows about a user.
type domainSide struct {
	domain *domain // nil in a tenancy without domains
	scimID string
	// databaseName is the user's dbUserName.
	databaseName string
	federated    bool
	deactivated  bool
	without      []string
	tags         map[string]string
	defined      map[string]map[string]any
	modified     time.Time
	mustChange   bool // the password at the next sign-in
	lastLogin    time.Time
}

// AddDomainUser adds a user without credentials to a domain, by OCID or display name, and returns the user's OCID. The
// other seeding methods add credentials to it.
func (e *Emulator) AddDomainUser(nameOrID string, seed UserSeed) string {
	e.mu.Lock()
	defer e.mu.Unlock()
	d := e.mustDomain(nameOrID)
	for _, name := range seed.Without {
		if !slices.Contains(capabilities, name) {
			panic("ociemu: no capability " + name)
		}
	}
	if twin := e.state.users[d.names[strings.ToLower(seed.Name)]]; twin != nil && sameText(twin.name, seed.Name) {
		panic("ociemu: the domain has a user " + seed.Name)
	}
	id := e.addUserLocked(seed.Name, false)
	u := e.state.users[id]
	d.names[strings.ToLower(seed.Name)] = id
	u.domain, u.email, u.federated, u.deactivated = d, seed.Email, seed.Federated, seed.Deactivated
	u.databaseName, u.lastLogin = seed.DatabaseName, seed.LastLogin
	u.without, u.tags, u.defined = slices.Clone(seed.Without), seed.FreeformTags, seed.DefinedTags
	e.notifyLocked()
	return id
}

// inClassic reports whether the classic API knows the user: only those of the Default domain.
func (x *exchange) inClassic(u *user) bool {
	return u.domain == nil || u.domain.isDefault() || x.e.opts.DomainAnswers.ClassicSeesAll
}

// classicUser returns the user in the path if the classic API knows it.
func (x *exchange) classicUser() *user {
	if u := x.e.state.users[x.params["userId"]]; u != nil && x.inClassic(u) {
		return u
	}
	return nil
}

// RegistryName is the user name for the registry, with the namespace: the one that every setting of
// DomainAnswers.RegistryNames accepts for this user, or the short one if there is none.
func (e *Emulator) RegistryName(user string) string {
	e.mu.Lock()
	defer e.mu.Unlock()
	u := e.mustUser(user)
	names := e.registryNames(u)
	return e.state.namespace + "/" + names[len(names)-1]
}

// registryNames are the names that the registry accepts for a user, without the namespace.
func (e *Emulator) registryNames(u *user) []string {
	if u.domain == nil {
		return []string{u.name}
	}
	long := u.domain.seed.Name + "/" + u.name
	switch names := e.opts.DomainAnswers.RegistryNames; {
	case names == RegistryNamesBoth:
		return []string{u.name, long}
	case names == RegistryNamesDomain || !u.domain.isDefault():
		return []string{long}
	}
	return []string{u.name}
}

// credentialSide is what only a domain's own API knows about a credential.
type credentialSide struct {
	serial      int    // numbers all credentials
	scimID      string // see identify
	ocid        string // see identify
	note        string // the description of an API key or customer secret key
	modified    time.Time
	expires     time.Time // zero: never
	inactive    bool
	refusedFrom time.Time // uses are refused from then on; zero: not refused
}

func (s *state) nextCredential() credentialSide {
	s.serial++
	return credentialSide{serial: s.serial}
}

// ended reports whether the credential expired, or became INACTIVE for those who use it.
func (c *credentialSide) ended(now time.Time) bool {
	return !c.refusedFrom.IsZero() && !now.Before(c.refusedFrom) || !c.expires.IsZero() && !now.Before(c.expires)
}

// identify sets the ids of a credential. Its SCIM id and its OCID differ from its fingerprint or access key.
func (s *state) identify(c scimCredential) *birth {
	b := c.record()
	if b.scimID == "" {
		b.scimID = scimIDOf(s, fmt.Sprint("credential ", b.serial))
		b.ocid = c.ownOCID()
		if b.ocid == "" {
			sum := derived(s, "ocid "+b.scimID)
			b.ocid = "ocid1.credential.oc1..aaaaaaaa" + letters52(sum)
		}
		s.named[b.scimID], s.named[b.ocid] = true, true
	}
	return b
}

// DescribeCredential changes what SCIM shows of a seeded credential: its description, and when it expires (zero:
// never). The id is a fingerprint, an OCID or an access key.
func (e *Emulator) DescribeCredential(user, id, description string, expires time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	c := e.credentialOf(e.mustUser(user), id)
	if text := c.text("description"); text != nil {
		*text = description
	}
	c.record().expires = expires
	e.notifyLocked()
}

// credentialOf finds a seeded credential by its fingerprint, OCID or access key.
func (e *Emulator) credentialOf(u *user, id string) scimCredential {
	switch {
	case u.apiKey(id) != nil:
		return u.apiKey(id)
	case u.authToken(id) != nil:
		return u.authToken(id)
	case u.secretKey(id) != nil:
		return u.secretKey(id)
	case u.other(id) != nil:
		return u.other(id)
	}
	panic("ociemu: no credential " + id)
}

// SCIMID is the id of a user or of a user's credential in the domain's own API. The id of a credential is a
// fingerprint, an auth token's OCID or an access key; empty means the user.
func (e *Emulator) SCIMID(user, id string) (scimID, ocid string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return View{e: e}.SCIMID(user, id)
}

// SCIMID is [Emulator.SCIMID] in an OnChange function.
func (v View) SCIMID(user, id string) (scimID, ocid string) {
	e := v.e
	u := e.mustUser(user)
	if id == "" {
		return u.scimID, u.id
	}
	for _, k := range allKinds() {
		for _, h := range k.held(nil, k, u) {
			if b := h.identify(e.state); h.ownID() == id || b.ocid == id {
				return b.scimID, b.ocid
			}
		}
	}
	return "", ""
}

func (u *user) variables() map[string]string {
	v := map[string]string{"target.user.id": u.id, "target.user.name": u.name}
	if u.domain != nil {
		maps.Copy(v, u.domain.variables())
	}
	return v
}

func (u *user) can(capability string) bool { return !slices.Contains(u.without, capability) }

// classicCapabilities are those that the classic API shows.
func (u *user) classicCapabilities() map[string]bool {
	has := map[string]bool{}
	for _, name := range capabilities {
		if name != "canUseConsole" {
			has[name] = u.can(name)
		}
	}
	return has
}

// slots is the number of credentials that count for the user's maximum.
func slots[T interface{ record() *birth }](x *exchange, list []T) int {
	n := 0
	for _, c := range list {
		if !c.record().inactive || x.e.opts.DomainAnswers.InactiveSlot == InactiveKeepsSlot {
			n++
		}
	}
	return n
}

// lifecycle is the state of a credential in the classic API.
func (x *exchange) lifecycle(b *birth) string {
	if b.inactive && x.e.opts.DomainAnswers.ClassicInactive {
		return "INACTIVE"
	}
	return b.lifecycle(x.now)
}

func timeOrNil(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return timestamp(t)
}

// readsItself is the path with which a user reads itself, and hostOf the host: that of the user's domain, or of the
// classic API.
func (e *Emulator) readsItself(id string) string {
	e.mu.Lock()
	defer e.mu.Unlock()
	if u := e.state.users[id]; u != nil && u.domain != nil && !u.domain.isDefault() {
		return "/" + scimBase + "/Users/" + u.scimID
	}
	return "/20160918/users/" + id
}

func (e *Emulator) hostOf(id, classic string) string {
	e.mu.Lock()
	defer e.mu.Unlock()
	if u := e.state.users[id]; u != nil && u.domain != nil && !u.domain.isDefault() {
		return u.domain.host() + ":443"
	}
	return classic
}
