package sweep

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
)

var (
	plant    = credential.Domain{ID: "ocid1.domain.oc1..plant", Name: "Plant", State: "ACTIVE"}
	partners = credential.Domain{ID: "ocid1.domain.oc1..partners", Name: "Partners", State: "ACTIVE"}
	main     = credential.Domain{ID: "ocid1.domain.oc1..default", Name: "Default", Default: true, Classic: true,
		State: "ACTIVE"}
)

// refusal401 is what a domain answers to a caller that lacks a role.
var refusal401 = &fault.Error{Class: fault.Unclear, Operation: "SCIM ListAuthTokens", Status: 401}

// fakeDomains is a tenancy with identity domains.
type fakeDomains struct {
	*fakeTenancy
	domains []credential.Domain
	held    map[string][]credential.Held // what a list has, by domain and kind: "Plant auth-token", "Plant users"
	refused map[string]error             // by the same names, and "Plant auth-token of <user>"
	size    int                          // of a page

	mu     sync.Mutex
	calls  map[string]int // by the same names
	slept  []time.Duration
	before func(list string) // is called before each answer
}

func newFakeDomains(domains ...credential.Domain) *fakeDomains {
	d := &fakeDomains{fakeTenancy: newFakeTenancy(), domains: domains, held: map[string][]credential.Held{},
		refused: map[string]error{}, size: 1000, calls: map[string]int{}, before: func(string) {}}
	d.config.IdentityDomains = []string{"all"}
	return d
}

func (d *fakeDomains) AllDomains(context.Context) ([]credential.Domain, error) {
	return slices.Clone(d.domains), d.fails["AllDomains"]
}

func (d *fakeDomains) asked(list string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.before(list)
	d.calls[list]++
	return d.refused[list]
}

func (d *fakeDomains) page(list string, start, most int) (credential.Page, error) {
	err := d.asked(list)
	if err != nil {
		return credential.Page{}, err
	}
	all := d.held[list]
	from := min(start-1, len(all))
	held := slices.Clone(all[from:min(from+most, from+d.size, len(all))])
	return credential.Page{Held: held, Entries: len(held), Total: len(all), At: noon}, nil
}

func (d *fakeDomains) DomainUsers(_ context.Context, in credential.Domain, start, most int) (credential.Page, error) {
	p, err := d.page(in.Name+" users", start, most)
	for _, h := range p.Held {
		p.Users = append(p.Users, credential.User{ID: h.User, Name: h.UserName})
	}
	p.Held = nil
	return p, err
}

func (d *fakeDomains) DomainCredentials(_ context.Context, in credential.Domain, kind credential.Kind, start,
	most int) (credential.Page, error) {
	return d.page(in.Name+" "+string(kind), start, most)
}

func (d *fakeDomains) Users(context.Context, string) ([]credential.User, string, error) {
	return []credential.User{{ID: owner}}, "", d.asked("classic users")
}

func (d *fakeDomains) CredentialsOf(_ context.Context, in credential.Domain, kind credential.Kind,
	user string) (credential.Listing, error) {
	name := in.Name + " " + string(kind)
	if in.Classic {
		name = "classic " + string(kind)
	}
	l := credential.Listing{At: noon}
	for _, h := range d.held[name] {
		if h.User == user {
			l.Credentials = append(l.Credentials, h.Issued)
		}
	}
	return l, d.asked(name + " of " + user)
}

func (d *fakeDomains) Sleep(ctx context.Context, pause time.Duration) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.slept = append(d.slept, pause)
	return ctx.Err()
}

// run sweeps once, and returns the failures' subjects.
func (d *fakeDomains) run(t *testing.T) (subjects []string) {
	t.Helper()
	w := d.sweeper()
	w.Inventory, w.Clock = d, d
	digest, err := w.Run(t.Context(), "call")
	for _, f := range digest.Unfinished {
		if !f.Needs {
			subjects = append(subjects, f.About)
		}
	}
	if (err != nil) != (len(subjects) > 0) {
		t.Errorf("the sweep ends with %v, found %v", err, digest.Unfinished)
	}
	slices.Sort(subjects)
	return subjects
}

