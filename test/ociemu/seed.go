package ociemu

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// The seeding methods panic on programming errors: an unknown user or region, or too many credentials.

func (e *Emulator) mustUser(id string) *user {
	u := e.state.users[id]
	if u == nil {
		panic("ociemu: no user " + id)
	}
	return u
}

func (e *Emulator) mustProblem(id string) *problem {
	p := find(e.state.problems, func(p *problem) bool { return p.id == id })
	if p == nil {
		panic("ociemu: no problem " + id)
	}
	return p
}

// AddUser adds a user without credentials and returns the OCID.
func (e *Emulator) AddUser(name string) string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.addUserLocked(name, false)
}

func (e *Emulator) addUserLocked(name string, operator bool) string {
	u := e.newUser(name, operator)
	e.notifyLocked()
	return u.id
}

// newUser adds a user of the Default domain.
func (e *Emulator) newUser(name string, operator bool) *user {
	s := e.state
	id := s.ids.ocid("user", "")
	u := &user{
		id: id, name: name, created: e.now().Add(s.createdOffset), etag: s.ids.etag(),
		operator: operator, domainSide: domainSide{domain: s.defaultDomain(), scimID: scimIDOf(s, "user "+id)},
	}
	s.users[u.id], s.scimUsers[u.scimID] = u, u
	s.userOrder = append(s.userOrder, u.id)
	return u
}

// AddAPIKey adds an API key that works at once.
func (e *Emulator) AddAPIKey(user string) (fingerprint string, privatePEM []byte) {
	key := e.newKey()
	e.mu.Lock()
	defer e.mu.Unlock()
	u := e.mustUser(user)
	if len(u.apiKeys) >= maxAPIKeys {
		panic("ociemu: the user has 3 API keys")
	}
	k := &apiKey{birth: e.bornVisible(), fingerprint: fingerprintOf(&key.PublicKey),
		pem: encodePublicKey(&key.PublicKey), public: &key.PublicKey}
	u.apiKeys = append(u.apiKeys, k)
	e.state.named[k.fingerprint] = true
	e.notifyLocked()
	return k.fingerprint, encodePrivateKey(key)
}

// AddAuthToken adds an auth token that works at once.
func (e *Emulator) AddAuthToken(user, description string) (id, token string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	u := e.mustUser(user)
	if len(u.authTokens) >= maxAuthTokens {
		panic("ociemu: the user has 2 auth tokens")
	}
	t := e.newAuthToken(u, e.bornVisible(), description)
	e.notifyLocked()
	return t.id, t.token
}

// AddCustomerSecretKey adds a customer secret key that works at once. Its id is an access key; see Answers.SecretKeyID.
func (e *Emulator) AddCustomerSecretKey(user, displayName string) (id, key string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	u := e.mustUser(user)
	if len(u.secretKeys) >= maxSecretKeys {
		panic("ociemu: the user has 2 customer secret keys")
	}
	k := e.newSecretKey(u, e.bornVisible(), displayName)
	e.notifyLocked()
	return k.shown, k.key
}

// newAuthToken makes an auth token for a user.
func (e *Emulator) newAuthToken(u *user, b birth, description string) *authToken {
	t := &authToken{birth: b, id: e.state.ids.ocid("credential", ""), description: description, token: newAuthToken()}
	u.authTokens = append(u.authTokens, t)
	e.state.named[t.id] = true
	return t
}

// newSecretKey makes a customer secret key for a user.
func (e *Emulator) newSecretKey(u *user, b birth, displayName string) *secretKey {
	s := e.state
	k := &secretKey{birth: b, id: s.ids.hex(40), displayName: displayName, key: newCustomerSecretKey()}
	k.shown = k.id
	if e.opts.Answers.SecretKeyID == SecretKeyIDOCID && (u.domain == nil || u.domain.isDefault()) {
		k.shown = s.identify(k).ocid
	}
	u.secretKeys = append(u.secretKeys, k)
	s.named[k.id], s.named[k.shown] = true, true
	return k
}

