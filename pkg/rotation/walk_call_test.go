package rotation

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/keyturn/keyturn/pkg/background"
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
	"github.com/keyturn/keyturn/pkg/vault"
)

// call is one process's connection to the world, for one step.
type call struct {
	*walkWorld
	variant
	maker   string
	action  Action
	job     Job
	proc    *walkProcess
	other   *walkProcess // another running process
	changes int
	dead    bool
	clock   sync.Mutex // a proof and a reading in the background use the clock at the same time
}

func (c *call) wrong(format string, args ...any) {
	c.violations = append(c.violations, fmt.Sprintf(format, args...))
}

// change makes one change, unless the variant disturbs it.
func (c *call) change(operation string, effect func() error) error {
	c.changes++
	unclear := fault.New(fault.Unclear, operation, "no answer")
	if c.dead {
		return unclear
	}
	hit := c.at != 0 && (c.changes == c.at || c.stays && c.changes > c.at)
	if hit && !c.after {
		c.dead = c.class == ""
		if c.dead {
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
	l.At, l.Chosen, l.Version = c.now, c.chosen, c.version()
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
			c.creds = append(c.creds, walkCred{id: key.ID, value: string(key.Value.Reveal()), created: c.now,
				by: c.maker})
			n = &c.creds[len(c.creds)-1]
			if !c.stored(*n) {
				c.wrong("an API key is uploaded before its private half is in Vault")
			}
		case credential.Password:
			c.now = c.now.Add(time.Second) // its id is its time
			var err error
			n, err = c.reset(d)
			if err != nil {
				return err
			}
		default:
			n = c.add(c.maker, d.Description, 0)
		}
		made = credential.Created{Issued: credential.Issued{ID: n.id, Description: n.mark, Created: n.created}}
		if c.kind != credential.APIKey && !c.chosen {
			made.Value = credential.NewValue([]byte(n.value))
		}
		return nil
	})
	return made, err
}

// version is the etag of the user's record. A domain may have none: two secrets show that nothing depends on it.
func (c *call) version() string {
	if !c.chosen || len(c.roles) > 1 {
		return ""
	}
	return fmt.Sprint(c.made)
}

// reset replaces the password, unless the chosen value is the one that the user has.
func (c *call) reset(d credential.Draft) (*walkCred, error) {
	if d.Version != "" && d.Version != c.version() {
		return nil, fault.New(fault.Conflict, "Create", "another version")
	}
	for i := range c.creds {
		o := &c.creds[i]
		switch {
		case !o.lives():
			continue
		case !d.Value.Empty() && d.Value.Equal(credential.NewValue([]byte(o.value))):
			return nil, fault.New(fault.Invalid, "Create", "the password must differ from the current one")
		case c.chosen && o.by == "operator" && slices.ContainsFunc(c.snap().Issued, func(i credential.Issued) bool {
			return i.ID == o.id
		}):
			c.wrong("a password that the user has set is overwritten")
		}
		o.gone = c.now
	}
	n := c.add(c.maker, "", 0)
	if !d.Value.Empty() {
		n.value, n.sent = string(d.Value.Reveal()), true
		if !c.stored(*n) {
			c.wrong("a password is set before its value is in Vault")
		}
	}
	return n, nil
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
		c.creds[i].gone = c.now
		if i == 0 {
			c.gives(c.creds[i])
		} else {
			c.discards(c.creds[i])
		}
		return nil
	})
}

