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

	"github.com/keyturn/keyturn/pkg/config"
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
	"github.com/keyturn/keyturn/pkg/vault"
)

// walkWorld is the true state of OCI: the credentials of one user and the secrets of one rotation. It is cloned before
// each change. The engine changes it through a call.
type walkWorld struct {
	*origin
	now        time.Time
	creds      []walkCred
	secrets    []walkSecret // the targets, and then another one
	order      order        // the newest closure
	made       int          // credentials so far
	keys       int          // key pairs so far
	makers     int          // processes so far
	deleted    bool         // a process has deleted the old credential
	acts       int          // of an operator
	wiped      bool         // an operator has emptied the metadata
	together   bool         // two processes were alive at a time
	violations []string     // what broke a promise
}

// origin is the start of a walk.
type origin struct {
	name    string
	kind    credential.Kind
	roles   []credential.Role
	replace bool
	grace   time.Duration
	refused bool // new credentials are never accepted
	others  int  // the user's other credentials
	chosen  bool // the password is chosen by the caller
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
	taken           bool      // an operator has deleted it, and it was not the old one
	sent            bool      // a process chose its value
	by              string    // "old", "user", "operator", or the process that made it
}

func (c walkCred) lives() bool { return c.gone.IsZero() }

type walkSecret struct {
	credential.Target
	revision  int
	user      string // in its tag
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
		v, err := credential.Material{Kind: w.kind, ID: c.id, Value: credential.NewValue([]byte(c.value))}.Encode(role,
			walkOwner)
		if err != nil {
			panic(err)
		}
		content = string(v.Reveal())
	}
	return walkSecret{Target: credential.Target{Role: role, SecretID: "ocid1.vaultsecret.oc1.iad." + name},
		user:     walkUser,
		state:    vault.Active,
		versions: []walkVersion{{content: content, stage: "CURRENT", created: w.now.Add(-90 * 24 * time.Hour)}}}
}

var walkOwner = credential.Owner{User: walkUser, UserName: "somebody", Region: "us-ashburn-1", Namespace: "ns",
	Hosts: credential.Hosts{Registry: "registry.example", S3: "s3.example"}}

// walkKeys are the key pairs of the walk, in the order of their creation.
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
	c := walkCred{id: fmt.Sprintf("ocid1.credential.oc1..n%d", w.made), value: fmt.Sprintf("value-%d-", w.made),
		mark: mark, created: w.now.Add(age), by: by}
	switch w.kind {
	case credential.APIKey:
		m := walkKeys()[len(walkKeys())-w.made] // processes take theirs from the other end
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
	n.violations = nil
	return &n
}

// key writes what distinguishes one world from another.
func (w *walkWorld) key(b *bytes.Buffer) {
	fmt.Fprint(b, w.now.Unix(), w.order.at.Unix(), w.order.grace, w.order.given, w.order.another, w.made, w.keys,
		w.makers, w.deleted, w.acts, w.wiped, w.together)
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

// targets returns the secrets that the closure names.
func (w *walkWorld) targets(o order) []credential.Target {
	if o.another {
		return []credential.Target{w.secrets[len(w.secrets)-1].Target}
	}
	var out []credential.Target
	for i := range w.roles {
		out = append(out, w.secrets[i].Target)
	}
	return out
}

func (w *walkWorld) old() *walkCred { return &w.creds[0] }

// works reports whether the credential exists and is accepted.
func (w *walkWorld) works(c walkCred) bool {
	return c.lives() && (!w.refused || c.by == "old" || c.by == "user" || c.by == "operator")
}

// holds reports whether the version holds the credential.
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

// stored reports whether a version that isn't undone has the value.
func (w *walkWorld) stored(c walkCred) bool {
	for _, s := range w.secrets {
		for _, v := range s.versions {
			t := JournalOf(vault.Metadata(s.metadata)).Staged
			if undone := t != nil && t.Phase == PhaseUndone && t.Version == v.name; !undone &&
				s.Role != credential.RoleAccessKey && s.holds(v, c) {
				return true
			}
		}
	}
	return false
}

// current reports whether the credential is CURRENT in each of the targets.
func (w *walkWorld) current(c walkCred, targets []credential.Target) bool {
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

// readable reports whether the credential works, and its value is in Vault or known to a user.
func (w *walkWorld) readable(c walkCred) bool {
	return w.works(c) && (c.by == "old" || c.by == "user" || c.by == "operator" || w.stored(c))
}

func (w *walkWorld) living() (n int) {
	for _, c := range w.creds {
		if c.lives() {
			n++
		}
	}
	return n
}

// job returns the rotation that the closure orders.
func (w *walkWorld) job(o order) Job {
	j := Job{Request: credential.Request{Ref: credential.Ref{Kind: w.kind, User: walkUser, ID: w.old().id},
		Secrets: w.targets(o), Options: credential.Options{Replace: w.replace, Grace: o.grace, GraceGiven: o.given},
		Closure: credential.Closure{Problem: "ocid1.cloudguardproblem.oc1..walk", At: o.at}},
		Prove:     config.ProveRequire,
		Authorize: walkAuthorize}
	if o.another {
		j.Earlier = []string{w.secrets[0].SecretID}
	}
	if w.kind == credential.Password {
		j.Ref.ID, j.ResetAfter = credential.TimeID(walkStart), []time.Time{walkStart}
	}
	return j
}

// walkAuthorize is the guard: a secret must be bound to the user and active.
func walkAuthorize(_ context.Context, secrets []vault.Secret) (credential.Authorized, error) {
	a := credential.Authorized{Owner: walkOwner}
	for _, s := range secrets {
		if s.Freeform["user"] != walkUser || s.State != vault.Active {
			return a, fault.New(fault.Invalid, "guard", "not to be written to")
		}
	}
	return a, nil
}

// variant is a disturbance of one step.
type variant struct {
	name   string
	at     int         // number of the disturbed change; 0: none
	class  fault.Class // of the error; empty: the process dies
	after  bool        // the change takes effect
	stays  bool        // and all later changes
	lag    bool        // IAM's lists show what was there four minutes ago
	unread bool        // reads are throttled
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
	looked int    // acts of an operator until its last look
	wrote  int    // and until its last write to the secrets, or look
	steps  int
}

// holdsInHand reports whether the process has the credential's value, and no secret has.
func (p *walkProcess) holdsInHand(id string) bool {
	return p.mem.Value != nil && p.mem.Value.ID == id && p.mem.Kept == "" && p.mem.Made != nil
}
