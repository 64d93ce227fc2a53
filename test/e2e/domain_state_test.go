package e2e

import (
	"strings"
	"testing"

	"github.com/keyturn/keyturn/test/tenancy"
)

func TestAUserOfADomainThatIsNotActiveIsNotTakenForDeleted(t *testing.T) {
	o := tenancy.Options{}.WithDomains()
	for i, seed := range o.Emulator.Domains {
		if seed.Name == "Partners" {
			o.Emulator.Domains[i].State = "INACTIVE"
		}
	}
	s := newTenancy(t, o)
	c := s.Add(tenancy.Want{Kind: tenancy.AuthToken, Domain: "Partners"})
	if err := s.Close(t.Context(), c.Problem, c.Comment()); err != nil {
		t.Fatal(err)
	}
	mail := strings.Join(strings.Fields(s.Mails()[0].Body), " ")
	if !strings.Contains(mail, `"Partners" (it is INACTIVE: `) || strings.Contains(mail, "DISMISSED") {
		t.Errorf("the mail is %s", mail)
	}
	untouched(t, s, c)
	other := s.Add(tenancy.Want{Kind: tenancy.AuthToken})
	if a := closeProblem(t, s, other, other.Comment()); a.Outcome != "rotated" {
		t.Errorf("for a user of Default, the answer is %+v", a)
	}
}
