package inventory

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/keyturn/keyturn/pkg/cloudguard"
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/vault"
)

var (
	plant    = credential.Domain{ID: "ocid1.domain.oc1..plant", Name: "Plant", State: "ACTIVE"}
	partners = credential.Domain{ID: "ocid1.domain.oc1..partners", Name: "Partners", State: "ACTIVE"}
	idle     = credential.Domain{ID: "ocid1.domain.oc1..idle", Name: "Idle", State: "INACTIVE"}
	main     = credential.Domain{ID: "ocid1.domain.oc1..default", Name: "Default", Default: true, Classic: true,
		State: "ACTIVE"}
)

// fakeSource is a tenancy in memory. Each call has a name, such as "SecretsIn eu-1 c2 50".
type fakeSource struct {
	domains      []credential.Domain
	users        map[string][]credential.User // by domain name
	held         map[string][]credential.Held // by domain name and kind: "Plant auth-token"
	regions      []string
	compartments []string
	secrets      map[string][]vault.Secret // by region and compartment
	open, closed []string
	size         int                                          // of a page
	answer       func(ctx context.Context, call string) error // is called before each answer

	mu    sync.Mutex
	calls []string
	now   time.Time
	since time.Time
}

func newFakeSource(domains ...credential.Domain) *fakeSource {
	return &fakeSource{domains: domains, users: map[string][]credential.User{}, held: map[string][]credential.Held{},
		secrets: map[string][]vault.Secret{}, size: 1000, now: noon,
		answer: func(context.Context, string) error { return nil }}
}

// addUser adds a user with so many credentials of each kind.
func (s *fakeSource) addUser(d credential.Domain, credentials int, kinds ...credential.Kind) credential.User {
	u := credential.User{ID: fmt.Sprintf("ocid1.user.oc1..%s%04d", d.Name, len(s.users[d.Name])), State: "ACTIVE"}
	u.Name = d.UserName(u.ID[16:])
	s.users[d.Name] = append(s.users[d.Name], u)
	for _, k := range kinds {
		list := d.Name + " " + string(k)
		for range credentials {
			s.held[list] = append(s.held[list], credential.Held{User: u.ID, UserName: u.Name,
				Issued: credential.Issued{ID: list + strconv.Itoa(len(s.held[list]))}})
		}
	}
	return u
}

// random fills the tenancy.
func (s *fakeSource) random(r *rand.Rand) {
	s.size = 1 + r.IntN(8)
	for _, d := range append(slices.Clone(s.domains), Classic) {
		if d.Name == Classic.Name && s.users[d.Name] != nil {
			continue
		}
		for range r.IntN(30) {
			s.addUser(d, r.IntN(3), credential.Observed()...)
		}
	}
	for i := range r.IntN(4) {
		s.regions = append(s.regions, fmt.Sprint("region-", i))
	}
	for i := range r.IntN(30) {
		s.compartments = append(s.compartments, fmt.Sprint("compartment-", i))
	}
	for _, region := range s.regions {
		for _, c := range s.compartments {
			for i := range r.IntN(12) {
				id := fmt.Sprint(region, "/", c, "/", i)
				s.secrets[region+" "+c] = append(s.secrets[region+" "+c], vault.Secret{ID: id})
			}
		}
	}
	for i := range r.IntN(30) {
		s.open = append(s.open, fmt.Sprint("open-", i))
	}
	for i := range r.IntN(30) {
		s.closed = append(s.closed, fmt.Sprint("closed-", i))
	}
}

func (s *fakeSource) asked(ctx context.Context, format string, args ...any) error {
	call := fmt.Sprintf(format, args...)
	s.mu.Lock()
	s.calls = append(s.calls, call)
	s.mu.Unlock()
	return s.answer(ctx, call)
}

// count returns how many calls had the name.
func (s *fakeSource) count(call string) (n int) {
	for _, c := range s.calls {
		if c == call {
			n++
		}
	}
	return n
}

func (s *fakeSource) Now() time.Time                                   { return s.now }
func (s *fakeSource) Sleep(ctx context.Context, _ time.Duration) error { return ctx.Err() }

// part returns a page of a list, whose token is the position.
func part[T any](s *fakeSource, all []T, page string) ([]T, string) {
	from, _ := strconv.Atoi(page)
	to := min(from+s.size, len(all))
	if to == len(all) {
		return slices.Clone(all[from:]), ""
	}
	return slices.Clone(all[from:to]), strconv.Itoa(to)
}

// slice returns at most that many entries from the given one on.
func slice[T any](s *fakeSource, all []T, start, most int) []T {
	from := min(start-1, len(all))
	return slices.Clone(all[from:min(from+most, from+s.size, len(all))])
}

func (s *fakeSource) AllDomains(ctx context.Context) ([]credential.Domain, error) {
	err := s.asked(ctx, "AllDomains")
	if err != nil {
		return s.domains[:len(s.domains)/2], err // a part of it may come with an error
	}
	return slices.Clone(s.domains), nil
}

