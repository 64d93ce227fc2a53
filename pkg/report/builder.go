package report

import (
	"hash/maphash"
	"iter"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/keyturn/keyturn/pkg/cloudguard"
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/guard"
	"github.com/keyturn/keyturn/pkg/inventory"
	"github.com/keyturn/keyturn/pkg/rotation"
	"github.com/keyturn/keyturn/pkg/vault"
)

// Options are what a Builder has to know before a reading.
type Options struct {
	Tenancy, Name string // OCID and name
	By, ByName    string // OCID and name of who asks
	At            time.Time
	Version       string
	Limit         time.Duration     // 0: DefaultLimit
	Kinds         []credential.Kind // the kinds that are asked for; nil: all of credential.Observed
	Spool         Spool             // required; empty. The caller removes it.
}

// DefaultLimit is the age of CIS OCI 3.1 at which a credential is too old.
const DefaultLimit = 90 * 24 * time.Hour

// Builder makes a report from what a reading finds. Entries go to a Spool, so that its memory holds about 100 bytes for
// each user with three credentials.
//
// Pass its Visitor to the reading, then call Finish, then write Rows as often as needed.
type Builder struct {
	options Options
	spool   *spool
	seed    maphash.Seed

	mu       sync.Mutex
	err      error
	domains  []credential.Domain
	users    map[uint64]user
	exempt   map[uint64][]Exemption // by user, of those that have one
	secrets  map[uint64][]Secret    // by user and kind
	problems map[uint64][]problem   // open ones, by user and kind
	states   []string               // the texts of user.state
	listed   int                    // users of lists
	admins   administrators
}

// user is what rows need of a user.
type user struct {
	state  uint8 // index of Builder.states
	mayNot uint8 // a bit for each of credential.Observed
	admin  bool
	listed bool
	has    [8]uint8 // how many credentials of each of credential.Observed
}

type problem struct {
	id  string
	ids []string // the ids of its credential
}

// administrators are those who may manage all resources in the tenancy.
type administrators struct {
	asked  bool
	number int
	groups []string
	err    error
}

// NewBuilder makes a Builder.
func NewBuilder(o Options) *Builder {
	if o.Limit == 0 {
		o.Limit = DefaultLimit
	}
	if o.Kinds == nil {
		o.Kinds = credential.Observed()
	}
	return &Builder{options: o, spool: newSpool(o.Spool), seed: maphash.MakeSeed(), users: map[uint64]user{},
		exempt: map[uint64][]Exemption{}, secrets: map[uint64][]Secret{}, problems: map[uint64][]problem{},
		states: []string{""}}
}

// Visitor returns the functions for a reading.
func (b *Builder) Visitor() inventory.Visitor {
	return inventory.Visitor{Domain: b.domain, User: b.user, Credential: b.credential, Secret: b.secret,
		Problem: b.problem}
}

// key is the key of a user, or of a user and a kind, in maps. Two keys of a tenancy of a million users are equal with a
// probability of 3 in 100 million.
func (b *Builder) key(user string, k credential.Kind) uint64 {
	return maphash.String(b.seed, strings.ToLower(user)+" "+string(k))
}

func (b *Builder) domain(d credential.Domain) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.indexOf(d)
}

// indexOf returns the index of a domain, which it adds if it is new.
func (b *Builder) indexOf(d credential.Domain) int {
	i := slices.IndexFunc(b.domains, func(one credential.Domain) bool { return one.ID == d.ID && one.Name == d.Name })
	if i < 0 {
		b.domains = append(b.domains, d)
		return len(b.domains) - 1
	}
	return i
}

func (b *Builder) user(_ credential.Domain, u credential.User) {
	b.mu.Lock()
	defer b.mu.Unlock()
	at := b.key(u.ID, "")
	known := b.users[at]
	if !known.listed {
		b.listed++
	}
	known.listed = true
	known.state = b.stateOf(u.State)
	for i, k := range credential.Observed() {
		if slices.Contains(u.MayNot, k) {
			known.mayNot |= 1 << i
		}
	}
	b.users[at] = known
	if all := Exemptions(u.Tags, b.options.At); len(all) > 0 {
		b.exempt[at] = all
	}
}