// of is a credential of the owner.
func of(name string, c credential.Issued) credential.Held {
	return credential.Held{User: owner, UserName: name, Issued: c}
}

func TestOrphansOfADomainAreFoundByTheListOfTheWholeDomain(t *testing.T) {
	d := newFakeDomains(partners, plant)
	d.held["Plant auth-token"] = []credential.Held{of("Plant/web", marked("1")),
		of("Plant/web", credential.Issued{ID: "2", Created: noon})}
	if failed := d.run(t); len(d.orphans) != 1 || d.orphans[0].Issued.ID != "1" || d.orphans[0].User != owner ||
		failed != nil {
		t.Errorf("handed over were %+v, failed: %q", d.orphans, failed)
	}
	want := map[string]int{"Plant auth-token": 1, "Plant customer-secret-key": 1, "Partners auth-token": 1,
		"Partners customer-secret-key": 1, "classic users": 1, "classic auth-token of " + owner: 1,
		"classic customer-secret-key of " + owner: 1}
	if !maps.Equal(d.calls, want) {
		t.Errorf("the calls are %v, want %v", d.calls, want)
	}
}

func TestWhereTheListOfADomainIsRefusedEachUsersOwnIsRead(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		want bool
	}{
		"denied":       {fault.New(fault.Denied, "x", ""), true},
		"absent":       {fault.New(fault.Absent, "x", ""), true},
		"invalid":      {fault.New(fault.Invalid, "x", ""), true},
		"401":          {fmt.Errorf("listing: %w", refusal401), true},
		"no answer":    {fault.New(fault.Unclear, "x", ""), false},
		"503":          {&fault.Error{Class: fault.Unclear, Status: 503}, false},
		"no fault":     {errBroken, false},
		"out of calls": {throttled, false},
	} {
		d := newFakeDomains(plant)
		d.held["Plant users"] = []credential.Held{{User: owner}, {User: "ocid1.user.oc1..other"}}
		d.held["Plant auth-token"] = []credential.Held{of("", marked("1"))}
		d.refused["Plant auth-token"] = c.err
		failed := d.run(t)
		if !c.want {
			if len(d.orphans) != 0 || d.calls["Plant users"] != 0 ||
				!slices.Equal(failed, []string{"list the auth tokens of domain Plant"}) {
				t.Errorf("%s: handed over were %+v, failed: %q", name, d.orphans, failed)
			}
			continue
		}
		if len(d.orphans) != 1 || failed != nil || d.calls["Plant users"] != 1 || d.calls["Plant auth-token of "+
			owner] != 1 || d.calls["Plant auth-token of ocid1.user.oc1..other"] != 1 ||
			d.calls["Plant customer-secret-key of "+owner] != 0 {
			t.Errorf("%s: handed over were %+v, failed: %q, the calls are %v", name, d.orphans, failed, d.calls)
		}
	}
}

func TestAListThatIsRefusedAfterItsFirstPagesIsIncomplete(t *testing.T) {
	d := newFakeDomains(plant)
	d.size = 1
	for i := range 5 {
		d.held["Plant auth-token"] = append(d.held["Plant auth-token"], of("Plant/web", marked(fmt.Sprint(i))))
	}
	d.before = func(list string) {
		if list == "Plant auth-token" && d.calls[list] == 3 {
			d.refused[list] = denied
		}
	}
	if failed := d.run(t); d.calls["Plant users"] != 0 || len(d.orphans) != 2 ||
		!slices.Equal(failed, []string{"list the auth tokens of domain Plant"}) {
		t.Errorf("handed over were %d, failed: %q, the calls are %v", len(d.orphans), failed, d.calls)
	}
}

