package inventory

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/keyturn/keyturn/pkg/cloudguard"
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
	"github.com/keyturn/keyturn/pkg/vault"
)

// refusing lets the calls with these beginnings fail.
func refusing(err error, calls ...string) func(context.Context, string) error {
	return func(_ context.Context, call string) error {
		if slices.ContainsFunc(calls, func(c string) bool { return strings.HasPrefix(call, c) }) {
			return err
		}
		return nil
	}
}

// short writes gaps for comparison.
func short(all []Gap) (out []string) {
	for _, g := range all {
		text := g.Doing
		for _, part := range []string{g.Domain.Name, g.Region, g.Thing} {
			if part != "" {
				text += ", " + part
			}
		}
		if g.Users {
			text += ", users"
		}
		for _, k := range g.Kinds {
			text += ", " + string(k)
		}
		if g.More > 0 {
			text += fmt.Sprint(", more: ", g.More)
		}
		out = append(out, text)
	}
	return out
}

func TestGapsNameWhatWasNotRead(t *testing.T) {
	for name, c := range map[string]struct {
		answer func(context.Context, string) error
		want   []string
	}{
		"nothing fails": {refusing(denied), nil},
		"the domains": {refusing(denied, "AllDomains"), []string{
			"list the identity domains, users, api-key, auth-token, customer-secret-key, password"}},
		"the users of a domain": {refusing(denied, "DomainUsers Plant"), []string{"list the users, Plant, users"}},
		"one kind of a domain": {refusing(errBroken, "DomainCredentials Plant auth-token"), []string{
			"list the auth tokens, Plant, auth-token"}},
		"a domain that refuses everything": {refusing(denied, "DomainUsers Plant", "DomainCredentials Plant"), []string{
			"list the console passwords, Plant, password",
			"list the users, Plant, users, api-key, auth-token, customer-secret-key"}},
		"a domain that is silent": {refusing(fault.New(fault.Unclear, "x", ""), "DomainUsers Plant",
			"DomainCredentials Plant"), []string{"list the API keys, Plant, api-key",
			"list the auth tokens, Plant, auth-token", "list the console passwords, Plant, password",
			"list the customer secret keys, Plant, customer-secret-key", "list the users, Plant, users"}},
		"a kind of all users": {refusing(denied, "DomainCredentials Plant api-key", "CredentialsOf Plant api-key"),
			[]string{"check the API keys of users, Plant, api-key"}},
		"a kind of a user": {refusing(denied, "DomainCredentials Plant api-key",
			"CredentialsOf Plant api-key ocid1.user.oc1..Plant0000"),
			[]string{"check the API keys of users, Plant, ocid1.user.oc1..Plant0000, api-key"}},
		"the regions":      {refusing(denied, "Regions"), []string{"list the regions"}},
		"the compartments": {refusing(denied, "Compartments"), []string{"list the compartments"}},
		"a region":         {refusing(denied, "SecretsIn r1"), []string{"list the secrets, r1"}},
		"a compartment":    {refusing(denied, "SecretsIn r1 c2"), []string{"list the secrets, r1, c2"}},
		"open problems":    {refusing(denied, "OpenProblems"), []string{"list the open problems"}},
		"closed problems":  {refusing(denied, "ClosedProblems"), []string{"list the closed problems"}},
		"a problem":        {refusing(denied, "Problem p1"), []string{"read problems, p1"}},
	} {
		s := newFakeSource(plant, main)
		for range 3 {
			s.addUser(plant, 1, credential.Kinds()...)
		}
		s.regions, s.compartments = []string{"r1", "r2"}, []string{"c1", "c2"}
		s.open = []string{"p1", "p2"}
		s.answer = c.answer
		_, gaps := s.read(t, Reader{})
		if got := short(gaps); !slices.Equal(got, c.want) {
			t.Errorf("%s: the gaps are %q, want %q", name, got, c.want)
		}
	}
}

func TestADomainThatIsNotActiveIsAGapAndIsNotAsked(t *testing.T) {
	s := newFakeSource(idle, main)
	seen, gaps := s.read(t, Reader{})
	want := []string{"read the users, Idle, users, api-key, auth-token, customer-secret-key, password"}
	if !slices.Equal(short(gaps), want) || !errors.Is(gaps[0].Err, ErrNotActive) || gaps[0].Domain != idle {
		t.Errorf("the gaps are %q, want %q", short(gaps), want)
	}
	if !reflect.DeepEqual(seen, map[string]int{"domain Default": 1}) || s.count("DomainUsers Idle 1") != 0 {
		t.Errorf("found %v by %q", seen, s.calls)
	}
}

