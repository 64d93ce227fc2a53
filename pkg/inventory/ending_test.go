package inventory

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/keyturn/keyturn/pkg/clock"
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/vault"
)

// gapOf is a gap about a user's own lists.
func gapOf(d credential.Domain, user int, err error, kinds ...credential.Kind) Gap {
	return Gap{Doing: "check", Domain: d, Thing: fmt.Sprintf("u%02d", user), Kinds: kinds, Err: err}
}

func TestGapsOfOneCauseAreMergedOnlyWithinADomainAndAKind(t *testing.T) {
	g := gaps{of: map[string]*sameGap{}, answered: map[string]bool{answerOf(plant, credential.AuthToken): true,
		answerOf(partners, credential.APIKey): true}}
	for i := range 5 {
		g.add(gapOf(plant, i, denied, credential.APIKey)) // which no user shows
	}
	for i := range 3 {
		g.add(gapOf(plant, 5+i, errBroken, credential.APIKey)) // nor these
		g.add(gapOf(main, i, denied, credential.Password))     // another domain
		g.add(gapOf(partners, i, denied, credential.APIKey))   // of which others were read
		g.add(Gap{Doing: "list the users", Domain: idle, Users: true, Kinds: credential.Kinds()[:1],
			Err: denied}) // each of them counts
	}
	g.add(gapOf(plant, 8, throttled, credential.APIKey, credential.AuthToken)) // the first is known by now
	g.add(gapOf(idle, 0, denied, credential.APIKey))                           // the only user
	want := []string{"check, Default, password", "check, Idle, u00, api-key", "list the users, Idle, users, api-key",
		"list the users, Idle, users, api-key", "list the users, Idle, users, api-key", "check, Partners, u00, api-key",
		"check, Partners, u01, api-key", "check, Partners, u02, api-key", "check, Plant, api-key",
		"check, Plant, u08, auth-token"}
	if got := short(g.all()); !slices.Equal(got, want) {
		t.Errorf("the gaps are\n%q, want\n%q", got, want)
	}
}

func TestTheOnlyCompartmentOfARegionThatCannotBeReadIsTheRegion(t *testing.T) {
	s := newFakeSource(main)
	s.regions, s.compartments = []string{"r"}, []string{"c"}
	s.answer = refusing(denied, "SecretsIn")
	if _, gaps := s.read(t, Reader{}); !slices.Equal(short(gaps), []string{"list the secrets, r"}) {
		t.Errorf("the gaps are %q", short(gaps))
	}
}

func TestARegionInWhichTheTimeRanOutIsOneGap(t *testing.T) {
	s := newFakeSource()
	s.regions, s.compartments = []string{"r"}, []string{"c1", "c2"}
	ctx, cancel := context.WithCancel(t.Context())
	s.answer = func(_ context.Context, call string) error {
		if !strings.HasPrefix(call, "SecretsIn r c2") {
			return nil
		}
		cancel()
		return errBroken
	}
	r := Reader{Source: s, Clock: s, Workers: 1}
	gaps := r.Read(ctx, Visitor{Secret: func(string, vault.Secret) {}})
	if !slices.Equal(short(gaps), []string{"list the secrets, r"}) || !errors.Is(gaps[0].Err, context.Canceled) {
		t.Errorf("the gaps are %v", gaps)
	}
}

func TestCompartmentsThatWereNotAskedAreGapsIfTheRegionAnswersAfterAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newFakeSource()
		s.regions = []string{"r"}
		for i := range 15 {
			s.compartments = append(s.compartments, fmt.Sprintf("c%02d", i))
		}
		asked := make(chan struct{})
		s.answer = func(ctx context.Context, call string) error {
			switch {
			case call == "SecretsIn r c00 ":
				close(asked)
				return clock.System{}.Sleep(ctx, time.Minute)
			case strings.HasPrefix(call, "SecretsIn"):
				<-asked
				return errBroken
			}
			return nil
		}
		r := Reader{Source: s, Clock: s, Workers: 2}
		named := map[string]bool{}
		for _, g := range r.Read(t.Context(), Visitor{Secret: func(string, vault.Secret) {}}) {
			named[g.Thing] = g.Err != nil
		}
		if len(named) != 14 || named["c00"] || !named["c14"] {
			t.Errorf("the gaps name %v", named)
		}
	})
}