// SetPassword gives the user a random console password and returns it.
func (e *Emulator) SetPassword(user string) string {
	e.mu.Lock()
	defer e.mu.Unlock()
	u := e.mustUser(user)
	e.givePassword(u)
	e.notifyLocked()
	return u.password.value
}

func (e *Emulator) givePassword(u *user) {
	u.password = &password{birth: e.bornVisible(), value: newPassword()}
}

// SecretSeed describes a secret to add.
type SecretSeed struct {
	Name         string
	Compartment  string // empty: the root compartment
	Region       string // empty: Options.Region
	Content      []byte // of the last version; nil: "seed"
	VersionName  string // of the last version
	Versions     int    // total number of versions; 0: one. Earlier ones are DEPRECATED or PREVIOUS.
	Metadata     map[string]any
	FreeformTags map[string]string
	DefinedTags  map[string]map[string]any
	ReuseRule    bool   // a SECRET_REUSE_RULE, enforced on deleted versions too
	State        string // a lifecycle state that never changes, such as PENDING_DELETION; empty: ACTIVE
	Replica      bool
}

// AddSecret adds a secret and returns the OCID.
func (e *Emulator) AddSecret(seed SecretSeed) string {
	e.mu.Lock()
	defer e.mu.Unlock()
	region := orDefault(seed.Region, e.opts.Region)
	if regionKey(region) == "" {
		panic("ociemu: no region " + region)
	}
	st := e.state
	st.subscribe(region)
	at := e.now().Add(st.createdOffset)
	s := &secret{
		id: st.ids.ocid("vaultsecret", regionInOCID(region)), name: seed.Name, compartment: orDefault(seed.Compartment,
			st.tenancy), region: region,
		vault: st.vault(region), created: at, metadata: orMap(maps.Clone(seed.Metadata)),
		freeform: orMap(maps.Clone(seed.FreeformTags)),
		defined:  orMap(maps.Clone(seed.DefinedTags)), rules: []secretRule{}, etag: st.ids.etag(),
		fixedState: seed.State, replica: seed.Replica,
	}
	if seed.ReuseRule {
		s.rules = append(s.rules, secretRule{"SECRET_REUSE_RULE", true})
	}
	for i := 1; i < seed.Versions; i++ {
		s.add(&version{content: fmt.Appendf(nil, "earlier content %d", i), created: at})
	}
	content := slices.Clone(seed.Content)
	if content == nil {
		content = []byte("seed")
	}
	s.add(&version{name: seed.VersionName, content: content, created: at})
	st.secrets = append(st.secrets, s)
	e.notifyLocked()
	return s.id
}

// AddTopic adds a topic of the root compartment in Options.Region and returns the OCID.
func (e *Emulator) AddTopic(name string) string { return e.AddTopicIn("", name) }

// AddTopicIn adds a topic of a compartment in Options.Region and returns the OCID. An empty compartment is the root.
func (e *Emulator) AddTopicIn(compartment, name string) string {
	e.mu.Lock()
	defer e.mu.Unlock()
	st := e.state
	t := &topic{
		id: st.ids.ocid("onstopic", regionInOCID(e.opts.Region)), name: name, compartment: orDefault(compartment,
			st.tenancy),
		region: e.opts.Region, created: e.now(), etag: st.ids.etag(),
	}
	st.topics = append(st.topics, t)
	e.notifyLocked()
	return t.id
}

// ProblemSeed describes an open problem to add.
type ProblemSeed struct {
	Rule         string // such as API_KEY_TOO_OLD
	User         string // OCID; becomes the detail "User OCID"
	ResourceID   string // empty: the user's OCID
	ResourceName string // empty: the user's name
	ResourceType string // empty: User
	Risk         string // empty: MEDIUM
	Details      map[string]string
	// Age is how long ago the problem was first detected. 0: a day.
	Age time.Duration
}

