package rotation

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
	"github.com/keyturn/keyturn/pkg/vault"
)

// fakeVault is a Vault of some secrets, with the contents of their versions.
type fakeVault struct {
	is       map[string]*vault.Secret
	versions map[string][]vault.Version
	contents map[string]credential.Value // by secret and number
	fails    func(call string) error
	mu       sync.Mutex
	calls    []string
	quiet    bool // the answer to an update doesn't show its effect yet
}

// newFakeVault returns a vault with the secrets of a fixture.
func newFakeVault(s *fixture) *fakeVault {
	c := &fakeVault{is: map[string]*vault.Secret{}, versions: map[string][]vault.Version{},
		contents: map[string]credential.Value{}}
	for i := range s.snap.Secrets {
		one := &s.snap.Secrets[i]
		one.SecretID = fmt.Sprintf("secret-%d", i+1)
		one.ID, one.Name, one.ETag, one.State = one.SecretID, one.SecretID, "etag", vault.Active
		is := one.Secret
		c.is[one.SecretID], c.versions[one.SecretID] = &is, slices.Clone(one.Versions)
		s.job.Secrets = append(s.job.Secrets, one.Target)
	}
	return c
}

func (c *fakeVault) call(call string) error {
	c.mu.Lock() // a look reads several secrets in parallel
	defer c.mu.Unlock()
	c.calls = append(c.calls, call)
	if c.fails == nil {
		return nil
	}
	return c.fails(call)
}

func (c *fakeVault) Secret(_ context.Context, id string) (vault.Secret, error) {
	if err := c.call("Secret " + id); err != nil {
		return vault.Secret{}, err
	}
	return *c.is[id], nil
}

func (c *fakeVault) Versions(_ context.Context, id string) ([]vault.Version, error) {
	return slices.Clone(c.versions[id]), c.call("Versions " + id)
}

func (c *fakeVault) Read(_ context.Context, id, name string) (int64, credential.Value, error) {
	if err := c.call(strings.TrimSpace("Read " + id + " " + name)); err != nil {
		return 0, credential.Value{}, err
	}
	for _, v := range c.versions[id] {
		if name == "" && v.Number == c.is[id].Current || name != "" && v.Name == name {
			return v.Number, c.contents[fmt.Sprint(id, v.Number)], nil
		}
	}
	return 0, credential.Value{}, fault.New(fault.Absent, "GetSecretBundle", "")
}

func (c *fakeVault) Update(_ context.Context, id, etag string, u vault.Update) (vault.Secret, error) {
	if err := c.call("Update " + id); err != nil {
		return vault.Secret{}, err
	}
	s := c.is[id]
	if s.ETag != etag {
		return vault.Secret{}, fault.New(fault.Conflict, "UpdateSecret", "")
	}
	if u.Name != "" {
		number := int64(len(c.versions[id]) + 1)
		c.versions[id] = append(c.versions[id], vault.Version{Number: number, Name: u.Name, Pending: true,
			Created: noon})
		c.contents[fmt.Sprint(id, number)] = u.Content
	}
	for i := range c.versions[id] {
		if v := &c.versions[id][i]; u.Promote != 0 {
			v.Current = v.Number == u.Promote
			v.Pending = v.Pending && !v.Current
		}
	}
	before := *s
	s.ETag += "+"
	if u.Promote != 0 {
		s.Current = u.Promote
	}
	s.Metadata = u.Metadata
	if c.quiet {
		return before, nil
	}
	return *s, nil
}

// on returns the run of a fixture with that vault.
func (s *fixture) on(v Vault) *run {
	return &run{Engine: &Engine{Vault: v, Clock: &fakeClock{noon}}, job: s.job, snap: s.snap, mem: s.mem}
}

// agrees fails the test unless the run's snapshot matches the vault. The number of a version that wasn't read is
// unknown.
func (c *fakeVault) agrees(t *testing.T, what string, r *run) {
	t.Helper()
	for _, s := range r.snap.Secrets {
		is := c.is[s.SecretID]
		if s.Current != is.Current || s.ETag != is.ETag || string(s.Metadata) != string(is.Metadata) ||
			s.Journal.text() != JournalOf(is.Metadata).text() {
			t.Errorf("%s: %s is %+v, not %+v", what, s.SecretID, *is, s.Secret)
		}
		for i, v := range c.versions[s.SecretID] {
			if i >= len(s.Versions) {
				t.Errorf("%s: version %d of %s is not in the picture", what, v.Number, s.SecretID)
				continue
			}
			if s.Versions[i].Number == 0 {
				v.Number = 0
			}
			if s.Versions[i] != v {
				t.Errorf("%s: version %d of %s is %+v, not %+v", what, i+1, s.SecretID, v, s.Versions[i])
			}
		}
		if len(s.Versions) != len(c.versions[s.SecretID]) || !s.Touched {
			t.Errorf("%s: %d versions, touched %v", what, len(s.Versions), s.Touched)
		}
	}
}