func TestAFailureOfADomainNamesItAndStopsNoOther(t *testing.T) {
	for name, c := range map[string]struct {
		set  func(*fakeDomains)
		want []string
	}{
		"the users can't be listed": {func(d *fakeDomains) {
			d.refused["Partners auth-token"], d.refused["Partners users"] = refusal401, refusal401
		}, []string{"list the users of domain Partners"}},
		"it is down": {func(d *fakeDomains) {
			for _, list := range []string{"auth-token", "customer-secret-key", "users"} {
				d.refused["Partners "+list] = fault.New(fault.Unclear, "x", "")
			}
		}, []string{"list the auth tokens of domain Partners", "list the customer secret keys of domain Partners"}},
		"one user's list fails": {func(d *fakeDomains) {
			d.refused["Partners auth-token"] = refusal401
			d.held["Partners users"] = []credential.Held{{User: "x"}, {User: "y"}}
			d.refused["Partners auth-token of x"] = denied
		}, []string{"check the auth tokens of users of domain Partners"}},
		"a bug": {func(d *fakeDomains) {
			d.before = func(list string) {
				if list == "Partners auth-token" {
					panic("hunter2")
				}
			}
		}, []string{"list the auth tokens of domain Partners"}},
		"the domains can't be listed": {func(d *fakeDomains) { d.fails["AllDomains"] = denied },
			[]string{"list the identity domains"}},
	} {
		d := newFakeDomains(partners, plant)
		d.held["Plant auth-token"] = []credential.Held{of("Plant/web", marked("1"))}
		d.held["classic auth-token"] = []credential.Held{of("web", marked("2"))}
		c.set(d)
		if failed := d.run(t); !slices.Equal(failed, c.want) || len(d.orphans) != 2 {
			t.Errorf("%s: failed: %q, want %q; handed over were %+v", name, failed, c.want, d.orphans)
		}
	}
}

func TestUsersOfDefaultAreReadByTheDomainIfItIsConfiguredAndElseByTheClassicAPI(t *testing.T) {
	for name, c := range map[string]struct {
		domains []credential.Domain
		set     func(*fakeDomains)
		want    map[string]int
	}{
		"no domain": {nil, func(*fakeDomains) {}, map[string]int{"classic users": 1,
			"classic auth-token of " + owner: 1, "classic customer-secret-key of " + owner: 1}},
		"Default": {[]credential.Domain{main}, func(*fakeDomains) {}, map[string]int{"Default auth-token": 1,
			"Default customer-secret-key": 1, "classic auth-token of " + owner: 1}},
		"Default, refused": {[]credential.Domain{main}, func(d *fakeDomains) {
			d.refused["Default auth-token"] = refusal401
		}, map[string]int{"Default auth-token": 1, "Default customer-secret-key": 1, "classic users": 1,
			"classic auth-token of " + owner: 1}},
	} {
		d := newFakeDomains(c.domains...)
		// The classic API may know it by another id.
		d.held["Default auth-token"] = []credential.Held{of("web", marked("of the domain"))}
		d.held["classic auth-token"] = []credential.Held{of("", marked("1"))}
		c.set(d)
		failed := d.run(t)
		if len(d.orphans) != 1 || d.orphans[0].Issued.ID != "1" || failed != nil || !maps.Equal(d.calls, c.want) {
			t.Errorf("%s: handed over were %+v, failed: %q, the calls are %v", name, d.orphans, failed, d.calls)
		}
	}
}

func TestACredentialInTwoListsIsHandedOverOnce(t *testing.T) {
	d := newFakeDomains(plant) // the classic API may show the users of all domains
	d.held["Plant auth-token"] = []credential.Held{of("Plant/web", marked("1"))}
	d.held["classic auth-token"] = []credential.Held{of("", marked("1"))}
	if failed := d.run(t); len(d.orphans) != 1 || failed != nil {
		t.Errorf("handed over were %+v, failed: %q", d.orphans, failed)
	}
}

func TestADomainThatHasHadTooManyCallsIsAskedAgainLater(t *testing.T) {
	d := newFakeDomains(plant)
	d.held["Plant auth-token"] = []credential.Held{of("Plant/web", marked("1"))}
	d.refused["Plant auth-token"] = throttled
	d.before = func(list string) {
		if d.calls[list] == 5 {
			delete(d.refused, list)
		}
	}
	if failed := d.run(t); len(d.orphans) != 1 || failed != nil || len(d.slept) != 5 || d.slept[0] != 15*time.Second {
		t.Errorf("handed over were %+v, failed: %q, slept %v", d.orphans, failed, d.slept)
	}
}