// AddProblem adds an open problem, first detected Age ago and last detected now, and returns the OCID. Of a problem
// about a user of another domain than Default, it returns "" and adds nothing if DomainAnswers.ProblemIDs says so.
func (e *Emulator) AddProblem(seed ProblemSeed) string {
	e.mu.Lock()
	defer e.mu.Unlock()
	st := e.state
	if !e.detected(&seed) {
		return ""
	}
	details := orMap(maps.Clone(seed.Details))
	name := ""
	if u := st.users[seed.User]; u != nil {
		name = u.name
	}
	if seed.User != "" {
		details["User OCID"] = seed.User
	}
	region := regionInOCID(e.opts.ReportingRegion)
	now := e.now()
	p := &problem{
		id: st.ids.ocid("cloudguardproblem", region), target: st.ids.ocid("cloudguardtarget", region), rule: seed.Rule,
		user: seed.User,
		risk: orDefault(seed.Risk, "MEDIUM"), resourceID: orDefault(seed.ResourceID, seed.User),
		resourceName: orDefault(seed.ResourceName, name), resourceType: orDefault(seed.ResourceType, "User"),
		details:       details,
		first:         now.Add(-orDefault(seed.Age, 24*time.Hour)),
		problemRecord: problemRecord{status: "OPEN", etag: st.ids.etag(), last: now},
	}
	p.history = []HistoryItem{{
		ID: st.ids.uuid(), ActorType: "CLOUD_GUARD_SERVICE", ActorName: "Cloud Guard", Status: "OPEN", Event: "OPEN",
		At: p.first,
	}}
	st.problems = append(st.problems, p)
	e.notifyLocked()
	return p.id
}

// AddRule adds an Events rule of the root compartment in the reporting region and returns the OCID. The target is the
// OCID of a function or of a topic; the condition is a JSON object as in CreateRule.
func (e *Emulator) AddRule(condition, target string) string {
	e.mu.Lock()
	defer e.mu.Unlock()
	action := ruleAction{ActionType: "FAAS", FunctionID: target, IsEnabled: true}
	if find(e.state.topics, func(t *topic) bool { return t.id == target }) != nil {
		action = ruleAction{ActionType: "ONS", TopicID: target, IsEnabled: true}
	}
	r := &rule{
		name: "seeded", compartment: e.state.tenancy, region: e.opts.ReportingRegion, condition: condition,
		enabled: true,
		actions: []ruleAction{action},
	}
	if refused := e.addRuleLocked(r); refused != nil {
		panic("ociemu: " + refused.message)
	}
	e.notifyLocked()
	return r.id
}

// Operator is a user with an API key who may do everything, such as an administrator.
type Operator struct {
	UserID      string
	Name        string
	Fingerprint string
	PrivatePEM  []byte
	// KeyFile is the path of a file with PrivatePEM and the Console's label below it, without which the OCI CLI prints
	// a warning.
	KeyFile   string
	TenancyID string
	Region    string
}

// AddOperator adds a user with an API key who may do everything.
func (e *Emulator) AddOperator(name string) Operator {
	e.mu.Lock()
	id := e.addUserLocked(name, true)
	e.mu.Unlock()
	print, key := e.AddAPIKey(id)
	file := filepath.Join(e.dir, "operator-"+randomHex(8)+".pem")
	if err := os.WriteFile(file, slices.Concat(key, []byte("OCI_API_KEY\n")), 0o600); err != nil {
		panic("ociemu: writing the operator's key: " + err.Error())
	}
	return Operator{
		UserID: id, Name: name, Fingerprint: print, PrivatePEM: key, KeyFile: file, TenancyID: e.Tenancy(),
		Region: e.opts.Region,
	}
}

// Config returns an OCI configuration file (~/.oci/config) for the operator, with the profile DEFAULT.
func (e *Emulator) Config(o Operator) string {
	return fmt.Sprintf("[DEFAULT]\nuser=%s\nfingerprint=%s\ntenancy=%s\nregion=%s\nkey_file=%s\n",
		o.UserID, o.Fingerprint, o.TenancyID, o.Region, o.KeyFile)
}
