package rotation

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
	"github.com/keyturn/keyturn/pkg/vault"
)

// counted is an issuer and a vault that count their reads.
type counted struct {
	Issuer
	Vault
	mu             sync.Mutex
	lists, secrets int
	fails          func(n int) error // of the nth read
	now            time.Time
}

func (c *counted) Now() time.Time                             { return c.now }
func (c *counted) Sleep(context.Context, time.Duration) error { return nil }

func (c *counted) fail() error {
	if c.fails == nil {
		return nil
	}
	return c.fails(c.lists + c.secrets)
}

func (c *counted) List(context.Context, string) (credential.Listing, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lists++
	return credential.Listing{At: noon}, c.fail()
}

func (c *counted) Secret(_ context.Context, id string) (vault.Secret, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.secrets++
	return vault.Secret{ID: id, State: vault.Active}, c.fail()
}

// lookFirst begins a prefetch, waits for it, and reads as the first look of a run does. It returns the reads that look
// made.
func lookFirst(t *testing.T, c *counted, job Job, age time.Duration, ids ...string) (lists, secrets int) {
	t.Helper()
	c.now = noon
	e := &Engine{Issuers: map[credential.Kind]Issuer{credential.AuthToken: c}, Vault: c, Clock: c,
		Known: func(id string) bool { return id != "unknown" }}
	p := e.Prefetch(t.Context(), credential.Ref{Kind: credential.AuthToken, User: "ann"}, ids)
	_, _ = p.listing.Wait(t.Context())
	for _, s := range p.secrets {
		_, _ = s.Wait(t.Context())
	}
	c.now = noon.Add(age)
	lists, secrets = c.lists, c.secrets
	r := &run{Engine: e, Issuer: c, job: job, first: p.of(job)}
	if _, err := r.first.list(t.Context(), c.now, func() (credential.Listing, error) {
		return c.List(t.Context(), "ann")
	}); err != nil {
		t.Errorf("the listing: %v", err)
	}
	for _, id := range ids {
		if s, err := r.readSettled(t.Context(), id); err != nil || s.ID != id {
			t.Errorf("the secret %s: %+v (%v)", id, s, err)
		}
	}
	return c.lists - lists, c.secrets - secrets
}

func TestAPrefetchedAnswerIsUsedByTheJobThatItIsAboutWhileItIsYoungAndGood(t *testing.T) {
	ann := Job{Request: credential.Request{Ref: credential.Ref{Kind: credential.AuthToken, User: "ann", ID: "1"}}}
	bob, key := ann, ann
	bob.Ref.User, key.Ref.Kind = "bob", credential.CustomerSecretKey
	for name, c := range map[string]struct {
		job            Job
		age            time.Duration
		fails          func(int) error
		lists, secrets int // that the first look makes itself
	}{
		"the same user and kind": {ann, 0, nil, 0, 0},
		"as old as it may be":    {ann, PrefetchLife, nil, 0, 0},
		"older":                  {ann, PrefetchLife + time.Nanosecond, nil, 1, 2},
		"another user":           {bob, 0, nil, 1, 2},
		"another kind":           {key, 0, nil, 1, 2},
		"answers that failed": {ann, 0, func(n int) error {
			if n <= 3 {
				return fault.New(fault.Throttled, "List", "later")
			}
			return nil
		}, 1, 2},
	} {
		if lists, secrets := lookFirst(t, &counted{fails: c.fails}, c.job, c.age, "a", "b"); lists != c.lists ||
			secrets != c.secrets {
			t.Errorf("%s: the first look listed %d times and read %d secrets, want %d and %d", name, lists, secrets,
				c.lists, c.secrets)
		}
	}
}

func TestAPrefetchedAnswerIsUsedOnce(t *testing.T) {
	c := &counted{}
	if lists, secrets := lookFirst(t, c,
		Job{Request: credential.Request{Ref: credential.Ref{Kind: credential.AuthToken, User: "ann"}}}, 0, "a",
		"a"); lists != 0 || secrets != 1 {
		t.Errorf("two reads of one secret asked Vault %d times, want once (and %d lists)", secrets, lists)
	}
}

