package rotation

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/keyturn/keyturn/pkg/background"
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
	"github.com/keyturn/keyturn/pkg/secret"
)

// The world of the walk is OCI as it really is, whoever looks: the credentials of one user and the secrets of one rotation.
// It is a value: whatever changes it clones it first. The engine's own act changes it, through a call.
type walkWorld struct {
	*origin
	now      time.Time
	creds    []walkCred
	secrets  []walkSecret // the targets, and then another one
	order    order        // the newest closure
	made     int          // credentials so far
	keys     int          // key pairs so far
	makers   int          // processes so far
	deleted  bool         // a process has deleted the old credential
	acts     int          // of a person
	wiped    bool         // a person has emptied the metadata
	together bool         // two processes were alive at a time
	lostByUs []string     // what broke a promise
}

// origin is what a walk begins with.
type origin struct {
	name    string
	kind    credential.Kind
	roles   []credential.Role
	replace bool
	grace   time.Duration
	refused bool // new credentials are never accepted
	others  int  // the user's other credentials
}

// order is a closure of the problem.
type order struct {
	at      time.Time
	grace   time.Duration
	given   bool // the comment says the grace
	another bool // it names another secret
}

type walkCred struct {
	id, value, mark string
	created         time.Time
	gone            time.Time // zero while it lives
	taken           bool      // a person has deleted it, and it was not the old one
	by              string    // "old", "user", "person", or the process that made it
}

func (c walkCred) lives() bool { return c.gone.IsZero() }

type walkSecret struct {
	Target
	revision  int
	user      string // whom its tag names
	state     string
	forbidden bool // it can't be read
	metadata  string
	versions  []walkVersion
}

type walkVersion struct {
	name, content string
	stage         string // CURRENT, PENDING, PREVIOUS or empty
	created       time.Time
}

var walkStart = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

const walkUser = "ocid1.user.oc1..walker"

func (o *origin) begin() *walkWorld {
	w := &walkWorld{origin: o, now: walkStart}
	w.add("old", "", -100*24*time.Hour)
	for range o.others {
		w.add("user", "", -50*24*time.Hour)
	}
	for _, role := range o.roles {
		w.secrets = append(w.secrets, w.holding(role, "in-use-"+string(role), w.creds[0]))
	}
	if len(o.roles) == 1 {
		w.secrets = append(w.secrets, w.holding(o.roles[0], "another", walkCred{value: credential.Placeholder}))
	}
	w.order = order{at: w.now, grace: o.grace}
	return w
}

func (w *walkWorld) holding(role credential.Role, name string, c walkCred) walkSecret {
	content := c.value
	if c.id != "" {
		v, err := credential.Material{Kind: w.kind, ID: c.id, Value: credential.NewValue([]byte(c.value))}.Encode(role, walkOwner)
		if err != nil {
			panic(err)
		}
		content = string(v.Reveal())
	}
	return walkSecret{Target: Target{Role: role, SecretID: "ocid1.vaultsecret.oc1.iad." + name}, user: walkUser, state: secret.Active,
		versions: []walkVersion{{content: content, stage: "CURRENT", created: w.now.Add(-90 * 24 * time.Hour)}}}
}

var walkOwner = credential.Owner{User: walkUser, UserName: "somebody", Region: "us-ashburn-1", Namespace: "ns",
	Hosts: credential.Hosts{Registry: "registry.example", S3: "s3.example"}}

// walkKeys are the key pairs of the walk, in the order in which they are made.
var walkKeys = sync.OnceValue(func() (keys []credential.Material) {
	for range 24 {
		m, err := credential.GenerateAPIKey(1024)
		if err != nil {
			panic(err)
		}
		keys = append(keys, m)
	}
	return keys
})

// add makes a credential.
func (w *walkWorld) add(by, mark string, age time.Duration) *walkCred {
	w.made++
	c := walkCred{id: fmt.Sprintf("ocid1.credential.oc1..n%d", w.made), value: fmt.Sprintf("value-%d-", w.made), mark: mark, created: w.now.Add(age), by: by}
	switch w.kind {
	case credential.APIKey:
		m := walkKeys()[len(walkKeys())-w.made] // those of processes are taken from the other end
		c.id, c.value = m.ID, string(m.Value.Reveal())
	case credential.CustomerSecretKey:
		sum := sha256.Sum256([]byte(c.value))
		c.id, c.value = fmt.Sprintf("%040x", w.made), base64.StdEncoding.EncodeToString(sum[:])
	case credential.Password:
		c.id = credential.TimeID(c.created)
	}
	w.creds = append(w.creds, c)
	return &w.creds[len(w.creds)-1]
}

