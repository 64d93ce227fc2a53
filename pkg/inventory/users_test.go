package inventory

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/keyturn/keyturn/pkg/clock"
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
)

// userReader reads only credentials, and adds up entries and gaps.
func (s *fakeSource) userReader() (r *UserReader, entries func() []Entry, gaps func() []Gap) {
	var mu sync.Mutex
	var allEntries []Entry
	var allGaps []Gap
	r = &UserReader{Source: s, Clock: s, Credential: func(_ context.Context, e Entry) {
		mu.Lock()
		defer mu.Unlock()
		allEntries = append(allEntries, e)
	}, Gap: func(g Gap) {
		mu.Lock()
		defer mu.Unlock()
		allGaps = append(allGaps, g)
	}}
	return r, func() []Entry { return allEntries }, func() []Gap { return allGaps }
}

func TestWhereTheListOfADomainIsRefusedForGoodEachUsersOwnIsRead(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		want bool
	}{
		"denied":    {fault.New(fault.Denied, "x", ""), true},
		"absent":    {fault.New(fault.Absent, "x", ""), true},
		"invalid":   {fault.New(fault.Invalid, "x", ""), true},
		"401":       {fmt.Errorf("x: %w", &fault.Error{Class: fault.Unclear, Status: 401}), true},
		"no answer": {fault.New(fault.Unclear, "x", ""), false},
		"503":       {&fault.Error{Class: fault.Unclear, Status: 503}, false},
		"no fault":  {errBroken, false},
		"throttled": {throttled, false},
	} {
		s := newFakeSource(plant, main)
		for range 3 {
			s.addUser(plant, 2, credential.AuthToken)
		}
		s.answer = refusing(c.err, "DomainCredentials Plant auth-token")
		r, entries, gaps := s.userReader()
		r.Read(t.Context(), r.Domains(t.Context()))
		if read := len(entries()) == 6; read != c.want || (len(gaps()) == 0) != c.want ||
			s.count("DomainUsers Plant 1") != map[bool]int{true: 1}[c.want] {
			t.Errorf("%s: %d entries were read, the gaps are %q", name, len(entries()), short(gaps()))
		}
	}
}

func TestAListThatIsRefusedAfterItsFirstPageIsAGap(t *testing.T) {
	s := newFakeSource(plant, main)
	s.size = 2
	s.addUser(plant, 5, credential.AuthToken)
	s.answer = refusing(denied, "DomainCredentials Plant auth-token 3")
	r, entries, gaps := s.userReader()
	r.Read(t.Context(), r.Domains(t.Context()))
	if len(entries()) != 2 || !slices.Equal(short(gaps()), []string{"list the auth tokens, Plant, auth-token"}) {
		t.Errorf("%d entries were read, the gaps are %q", len(entries()), short(gaps()))
	}
}

func TestPasswordsHaveNoListOfAUserExceptInDefault(t *testing.T) {
	for _, d := range []credential.Domain{plant, main} {
		s := newFakeSource(d)
		s.addUser(d, 1, credential.Password)
		s.answer = refusing(denied, "DomainCredentials "+d.Name+" password")
		r, entries, gaps := s.userReader()
		r.Read(t.Context(), []credential.Domain{d})
		want := map[credential.Domain]int{plant: 0, main: 1}[d]
		if len(entries()) != want || len(gaps()) != 1-want {
			t.Errorf("%s: %d entries were read, the gaps are %q", d.Name, len(entries()), short(gaps()))
		}
		for _, e := range entries() {
			if e.Domain != Classic || e.UserName != "Default0000" || !e.At.Equal(noon) {
				t.Errorf("the entry is %+v", e)
			}
		}
	}
}

func TestDomainsAreReadInTheOrderOfTheRingFromItsStart(t *testing.T) {
	s := newFakeSource()
	for i := range 50 {
		d := plant
		d.ID = fmt.Sprint(plant.ID, i)
		s.domains = append(s.domains, d)
	}
	first := map[string]bool{}
	for hour := range 20 {
		r, _, _ := s.userReader()
		r.Start = StartAt(noon.Add(time.Duration(hour)*time.Hour), 4)
		domains := r.Domains(t.Context())
		ring := Ring{Start: r.Start}
		for i, d := range domains {
			if i > 0 && ring.distance(d.ID) < ring.distance(domains[i-1].ID) {
				t.Errorf("hour %d: domain %d is out of order", hour, i)
			}
		}
		first[domains[0].ID] = true
		if len(domains) != 51 {
			t.Errorf("%d domains", len(domains))
		}
	}
	if len(first) < 10 {
		t.Errorf("only %d domains ever come first", len(first))
	}
	r, _, _ := s.userReader()
	if got := r.Domains(t.Context()); !slices.Equal(got, append(slices.Clone(s.domains), Classic)) {
		t.Errorf("without a start, the order is %v", got)
	}
}

