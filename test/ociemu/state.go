package ociemu

import (
	"crypto/rsa"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"
	"time"
)

// state is the state of all services. Emulator.mu guards it.
type state struct {
	ids           *ids
	tenancy       string
	namespace     string
	createdOffset time.Duration
	regions       []string  // subscribed
	domainIDs     *ids      // of domains
	domains       []*domain // the first is the Default domain
	serial        int       // of the last credential
	changes       int       // counts changes of the state, for scimCache
	scimCache     map[string]any
	vaults        map[string]vaultRecord
	compartments  map[string]compartment
	groups        []*group
	// listedPolicies are those that ListPolicies shows.
	listedPolicies []*listedPolicy

	// named are the ids of all credentials, including deleted ones: fingerprints, OCIDs of tokens, access keys. They
	// are not secret.
	named     map[string]bool
	users     map[string]*user
	userOrder []string
	scimUsers map[string]*user // by SCIM id
	// scimOwners are the owners of credentials whose SCIM id was returned, by that id.
	scimOwners  map[string]*user
	apps        []*app
	secrets     []*secret
	secretsAt   map[string]*secret // by OCID; see secret
	topics      []*topic
	mails       []Mail
	domainMails []DomainMail
	metrics     []MetricValue
	spans       []ZipkinSpan
	problems    []*problem
	functions   map[string]*deployed
	rules       []*rule
	buckets     []*bucket
	images      map[string]*repository // by name without the namespace
	uploads     map[string][]byte      // blobs that are being pushed, by session
	signing     []*signingKey
	signatures  []*imageSignature
	logins      map[string]login // by registry bearer token
	pages       map[string]int   // page token -> offset
	retries     map[string]*retried
}

type vaultRecord struct{ vault, key string }

func newState(o Options) *state {
	g := newIDs(o.Seed)
	s := &state{
		ids: g, tenancy: g.ocid("tenancy", ""), namespace: "ns" + g.letters(10), createdOffset: o.CreatedOffset,
		domainIDs: newIDs(o.Seed ^ 0x646f6d61696e), scimUsers: map[string]*user{},
		scimOwners: map[string]*user{},
		named:      map[string]bool{}, users: map[string]*user{}, logins: map[string]login{},
		images: map[string]*repository{}, uploads: map[string][]byte{}, pages: map[string]int{}, retries: map[string]*retried{},
		secretsAt: map[string]*secret{},
		vaults:    map[string]vaultRecord{}, compartments: map[string]compartment{}, functions: map[string]*deployed{},
	}
	for _, r := range append([]string{o.HomeRegion, o.Region, o.ReportingRegion, "us-ashburn-1", "us-phoenix-1",
		"eu-frankfurt-1"}, o.Regions...) {
		s.subscribe(r)
	}
	if !o.WithoutDomains {
		s.addDomain(DomainSeed{Name: DefaultDomain}, o.HomeRegion, o.Now()).seed.Type = "DEFAULT"
		for _, seed := range o.Domains {
			s.addDomain(seed, o.HomeRegion, o.Now())
		}
	}
	s.addFirstGroup(o.Now())
	return s
}

// secret finds a secret in constant time, because a sweep reads thousands of them.
func (s *state) secret(id string) *secret {
	for _, one := range s.secrets[len(s.secretsAt):] { // added since the last call; secrets are never removed
		s.secretsAt[one.id] = one
	}
	return s.secretsAt[id]
}

func (s *state) subscribe(region string) {
	if !slices.Contains(s.regions, region) {
		s.regions = append(s.regions, region)
	}
}

func (e *Emulator) subscribed(region string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Contains(e.state.regions, region)
}

// vault returns the vault of a region and its master key, made on first use.
func (s *state) vault(region string) vaultRecord {
	v, ok := s.vaults[region]
	if !ok {
		v = vaultRecord{s.ids.ocid("vault", regionInOCID(region)), s.ids.ocid("key", regionInOCID(region))}
		s.vaults[region] = v
	}
	return v
}

// birth is the part that all kinds of credentials share.
type birth struct {
	created   time.Time // in the API's answers
	visibleAt time.Time // until then it is refused, and CREATING
	worksAt   time.Time // until then it is refused although it is ACTIVE
	rejects   int       // how many more uses are refused
	made      time.Time // lists of an earlier time lack it; zero: it always existed
	gone      time.Time // when it was deleted; zero: it exists
	undated   bool      // lists omit when it was created
	etag      string
	credentialSide
}

// born returns the birth of a credential that a caller creates. It takes some time to reach the services that check it.
func (x *exchange) born(spread time.Duration) birth {
	o := x.e.opts
	return birth{
		created: x.now.Add(x.e.state.createdOffset), visibleAt: x.now.Add(o.Visibility), worksAt: x.now.Add(spread),
		rejects: o.VisibilityRejects,
		made:    x.now, etag: x.e.state.ids.etag(), credentialSide: x.e.state.nextCredential(),
	}
}

