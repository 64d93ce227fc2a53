package e2e

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/test/ociemu"
	"github.com/keyturn/keyturn/test/tenancy"
)

// withDomains is a tenancy with two domains besides Default: Partners in the root compartment, and Plant in another
// compartment, with another home region.
func withDomains(t *testing.T, o ociemu.Options, config ...string) *tenancy.Deployment {
	t.Helper()
	return newTenancy(t, tenancy.Options{Emulator: o, Timeout: 2 * time.Minute, Config: config}.WithDomains())
}

// inDomains adds the case for a user of each domain. All have the same name.
func inDomains(s *tenancy.Deployment, w tenancy.Want) (cases []*tenancy.Case) {
	for _, domain := range tenancy.AllDomains() {
		w.Domain = domain
		cases = append(cases, s.Add(w))
	}
	return cases
}

// ways are how a rotation may go: with a grace, without a free slot, and at the second attempt, after the first one was
// taken back.
var ways = []string{"grace", "replace", "undo"}

// Each way runs in one domain for each form, and in the next domain for the next form, so that each kind goes each way
// in each domain: by an event, by the sweep after a lost event, or by both.
func TestUsersOfThreeDomainsAreRotatedInEveryWay(t *testing.T) {
	for name, shift := range map[string]int{"by event": 0, "by the sweep": 2} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, w tenancy.Want) {
				s := withDomains(t, ociemu.Calm())
				if shift > 0 {
					dropEvents(s)
				}
				var all []*tenancy.Case
				of := map[string]*tenancy.Case{}
				n := shift + slices.IndexFunc(forms, func(f form) bool { return reflect.DeepEqual(f.want, w) })
				for i, way := range ways {
					w.UserName, w.Domain, w.Bystander = "web@example.com", tenancy.AllDomains()[(i+n)%len(ways)], 0
					if way == "replace" {
						w.Bystander = w.Kind.Record().Limit - 1
					}
					of[way] = s.Add(w)
					all = append(all, of[way])
				}
				judgeCases(t, s, all...)
				everyWay(t, s, of, shift > 0)
				for _, c := range all {
					for _, id := range c.Secrets {
						if v := s.Secret(id); v.FreeformTags["team"] != "web" || v.CurrentVersion < 2 {
							t.Errorf("%s: the secret has the CURRENT version %d and the tags %v", c.ShownName(),
								v.CurrentVersion, v.FreeformTags)
						}
					}
					successorOnly(t, c)
					if !slices.ContainsFunc(s.Mails(), func(m ociemu.Mail) bool {
						return strings.Contains(strings.ReplaceAll(m.Body, "\n", " "), c.ShownName())
					}) {
						t.Errorf("no mail names %s", c.ShownName())
					}
				}
			})
		})
	}
}

// everyWay rotates the credentials of the cases, each in its way.
func everyWay(t *testing.T, s *tenancy.Deployment, of map[string]*tenancy.Case, lost bool) {
	t.Helper()
	undo, replace, grace := of["undo"], of["replace"], of["grace"]
	s.SetCreatedOffset(-31 * time.Minute) // several refusals count
	f := s.Inject(ociemu.Fault{Times: -1, Match: proves(undo), Do: rejection(undo.Kind)})
	carriedOut(t, s, lost, order{undo, "", "refused"})
	if ids := undo.IDs(); !slices.Equal(ids, []string{undo.OldID}) {
		t.Errorf("the user has %v, want the old one only", ids)
	}
	f.Remove()
	s.SetCreatedOffset(0)
	carriedOut(t, s, lost, order{undo, "", "rotated"}, order{replace, "", "refused"},
		order{grace, "grace:1h", "rotated"})
	carriedOut(t, s, lost, order{replace, "replace:yes", "rotated"})
	if grace.Try(grace.Old) != 200 || len(grace.IDs()) != 2 {
		t.Errorf("within the grace period the user has %q", grace.IDs())
	}
	s.Forward(2 * time.Hour)
	sweep(t, s)
}

// rejection is how a service refuses a credential of the kind.
func rejection(k tenancy.Kind) ociemu.Action {
	if k == tenancy.CustomerSecretKey {
		return ociemu.Answer(403, "SignatureDoesNotMatch")
	}
	return ociemu.Answer(401, "NotAuthenticated")
}

// order is a closure of the case's problem with an option, and the outcome that it should have.
type order struct {
	c            *tenancy.Case
	option, want string
}

