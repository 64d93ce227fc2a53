package e2e

import (
	"strings"
	"testing"

	"github.com/keyturn/keyturn/test/ociemu"
	"github.com/keyturn/keyturn/test/tenancy"
)

// refusesClassicCalls makes the domain refuse every classic call of the functions about a user, as one was seen to do
// again and again.
func refusesClassicCalls(s *tenancy.Deployment) {
	s.Inject(ociemu.Fault{Times: -1, Do: ociemu.DomainUnauthorized, Match: func(c ociemu.Call) bool {
		return c.Service == "identity" && strings.Contains(c.Path, "/users/") && c.Caller.Kind == "function"
	}})
}

func TestUsersOfDefaultAreRotatedByTheirDomainIfItIsChosen(t *testing.T) {
	each(t, func(t *testing.T, w tenancy.Want) {
		s := withDomains(t, ociemu.Calm(), "default_domain_api=scim")
		refusesClassicCalls(s)
		c := s.Add(w)
		if a := closeProblem(t, s, c, c.Comment()); a.Outcome != "rotated" {
			t.Fatalf("the answer is %+v", a)
		}
		rotated(t, s, c)
	})
}

func TestTheSweepReadsTheDefaultDomainIfItIsChosen(t *testing.T) {
	s := withDomains(t, ociemu.Calm(), "default_domain_api=scim")
	refusesClassicCalls(s)
	dropEvents(s)
	c, p := s.Add(tenancy.Want{Kind: tenancy.CustomerSecretKey}), s.Add(tenancy.Want{Kind: tenancy.Password})
	for _, c := range []*tenancy.Case{c, p} {
		if err := s.Close(t.Context(), c.Problem, c.Comment()); err != nil {
			t.Fatal(err)
		}
	}
	if d := sweep(t, s); len(d.Outcomes) != 2 || len(d.Unfinished) != 0 {
		t.Fatalf("the digest is %+v", d)
	}
	rotated(t, s, c)
	chosen(t, s, p)
}