func (b *birth) record() *birth { return b }

// bornVisible returns the birth of a seeded credential.
func (e *Emulator) bornVisible() birth {
	now := e.now()
	return birth{created: now.Add(e.state.createdOffset), visibleAt: now, etag: e.state.ids.etag(),
		credentialSide: e.state.nextCredential()}
}

// admits counts one use of the credential with the right value and reports whether it works already.
func (b *birth) admits(now time.Time) bool {
	if b.ended(now) {
		return false
	}
	if b.rejects > 0 {
		b.rejects--
		return false
	}
	return !now.Before(b.visibleAt) && !now.Before(b.worksAt)
}

// visible reports whether the next use would be admitted.
func (b *birth) visible(now time.Time) bool {
	return !b.ended(now) && b.rejects == 0 && !now.Before(b.visibleAt) && !now.Before(b.worksAt)
}

// lifecycle is CREATING until visibleAt.
func (b *birth) lifecycle(now time.Time) string {
	if now.Before(b.visibleAt) {
		return "CREATING"
	}
	return "ACTIVE"
}

type apiKey struct {
	birth
	fingerprint string
	pem         string
	public      *rsa.PublicKey
}

type authToken struct {
	birth
	id, description, token string
}

type secretKey struct {
	birth
	id, displayName, key string
	shown                string // its id in the classic API: the access key, or the OCID; see Answers.SecretKeyID
}

type password struct {
	birth
	value string
}

type user struct {
	id, name string
	email    string
	created  time.Time
	etag     string
	operator bool
	domainSide
	apiKeys    []*apiKey
	authTokens []*authToken
	secretKeys []*secretKey
	password   *password
	others     map[string][]*otherCredential // by the name of the kind

	goneAPIKeys    []*apiKey // deleted; see listed
	goneAuthTokens []*authToken
	goneSecretKeys []*secretKey
	gonePasswords  []*password
	goneOthers     map[string][]*otherCredential
}

func (u *user) caller() Caller {
	return Caller{Kind: "user", ID: u.id, Name: u.name, Operator: u.operator}
}

func (u *user) apiKey(fingerprint string) *apiKey {
	return find(u.apiKeys, func(k *apiKey) bool { return k.fingerprint == fingerprint })
}

func (u *user) authToken(id string) *authToken {
	return find(u.authTokens, func(t *authToken) bool { return t.id == id })
}

// secretKey finds a customer secret key by its access key, or by its id in the classic API.
func (u *user) secretKey(id string) *secretKey {
	return find(u.secretKeys, func(k *secretKey) bool { return k.id == id || k.shown == id })
}

// other finds a credential of another kind by its OCID.
func (u *user) other(id string) *otherCredential {
	for _, list := range u.others {
		if c := find(list, func(c *otherCredential) bool { return c.id == id }); c != nil {
			return c
		}
	}
	return nil
}

// find returns the first matching element, or nil.
func find[T any](list []*T, fits func(*T) bool) *T {
	if i := slices.IndexFunc(list, fits); i >= 0 {
		return list[i]
	}
	return nil
}

// timestamp formats a time as the services do.
func timestamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// page returns the requested page of a list and the token of the next one, which is empty on the last page. Page tokens
// are opaque and belong to one list of one path.
func page[T any](x *exchange, all []T) (items []T, next string, refused *refusal) {
	size := x.e.opts.PageSize
	if limit := x.query.Get("limit"); limit != "" {
		n, err := strconv.Atoi(limit)
		if err != nil || n < 1 {
			bad := errInvalid.because("The limit must be a positive number.")
			return nil, "", &bad
		}
		size = min(size, n)
	}
	from := 0
	if token := x.query.Get("page"); token != "" {
		offset, known := x.e.state.pages[token+x.call.Path]
		if !known {
			bad := errInvalid.because("The page token is not valid.")
			return nil, "", &bad
		}
		from = min(offset, len(all))
	}
	to := min(from+size, len(all))
	if to < len(all) {
		sum := sha256.Sum256([]byte(x.call.Path + strconv.Itoa(to)))
		next = hex.EncodeToString(sum[:12])
		x.e.state.pages[next+x.call.Path] = to
	}
	return all[from:to], next, nil
}

// listReply returns an answer with one page.
func listReply[T any](x *exchange, all []T, wrap func([]T) any) reply {
	items, next, refused := page(x, all)
	if refused != nil {
		return refused.reply()
	}
	if items == nil {
		items = []T{}
	}
	answer := ok(wrap(items))
	if next != "" {
		answer = answer.with("opc-next-page", next)
	}
	return answer
}

func bare[T any](items []T) any { return items }

func inItems[T any](items []T) any { return map[string]any{"items": items} }

// checkEtag compares the etag with if-match, if the call has it.
func (x *exchange) checkEtag(etag string) *refusal {
	if want := x.header("if-match"); want != "" && want != "*" && want != etag {
		return &errEtag
	}
	return nil
}