// gives checks that the old credential may be deleted.
func (c *call) gives(old walkCred) {
	c.deleted = true
	switch c.action {
	case Retire:
		if c.acts == c.proc.wrote && !c.unseen() && !slices.ContainsFunc(c.creds, func(o walkCred) bool {
			return c.works(o) && c.current(o, c.job.Secrets)
		}) {
			c.wrong("the old credential goes, and no living one is CURRENT everywhere")
		}
		for _, s := range c.secrets {
			t := JournalOf(vault.Metadata(s.metadata)).Retire.Of(old.id)
			if slices.Contains(c.job.Secrets, s.Target) && c.acts == c.proc.wrote &&
				(t == nil || t.Maker != c.maker || t.Begun == nil) {
				c.wrong("the old credential goes, and the secrets don't say who deletes it")
			}
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

// unseen reports whether a user deleted another credential since the last look, or deleted the new one so soon that its
// maker assumes that the list lags. OCI offers no condition that would protect the old one then.
func (c *call) unseen() bool {
	return slices.ContainsFunc(c.creds, func(o walkCred) bool {
		return o.taken && (c.acts > c.proc.looked || o.by == c.maker && c.snap().At.Sub(o.created) < SpreadTime)
	})
}

// ambiguous reports whether two new credentials may stay, because a user emptied the metadata, so that it isn't known
// which of them is stored; or closed the problem again with another secret, while a delivery was running or the first
// secret couldn't be read; or made the guard refuse while two deliveries were running.
func (w *walkWorld) ambiguous() bool {
	forbidden := slices.ContainsFunc(w.secrets, func(s walkSecret) bool { return s.forbidden })
	refuses := slices.ContainsFunc(w.secrets, func(s walkSecret) bool {
		return s.user != walkUser || s.state != vault.Active
	})
	return w.wiped || w.order.another && forbidden || w.together && (forbidden || refuses || w.order.another)
}

// discards checks that a deleted credential isn't needed.
func (c *call) discards(o walkCred) {
	switch {
	case o.by == "user" || o.by == "operator":
		c.wrong("%s deletes a credential that an operator made", c.action)
	case c.stored(o) && o.id != c.proc.mem.Undone:
		c.wrong("%s deletes a credential whose value is in Vault", c.action)
	case c.other != nil && o.by == c.other.mem.Maker && c.other.holdsInHand(o.id):
		c.wrong("%s deletes a credential whose maker is about to store it", c.action)
	}
}

func (c *call) find(id string) *walkSecret {
	i := slices.IndexFunc(c.secrets, func(s walkSecret) bool { return s.SecretID == id })
	return &c.secrets[i]
}

func (c *call) Secret(_ context.Context, id string) (vault.Secret, error) {
	s := c.find(id)
	switch {
	case c.unread:
		return vault.Secret{}, fault.New(fault.Throttled, "GetSecret", "later")
	case s.forbidden:
		return vault.Secret{}, fault.New(fault.Absent, "GetSecret", "not found")
	}
	return c.shown(s), nil
}

func (c *call) shown(s *walkSecret) vault.Secret {
	out := vault.Secret{ID: s.SecretID, Name: string(s.Role), State: s.state, ETag: fmt.Sprint(s.revision), At: c.now,
		Freeform: map[string]string{"user": s.user}}
	if s.metadata != "" {
		out.Metadata = vault.Metadata(s.metadata)
	}
	out.Current = int64(slices.IndexFunc(s.versions, func(v walkVersion) bool { return v.stage == "CURRENT" }) + 1)
	return out
}

func (c *call) Versions(_ context.Context, id string) (out []vault.Version, err error) {
	for i, v := range c.find(id).versions {
		out = append(out, vault.Version{Number: int64(i + 1), Name: v.name, Created: v.created,
			Current: v.stage == "CURRENT", Pending: v.stage == "PENDING", Previous: v.stage == "PREVIOUS",
			Stale: v.stage == ""})
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

func (c *call) Update(_ context.Context, id, etag string, u vault.Update) (out vault.Secret, err error) {
	err = c.change("Update", func() error {
		s := c.find(id)
		if etag != fmt.Sprint(s.revision) {
			return fault.New(fault.Conflict, "UpdateSecret", "etag")
		}
		if u.Name != "" && slices.ContainsFunc(s.versions, func(v walkVersion) bool { return v.name == u.Name }) {
			return fault.New(fault.Conflict, "UpdateSecret", "the name is taken")
		}
		if s.user != walkUser || s.state != vault.Active {
			c.wrong("%s writes to a secret that the guard refuses", c.action)
		}
		if u.Name != "" {
			s.stage("PENDING")
			s.versions = append(s.versions, walkVersion{name: u.Name, content: string(u.Content.Reveal()),
				stage: "PENDING", created: c.now})
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

// stage takes a stage away from the version that has it.
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

// promotes checks that the promotion overwrites nothing that is needed. A token's value doesn't say whose it is.
func (c *call) promotes(s *walkSecret, v walkVersion) {
	if t := JournalOf(vault.Metadata(s.metadata)).Staged; t != nil && t.Phase == PhaseUndone && t.Version == v.name {
		c.wrong("a version that was taken back is promoted")
	}
	if t := c.proc.mem.Trial; c.kind != credential.Password && c.refused && !t.Accepted {
		c.wrong("a credential that is refused is promoted")
	}
	for _, o := range c.creds {
		tells := c.kind == credential.APIKey || c.kind == credential.CustomerSecretKey
		needed := o.by == "operator" || o.by == "user"
		if tells && needed && o.lives() && slices.ContainsFunc(s.versions, func(v walkVersion) bool {
			return v.stage == "CURRENT" && s.holds(v, o)
		}) {
			c.wrong("a living credential that an operator made CURRENT is overwritten")
		}
	}
}

func (c *call) Prove(_ context.Context, m credential.Material, _ credential.Owner) (bool, error) {
	if c.proof == "silent" {
		return false, fault.New(fault.Unclear, "Prove", "no answer")
	}
	i := slices.IndexFunc(c.creds, func(o walkCred) bool {
		return o.id == m.ID && m.Value.Equal(credential.NewValue([]byte(o.value)))
	})
	return c.proof == "" && i >= 0 && c.works(c.creds[i]), nil
}

func (c *call) Now() time.Time {
	c.clock.Lock()
	defer c.clock.Unlock()
	return c.now
}

// Sleep moves the clock only during Prove. Other pauses are too short to matter.
func (c *call) Sleep(ctx context.Context, d time.Duration) error {
	if c.action == Prove {
		c.clock.Lock()
		defer c.clock.Unlock()
		c.now = c.now.Add(d)
	}
	return ctx.Err()
}

func fixedKey(i int) *keyPair {
	return &keyPair{start: func() *background.Task[credential.Material] {
		return background.Start(func() (credential.Material, error) { return walkKeys()[i], nil })
	}}
}