func TestSecretsGetAllTheTimeIfNoUsersFollow(t *testing.T) {
	for name, c := range map[string]struct {
		v    Visitor
		want time.Duration
	}{
		"secrets only":    {Visitor{}, time.Minute},
		"and domains":     {Visitor{Domain: func(credential.Domain) {}}, time.Minute},
		"and users":       {Visitor{User: func(credential.Domain, credential.User) {}}, time.Minute / 2},
		"and credentials": {Visitor{Credential: func(Entry) {}}, time.Minute / 2},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := newFakeSource(main)
			s.regions, s.compartments = []string{"r"}, []string{"c"}
			began := time.Now()
			var took time.Duration
			s.answer = func(ctx context.Context, call string) error {
				if strings.HasPrefix(call, "SecretsIn") {
					<-ctx.Done()
					took = time.Since(began)
				}
				return nil
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			c.v.Secret = func(string, vault.Secret) {}
			r := Reader{Source: s, Clock: slow{s}}
			r.Read(ctx, c.v)
			if took != c.want {
				t.Errorf("%s: the secrets get %v, want %v", name, took, c.want)
			}
		})
	}
}

func TestAReadersStartIsThatOfItsDomains(t *testing.T) {
	s := newFakeSource()
	for i := range 20 {
		d := plant
		d.Name, d.ID = fmt.Sprint("D", i), fmt.Sprint(plant.ID, i)
		s.domains = append(s.domains, d)
	}
	r := Reader{Source: s, Clock: s, Start: 0.4}
	var got []float64
	r.Read(t.Context(), Visitor{Domain: func(d credential.Domain) {
		got = append(got, Ring{Start: 0.4}.distance(d.ID))
		if d.State != "ACTIVE" {
			t.Errorf("%+v", d)
		}
	}})
	if len(got) != 21 || !slices.IsSorted(got) {
		t.Errorf("the domains are %v behind the start", got)
	}
}

func TestWithAStartTheClassicUsersAreReadInTheOrderOfTheRing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newFakeSource()
		for range 40 {
			s.addUser(Classic, 1, credential.AuthToken)
		}
		r, entries, _ := s.userReader()
		r.Start = 0.6
		r.Kinds = func(credential.Domain) []credential.Kind { return []credential.Kind{credential.AuthToken} }
		s.answer = func(ctx context.Context, call string) error {
			return clock.System{}.Sleep(ctx, time.Second)
		}
		r.Read(t.Context(), r.Domains(t.Context()))
		users := slices.Clone(s.users["Default"])
		ring := Ring{Start: 0.6}
		slices.SortFunc(users, func(a, b credential.User) int {
			if ring.distance(a.ID) < ring.distance(b.ID) {
				return -1
			}
			return 1
		})
		for i, e := range entries() {
			if group := users[i/4*4 : i/4*4+4]; !slices.ContainsFunc(group, func(u credential.User) bool {
				return u.ID == e.User
			}) {
				t.Fatalf("entry %d is of %s", i, e.User)
			}
		}
	})
}

func TestOnceTheTimeHasRunOutThereIsOneGapAboutAllUsers(t *testing.T) {
	for _, start := range []float64{0, 0.5} {
		s := newFakeSource()
		for range 3 {
			s.addUser(Classic, 1, credential.AuthToken)
		}
		ctx, cancel := context.WithCancel(t.Context())
		s.answer = func(_ context.Context, call string) error {
			if !strings.HasPrefix(call, "CredentialsOf") {
				return nil
			}
			cancel()
			return errBroken
		}
		r, _, gaps := s.userReader()
		r.Start = start
		r.Kinds = func(credential.Domain) []credential.Kind { return []credential.Kind{credential.AuthToken} }
		r.Read(ctx, r.Domains(ctx))
		want := map[float64]string{0: "list the users, Default, auth-token",
			0.5: "check the auth tokens of users, Default, auth-token"}[start]
		if !slices.Equal(short(gaps()), []string{want}) || !errors.Is(gaps()[0].Err, context.Canceled) {
			t.Errorf("start %v: the gaps are %v", start, gaps())
		}
	}
}

