package inventory

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/keyturn/keyturn/pkg/clock"
	"github.com/keyturn/keyturn/pkg/cloudguard"
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/vault"
)

func TestOnlyWhatTheVisitorAsksForIsRead(t *testing.T) {
	for name, c := range map[string]struct {
		v    Visitor
		want string // the beginnings of the calls
	}{
		"nothing": {Visitor{}, ""},
		"domains": {Visitor{Domain: func(credential.Domain) {}}, "AllDomains"},
		"users":   {Visitor{User: func(credential.Domain, credential.User) {}}, "AllDomains DomainUsers Users"},
		"credentials": {Visitor{Credential: func(Entry) {}},
			"AllDomains CredentialsOf DomainCredentials Users"},
		"secrets": {Visitor{Secret: func(string, vault.Secret) {}}, "Compartments Regions SecretsIn"},
		"problems": {Visitor{Problem: func(cloudguard.Problem) {}},
			"ClosedProblems OpenProblems Problem"},
	} {
		s := newFakeSource(plant)
		s.addUser(plant, 1, credential.Observed()...)
		s.addUser(Classic, 1, credential.Observed()...)
		s.regions, s.compartments = []string{"r"}, []string{"c"}
		s.open = []string{"p"}
		r := Reader{Source: s, Clock: s}
		if gaps := r.Read(t.Context(), c.v); len(gaps) > 0 {
			t.Errorf("%s: the gaps are %q", name, short(gaps))
		}
		var got []string
		for _, call := range s.calls {
			got = append(got, strings.Fields(call)[0])
			for _, k := range credential.Observed() {
				if !k.Rotates() && strings.Contains(call, string(k)) {
					t.Errorf("%s: %s was called without being asked for", name, call)
				}
			}
		}
		slices.Sort(got)
		if got := strings.Join(slices.Compact(got), " "); got != c.want {
			t.Errorf("%s: the calls are %s, want %s", name, got, c.want)
		}
	}
}

func TestSecretsAndProblemsComeFirstAndAUserBeforeTheUsersCredentials(t *testing.T) {
	for _, refused := range [][]string{nil, {"DomainCredentials"}, {"DomainUsers Default"},
		{"DomainUsers Default", "DomainCredentials Default api-key"}} {
		for _, domains := range [][]credential.Domain{{plant}, {plant, main}} {
			s := newFakeSource(domains...)
			s.random(rand.New(rand.NewPCG(7, 7)))
			s.size = 3
			s.answer = refusing(denied, refused...)
			known, users := map[string]bool{}, false
			early := func() {
				if users {
					t.Error("a domain, secret or problem comes after a user")
				}
			}
			r := Reader{Source: s, Clock: s}
			gaps := r.Read(t.Context(), Visitor{
				Domain:  func(credential.Domain) { early() },
				Secret:  func(string, vault.Secret) { early() },
				Problem: func(cloudguard.Problem) { early() },
				User: func(_ credential.Domain, u credential.User) {
					known[u.ID], users = true, true
				},
			})
			var late atomic.Int32
			ordered := map[string]bool{}
			both := r.Read(t.Context(), Visitor{
				User: func(_ credential.Domain, u credential.User) { s.mu.Lock(); ordered[u.ID] = true; s.mu.Unlock() },
				Credential: func(e Entry) {
					s.mu.Lock()
					defer s.mu.Unlock()
					if !ordered[e.User] {
						late.Add(1)
					}
				},
			})
			if late.Load() > 0 || len(known) == 0 || len(gaps) > 0 {
				t.Errorf("%q: %d credentials come before their users, gaps %q", refused, late.Load(), short(gaps))
			}
			// A domain's users have no lists of their own passwords.
			for _, g := range both {
				if !slices.Equal(g.Kinds, []credential.Kind{credential.Password}) || g.Domain != plant {
					t.Errorf("%q: the gaps are %q", refused, short(both))
				}
			}
		}
	}
}