func (b *Builder) stateOf(state string) uint8 {
	i := slices.Index(b.states, state)
	if i < 0 && len(b.states) < 255 {
		b.states = append(b.states, state)
		i = len(b.states) - 1
	}
	return uint8(max(i, 0))
}

func (b *Builder) credential(e inventory.Entry) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err != nil {
		return
	}
	at := b.key(e.User, "")
	known := b.users[at]
	if i := slices.Index(credential.Observed(), e.Kind); i >= 0 && known.has[i] < 255 {
		known.has[i]++
	}
	b.users[at] = known
	due := b.options.At // one without a time is sorted between the old and the others
	if !e.Created.IsZero() {
		due = e.Created.Add(b.options.Limit)
	}
	b.err = b.spool.add(spooled{Domain: b.indexOf(e.Domain), Kind: string(e.Kind), User: e.User, Name: e.UserName,
		ID: e.ID, About: e.Description, Created: e.Created, Expires: e.Expires, Off: e.Inactive, At: e.At}, due)
}

func (b *Builder) secret(_ string, s vault.Secret) {
	kind, user, ok := guard.BoundTo(s)
	if !ok || s.State != vault.Active && s.State != vault.Updating || s.Replica {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	at := b.key(user, kind)
	b.secrets[at] = append(b.secrets[at], Secret{Name: s.Name, ID: s.ID, Role: credential.Role(guard.TagsOf(s).Role),
		Journal: rotation.JournalOf(s.Metadata)})
}

func (b *Builder) problem(p cloudguard.Problem) {
	if p.State() != "OPEN" {
		return
	}
	subject := p.Subject()
	user, err := subject.User()
	if err != nil || user == "" {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	at := b.key(user, subject.Rule.Kind())
	b.problems[at] = append(b.problems[at], problem{p.ID, subject.IDs})
}

// Administrators records who may manage all resources in the tenancy: see inventory.Source.
func (b *Builder) Administrators(users map[string]bool, groups []string, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.admins = administrators{asked: true, groups: groups, err: err}
	for id, yes := range users {
		if yes {
			at := b.key(id, "")
			known := b.users[at]
			known.admin = true
			b.users[at] = known
			b.admins.number++
		}
	}
}

// Rows returns the rows of the report: what is or was due first comes first, and credentials without a time come
// before those that are not yet due. It may be used several times, after Finish.
func (b *Builder) Rows() iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		for e, err := range b.spool.all(b.domains) {
			if err != nil {
				yield(Row{}, err)
				return
			}
			if !yield(Judge(e, b.facts(e)), nil) {
				return
			}
		}
	}
}

// facts joins an entry with what is known of its user, secrets and problems.
func (b *Builder) facts(e inventory.Entry) Facts {
	at, own := b.key(e.User, ""), b.key(e.User, e.Kind)
	u := b.users[at]
	f := Facts{Now: b.options.At, Limit: b.options.Limit, Administrator: NotKnownText, Exemptions: b.exempt[at],
		UserState: b.states[u.state], Secrets: b.secrets[own]}
	if !e.At.IsZero() {
		f.Now = e.At
	}
	switch {
	case u.admin:
		f.Administrator = Yes
	case b.admins.asked && b.admins.err == nil:
		f.Administrator = No
	}
	alone := false
	for i, k := range credential.Observed() {
		may := u.mayNot&(1<<i) == 0
		f.MayNot = f.MayNot || k == e.Kind && !may
		f.NoConsole = f.NoConsole || k.Origin() == credential.Reset && !may
		alone = alone || k == e.Kind && u.has[i] == 1
	}
	for _, p := range b.problems[own] {
		if p.about(e, alone) {
			f.Problem = p.id
		}
	}
	return f
}

// about reports whether the problem is about the credential. Ids of different forms can't be compared; if all are of
// other forms, the problem is about the user's only credential of the kind.
func (p problem) about(e inventory.Entry, alone bool) bool {
	form := cloudguard.FormOf(e.ID)
	same := slices.ContainsFunc(p.ids, func(id string) bool { return cloudguard.FormOf(id) == form })
	if len(p.ids) == 0 || !same {
		return alone
	}
	return slices.ContainsFunc(p.ids, func(id string) bool { return strings.EqualFold(id, e.ID) })
}