func (w *walkWorld) clone() *walkWorld {
	n := *w
	n.creds, n.secrets = slices.Clone(w.creds), slices.Clone(w.secrets)
	for i := range n.secrets {
		n.secrets[i].versions = slices.Clone(w.secrets[i].versions)
	}
	n.lostByUs = nil
	return &n
}

// key tells one world from another.
func (w *walkWorld) key(b *bytes.Buffer) {
	fmt.Fprint(b, w.now.Unix(), w.order.at.Unix(), w.order.grace, w.order.given, w.order.another, w.made, w.keys, w.makers, w.deleted, w.acts, w.wiped, w.together)
	for _, c := range w.creds {
		fmt.Fprint(b, "|", c.id, c.created.Unix(), c.gone.Unix(), c.by)
	}
	for _, s := range w.secrets {
		fmt.Fprint(b, "|", s.revision, s.user, s.state, s.forbidden, s.metadata)
		for _, v := range s.versions {
			fmt.Fprint(b, "/", v.name, v.stage, v.created.Unix())
		}
	}
}

// targets are the secrets that the closure names.
func (w *walkWorld) targets(o order) []Target {
	if o.another {
		return []Target{w.secrets[len(w.secrets)-1].Target}
	}
	var out []Target
	for i := range w.roles {
		out = append(out, w.secrets[i].Target)
	}
	return out
}

func (w *walkWorld) old() *walkCred { return &w.creds[0] }

// works: it lives, and is accepted.
func (w *walkWorld) works(c walkCred) bool {
	return c.lives() && (!w.refused || c.by == "old" || c.by == "user" || c.by == "person")
}

// holds tells whether the content is that of the credential in a secret of the role.
func (s walkSecret) holds(v walkVersion, c walkCred) bool {
	if s.Role == credential.RoleAccessKey {
		return v.content == c.id
	}
	core := c.value
	if strings.HasPrefix(core, "-----") { // a line of the key is enough, whatever form it is in
		core = strings.Split(core, "\n")[5]
	}
	return strings.Contains(v.content, core)
}

// stored: some version of some secret that is not taken back has the value.
func (w *walkWorld) stored(c walkCred) bool {
	for _, s := range w.secrets {
		for _, v := range s.versions {
			t := JournalOf(secret.Metadata(s.metadata)).Staged
			if undone := t != nil && t.Phase == PhaseUndone && t.Version == v.name; !undone && s.Role != credential.RoleAccessKey && s.holds(v, c) {
				return true
			}
		}
	}
	return false
}

// current: the credential is CURRENT in each of the secrets.
func (w *walkWorld) current(c walkCred, targets []Target) bool {
	for _, s := range w.secrets {
		if !slices.Contains(targets, s.Target) {
			continue
		}
		if !slices.ContainsFunc(s.versions, func(v walkVersion) bool { return v.stage == "CURRENT" && s.holds(v, c) }) {
			return false
		}
	}
	return true
}

// readable: somebody can use it: it works, and its value is in Vault, or the user or a person has it in hand.
func (w *walkWorld) readable(c walkCred) bool {
	return w.works(c) && (c.by == "old" || c.by == "user" || c.by == "person" || w.stored(c))
}

func (w *walkWorld) living() (n int) {
	for _, c := range w.creds {
		if c.lives() {
			n++
		}
	}
	return n
}

// job is the rotation that a delivery of the closure asks for.
func (w *walkWorld) job(o order) Job {
	j := Job{Ref: credential.Ref{Kind: w.kind, User: walkUser, ID: w.old().id}, Targets: w.targets(o), Replace: w.replace, Grace: o.grace,
		GraceGiven: o.given, Prove: ProveRequire, Problem: "ocid1.cloudguardproblem.oc1..walk", Ordered: o.at, Permit: walkPermit}
	if o.another {
		j.Earlier = []string{w.secrets[0].SecretID}
	}
	if w.kind == credential.Password {
		j.Ref.ID, j.ResetAfter = credential.TimeID(walkStart), []time.Time{walkStart}
	}
	return j
}

// walkPermit is the guard: a secret must be the user's, and there to stay.
func walkPermit(_ context.Context, secrets []secret.Secret) (credential.Owner, error) {
	for _, s := range secrets {
		if s.Freeform["user"] != walkUser || s.State != secret.Active {
			return walkOwner, fault.New(fault.Invalid, "guard", "not to be written to")
		}
	}
	return walkOwner, nil
}

