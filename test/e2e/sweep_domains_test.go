package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/test/ociemu"
	"github.com/keyturn/keyturn/test/tenancy"
)

// addOrphan gives the case's user a credential with the mark of a rotation that never stored its value.
func addOrphan(s *tenancy.Deployment, c *tenancy.Case) {
	var home string
	for _, id := range c.Secrets {
		home = id
	}
	mark := credential.Mark{Rotation: "aaaaaaaaaaaaaaaa", Maker: "maker", Home: credential.Home(home)}
	s.SetCreatedOffset(-time.Hour)
	if c.Kind == tenancy.AuthToken {
		s.AddAuthToken(c.User, mark.Describe("pulls"))
	} else {
		s.AddCustomerSecretKey(c.User, mark.Describe("backup"))
	}
	s.SetCreatedOffset(0)
}

// refuseWholeLists makes a domain refuse the lists of the credentials of all users.
func refuseWholeLists(s *tenancy.Deployment, domain string, status int) {
	s.Inject(ociemu.Fault{Times: -1, Do: ociemu.Answer(status, ""), Match: func(c ociemu.Call) bool {
		return c.Domain == domain && strings.HasPrefix(c.Operation, "List") && c.Operation != "ListUsers" &&
			!strings.Contains(c.Query, "filter")
	}})
}

func TestTheSweepDeletesAnOrphanOfAnyDomainByEachWayOfListing(t *testing.T) {
	for _, kind := range []tenancy.Kind{tenancy.AuthToken, tenancy.CustomerSecretKey} {
		for _, domain := range []string{"Default", "Plant"} {
			for _, status := range []int{0, 401, 403, 404} {
				t.Run(fmt.Sprintf("%s, %s, %d", kind, domain, status), func(t *testing.T) {
					t.Parallel()
					s := withDomains(t, ociemu.Options{})
					c := s.Add(tenancy.Want{Kind: kind, Domain: domain, Bundle: true})
					addOrphan(s, c)
					if status != 0 {
						refuseWholeLists(s, domain, status)
					}
					d := sweep(t, s)
					if ids := c.IDs(); !slices.Equal(ids, []string{c.OldID}) || len(d.Found) != 1 {
						t.Errorf("the user has %v, the digest is %+v", ids, d)
					}
				})
			}
		}
	}
}

func TestTheSweepReadsTheOtherDomainsWhileOneIsDownOrRefuses(t *testing.T) {
	for name, fail := range map[string]func(*tenancy.Deployment){
		"it is down": func(s *tenancy.Deployment) { s.SetDomainDown("Partners", true) },
		"it refuses all lists": func(s *tenancy.Deployment) {
			s.Inject(ociemu.Fault{Times: -1, Do: ociemu.Answer(403, ""), Match: func(c ociemu.Call) bool {
				return c.Domain == "Partners"
			}})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := withDomains(t, ociemu.Options{})
			c := s.Add(tenancy.Want{Kind: tenancy.AuthToken, Domain: "Plant"})
			addOrphan(s, c)
			s.Add(tenancy.Want{Kind: tenancy.AuthToken, Domain: "Partners"})
			fail(s)
			sweeps(t, s, 1)
			if ids := c.IDs(); !slices.Equal(ids, []string{c.OldID}) {
				t.Errorf("the user of Plant has %v", ids)
			}
			if swept := s.Swept(); swept[len(swept)-1].Status == 200 {
				t.Error("a sweep that could not read a domain counts as good")
			}
			mail := strings.Join(strings.Fields(s.Mails()[0].Body), " ")
			if !strings.Contains(mail, "of domain Partners: ") || strings.Contains(mail, "of domain Plant: ") {
				t.Errorf("the mail is %s", mail)
			}
		})
	}
}

func TestTheSweepMailsOnceWhichCredentialsOfOtherDomainsAreTooOld(t *testing.T) {
	for name, refuse := range map[string]bool{"by lists of domains": false, "by lists of users": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := withDomains(t, ociemu.Options{Settle: -1}, "protected_users=plant/web@example.com")
			for _, kind := range tenancy.Kinds() {
				s.Add(tenancy.Want{Kind: kind, UserName: "of-default-" + string(kind)})
				s.Add(tenancy.Want{Kind: kind, Domain: "Plant"})
			}
			web := tenancy.Want{Kind: tenancy.APIKey, UserName: "web@example.com"}
			for _, web.Domain = range []string{"Plant", "Partners"} {
				s.Add(web)
			}
			if refuse {
				refuseWholeLists(s, "Plant", 401)
			}
			if n := sweeps(t, s, 3); n != 1 {
				t.Fatalf("three sweeps sent %d mails, want 1", n)
			}
			mail := strings.Join(strings.Fields(s.Mails()[0].Body), " ")
			for _, want := range []string{"In domain Plant, 4 credentials are older than 90 days: 1 API key, 1 auth " +
				"token, 1 customer secret key, 1 console password.",
				"Not counted: 1 old credential of protected users.",
				"In domain Partners, 1 credential is older than 90 days: 1 API key.",
				"API key of Partners/web@example.com, 120 days old", "console password of Plant/password-user-"} {
				if !strings.Contains(mail, want) {
					t.Errorf("the mail lacks %q: %s", want, mail)
				}
			}
			if strings.Contains(mail, "Plant/web@example.com") || strings.Contains(mail, "of-default") {
				t.Errorf("the mail names a user too many: %s", mail)
			}
		})
	}
}

func TestAProtectedUserOfADomainKeepsAnOrphanAndOneOfTheSameNameElsewhereDoesNot(t *testing.T) {
	t.Parallel()
	s := withDomains(t, ociemu.Options{}, "protected_users=plant/web@example.com")
	var cases []*tenancy.Case
	for _, domain := range []string{"Plant", "Partners", "Default"} {
		c := s.Add(tenancy.Want{Kind: tenancy.AuthToken, Domain: domain, UserName: "web@example.com"})
		addOrphan(s, c)
		cases = append(cases, c)
	}
	d := sweep(t, s)
	if ids := cases[0].IDs(); len(ids) != 2 {
		t.Errorf("the protected user has %v, the digest is %+v", ids, d)
	}
	for _, c := range cases[1:] {
		if ids := c.IDs(); !slices.Equal(ids, []string{c.OldID}) {
			t.Errorf("another user has %v, the digest is %+v", ids, d)
		}
	}
}