func TestASecretInAnUnknownRegionIsNotPrefetched(t *testing.T) {
	c := &counted{}
	if _, secrets := lookFirst(t, c,
		Job{Request: credential.Request{Ref: credential.Ref{Kind: credential.AuthToken, User: "ann"}}}, 0, "a",
		"unknown"); secrets != 1 || c.secrets != 2 {
		t.Errorf("of two secrets, one in an unknown region, the first look read %d, want 1", secrets)
	}
}

// TestWithoutAPrefetchTheRunAsks: a kind without an issuer has no listing, and a job without a prefetch has nothing.
func TestWithoutAPrefetchTheRunAsks(t *testing.T) {
	c := &counted{now: noon}
	p := (&Engine{Vault: c, Clock: c}).Prefetch(t.Context(), credential.Ref{Kind: credential.AuthToken, User: "ann"},
		nil)
	for name, p := range map[string]*Prefetch{"none": nil, "one without an issuer": p} {
		asked := errors.New("asked")
		if _, err := p.list(t.Context(), noon, func() (credential.Listing, error) {
			return credential.Listing{}, asked
		}); !errors.Is(err, asked) {
			t.Errorf("%s: the listing came from somewhere else (%v)", name, err)
		}
		if _, err := p.secret(t.Context(), "a", noon, func() (vault.Secret, error) {
			return vault.Secret{}, asked
		}); !errors.Is(err, asked) {
			t.Errorf("%s: the secret came from somewhere else (%v)", name, err)
		}
	}
}

func TestAKeyPairIsPrefetchedForTheKindThatNeedsOne(t *testing.T) {
	c := &counted{now: noon}
	e := &Engine{Vault: c, Clock: c}
	for _, kind := range credential.Kinds() {
		p := e.Prefetch(t.Context(), credential.Ref{Kind: kind, User: "ann"}, nil)
		if (p.key != nil) != (kind.Origin() == credential.Local) {
			t.Errorf("%s: a key pair is made: %v", kind, p.key != nil)
		}
		if p.key == nil {
			continue
		}
		first, err := p.key.wait(t.Context())
		got, errGot := p.keyPair(e.bits()).wait(t.Context())
		if err != nil || errGot != nil || got.ID != first.ID {
			t.Errorf("%s: the run gets another key pair (%v, %v)", kind, err, errGot)
		}
	}
}

// TestOnlyTheFirstLookUsesWhatWasPrefetched: what is read right before a deletion has to be read then.
func TestOnlyTheFirstLookUsesWhatWasPrefetched(t *testing.T) {
	for _, fails := range []bool{false, true} {
		s := newFixture(credential.AuthToken, plain(credential.RoleToken))
		v := newFakeVault(s)
		v.is["secret-2"] = v.is["secret-1"] // one that the record doesn't name
		r := s.on(v)
		r.Issuer = listIssuer{listing: credential.Listing{At: noon, Credentials: s.snap.Issued}}
		r.job.Authorize = func(context.Context, []vault.Secret) (credential.Authorized, error) {
			return credential.Authorized{}, nil
		}
		r.first = r.Engine.Prefetch(t.Context(), r.job.Ref, []string{"secret-1", "secret-2"})
		for _, task := range r.first.secrets {
			_, _ = task.Wait(t.Context())
		}
		if fails {
			v.fails = func(string) error { return fault.New(fault.Throttled, "ListSecretVersions", "later") }
		}
		if err := r.look(t.Context()); (err != nil) != fails {
			t.Fatalf("the first look: %v", err)
		}
		v.fails = nil
		before := len(v.calls)
		if _, err := r.readSettled(t.Context(), "secret-2"); err != nil || len(v.calls) != before+1 {
			t.Errorf("after a first look that fails: %v, a secret that it did not read was not asked for (%v)", fails,
				err)
		}
	}
}