func (s *fakeSource) Users(ctx context.Context, page string) ([]credential.User, string, error) {
	err := s.asked(ctx, "Users %s", page)
	if err != nil {
		return nil, "", err
	}
	some, next := part(s, s.users[Classic.Name], page)
	return some, next, nil
}

func (s *fakeSource) DomainUsers(ctx context.Context, d credential.Domain, start, most int) (credential.Page, error) {
	err := s.asked(ctx, "DomainUsers %s %d", d.Name, start)
	if err != nil {
		return credential.Page{}, err
	}
	some := slice(s, s.users[d.Name], start, most)
	return credential.Page{Users: some, Entries: len(some), Total: len(s.users[d.Name]), At: noon}, nil
}

func (s *fakeSource) DomainCredentials(ctx context.Context, d credential.Domain, k credential.Kind, start,
	most int) (credential.Page, error) {
	err := s.asked(ctx, "DomainCredentials %s %s %d", d.Name, k, start)
	if err != nil {
		return credential.Page{}, err
	}
	all := s.held[d.Name+" "+string(k)]
	some := slice(s, all, start, most)
	return credential.Page{Held: some, Entries: len(some), Total: len(all), At: noon}, nil
}

func (s *fakeSource) CredentialsOf(ctx context.Context, d credential.Domain, k credential.Kind,
	user string) (credential.Listing, error) {
	err := s.asked(ctx, "CredentialsOf %s %s %s", d.Name, k, user)
	if err != nil {
		return credential.Listing{}, err
	}
	l := credential.Listing{At: noon}
	for _, h := range s.held[d.Name+" "+string(k)] {
		if h.User == user {
			l.Credentials = append(l.Credentials, h.Issued)
		}
	}
	return l, nil
}

func (s *fakeSource) Administrators(context.Context) (map[string]bool, []string, error) {
	return nil, nil, errors.New("a reading does not ask for administrators")
}

func (s *fakeSource) Regions(ctx context.Context) ([]string, error) {
	err := s.asked(ctx, "Regions")
	if err != nil {
		return nil, err
	}
	return s.regions, nil
}

func (s *fakeSource) Compartments(ctx context.Context) ([]string, error) {
	err := s.asked(ctx, "Compartments")
	if err != nil {
		return nil, err
	}
	return s.compartments, nil
}

func (s *fakeSource) SecretsIn(ctx context.Context, region, compartment, page string) ([]vault.Secret, string, error) {
	err := s.asked(ctx, "SecretsIn %s %s %s", region, compartment, page)
	if err != nil {
		return nil, "", err
	}
	some, next := part(s, s.secrets[region+" "+compartment], page)
	return some, next, nil
}

func (s *fakeSource) OpenProblems(ctx context.Context, since time.Time, page string) ([]string, string, error) {
	s.since = since
	err := s.asked(ctx, "OpenProblems %s", page)
	if err != nil {
		return nil, "", err
	}
	some, next := part(s, s.open, page)
	return some, next, nil
}

func (s *fakeSource) ClosedProblems(ctx context.Context, _ time.Time, page string) ([]string, string, error) {
	err := s.asked(ctx, "ClosedProblems %s", page)
	if err != nil {
		return nil, "", err
	}
	some, next := part(s, s.closed, page)
	return some, next, nil
}

func (s *fakeSource) Problem(ctx context.Context, id string) (cloudguard.Problem, error) {
	return cloudguard.Problem{ID: id}, s.asked(ctx, "Problem %s", id)
}

// found is what a reading passed to its visitor: how often, by "user <id>", "credential <user> <kind> <id>", ...
type found struct {
	mu   sync.Mutex
	seen map[string]int
	busy map[string]bool
	t    *testing.T
}

// add counts a call of a function. It fails the test if another call of the same function has not ended.
func (f *found) add(function, key string) {
	f.mu.Lock()
	if f.busy[function] {
		f.t.Errorf("%s is called twice at the same time", function)
	}
	f.busy[function] = true
	f.seen[function+" "+key]++
	f.mu.Unlock()
	runtime.Gosched()
	f.mu.Lock()
	f.busy[function] = false
	f.mu.Unlock()
}

func (f *found) visitor() Visitor {
	return Visitor{
		Domain:     func(d credential.Domain) { f.add("domain", d.Name) },
		User:       func(_ credential.Domain, u credential.User) { f.add("user", u.ID) },
		Credential: func(e Entry) { f.add("credential", e.User+" "+string(e.Kind)+" "+e.ID) },
		Secret:     func(region string, s vault.Secret) { f.add("secret", region+" "+s.ID) },
		Problem:    func(p cloudguard.Problem) { f.add("problem", p.ID) },
	}
}

// read reads the tenancy.
func (s *fakeSource) read(t *testing.T, r Reader) (map[string]int, []Gap) {
	t.Helper()
	f := &found{seen: map[string]int{}, busy: map[string]bool{}, t: t}
	r.Source, r.Clock = s, s
	gaps := r.Read(t.Context(), f.visitor())
	return f.seen, gaps
}
