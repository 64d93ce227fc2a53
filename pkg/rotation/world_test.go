//go:debug rsa1024min=0
package rotation_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/keyturn/keyturn/pkg/config"
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
	"github.com/keyturn/keyturn/pkg/vault"
)

const user = "ocid1.user.oc1..aaaaaaaatestuser"

// world is a fake of OCI that is sufficient for the engine: one user's credentials of one kind, and the secrets. It
// runs check after every change.
type world struct {
	t    *testing.T
	kind credential.Kind

	mu       sync.Mutex
	now      time.Time
	closed   time.Time // when the problem was closed
	serial   int
	creds    []fakeCredential
	secrets  map[string]*fakeSecret
	hands    map[string]bool // ids of the credentials whose value the user has
	oldID    string
	replace  bool
	chosen   bool  // the password is chosen by the caller
	refusal  error // see credential.Listing
	unmailed error
	rejected bool // new credentials are always refused
	writes   int  // versions written
	broken   string
	lag      time.Duration // how old the picture is that IAM's list shows
	past     []listState   // how the credentials were, for lists that lag
}

// listState is the user's credentials from a time on.
type listState struct {
	from  time.Time
	creds []fakeCredential
}

type fakeCredential struct {
	credential.Issued
	value credential.Value
	set   bool // by a caller who chose the value
}

type fakeSecret struct {
	vault.Secret
	role     credential.Role
	versions []vault.Version
	contents map[int64]credential.Value
	revision int
}

// bits is the size of API keys: tiny, because generating larger ones would take most of the tests' time. The first line
// of this file allows it.
const bits = 128

func newWorld(t *testing.T, kind credential.Kind, roles ...credential.Role) *world {
	w := &world{t: t, kind: kind, now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), secrets: map[string]*fakeSecret{},
		hands: map[string]bool{}}
	w.closed = w.now
	w.oldID = w.add("in use", -100*24*time.Hour)
	if kind == credential.Password {
		w.oldID = credential.TimeID(w.now)
	}
	w.hands[w.creds[0].ID] = true
	for _, role := range roles {
		id := "ocid1.vaultsecret.oc1.iad." + string(role)
		w.secrets[id] = &fakeSecret{role: role, Secret: vault.Secret{ID: id, Name: string(role), State: vault.Active,
			Current: 1, ETag: "1"},
			versions: []vault.Version{{Number: 1, Current: true}}, contents: map[int64]credential.Value{
				1: credential.NewValue([]byte("first"))}}
	}
	return w
}

// add makes a credential, and returns its id.
func (w *world) add(description string, age time.Duration) string {
	made := w.now.Add(age)
	w.serial++
	id := fmt.Sprintf("id-%d", w.serial)
	value := credential.NewValue([]byte(rand.Text()))
	switch w.kind {
	case credential.APIKey:
		m := testKey(w.t)
		id, value = m.ID, m.Value
	case credential.Password:
		id = credential.TimeID(made)
	}
	w.creds = append(w.creds, fakeCredential{credential.Issued{ID: id, Description: description, Created: made}, value,
		false})
	return id
}

