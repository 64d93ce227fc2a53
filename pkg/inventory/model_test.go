package inventory

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
)

// thing is one thing of the tenancy, with what a gap about it looks like.
type thing struct {
	key    string // see found
	domain credential.Domain
	kind   credential.Kind
	id     string // of the user, compartment or problem
	region string
	list   string // Gap.Doing of its list, for problems
}

// things lists what a reading of everything should find.
func (s *fakeSource) things(kinds []credential.Kind) (out []thing) {
	for _, d := range s.all() {
		for _, u := range s.users[d.Name] {
			out = append(out, thing{key: "user " + u.ID, domain: d, id: u.ID})
		}
		for _, k := range kinds {
			for _, h := range s.held[d.Name+" "+string(k)] {
				out = append(out, thing{key: "credential " + h.User + " " + string(k) + " " + h.ID, domain: d, kind: k,
					id: h.User})
			}
		}
	}
	for _, region := range s.regions {
		for _, c := range s.compartments {
			for _, secret := range s.secrets[region+" "+c] {
				out = append(out, thing{key: "secret " + region + " " + secret.ID, region: region, id: c})
			}
		}
	}
	for _, id := range s.open {
		out = append(out, thing{key: "problem " + id, id: id, list: "list the open problems"})
	}
	for _, id := range s.closed {
		out = append(out, thing{key: "problem " + id, id: id, list: "list the closed problems"})
	}
	return out
}

// all is the tenancy's domains, Default among them.
func (s *fakeSource) all() []credential.Domain {
	if slices.Contains(s.domains, main) {
		return s.domains
	}
	return append(slices.Clone(s.domains), Classic)
}

// about reports whether a gap is about a thing or its list, not regarding Gap.Thing.
func (g Gap) about(x thing) bool {
	switch {
	case x.region != "":
		return g.Doing == "list the regions" || g.Doing == doingSecrets && g.Region == x.region
	case x.list != "":
		return g.Doing == x.list || g.Doing == "read problems"
	case g.Doing != DoingDomains && g.Domain.Name != x.domain.Name:
		return false
	case x.kind == "":
		return g.Users
	}
	return slices.Contains(g.Kinds, x.kind)
}

// covering counts the gaps that say that a thing wasn't read: those that name it, or else those about its list, or else
// those with further things.
func covering(all []Gap, x thing, seen map[string]int) int {
	unlisted := seen["domain "+x.domain.Name] == 0 && !slices.ContainsFunc(all, func(g Gap) bool {
		return g.Domain == x.domain
	})
	if x.region != "" && slices.ContainsFunc(all, func(g Gap) bool { return g.Doing == "list the compartments" }) {
		return 1 // all regions may be missing, too
	}
	named, whole, more := 0, 0, 0
	for _, g := range all {
		switch {
		case !g.about(x) || g.Doing == DoingDomains && !unlisted:
		case g.Thing == x.id:
			named++
		case g.Thing == "":
			whole++
		case g.More > 0:
			more = 1
		}
	}
	return cmp.Or(named, whole, more)
}

// kindsOf are the outcomes of a call that fails. The call may be made again if its outcome is fault.Throttled.
var kindsOf = []error{denied, fault.New(fault.Absent, "x", ""), fault.New(fault.Invalid, "x", ""),
	&fault.Error{Class: fault.Unclear, Operation: "x", Status: 401}, fault.New(fault.Unclear, "x", ""), errBroken,
	throttled, errPanics}

var errPanics = errors.New("it panics")

// failing lets one call in n fail, the same ones each time, of those whose name begins with one of the texts.
func failing(seed uint64, n int, only ...string) func(context.Context, string) error {
	return func(_ context.Context, call string) error {
		if !slices.ContainsFunc(only, func(begin string) bool { return strings.HasPrefix(call, begin) }) {
			return nil
		}
		hash := fnv.New64a()
		_, _ = fmt.Fprint(hash, seed, call)
		r := rand.New(rand.NewPCG(seed, hash.Sum64()))
		if r.IntN(n) > 0 {
			return nil
		}
		err := kindsOf[r.IntN(len(kindsOf))]
		if err == errPanics {
			panic("hunter2")
		}
		return err
	}
}

var calls = []string{"AllDomains", "Users", "DomainUsers", "DomainCredentials", "CredentialsOf", "Regions",
	"Compartments", "SecretsIn", "OpenProblems", "ClosedProblems", "Problem"}

func TestEverythingIsReadOnceAndWhatIsNotReadIsInOneGap(t *testing.T) {
	unread := map[string]int{}
	for seed := range uint64(400) {
		r := rand.New(rand.NewPCG(seed, 1))
		domains := []credential.Domain{plant, partners, idle, main}
		r.Shuffle(len(domains), func(i, j int) { domains[i], domains[j] = domains[j], domains[i] })
		s := newFakeSource(domains[:r.IntN(len(domains)+1)]...)
		s.random(r)
		kinds, reader := credential.Kinds(), Reader{}
		if r.IntN(2) == 0 {
			kinds = credential.Observed()
			reader.Kinds = kinds
		}
		only := calls
		if r.IntN(2) == 0 {
			only = []string{calls[r.IntN(len(calls))]}
		}
		// One call in one fails if that is a single sort of call.
		s.answer = failing(seed, 1+len(only)/3+r.IntN(12), only...)
		if seed%10 == 0 {
			s.answer = func(context.Context, string) error { return nil }
		}
		seen, gaps := s.read(t, reader)
		for _, x := range s.things(kinds) {
			n, covered := seen[x.key], covering(gaps, x, seen)
			delete(seen, x.key)
			if n > 1 || n == 0 && covered != 1 {
				t.Errorf("seed %d: %s was read %d times and is in %d gaps", seed, x.key, n, covered)
			}
			if n == 0 {
				unread[strings.Fields(x.key)[0]]++
			}
		}
		for key := range seen {
			if !strings.HasPrefix(key, "domain ") {
				t.Errorf("seed %d: %s is made up", seed, key)
			}
		}
		for _, g := range gaps {
			if g.Err == nil || strings.Contains(fmt.Sprint(g), "hunter2") || g.Doing == "" ||
				seed%10 == 0 && !errors.Is(g.Err, ErrNotActive) {
				t.Errorf("seed %d: the gap %+v", seed, g)
			}
		}
		if t.Failed() {
			t.Fatalf("the gaps are %+v", gaps)
		}
	}
	for _, sort := range []string{"user", "credential", "secret", "problem"} {
		if unread[sort] < 100 {
			t.Errorf("of the sort %s only %d were not read: the test is too easy", sort, unread[sort])
		}
	}
}