// variant is how one step goes.
type variant struct {
	name   string
	at     int         // number of the change that it is about; 0: none
	class  fault.Class // of the error; empty: the process dies
	after  bool        // the change takes place all the same
	stays  bool        // so at every change from then on
	lag    bool        // IAM's lists show what was there four minutes ago
	unread bool        // OCI doesn't answer to reads
	deny   bool        // IAM's list is refused
	proof  string      // "refused" or "silent"
	late   bool        // the run's time is up
}

// walkProcess is one invocation, between two steps.
type walkProcess struct {
	order  order
	snap   Snapshot
	mem    Memory
	acted  bool
	key    int    // number of its key pair
	seen   string // what its snapshot is made of
	looked int    // acts of a person until its last look
	wrote  int    // and until its last write to the secrets, or look
	steps  int
}

// holdsInHand: it has the value of the credential, and no secret has.
func (p *walkProcess) holdsInHand(id string) bool {
	return p.mem.Value != nil && p.mem.Value.ID == id && p.mem.Kept == "" && p.mem.Made != nil
}

// call is the connection of one process to the world, for one step.
type call struct {
	*walkWorld
	variant
	maker   string
	action  Action
	job     Job
	proc    *walkProcess
	beside  *walkProcess // another process that lives
	changes int
	dead    bool
}

func (c *call) wrong(format string, args ...any) {
	c.lostByUs = append(c.lostByUs, fmt.Sprintf(format, args...))
}

// change makes one change, unless the step goes otherwise.
func (c *call) change(operation string, effect func() error) error {
	c.changes++
	unclear := fault.New(fault.Unclear, operation, "no answer")
	if c.dead {
		return unclear
	}
	hit := c.at != 0 && (c.changes == c.at || c.stays && c.changes > c.at)
	if hit && !c.after {
		if c.dead = c.class == ""; c.dead {
			return unclear
		}
		return fault.New(c.class, operation, "refused")
	}
	err := effect()
	if hit {
		c.dead = c.class == ""
		return unclear
	}
	return err
}

func (c *call) List(context.Context, string) (l credential.Listing, err error) {
	if c.unread {
		return l, fault.New(fault.Throttled, "List", "later")
	}
	if c.deny {
		return l, fault.New(fault.Denied, "List", "no")
	}
	l.At = c.now
	for _, o := range c.creds {
		shown := o.lives()
		if c.lag {
			young := func(t time.Time) bool { return c.now.Sub(t) < SpreadTime }
			shown = !young(o.created) && (o.lives() || young(o.gone))
		}
		if shown {
			l.Credentials = append(l.Credentials, credential.Issued{ID: o.id, Description: o.mark, Created: o.created})
		}
	}
	return l, nil
}

func (c *call) Create(_ context.Context, _ string, d credential.Draft) (made credential.Created, err error) {
	err = c.change("Create", func() error {
		if limit := c.kind.Limit(); limit > 0 && c.living() >= limit {
			return fault.New(fault.Full, "Create", "limit")
		}
		if c.snap().Refusal != nil {
			c.wrong("a credential is made though the guard refuses")
		}
		var n *walkCred
		switch c.kind {
		case credential.APIKey:
			key := walkKeys()[c.proc.key]
			if public, err := c.proc.mem.Value.PublicPEM(); err == nil && public == d.PublicKey {
				key = *c.proc.mem.Value
			}
			if slices.ContainsFunc(c.creds, func(o walkCred) bool { return o.id == key.ID && o.lives() }) {
				return fault.New(fault.Conflict, "Create", "it exists")
			}
			c.made++
			c.creds = append(c.creds, walkCred{id: key.ID, value: string(key.Value.Reveal()), created: c.now, by: c.maker})
			if n = &c.creds[len(c.creds)-1]; !c.stored(*n) {
				c.wrong("an API key is uploaded before its private half is in Vault")
			}
		case credential.Password:
			c.now = c.now.Add(time.Second) // its id is its time
			for i := range c.creds {
				if c.creds[i].lives() {
					c.creds[i].gone = c.now
				}
			}
			n = c.add(c.maker, "", 0)
		default:
			n = c.add(c.maker, d.Description, 0)
		}
		made = credential.Created{Issued: credential.Issued{ID: n.id, Description: n.mark, Created: n.created}}
		if c.kind != credential.APIKey {
			made.Value = credential.NewValue([]byte(n.value))
		}
		return nil
	})
	return made, err
}

