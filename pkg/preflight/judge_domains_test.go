package preflight_test

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/keyturn/keyturn/pkg/config"
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
	"github.com/keyturn/keyturn/pkg/preflight"
)

var partners = credential.Domain{ID: "ocid1.domain.oc1..aaaaaaaapartners", Name: "Partners", State: "ACTIVE",
	URL: "https://idcs-1.identity.oraclecloud.com:443"}

// withDomains is good with two identity domains, one of which has joe.
func withDomains() *preflight.Facts {
	f := good()
	plant := partners
	plant.ID, plant.Name = "ocid1.domain.oc1..aaaaaaaaplant", "Plant"
	f.Config.IdentityDomains = []string{partners.ID, "all"}
	f.Domains = said([]credential.Domain{partners, plant})
	for _, d := range f.Domains.Value {
		lists := map[credential.Kind]preflight.Response[struct{}]{"": said(struct{}{})}
		for _, k := range credential.Kinds() {
			lists[k] = said(struct{}{})
		}
		f.Active = append(f.Active, preflight.Domain{Domain: d, Lists: lists, Host: said(preflight.Knocked{Status: 401,
			Clocks: preflight.Clocks{Server: noon, Local: noon}})})
	}
	f.Users[1].Person.Value.Domain = partners
	f.Users[1].Person.Value.Name = "Partners/joe"
	return f
}

// domain401 is the refusal of a domain.
var domain401 = answered(401, fault.Unclear)

var wrongDomains = []wrong{
	{"no fault", func(*preflight.Facts) {}, "identity_domains", preflight.Passed, `ACTIVE: "Partners", "Plant"`},
	{"no fault, and the domain of a user", func(*preflight.Facts) {}, "user", preflight.Passed,
		`2 users: ACTIVE; in the identity domain "Partners": ` + joe},
	{"domains that were not reached", func(f *preflight.Facts) {
		f.Domains = preflight.Response[[]credential.Domain]{}
	}, "identity_domains", preflight.Unknown, "not checked: "},
	{"domains that may not be read", func(f *preflight.Facts) { f.Domains = refusedWith[[]credential.Domain](absent) },
		"identity_domains", preflight.Failed, "{DOMAIN_INSPECT, DOMAIN_READ} in tenancy"},
	{"a named domain that may not be read", func(f *preflight.Facts) {
		f.Config.IdentityDomains = []string{partners.ID}
		f.Domains = refusedWith[[]credential.Domain](absent)
	}, "identity_domains", preflight.Failed, "{DOMAIN_READ} in tenancy where any {target.domain.id = '" + partners.ID +
		"'}"},
	{"no domains", func(f *preflight.Facts) { f.Domains, f.Active = said[[]credential.Domain](nil), nil },
		"identity_domains", preflight.Failed, "no identity domain was found there"},
	{"a domain that is named and not active", func(f *preflight.Facts) {
		f.Domains.Value[0].State, f.Active = "INACTIVE", f.Active[1:]
	}, "identity_domains", preflight.Failed, `"Partners" (` + partners.ID + ") is INACTIVE"},
	{"another domain that is not active", func(f *preflight.Facts) {
		f.Domains.Value[1].State, f.Active = "DELETING", f.Active[:1]
	}, "identity_domains", preflight.Warning, "is DELETING"},
	{"a host that is silent", func(f *preflight.Facts) { f.Active[0].Host = refusedWith[preflight.Knocked](silent) },
		"domain_host", preflight.Failed, "subnet reach " + partners.URL},
	{"a host that can't answer", func(f *preflight.Facts) { f.Active[0].Host.Value.Status = 503 }, "domain_host",
		preflight.Failed, `"Partners" (` + partners.ID + ") answers 503"},
	{"a host that was not reached", func(f *preflight.Facts) {
		f.Active[0].Host = preflight.Response[preflight.Knocked]{}
	}, "domain_host", preflight.Unknown, "not checked: "},
	{"an address of another realm", func(f *preflight.Facts) {
		f.Active[0].Host = refusedWith[preflight.Knocked](fault.New(fault.Invalid, "hosts", "nothing is sent"))
	}, "domain_host", preflight.Failed, "nothing is sent"},
	{"an answer without a Date", func(f *preflight.Facts) { f.Active[0].Host.Value.Server = time.Time{} },
		"domain_clock", preflight.Unknown, "has no Date"},
	{"a clock that is two minutes off", func(f *preflight.Facts) {
		f.Active[0].Host.Value.Server = noon.Add(2 * time.Minute)
	}, "domain_clock", preflight.Warning, "2m0s behind that of"},
	{"a clock that is six minutes off", func(f *preflight.Facts) {
		f.Active[0].Host.Value.Server = noon.Add(-6 * time.Minute)
	}, "domain_clock", preflight.Failed, "6m0s ahead of that of"},
	{"users that may not be listed", func(f *preflight.Facts) {
		f.Active[0].Lists[""] = refusedWith[struct{}](domain401)
	}, "domain_access", preflight.Failed, "{USER_INSPECT} in tenancy; if the domain still refuses after 15 minutes, " +
		"the function needs the role User Administrator"},
	{"API keys that may not be listed", func(f *preflight.Facts) {
		f.Active[1].Lists[credential.APIKey] = refusedWith[struct{}](answered(403, fault.Denied))
	}, "domain_access", preflight.Failed, "{USER_READ} in tenancy where any {target.resource.domain.id = " +
		"'ocid1.domain.oc1..aaaaaaaaplant'}; if the domain"},
	{"a list without a clear answer", func(f *preflight.Facts) {
		f.Active[0].Lists[credential.AuthToken] = refusedWith[struct{}](silent)
	}, "domain_access", preflight.Unknown, "no clear answer"},
	{"a list that was not reached", func(f *preflight.Facts) { delete(f.Active[0].Lists, credential.AuthToken) },
		"domain_access", preflight.Unknown, "not checked: "},
	{"a user who may be in a domain that is silent", func(f *preflight.Facts) {
		f.Users[1].Person = refusedWith[preflight.Person](fault.New(fault.Unclear, "SCIM ListUsers",
			`the user may be in an identity domain that did not answer: "Plant"`))
	}, "user", preflight.Unknown, `did not answer: "Plant" | see the checks`},
	{"a user whom no domain has", func(f *preflight.Facts) {
		f.Users[0].Person = refusedWith[preflight.Person](absent)
	}, "user", preflight.Failed, "is not allowed, or the user is absent"},
	{"a user of a domain who may not have it", func(f *preflight.Facts) {
		f.Users[1].Person.Value.MayNot = []credential.Kind{credential.AuthToken}
	}, "user", preflight.Failed, "in the identity domain Partners, edit the capabilities"},
	{"a federated user with a password", func(f *preflight.Facts) {
		f.Users[1].Kinds = append(f.Users[1].Kinds, credential.Password)
		f.Users[1].Person.Value.Federated = true
	}, "user", preflight.Failed, "(" + joe + ") signs in with another identity provider"},
	{"a federated user without a password", func(f *preflight.Facts) { f.Users[1].Person.Value.Federated = true },
		"user", preflight.Passed, "2 users: ACTIVE"},
	{"a user without e-mail", func(f *preflight.Facts) {
		f.Users[1].Kinds = append(f.Users[1].Kinds, credential.Password)
		f.Users[1].Person.Value.NoMail = true
	}, "user", preflight.Warning, "has no e-mail address"},
	{"credentials that a domain refuses to list", func(f *preflight.Facts) {
		f.Users[1].Has[credential.AuthToken] = refusedWith[credential.Listing](domain401)
	}, "slots", preflight.Failed, "in the identity domain Partners is not allowed"},
}

