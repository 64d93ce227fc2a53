package e2e

import (
	"strings"
	"testing"

	"github.com/keyturn/keyturn/test/ociemu"
	"github.com/keyturn/keyturn/test/tenancy"
)

const plant = "ocid1.compartment.oc1..aaaaaaaaplant"

// withDomains is a tenancy with two domains besides Default: Partners in the root compartment, and Plant in another
// compartment, with another home region.
func withDomains(t *testing.T) *tenancy.Deployment {
	t.Helper()
	s := newTenancy(t, tenancy.Options{Config: []string{"identity_domains=all," + plant}})
	s.AddDomain(ociemu.DomainSeed{Name: "Partners"})
	s.AddDomain(ociemu.DomainSeed{Name: "Plant", Compartment: plant, HomeRegion: "eu-frankfurt-1"})
	return s
}

func TestACredentialOfAUserOfAnyDomainIsRotated(t *testing.T) {
	for _, domain := range []string{"", "Partners", "Plant"} {
		t.Run("domain "+domain, func(t *testing.T) {
			each(t, func(t *testing.T, w tenancy.Want) {
				s := withDomains(t)
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

func TestOfTwoUsersWithOneNameInTwoDomainsOnlyOneIsRotated(t *testing.T) {
	each(t, func(t *testing.T, w tenancy.Want) {
		s := withDomains(t)
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

func TestAPasswordOfAnotherDomainIsRefused(t *testing.T) {
	s := withDomains(t)
	c := s.Add(tenancy.Want{Kind: tenancy.Password, Domain: "Partners"})
	before := c.IDs()
	if a := closeProblem(t, s, c, c.Comment()); a.Outcome != "refused" || !a.Reopened {
		t.Errorf("the answer is %+v", a)
	}
	if after := c.IDs(); len(after) != 1 || after[0] != before[0] {
		t.Errorf("the password was changed")
	}
}