// carriedOut closes the problems and checks the outcomes: of the events, or of one sweep after lost events.
func carriedOut(t *testing.T, s *tenancy.Deployment, lost bool, orders ...order) {
	t.Helper()
	var want, got []string
	for _, o := range orders {
		if err := s.Close(t.Context(), o.c.Problem, o.c.Comment(o.option)); err != nil {
			t.Fatal(err)
		}
		want = append(want, o.want)
		if !lost {
			got = append(got, lastAnswer(t, s).Outcome)
		}
	}
	if lost {
		for _, a := range sweep(t, s).Outcomes {
			got = append(got, a.Outcome)
		}
		slices.Sort(want)
		slices.Sort(got)
	}
	if !slices.Equal(got, want) {
		t.Fatalf("the outcomes are %q, want %q", got, want)
	}
}

func TestUsersOfOneNameInThreeDomainsNeverMeet(t *testing.T) {
	each(t, func(t *testing.T, w tenancy.Want) {
		s := withDomains(t, ociemu.Options{})
		w.UserName = "web@example.com"
		cases := inDomains(s, w)
		judgeCases(t, s, cases...)
		for i, c := range cases {
			other := cases[(i+1)%len(cases)]
			s.ResetCalls()
			if a := closeProblem(t, s, c, other.Comment()); a.Outcome != "refused" || !a.Reopened ||
				!strings.Contains(a.Reason, "bound") {
				t.Errorf("%s, with the secret of %s: the answer is %+v", c.ShownName(), other.ShownName(), a)
			}
			problem := c.AddProblem(other.OldID)
			if err := s.Close(t.Context(), problem, c.Comment()); err != nil {
				t.Fatal(err)
			}
			if a := lastAnswer(t, s); a.Outcome == "rotated" || a.Changed {
				t.Errorf("%s, with the credential of %s: the answer is %+v", c.ShownName(), other.ShownName(), a)
			}
			for _, c := range cases {
				untouched(t, s, c)
			}
		}
		one := cases[1]
		if a := closeProblem(t, s, one, one.Comment()); a.Outcome != "rotated" {
			t.Fatalf("the answer is %+v", a)
		}
		rotated(t, s, one)
		s.ResetCalls()
		untouched(t, s, cases[0])
		untouched(t, s, cases[2])
	})
}

func TestAProtectedNameSparesTheUserOfItsDomain(t *testing.T) {
	protected := map[string]string{ // name of users -> the domains whose user is protected
		"jane@example.com": tenancy.Partners, "ann@example.com": "Default", "eve@example.com": "Partners, Plant",
		"bob@example.com": "Default, Partners, Plant", "tom@example.com": "",
	}
	const list = "protected_users=partners/jane@example.com,Default/ann@example.com,*/eve@example.com,*bob@example.com"
	for name, lost := range map[string]bool{"by event": false, "by the sweep": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := withDomains(t, ociemu.Options{}, list)
			if lost {
				dropEvents(s)
			}
			var all []*tenancy.Case
			answers := map[*tenancy.Case]string{}
			for n, name := range []string{"ann@example.com", "bob@example.com", "eve@example.com", "jane@example.com",
				"tom@example.com"} {
				w := forms[n].want
				w.UserName = name
				for _, c := range inDomains(s, w) {
					if err := s.Close(t.Context(), c.Problem, c.Comment()); err != nil {
						t.Fatal(err)
					}
					if !lost {
						answers[c] = lastAnswer(t, s).Reason
					}
					all = append(all, c)
				}
			}
			if lost {
				sweep(t, s)
			}
			for _, c := range all {
				if !strings.Contains(protected[c.UserName], tenancy.ShownDomain(c.Domain)) {
					rotated(t, s, c)
					continue
				}
				if ids := c.IDs(); !slices.Equal(ids, []string{c.OldID}) || s.Problem(c.Problem).Status != "OPEN" ||
					!lost && !strings.Contains(answers[c], c.ShownName()+" (") {
					t.Errorf("%s has %v, and the answer is %q", c.ShownName(), ids, answers[c])
				}
			}
		})
	}
}

func TestAnAPIKeyOfADomainUserKeepsItsDescriptionAndHasTheMark(t *testing.T) {
	s := withDomains(t, ociemu.Calm())
	c := s.Add(tenancy.Want{Kind: tenancy.APIKey, Domain: tenancy.Plant})
	s.DescribeCredential(c.User, c.OldID, "signs the nightly build", time.Time{})
	a := closeProblem(t, s, c, c.Comment())
	rotated(t, s, c)
	keys := s.User(c.User).APIKeys
	if mark := "signs the nightly build [keyturn "; len(keys) != 1 || keys[0].Fingerprint != a.NewID ||
		!strings.HasPrefix(keys[0].Description, mark) {
		t.Errorf("the keys are %+v, want one with the description %q...", keys, mark)
	}
}