func (c *call) snap() Snapshot { return c.proc.snap }

func (c *call) Delete(_ context.Context, _, id string) error {
	return c.change("Delete", func() error {
		i := slices.IndexFunc(c.creds, func(o walkCred) bool { return o.id == id && o.lives() })
		if i < 0 {
			return fault.New(fault.Absent, "Delete", "not found")
		}
		if held := c.action == Discard && c.proc.holdsInHand(id); c.snap().Refusal != nil && !held {
			c.wrong("%s deletes though the guard refuses", c.action)
		}
		if c.creds[i].gone = c.now; i == 0 {
			c.gives(c.creds[i])
		} else {
			c.discards(c.creds[i])
		}
		return nil
	})
}

// gives checks that the old credential may go.
func (c *call) gives(old walkCred) {
	c.deleted = true
	switch c.action {
	case Retire:
		if c.acts == c.proc.wrote && !c.unseen() && !slices.ContainsFunc(c.creds, func(o walkCred) bool { return c.works(o) && c.current(o, c.job.Targets) }) {
			c.wrong("the old credential goes, and no living one is CURRENT everywhere")
		}
		if t := c.proc.mem.Trial; !t.Accepted {
			c.wrong("the old credential goes without a proof of this run")
		}
	case Replace:
		if !c.replace {
			c.wrong("the old credential goes first, which the comment doesn't allow")
		}
	default:
		c.wrong("%s deletes the old credential", c.action)
	}
	if !c.unseen() && !slices.ContainsFunc(c.creds, c.readable) {
		c.wrong("no working credential is left")
	}
}

// unseen: a person has deleted another credential since the last look, or the new one so soon that its maker takes the list for
// one that lags. OCI has no condition that keeps the old one then.
func (c *call) unseen() bool {
	return slices.ContainsFunc(c.creds, func(o walkCred) bool {
		return o.taken && (c.acts > c.proc.looked || o.by == c.maker && c.snap().At.Sub(o.created) < SpreadTime)
	})
}

// untold: a person has emptied the metadata, so that nobody can tell which of two credentials with the same mark is stored;
// or has closed the problem again with another secret while a delivery was at work, or while the first can't be read; or has
// made the guard refuse while two deliveries were at work, so that nothing may be deleted. Then both credentials stay.
func (w *walkWorld) untold() bool {
	forbidden := slices.ContainsFunc(w.secrets, func(s walkSecret) bool { return s.forbidden })
	refuses := slices.ContainsFunc(w.secrets, func(s walkSecret) bool { return s.user != walkUser || s.state != secret.Active })
	return w.wiped || w.order.another && forbidden || w.together && (forbidden || refuses || w.order.another)
}

// discards checks that nobody needs a credential that is deleted.
func (c *call) discards(o walkCred) {
	switch {
	case o.by == "user" || o.by == "person":
		c.wrong("%s deletes a credential that a person made", c.action)
	case c.stored(o) && o.id != c.proc.mem.Undone:
		c.wrong("%s deletes a credential whose value is in Vault", c.action)
	case c.beside != nil && o.by == c.beside.mem.Maker && c.beside.holdsInHand(o.id):
		c.wrong("%s deletes a credential whose maker is about to store it", c.action)
	}
}

func (c *call) find(id string) *walkSecret {
	i := slices.IndexFunc(c.secrets, func(s walkSecret) bool { return s.SecretID == id })
	return &c.secrets[i]
}

func (c *call) Secret(_ context.Context, id string) (secret.Secret, error) {
	s := c.find(id)
	switch {
	case c.unread:
		return secret.Secret{}, fault.New(fault.Throttled, "GetSecret", "later")
	case s.forbidden:
		return secret.Secret{}, fault.New(fault.Absent, "GetSecret", "not found")
	}
	return c.shown(s), nil
}

func (c *call) shown(s *walkSecret) secret.Secret {
	out := secret.Secret{ID: s.SecretID, Name: string(s.Role), State: s.state, ETag: fmt.Sprint(s.revision), At: c.now,
		Freeform: map[string]string{"user": s.user}}
	if s.metadata != "" {
		out.Metadata = secret.Metadata(s.metadata)
	}
	out.Current = int64(slices.IndexFunc(s.versions, func(v walkVersion) bool { return v.stage == "CURRENT" }) + 1)
	return out
}