func TestEachFaultOfAnIdentityDomainIsReportedWithItsRemedy(t *testing.T) {
	judged(t, withDomains, wrongDomains)
}

func TestWithoutIdentityDomainsThereIsNoCheckAndNoCallForThem(t *testing.T) {
	for _, configured := range [][]string{nil, {"all"}} {
		synctest.Test(t, func(t *testing.T) {
			w := &world{secrets: 3, config: config.Config{IdentityDomains: configured}}
			a, _ := w.run(t, time.Minute, preflight.Request{}, nil)
			asked := slices.ContainsFunc(a.Checks, func(c preflight.Check) bool {
				return strings.Contains(c.Check, "domain") || strings.Contains(c.Found, "identity domain")
			}) || slices.ContainsFunc(a.NotChecked, func(n preflight.NotChecked) bool {
				return strings.Contains(n.What, "identity domains")
			})
			if asked != (configured != nil) || (w.domains.Load() > 0) != asked {
				t.Errorf("%v: %d calls, %+v", configured, w.domains.Load(), a)
			}
		})
	}
}

func TestADomainThatIsSilentDelaysNoOtherCheck(t *testing.T) {
	for question, check := range map[string]string{"ListDomains": "identity_domains", partners.URL + "/": "domain_host",
		"SCIM api-key": "domain_access", "GetUser": "user"} {
		synctest.Test(t, func(t *testing.T) {
			w := &world{hangs: question, secrets: 3, config: config.Config{IdentityDomains: []string{"all"}}}
			began := time.Now()
			a, _ := w.run(t, 30*time.Second, preflight.Request{}, nil)
			if took := time.Since(began); took > 17*time.Second {
				t.Errorf("%s: it took %v", question, took)
			}
			for _, c := range a.Checks {
				bad := c.Result == preflight.Failed || c.Result == preflight.Unknown
				if bad && c.Check != check && !strings.Contains(c.Found, "it waits for the check "+check) ||
					!bad && c.Check == check && c.Result != preflight.Warning {
					t.Errorf("%s: %+v", question, c)
				}
			}
		})
	}
}