func TestWithSCIMForDefaultADefaultDomainThatIsNotConfiguredIsAGap(t *testing.T) {
	for _, allDomains := range []error{nil, denied} {
		s := newFakeSource(plant)
		s.answer = refusing(allDomains, "AllDomains")
		_, gaps := s.read(t, Reader{DefaultBySCIM: true})
		want := []string{"read the credentials, Default, users, api-key, auth-token, customer-secret-key, password"}
		if allDomains != nil { // it may be one of those that aren't known
			want = []string{"list the identity domains, users, api-key, auth-token, customer-secret-key, password"}
		}
		if !slices.Equal(short(gaps), want) || s.count("Users ") != 0 {
			t.Errorf("the gaps are %q, want %q", short(gaps), want)
		}
	}
}

func TestOfManyThingsWithOneCauseTwentyAreNamed(t *testing.T) {
	s := newFakeSource(main)
	for i := range 50 {
		s.open = append(s.open, fmt.Sprintf("p%02d", i))
	}
	s.answer = func(_ context.Context, call string) error {
		switch {
		case call == "Problem p07":
			return errBroken
		case strings.HasPrefix(call, "Problem"):
			return denied
		}
		return nil
	}
	_, gaps := s.read(t, Reader{Workers: 7})
	var want []string
	for i := range 21 {
		want = append(want, fmt.Sprintf("read problems, p%02d", i))
	}
	want[20] += ", more: 29"
	if !slices.Equal(short(gaps), want) {
		t.Errorf("the gaps are %q, want %q", short(gaps), want)
	}
}

func TestARegionThatIsSilentIsNotAskedAboutAllCompartments(t *testing.T) {
	for answered := range 2 {
		s := newFakeSource(main)
		s.regions = []string{"r"}
		for i := range 200 {
			s.compartments = append(s.compartments, fmt.Sprintf("c%03d", i))
		}
		s.answer = func(_ context.Context, call string) error {
			if !strings.HasPrefix(call, "SecretsIn") || answered == 1 && call == "SecretsIn r c002 " {
				return nil
			}
			return fault.New(fault.Unclear, "x", "")
		}
		_, gaps := s.read(t, Reader{Workers: 1})
		asked := 0
		for _, call := range s.calls {
			if strings.HasPrefix(call, "SecretsIn") {
				asked++
			}
		}
		switch {
		case answered == 0 && (asked != maxSilent || len(gaps) != 1 || gaps[0].Thing != ""):
			t.Errorf("%d compartments were asked for without an answer, the gaps are %q", asked, short(gaps))
		case answered == 1 && (asked != 200 || len(gaps) != maxNamed || gaps[maxNamed-1].More != 199-maxNamed):
			t.Errorf("%d compartments were asked for, the gaps are %q", asked, short(gaps))
		}
	}
}

func TestAPanicOfTheVisitorIsAGap(t *testing.T) {
	for function, want := range map[string]string{"domain": DoingDomains, "user": "list the users, Plant, users",
		"credential": "list the API keys, Plant, api-key", "secret": "list the secrets, r",
		"problem": "read problems, p"} {
		s := newFakeSource(plant, main)
		s.addUser(plant, 1, credential.APIKey)
		s.regions, s.compartments, s.open = []string{"r"}, []string{"c"}, []string{"p"}
		s.secrets["r c"] = []vault.Secret{{ID: "s"}}
		boom := func(name string) {
			if name == function {
				panic("hunter2")
			}
		}
		r := Reader{Source: s, Clock: s}
		gaps := r.Read(t.Context(), Visitor{
			Domain:     func(credential.Domain) { boom("domain") },
			User:       func(credential.Domain, credential.User) { boom("user") },
			Credential: func(Entry) { boom("credential") },
			Secret:     func(string, vault.Secret) { boom("secret") },
			Problem:    func(cloudguard.Problem) { boom("problem") },
		})
		if len(gaps) != 1 || !strings.HasPrefix(short(gaps)[0], want) || strings.Contains(fmt.Sprint(gaps), "hunter2") {
			t.Errorf("%s: the gaps are %v, want %q", function, gaps, want)
		}
	}
}