// testKey returns a new key pair in PKCS#1. The engine makes PKCS#8.
func testKey(t *testing.T) credential.Material {
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	m, err := credential.APIKeyMaterial(credential.NewValue(pem.EncodeToMemory(
		&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func (w *world) find(id string) *fakeCredential {
	i := slices.IndexFunc(w.creds, func(c fakeCredential) bool { return c.ID == id })
	if i < 0 {
		return nil
	}
	return &w.creds[i]
}

// readable reports whether a version in Vault has the credential's value.
func (w *world) readable(id string, currentOnly bool) bool {
	for _, s := range w.secrets {
		for _, v := range s.versions {
			if currentOnly && !v.Current {
				continue
			}
			m, err := credential.Decode(w.kind, s.role, "", s.contents[v.Number])
			c := w.find(id)
			if err == nil && c != nil && m.Value.Equal(c.value) {
				return true
			}
		}
	}
	return false
}

// check checks the first invariant: at every moment there is a living credential whose value is in Vault or known to
// the user.
func (w *world) check(what string) {
	for _, c := range w.creds {
		if c.set && w.broken == "" && !w.readable(c.ID, false) {
			w.broken = "after " + what + " the password is one that Keyturn chose, and no secret has it"
		}
	}
	if w.kind == credential.Password || w.broken != "" {
		return // the user sets a new password with a link from OCI
	}
	for _, c := range w.creds {
		if w.hands[c.ID] || w.readable(c.ID, false) {
			return
		}
	}
	w.broken = "after " + what + " no living credential can be read anywhere"
}

// process is one invocation's connection to the world. It can die at a given call, before or after the call's effect.
type process struct {
	*world
	calls   int
	dieAt   int // number of the call; 0: never
	after   bool
	dead    bool
	faults  func(operation string, n int) error // an error before effect
	lost    func(operation string, n int) bool  // effect, but no answer
	drafted func(credential.Draft) error        // an error of Create
	seen    []string
	prove   config.ProveMode
}

func (w *world) process() *process { return &process{world: w} }

// do makes one call, which may fail, lose its answer, or end the process.
func (p *process) do(operation string, effect func() error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	gone := fault.New(fault.Unclear, operation, "no answer")
	if p.dead {
		return gone
	}
	p.calls++
	p.seen = append(p.seen, operation)
	if p.dieAt == p.calls && !p.after {
		p.dead = true
		return gone
	}
	if p.faults != nil {
		if err := p.faults(operation, p.calls); err != nil {
			return err
		}
	}
	if p.past == nil {
		p.past = []listState{{p.now.Add(-1000 * time.Hour), slices.Clone(p.creds)}}
	}
	err := effect()
	if err == nil {
		p.past = append(p.past, listState{p.now, slices.Clone(p.creds)})
		p.check(operation)
	}
	if p.dieAt == p.calls {
		p.dead = true
		return gone
	}
	if p.lost != nil && p.lost(operation, p.calls) {
		return gone
	}
	return err
}

// shown returns what IAM's list shows now.
func (w *world) shown() []fakeCredential {
	if w.lag == 0 {
		return w.creds
	}
	creds := w.past[0].creds
	for _, m := range w.past {
		if !m.from.After(w.now.Add(-w.lag)) {
			creds = m.creds
		}
	}
	return creds
}

func (p *process) List(context.Context, string) (l credential.Listing, err error) {
	err = p.do("List", func() error {
		l.At, l.Chosen, l.Version, l.Refusal, l.Unmailed = p.now, p.chosen, p.version(), p.refusal, p.unmailed
		for _, c := range p.shown() {
			l.Credentials = append(l.Credentials, c.Issued)
		}
		return nil
	})
	return l, err
}

func (p *process) Create(_ context.Context, _ string, d credential.Draft) (c credential.Created, err error) {
	err = p.do("Create", func() error {
		if p.drafted != nil {
			err := p.drafted(d)
			if err != nil {
				return err
			}
		}
		if limit := p.kind.Limit(); limit > 0 && len(p.creds) >= limit {
			return fault.New(fault.Full, "Create", "limit")
		}
		switch p.kind {
		case credential.APIKey:
			m, err := publicOnly(d.PublicKey)
			if err != nil {
				return err
			}
			if p.find(m) != nil {
				return fault.New(fault.Conflict, "Create", "exists")
			}
			p.creds = append(p.creds, fakeCredential{credential.Issued{ID: m, Created: p.now}, p.staged(m),
				false})
		case credential.Password:
			return p.reset(d, &c)
		default:
			p.add(d.Description, 0)
		}
		made := p.creds[len(p.creds)-1]
		c = credential.Created{Issued: made.Issued}
		if p.kind != credential.APIKey {
			c.Value = made.value
		}
		return nil
	})
	return c, err
}

// version is the etag of the user's password, if the caller chooses it.
func (w *world) version() string {
	if !w.chosen {
		return ""
	}
	return fmt.Sprint("version ", w.serial)
}

// reset replaces the password: with the chosen value, if there is one.
func (p *process) reset(d credential.Draft, c *credential.Created) error {
	switch {
	case d.Version != "" && d.Version != p.version():
		return fault.New(fault.Conflict, "Create", "another version")
	case !d.Value.Empty() && d.Value.Equal(p.creds[0].value):
		return fault.New(fault.Invalid, "Create", "the password must differ from the current one")
	}
	p.creds = nil
	p.add("", 0)
	made := &p.creds[0]
	c.Issued, c.Value = made.Issued, made.value
	if p.chosen {
		c.Value = credential.Value{}
	}
	if !d.Value.Empty() {
		made.value, made.set = d.Value, true
	}
	return nil
}

// staged returns the private key of a fingerprint from Vault, the only place where the world can get it.
func (w *world) staged(fingerprint string) credential.Value {
	for _, s := range w.secrets {
		for _, content := range s.contents {
			if m, err := credential.Decode(credential.APIKey, s.role, "", content); err == nil && m.ID == fingerprint {
				return m.Value
			}
		}
	}
	w.broken = "an API key was uploaded before its private half was in Vault"
	return credential.Value{}
}

func publicOnly(text string) (string, error) {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return "", fault.New(fault.Invalid, "Create", "not a public key")
	}
	return credential.Fingerprint(block.Bytes), nil
}

func (p *process) Delete(_ context.Context, _, id string) error {
	return p.do("Delete", func() error {
		if p.find(id) == nil {
			return fault.New(fault.Absent, "Delete", "not found")
		}
		if id == p.oldID && !p.replace && !p.promoted() {
			p.broken = "the old credential was deleted before the new one was CURRENT everywhere"
		}
		p.creds = slices.DeleteFunc(p.creds, func(c fakeCredential) bool { return c.ID == id })
		return nil
	})
}

// promoted reports whether a living credential other than the old one is CURRENT in every secret.
func (w *world) promoted() bool {
	for _, c := range w.creds {
		if c.ID != w.oldID && w.currentEverywhere(c) {
			return true
		}
	}
	return false
}

func (w *world) currentEverywhere(c fakeCredential) bool {
	for _, s := range w.secrets {
		content := s.contents[s.Current]
		if s.role == credential.RoleAccessKey {
			if string(content.Reveal()) != c.ID {
				return false
			}
			continue
		}
		if m, err := credential.Decode(w.kind, s.role, "", content); err != nil || !m.Value.Equal(c.value) {
			return false
		}
	}
	return true
}

func (p *process) Prove(_ context.Context, m credential.Material, _ credential.Owner) (ok bool, err error) {
	err = p.do("Prove", func() error {
		c := p.find(m.ID)
		ok = c != nil && c.value.Equal(m.Value) && !p.rejected
		return nil
	})
	return ok, err
}