func TestProblemsOfTheLast180DaysAreReadUnlessSinceSaysOtherwise(t *testing.T) {
	s := newFakeSource(main)
	s.read(t, Reader{})
	if want := noon.AddDate(0, 0, -180); !s.since.Equal(want) {
		t.Errorf("since %v, want %v", s.since, want)
	}
	s.read(t, Reader{Since: noon})
	if !s.since.Equal(noon) {
		t.Errorf("since %v, want %v", s.since, noon)
	}
}

func TestAReadingEndsWithItsContextAndEverythingUnreadIsInAGap(t *testing.T) {
	for seed := range uint64(100) {
		r := rand.New(rand.NewPCG(seed, 2))
		s := newFakeSource([]credential.Domain{plant, partners, idle, main}[r.IntN(3):]...)
		s.random(r)
		ctx, cancel := context.WithCancel(t.Context())
		var calls atomic.Int32
		end := int32(r.IntN(150))
		s.answer = func(ctx context.Context, _ string) error {
			if calls.Add(1) > end {
				cancel()
			}
			return ctx.Err()
		}
		f := &found{seen: map[string]int{}, busy: map[string]bool{}, t: t}
		reader := Reader{Source: s, Clock: s}
		if seed%3 == 0 {
			reader.Start = StartAt(noon.Add(time.Duration(seed)*time.Hour), 1)
		}
		gaps := reader.Read(ctx, f.visitor())
		cancel()
		for _, x := range s.things(credential.Kinds()) {
			if n, covered := f.seen[x.key], covering(gaps, x, f.seen); n > 1 || n == 0 && covered == 0 {
				t.Fatalf("seed %d: %s was read %d times, and is in %d gaps of %q", seed, x.key, n, covered, short(gaps))
			}
		}
		for _, g := range gaps {
			if !errors.Is(g.Err, context.Canceled) && !errors.Is(g.Err, ErrNotActive) {
				t.Errorf("seed %d: the gap %+v", seed, g)
			}
		}
		if after := calls.Load() - end; after > 60 {
			t.Errorf("seed %d: %d calls after the end", seed, after)
		}
	}
}

// slow is a source whose calls take a second.
type slow struct{ *fakeSource }

func (slow) Now() time.Time                                   { return time.Now() }
func (slow) Sleep(ctx context.Context, d time.Duration) error { return clock.System{}.Sleep(ctx, d) }

func TestSecretsAndProblemsLeaveHalfOfTheTimeForUsers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newFakeSource(main)
		s.regions = []string{"r"}
		for i := range 1000 {
			s.compartments = append(s.compartments, fmt.Sprint("c", i))
		}
		s.addUser(main, 1, credential.APIKey)
		s.answer = func(ctx context.Context, call string) error {
			if !strings.HasPrefix(call, "SecretsIn") {
				return nil
			}
			return clock.System{}.Sleep(ctx, time.Second)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		began := time.Now()
		var at time.Duration
		r := Reader{Source: s, Clock: slow{s}}
		gaps := r.Read(ctx, Visitor{Secret: func(string, vault.Secret) {},
			User: func(credential.Domain, credential.User) { at = time.Since(began) }})
		if at != 30*time.Second || !slices.Equal(short(gaps), []string{"list the secrets, r"}) ||
			!errors.Is(gaps[0].Err, context.DeadlineExceeded) {
			t.Errorf("the user comes after %v, the gaps are %v", at, gaps)
		}
	})
}

func TestAServiceThatIsThrottledIsAskedAgainInEveryPart(t *testing.T) {
	s := newFakeSource(plant)
	s.addUser(plant, 1, credential.Kinds()...)
	s.addUser(Classic, 1, credential.Kinds()...)
	s.regions, s.compartments, s.open = []string{"r"}, []string{"c"}, []string{"p"}
	s.answer = func(_ context.Context, call string) error {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.count(call) < 3 && call != "AllDomains" {
			return throttled
		}
		return nil
	}
	seen, gaps := s.read(t, Reader{})
	if len(gaps) > 0 || len(seen) != 13 {
		t.Errorf("found %v, the gaps are %q", seen, short(gaps))
	}
	for _, call := range s.calls {
		if n := s.count(call); n != 3 && call != "AllDomains" {
			t.Errorf("%s was called %d times", call, n)
		}
	}
}