func TestTimeThatRanOutIsTheCauseOfWhatFailsAfterwards(t *testing.T) {
	s := newFakeSource(main)
	ctx, cancel := context.WithCancel(t.Context())
	s.answer = func(context.Context, string) error {
		cancel()
		return errBroken
	}
	r, _, gaps := s.userReader()
	r.Domains(ctx)
	if len(gaps()) != 1 || !errors.Is(gaps()[0].Err, context.Canceled) {
		t.Errorf("the gaps are %v", gaps())
	}
}

func TestUsersWhoseTimeRanOutAreNoGapAboutCredentialsThatNobodyAskedFor(t *testing.T) {
	s := newFakeSource()
	s.addUser(Classic, 0)
	ctx, cancel := context.WithCancel(t.Context())
	r := Reader{Source: s, Clock: s, Start: 0.5}
	gaps := r.Read(ctx, Visitor{User: func(credential.Domain, credential.User) { cancel() }})
	if !slices.Equal(short(gaps), []string{"list the users, Default, users"}) {
		t.Errorf("the gaps are %q", short(gaps))
	}
}

func TestAKindOfAUserThatIsRefusedStopsNoOtherKind(t *testing.T) {
	s := newFakeSource()
	u := s.addUser(plant, 1, credential.Kinds()...)
	s.answer = refusing(denied, "CredentialsOf Plant api-key", "CredentialsOf Plant password")
	r, entries, gaps := s.userReader()
	r.OfUser(t.Context(), plant, credential.Kinds(), u)
	if len(entries()) != 2 || len(gaps()) != 1 || !slices.Equal(gaps()[0].Kinds,
		[]credential.Kind{credential.APIKey, credential.Password}) {
		t.Errorf("%d entries, the gaps are %q", len(entries()), short(gaps()))
	}
}

func TestAListThatIsEmptyInTheEndEnds(t *testing.T) {
	for _, start := range []float64{0, 0.5} {
		l := &fakeList{ids: manyIDs(20), size: 5}
		l.before = func(l *fakeList) error {
			if l.calls > 3 {
				l.ids = nil
			}
			if l.calls > 50 {
				t.Fatal("the list has no end")
			}
			return nil
		}
		seen, err := l.walked(t, start)
		if len(seen) < 10 || (err != nil) != (start == 0) {
			t.Errorf("start %v: %d were read, %v", start, len(seen), err)
		}
	}
}

func TestEntriesBeforeTheFirstPageAreNotAskedFor(t *testing.T) {
	l := &fakeList{ids: manyIDs(3), size: 1}
	l.before = func(l *fakeList) error {
		if l.calls == 2 {
			l.ids = l.ids[2:]
		}
		return nil
	}
	if seen, err := l.walked(t, 0); err != errChanged || len(seen) != 1 {
		t.Errorf("%v: %v", seen, err)
	}
}

func TestAPageThatCannotBeReadIsTheCause(t *testing.T) {
	l := &fakeList{ids: manyIDs(30), size: 10}
	l.before = func(l *fakeList) error {
		if l.calls == 3 {
			return errBroken
		}
		return nil
	}
	if seen, err := l.walked(t, 0); err != errBroken || len(seen) != 20 {
		t.Errorf("%d were read: %v", len(seen), err)
	}
}

func TestACredentialThatMovesToTheNextPageIsReadOnce(t *testing.T) {
	held := func(n int) (all []credential.Held) {
		for i := range n {
			id := credential.Issued{ID: fmt.Sprint(i % 2)}
			all = append(all, credential.Held{User: fmt.Sprint("u", i/2), Issued: id})
		}
		return all
	}
	all, seen, calls := held(10), map[string]int{}, 0
	w := walk{clock: &fakeClock{}, read: func(start, _ int) (credential.Page, error) {
		calls++
		if calls == 2 { // one comes first
			all = append([]credential.Held{{User: "new", Issued: credential.Issued{ID: "0"}}}, all...)
		}
		some := slices.Clone(all[start-1 : min(start+3, len(all))])
		return credential.Page{Held: some, Entries: len(some), Total: len(all)}, nil
	}, each: func(p credential.Page) {
		for _, h := range p.Held {
			seen[h.User+" "+h.ID]++
		}
	}}
	err := w.all(t.Context())
	if err != nil || len(seen) != 10 || most(seen) != 1 {
		t.Errorf("%v: %v", seen, err)
	}
}
