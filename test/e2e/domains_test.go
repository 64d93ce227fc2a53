package e2e

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/test/ociemu"
	"github.com/keyturn/keyturn/test/tenancy"
)

const plant = "ocid1.compartment.oc1..aaaaaaaaplant"

// withDomains is a tenancy with two domains besides Default: Partners in the root compartment, and Plant in another
// compartment, with another home region.
func withDomains(t *testing.T, o ociemu.Options, config ...string) *tenancy.Deployment {
	t.Helper()
	s := newTenancy(t, tenancy.Options{Emulator: o, Timeout: time.Minute,
		Config: append(config, "identity_domains=all,"+plant)})
	s.AddDomain(ociemu.DomainSeed{Name: "Partners"})
	s.AddDomain(ociemu.DomainSeed{Name: "Plant", Compartment: plant, HomeRegion: "eu-frankfurt-1"})
	return s
}

func TestACredentialOfAUserOfAnyDomainIsRotated(t *testing.T) {
	for _, domain := range []string{"", "Partners", "Plant"} {
		t.Run("domain "+domain, func(t *testing.T) {
			each(t, func(t *testing.T, w tenancy.Want) {
				s := withDomains(t, ociemu.Options{})
				w.Domain = domain
				c := s.Add(w)
				a := closeProblem(t, s, c, c.Comment())
				if a.Outcome != "rotated" || a.NewID == "" {
					t.Fatalf("the answer is %+v", a)
				}
				rotated(t, s, c)
				want := c.UserName
				if domain != "" {
					want = domain + "/" + c.UserName
				}
				if mails := s.Mails(); len(mails) != 1 || !strings.Contains(mails[0].Body, want) {
					t.Errorf("%d mails, want one that names %s", len(mails), want)
				}
			})
		})
	}
}

func TestTheSweepRotatesForUsersOfEveryDomainAfterLostEvents(t *testing.T) {
	each(t, func(t *testing.T, w tenancy.Want) {
		clock := &tenancy.Clock{}
		s := withDomains(t, ociemu.Options{Now: clock.Now})
		dropEvents(s)
		var cases []*tenancy.Case
		for _, domain := range []string{"", "Partners", "Plant"} {
			w.Domain, w.UserName = domain, "web@example.com"
			c := s.Add(w)
			cases = append(cases, c)
			if err := s.Close(t.Context(), c.Problem, c.Comment("grace:1m")); err != nil {
				t.Fatal(err)
			}
		}
		if d := sweep(t, s); len(d.Outcomes) != 3 {
			t.Fatalf("the digest is %+v", d)
		}
		for _, c := range cases {
			if c.Try(c.Old) != 200 || len(c.IDs()) != 2 {
				t.Errorf("%s: within the grace period the user has %q", c.User, c.IDs())
			}
		}
		clock.Add(2 * time.Minute)
		sweep(t, s)
		for _, c := range cases {
			rotated(t, s, c)
		}
	})
}

func TestOfTwoUsersWithOneNameInTwoDomainsOnlyOneIsRotated(t *testing.T) {
	each(t, func(t *testing.T, w tenancy.Want) {
		s := withDomains(t, ociemu.Options{})
		w.UserName, w.Domain = "web@example.com", "Partners"
		c := s.Add(w)
		w.Domain = "Plant"
		other := s.Add(w)
		if a := closeProblem(t, s, c, c.Comment()); a.Outcome != "rotated" {
			t.Fatalf("the answer is %+v", a)
		}
		rotated(t, s, c)
		if ids := other.IDs(); len(ids) != 1 || ids[0] != other.OldID || other.Try(other.Old) != 200 {
			t.Errorf("the other user has %q", ids)
		}
	})
}

// Each position of each of the emulator's switches about domains, apart from the one that only passwords meet.
var domainSwitches = map[string]func(*ociemu.DomainAnswers){
	"classic sees all users":  func(a *ociemu.DomainAnswers) { a.ClassicSeesAll = true },
	"a host without its port": func(a *ociemu.DomainAnswers) { a.HostPort = ociemu.HostPortOptional },
	"no message ids":          func(a *ociemu.DomainAnswers) { a.MessageIDs = ociemu.MessageIDsAbsent },
	"401 without a body":      func(a *ociemu.DomainAnswers) { a.EmptyUnauthorized = true },
	"409 for a full slot":     func(a *ociemu.DomainAnswers) { a.Quota = ociemu.QuotaConflict },
	"an unknown full slot":    func(a *ociemu.DomainAnswers) { a.Quota = ociemu.QuotaOther },
	"no value again":          func(a *ociemu.DomainAnswers) { a.RetryToken = "no-value" },
	"409 again":               func(a *ociemu.DomainAnswers) { a.RetryToken = "conflict" },
	"no retry token":          func(a *ociemu.DomainAnswers) { a.RetryToken = "ignored" },
	"an inactive slot":        func(a *ociemu.DomainAnswers) { a.InactiveSlot = ociemu.InactiveFreesSlot },
	"listed secrets":          func(a *ociemu.DomainAnswers) { a.ListedSecrets = true },
	"both registry names":     func(a *ociemu.DomainAnswers) { a.RegistryNames = ociemu.RegistryNamesBoth },
	"domains in all names":    func(a *ociemu.DomainAnswers) { a.RegistryNames = ociemu.RegistryNamesDomain },
}

func TestADomainUserIsRotatedWhateverTheDomainAnswers(t *testing.T) {
	for n, name := range slices.Sorted(maps.Keys(domainSwitches)) {
		form := forms[n%len(forms)]
		for _, domain := range []string{"", "Plant"} {
			t.Run(name+", "+form.name+", "+domain, func(t *testing.T) {
				t.Parallel()
				var answers ociemu.DomainAnswers
				domainSwitches[name](&answers)
				s := withDomains(t, ociemu.Options{DomainAnswers: answers})
				w := form.want
				w.Domain = domain
				c := s.Add(w)
				if a := closeProblem(t, s, c, c.Comment()); a.Outcome != "rotated" {
					t.Fatalf("the answer is %+v", a)
				}
				rotated(t, s, c)
			})
		}
	}
}

func TestAFullSlotOfADomainUserIsRefusedUnlessItMayBeReplaced(t *testing.T) {
	for name, change := range domainSwitches {
		if !strings.Contains(name, "full slot") && name != "no message ids" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var answers ociemu.DomainAnswers
			change(&answers)
			s := withDomains(t, ociemu.Options{DomainAnswers: answers})
			c := s.Add(tenancy.Want{Kind: tenancy.AuthToken, Domain: "Partners", Bystander: 1})
			if a := closeProblem(t, s, c, c.Comment()); a.Outcome != "refused" || len(c.IDs()) != 2 {
				t.Fatalf("without a free slot the answer is %+v", a)
			}
			if a := closeProblem(t, s, c, c.Comment("replace:yes")); a.Outcome != "rotated" {
				t.Fatalf("with replace:yes the answer is %+v", a)
			}
			rotated(t, s, c)
		})
	}
}