func TestAnIDThatPanicsStopsNoOtherUser(t *testing.T) {
	for _, start := range []float64{0, 0.3} {
		s := newFakeSource()
		for range 30 {
			s.addUser(Classic, 1, credential.AuthToken)
		}
		bad := s.users["Default"][7].ID
		s.answer = func(_ context.Context, call string) error {
			if strings.HasSuffix(call, bad) {
				panic("hunter2")
			}
			return nil
		}
		r, entries, gaps := s.userReader()
		r.Start = start
		r.Kinds = func(credential.Domain) []credential.Kind { return []credential.Kind{credential.AuthToken} }
		r.Read(t.Context(), r.Domains(t.Context()))
		want := []string{"check the auth tokens of users, Default, " + bad + ", auth-token"}
		if len(entries()) != 29 || !slices.Equal(short(gaps()), want) || strings.Contains(fmt.Sprint(gaps()),
			"hunter2") {
			t.Errorf("%d entries were read, the gaps are %q", len(entries()), short(gaps()))
		}
	}
}

func TestAUserWhoseKindIsThrottledForLongIsNotAskedForTheNextKinds(t *testing.T) {
	s := newFakeSource()
	u := s.addUser(plant, 1, credential.Kinds()...)
	s.answer = refusing(throttled, "CredentialsOf Plant auth-token")
	r, entries, gaps := s.userReader()
	r.OfUser(t.Context(), plant, credential.Kinds(), u)
	want := "check the API keys and auth tokens and customer secret keys and console passwords of users, Plant, " +
		u.ID + ", auth-token, customer-secret-key, password"
	if len(entries()) != 1 || !slices.Equal(short(gaps()), []string{want}) || len(s.calls) != 1+throttledTries {
		t.Errorf("%d entries by %d calls, the gaps are %q", len(entries()), len(s.calls), short(gaps()))
	}
}

func TestEachDomainGetsItsShareOfTheTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newFakeSource(main)
		for i := range 11 {
			d := plant
			d.Name, d.ID = fmt.Sprint("D", i), fmt.Sprint(plant.ID, i)
			s.domains = append(s.domains, d)
		}
		began := time.Now()
		var mu sync.Mutex
		asked := map[time.Duration]int{}
		s.answer = func(ctx context.Context, call string) error {
			if !strings.HasPrefix(call, "DomainCredentials") {
				return nil
			}
			mu.Lock()
			asked[time.Since(began)]++
			mu.Unlock()
			<-ctx.Done()
			return ctx.Err()
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		r, _, gaps := s.userReader()
		r.Clock = slow{s}
		r.Kinds = func(credential.Domain) []credential.Kind { return []credential.Kind{credential.APIKey} }
		r.Read(ctx, r.Domains(ctx))
		if len(asked) != 3 || asked[0] != 4 || asked[20*time.Second] != 4 || asked[40*time.Second] != 4 ||
			len(gaps()) != 12 {
			t.Errorf("the domains were asked at %v, the gaps are %q", asked, short(gaps()))
		}
	})
}

func TestAsManyUsersAsTheFieldSaysAreReadInParallel(t *testing.T) {
	for workers, want := range map[int]int32{0: 4, 1: 1, 9: 9} {
		synctest.Test(t, func(t *testing.T) {
			s := newFakeSource()
			for range 50 {
				s.addUser(Classic, 1, credential.AuthToken)
			}
			var now, most atomic.Int32
			s.answer = func(ctx context.Context, call string) error {
				if !strings.HasPrefix(call, "CredentialsOf") {
					return nil
				}
				most.Store(max(most.Load(), now.Add(1)))
				defer now.Add(-1)
				return clock.System{}.Sleep(ctx, time.Second)
			}
			r := Reader{Source: s, Clock: s, Workers: workers}
			gaps := r.Read(t.Context(), Visitor{Credential: func(Entry) {}})
			if most.Load() != want || len(gaps) > 0 {
				t.Errorf("with %d workers, %d users were read in parallel, the gaps are %q", workers, most.Load(),
					short(gaps))
			}
		})
	}
}

func TestClassicUsersAreReadPageByPage(t *testing.T) {
	s := newFakeSource()
	s.size = 5
	for range 40 {
		s.addUser(Classic, 1, credential.AuthToken)
	}
	r, entries, gaps := s.userReader()
	r.Kinds = func(credential.Domain) []credential.Kind { return []credential.Kind{credential.AuthToken} }
	pages, users := 0, 0
	s.answer = func(_ context.Context, call string) error {
		s.mu.Lock()
		defer s.mu.Unlock()
		if strings.HasPrefix(call, "Users") {
			pages++
			if users != 5*(pages-1) {
				t.Errorf("page %d is read after the credentials of %d users", pages, users)
			}
		} else if call != "AllDomains" {
			users++
		}
		return nil
	}
	r.Read(t.Context(), r.Domains(t.Context()))
	if len(entries()) != 40 || pages != 8 || len(gaps()) > 0 {
		t.Errorf("%d entries by %d pages, the gaps are %q", len(entries()), pages, short(gaps()))
	}
}

func TestAListWhoseTokenRepeatsEnds(t *testing.T) {
	asked := 0
	err := pages(func(string) ([]int, string, error) {
		asked++
		if asked > 5 {
			t.Fatal("the list has no end")
		}
		return nil, "again", nil
	}, func([]int) {})
	if err != errRepeats || asked != 2 {
		t.Errorf("asked %d times: %v", asked, err)
	}
}