func (c *call) Versions(_ context.Context, id string) (out []secret.Version, err error) {
	for i, v := range c.find(id).versions {
		out = append(out, secret.Version{Number: int64(i + 1), Name: v.name, Created: v.created,
			Current: v.stage == "CURRENT", Pending: v.stage == "PENDING", Previous: v.stage == "PREVIOUS", Stale: v.stage == ""})
	}
	slices.Reverse(out)
	return out, nil
}

func (c *call) Read(_ context.Context, id, name string) (int64, credential.Value, error) {
	s := c.find(id)
	if s.forbidden {
		return 0, credential.Value{}, fault.New(fault.Absent, "GetSecretBundle", "not found")
	}
	for i, v := range s.versions {
		if name == "" && v.stage == "CURRENT" || name != "" && v.name == name {
			return int64(i + 1), credential.NewValue([]byte(v.content)), nil
		}
	}
	return 0, credential.Value{}, fault.New(fault.Absent, "GetSecretBundle", "not found")
}

func (c *call) Update(_ context.Context, id, etag string, u secret.Update) (out secret.Secret, err error) {
	err = c.change("Update", func() error {
		s := c.find(id)
		if etag != fmt.Sprint(s.revision) {
			return fault.New(fault.Conflict, "UpdateSecret", "etag")
		}
		if u.Name != "" && slices.ContainsFunc(s.versions, func(v walkVersion) bool { return v.name == u.Name }) {
			return fault.New(fault.Conflict, "UpdateSecret", "the name is taken")
		}
		if s.user != walkUser || s.state != secret.Active {
			c.wrong("%s writes to a secret that the guard refuses", c.action)
		}
		if u.Name != "" {
			s.stage("PENDING")
			s.versions = append(s.versions, walkVersion{name: u.Name, content: string(u.Content.Reveal()), stage: "PENDING", created: c.now})
		}
		if u.Promote != 0 {
			c.promotes(s, s.versions[u.Promote-1])
			s.makeCurrent(int(u.Promote - 1))
		}
		s.revision++
		s.metadata, c.proc.wrote = string(u.Metadata), c.acts
		out = c.shown(s)
		return nil
	})
	return out, err
}

// stage takes a stage from whichever version has it.
func (s *walkSecret) stage(from string) {
	for i := range s.versions {
		if s.versions[i].stage == from {
			s.versions[i].stage = ""
		}
	}
}

func (s *walkSecret) makeCurrent(i int) {
	s.stage("PREVIOUS")
	for n := range s.versions {
		if s.versions[n].stage == "CURRENT" {
			s.versions[n].stage = "PREVIOUS"
		}
	}
	s.versions[i].stage = "CURRENT"
}

// promotes checks that nothing is overwritten that is needed. Whose a token is can't be told from its value.
func (c *call) promotes(s *walkSecret, v walkVersion) {
	if t := JournalOf(secret.Metadata(s.metadata)).Staged; t != nil && t.Phase == PhaseUndone && t.Version == v.name {
		c.wrong("a version that was taken back is promoted")
	}
	for _, o := range c.creds {
		tells := c.kind == credential.APIKey || c.kind == credential.CustomerSecretKey
		needed := o.by == "person" || o.by == "user"
		if tells && needed && o.lives() && slices.ContainsFunc(s.versions, func(v walkVersion) bool { return v.stage == "CURRENT" && s.holds(v, o) }) {
			c.wrong("a living credential that a person made CURRENT is overwritten")
		}
	}
}

func (c *call) Prove(_ context.Context, m credential.Material, _ credential.Owner) (bool, error) {
	if c.proof == "silent" {
		return false, fault.New(fault.Unclear, "Prove", "no answer")
	}
	i := slices.IndexFunc(c.creds, func(o walkCred) bool { return o.id == m.ID && m.Value.Equal(credential.NewValue([]byte(o.value))) })
	return c.proof == "" && i >= 0 && c.works(c.creds[i]), nil
}

func (c *call) Now() time.Time { return c.now }

// Sleep lets time pass while a credential is tried out. A pause before another look is too short to count.
func (c *call) Sleep(ctx context.Context, d time.Duration) error {
	if c.action == Prove {
		c.now = c.now.Add(d)
	}
	return ctx.Err()
}

func readyKey(i int) *keyPair {
	return &keyPair{start: func() *background.Task[credential.Material] {
		return background.Start(func() (credential.Material, error) { return walkKeys()[i], nil })
	}}
}