// paired is a rotation of a customer secret key whose two secrets also have versions that a user wrote.
func paired() (*fixture, *credential.Material) {
	s := newFixture(credential.CustomerSecretKey, plain(credential.RoleSecretKey), plain(credential.RoleAccessKey))
	for i := range s.snap.Secrets {
		one := &s.snap.Secrets[i]
		one.Versions = append(one.Versions, vault.Version{Number: 2, Name: "by hand", Created: noon})
	}
	s.mem.Found = []int64{1, 1}
	m := &credential.Material{Kind: credential.CustomerSecretKey, ID: "new",
		Value: credential.NewValue([]byte("value"))}
	s.mem.Value = m
	return s, m
}

// stagedPair returns a run that has staged both halves of a customer secret key, and its vault.
func stagedPair(t *testing.T) (*fakeVault, *run, Case) {
	t.Helper()
	s, m := paired()
	v := newFakeVault(s)
	r := s.on(v)
	c := Case{Version: s.name(1), Material: m, State: State{Old: OldAlive}, serverNow: noon}
	if err := r.stage(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	return v, r, c
}

func TestAfterAWriteTheRunsPictureOfASecretIsWhatVaultHas(t *testing.T) {
	for _, quiet := range []bool{false, true} {
		v, r, c := stagedPair(t)
		v.agrees(t, "staged", r)
		if r.mem.Kept != c.Version {
			t.Errorf("the value is kept in %q", r.mem.Kept)
		}
		before := r.snap
		v.quiet = quiet
		if quiet {
			before.Secrets = slices.Clone(before.Secrets)
		}
		if err := r.promote(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		v.agrees(t, fmt.Sprintf("promoted, the answer is late: %v", quiet), r)
		for _, one := range before.Secrets {
			if !one.Versions[2].Pending || one.Versions[2].Current || !one.Versions[0].Current {
				t.Errorf("the picture of before has become %+v", one.Versions)
			}
		}
		for _, one := range r.snap.Secrets {
			if one.Versions[2].Number != 3 || !one.Verified {
				t.Errorf("version %d is CURRENT, and verified: %v", one.Versions[2].Number, one.Verified)
			}
		}
		v.quiet = false
		for _, a := range []Action{Claim, Settle} {
			if err := r.write(t.Context(), c, a, r.snap.Secrets); err != nil {
				t.Fatal(err)
			}
			v.agrees(t, string(a), r)
		}
	}
}

func TestASecretThatHasTheVersionAlreadyIsNotWrittenAgain(t *testing.T) {
	for _, done := range [][]int{{}, {0}, {1}, {0, 1}} {
		s, m := paired()
		v := newFakeVault(s)
		c := Case{Version: s.name(1), Material: m, State: State{Old: OldAlive}, serverNow: noon}
		for _, i := range done {
			one := s.on(v)
			one.snap.Secrets = one.snap.Secrets[i : i+1]
			if err := one.stage(t.Context(), c); err != nil {
				t.Fatal(err)
			}
			s.snap = s.snap.with(i, one.snap.Secrets[0])
		}
		r := s.on(v)
		v.calls = nil
		if err := r.stage(t.Context(), c); err != nil || len(v.calls) != 2-len(done) {
			t.Errorf("staged in %v before: %v, %v", done, v.calls, err)
		}
		for _, i := range done {
			one := r.snap.Secrets[i]
			if one, err := r.Vault.Update(t.Context(), one.SecretID, one.ETag, vault.Update{Promote: 3,
				Metadata: one.Metadata}); err != nil {
				t.Fatal(err)
			} else {
				r.snap.Secrets[i].Secret = one
			}
			r.snap.Secrets[i].Versions = slices.Clone(v.versions[one.SecretID])
		}
		v.calls = nil
		if err := r.promote(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		v.agrees(t, fmt.Sprintf("promoted in %v before", done), r)
		if n := len(slices.DeleteFunc(v.calls, func(call string) bool {
			return !strings.HasPrefix(call,
				"Update")
		})); n != 2-len(done) {
			t.Errorf("promoted in %v before: %d updates", done, n)
		}
	}
}

func TestAPromotionThatDidNotTakeEffectIsNoticed(t *testing.T) {
	for what, want := range map[string]fault.Class{"late": "", "never": fault.Conflict,
		"unknown": fault.Unclear} {
		v, r, c := stagedPair(t)
		v.quiet = true
		v.fails = func(call string) error {
			if call == "Secret secret-1" && what == "never" {
				v.is["secret-1"].Current = 1
			}
			if call == "Secret secret-1" && what == "unknown" {
				return fault.New(fault.Unclear, "GetSecret", "")
			}
			return nil
		}
		err := r.promote(t.Context(), c)
		if (err == nil) != (want == "") || err != nil && fault.Of(err) != want {
			t.Errorf("%s: %v", what, err)
		}
		if err != nil && r.snap.Secrets[1].Versions[2].Current {
			t.Errorf("%s: the second one was promoted", what)
		}
	}
}

// listIssuer is an issuer with a fixed list.
type listIssuer struct {
	Issuer
	listing credential.Listing
	err     error
}

func (u listIssuer) List(context.Context, string) (credential.Listing, error) {
	return u.listing, u.err
}

func TestWhereTheListCanNotBeReadTheTimeIsTheProcesses(t *testing.T) {
	server := noon.Add(3 * time.Hour)
	for _, class := range []fault.Class{"", fault.Denied, fault.Absent} {
		s := newFixture(credential.AuthToken, plain(credential.RoleToken))
		v := newFakeVault(s)
		r := s.on(v)
		u := listIssuer{listing: credential.Listing{At: server, Credentials: s.snap.Issued}}
		if class != "" {
			u = listIssuer{err: fault.New(class, "ListAuthTokens", "no")}
		}
		r.Issuer = u
		got, err := r.observe(t.Context())
		if err != nil || !got.Seen || !got.Local.Equal(noon) {
			t.Fatalf("%s: %v, seen %v at %v", class, err, got.Seen, got.Local)
		}
		if class == "" && (!got.At.Equal(server) || got.Unseen != nil || len(got.Issued) != 1) {
			t.Errorf("a list: at %v, %v, %v", got.At, got.Unseen, got.Issued)
		}
		if class != "" && (!got.At.Equal(noon) || fault.Of(got.Unseen) != class) {
			t.Errorf("%s: at %v, %v", class, got.At, got.Unseen)
		}
	}
}

func TestAReadThatFailsIsPartOfThePictureOnlyIfItIsFinalAndNothingWasChanged(t *testing.T) {
	for _, class := range classes {
		for _, acted := range []bool{false, true} {
			for _, list := range []bool{false, true} {
				s := newFixture(credential.AuthToken, plain(credential.RoleToken))
				v, failure := newFakeVault(s), fault.New(class, "", "no")
				u := listIssuer{listing: credential.Listing{At: noon, Credentials: s.snap.Issued}}
				if list {
					u = listIssuer{err: failure}
				} else {
					v.fails = func(string) error { return failure }
				}
				r := s.on(v)
				r.Issuer, r.result.Acted = u, acted
				got, err := r.observe(t.Context())
				part := permanent(failure) && !acted
				if (err == nil) != part || err != nil && fault.Of(err) != class {
					t.Errorf("%s, acted %v: %v", class, acted, err)
					continue
				}
				if part && (list && got.Unseen == nil || !list && fault.Of(got.unreadable()) != class) {
					t.Errorf("%s: %v, %v", class, got.Unseen, got.unreadable())
				}
				if part && !list && (got.Secrets[0].SecretID != "secret-1" ||
					!strings.Contains(got.unreadable().Error(), "secret-1")) {
					t.Errorf("%s: the secret that can't be read is %+v", class, got.Secrets[0])
				}
			}
		}
	}
}

func TestAContentThatWasReadIsReadAgainOnlyIfItHasChangedOrCouldNotBeRead(t *testing.T) {
	for what, c := range map[string]struct {
		change func(*run, *fakeVault)
		reads  int
	}{
		"the same":             {func(*run, *fakeVault) {}, 1},
		"another is CURRENT":   {func(_ *run, v *fakeVault) { v.is["secret-1"].Current = 2 }, 2},
		"it could not be read": {func(r *run, _ *fakeVault) { r.snap.Secrets[0].Holds.Why = "no" }, 2},
	} {
		s := newFixture(credential.AuthToken, plain(credential.RoleToken))
		v := newFakeVault(s)
		v.versions["secret-1"] = append(v.versions["secret-1"], vault.Version{Number: 2})
		v.contents["secret-11"], v.contents["secret-12"] = credential.NewValue([]byte("one")),
			credential.NewValue([]byte("two"))
		r := s.on(v)
		r.Issuer = listIssuer{listing: credential.Listing{At: noon, Credentials: s.snap.Issued}}
		r.snap = Snapshot{}
		var err error
		for n := range 2 {
			r.snap, err = r.observe(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if n == 0 {
				c.change(r, v)
			}
		}
		reads := 0
		for _, call := range v.calls {
			if call == "Read secret-1" {
				reads++
			}
		}
		want := map[int64]string{1: "one", 2: "two"}[v.is["secret-1"].Current]
		if got := r.snap.Secrets[0].Holds; reads != c.reads || string(got.Value.Reveal()) != want ||
			got.Number != v.is["secret-1"].Current || got.Why != "" {
			t.Errorf("%s: read %d times, version %d, %q", what, reads, got.Number, got.Value.Reveal())
		}
	}
}

func TestACaseSaysTheOriginAndTheTroubleAlsoWithoutALook(t *testing.T) {
	for _, kind := range credential.Kinds() {
		for _, seen := range []bool{false, true} {
			s := newFixture(kind, plain(kind.Roles()[0]))
			s.snap.Seen, s.mem.Looks = seen, 0
			s.mem.Failure = &Failure{Look, errTest, true}
			c := Reduce(s.job, s.snap, s.mem)
			if c.Origin != kind.Origin() || c.Sight != SightNone || c.Trouble != TroubleLater {
				t.Errorf("%s, seen %v: %+v", kind, seen, c.State)
			}
			if !seen && c.Stored != StoredUnsure {
				t.Errorf("%s, not seen: %s", kind, c.Stored)
			}
		}
	}
}
