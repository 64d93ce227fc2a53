package e2e

import (
	"strings"
	"testing"

	"github.com/keyturn/keyturn/test/ociemu"
	"github.com/keyturn/keyturn/test/tenancy"
)

// inPartners binds a secret of a kind to a new user of the domain Partners.
func inPartners(s *tenancy.Deployment, kind string, seed ociemu.UserSeed) {
	seed.Name = "web@example.com"
	bound(s, "", ociemu.SecretSeed{FreeformTags: map[string]string{"keyturn-kind": kind,
		"keyturn-user": s.AddDomainUser("Partners", seed)}})
}

// denyInPartners makes the domain Partners refuse the function some operations.
func denyInPartners(operations ...string) func(*tenancy.Options) {
	return func(o *tenancy.Options) {
		o.Emulator.Authorizer = func(caller ociemu.Caller, c ociemu.Call) bool {
			return caller.Kind != "function" || c.Domain != "Partners" ||
				!strings.Contains(strings.Join(operations, " "), c.Operation)
		}
	}
}

var brokenDomains = []broken{
	{name: "nothing", check: "domain_access", is: "passed", words: []string{"3 identity domains"}},
	{name: "a domain is down", set: func(s *tenancy.Deployment) { s.SetDomainDown("Partners", true) },
		check: "domain_host", words: []string{`"Partners" (ocid1.domain.`, "answers 503"}},
	{name: "a domain is down, and no other one has the user", set: func(s *tenancy.Deployment) {
		s.SetDomainDown("Partners", true)
		bound(s, "ocid1.user.oc1..aaaaaaaanobody", ociemu.SecretSeed{})
	}, check: "domain_host", words: []string{"nor for a user whom no other domain has"},
		also: map[string]string{"user": "see the checks identity_domains, domain_host"}},
	{name: "a domain cuts signed requests", set: func(s *tenancy.Deployment) {
		s.Inject(ociemu.Fault{Times: -1, Do: ociemu.Cut, Match: func(c ociemu.Call) bool {
			return c.Domain == "Partners"
		}})
	}, check: "domain_access", is: "unknown", words: []string{"listing the users, API keys, auth tokens, customer " +
		"secret keys of the identity domain \"Partners\"", "no answer"}},
	{name: "a domain refuses to list API keys", with: denyInPartners("ListApiKeys"), check: "domain_access",
		words: []string{"listing the API keys of the identity domain", `"Partners"`, "{USER_READ} in tenancy",
			"User Administrator"}},
	{name: "a domain refuses to list users", with: denyInPartners("ListUsers"), check: "domain_access",
		words: []string{"listing the users of", `"Partners"`, "{USER_INSPECT} in tenancy"}},
	{name: "domains may not be listed", with: func(o *tenancy.Options) { deny(o, "ListDomains") },
		check: "identity_domains", words: []string{"may not list the identity domains of ocid1.", "{DOMAIN_INSPECT, "},
		also: map[string]string{"user": "see the checks identity_domains"}},
	{name: "a domain is not active", with: func(o *tenancy.Options) {
		o.Emulator.Domains = []ociemu.DomainSeed{{Name: "Old", State: "INACTIVE"}}
	}, check: "identity_domains", is: "warning", words: []string{`"Old"`, "is INACTIVE"}},
	{name: "a user is federated", set: func(s *tenancy.Deployment) {
		inPartners(s, "password", ociemu.UserSeed{Federated: true, Email: "web@example.com"})
	}, check: "user", words: []string{"Partners/web@example.com", "signs in with another identity provider"}},
	{name: "a user has no e-mail", set: func(s *tenancy.Deployment) { inPartners(s, "password", ociemu.UserSeed{}) },
		check: "user", is: "warning", words: []string{"Partners/web@example.com", "no e-mail address"}},
	{name: "a user of a domain may not have API keys", set: func(s *tenancy.Deployment) {
		inPartners(s, "api-key", ociemu.UserSeed{Without: []string{"canUseApiKeys"}})
	}, check: "user", words: []string{"may not have an API key", "in the identity domain Partners"}},
	{name: "a user of a domain is not active", set: func(s *tenancy.Deployment) {
		inPartners(s, "api-key", ociemu.UserSeed{Deactivated: true})
	}, check: "user", words: []string{"Partners/web@example.com", "is INACTIVE"}},
	{name: "no domain has a user", set: func(s *tenancy.Deployment) {
		bound(s, "ocid1.user.oc1..aaaaaaaanobody", ociemu.SecretSeed{})
	}, check: "user", words: []string{"ocid1.user.oc1..aaaaaaaanobody is absent",
		"add that domain to identity_domains"}},
}

func TestAPreflightNamesTheOneThingThatIsWrongWithAnIdentityDomain(t *testing.T) {
	t.Parallel()
	for _, b := range brokenDomains {
		t.Run(b.name, func(t *testing.T) {
			with := b.with
			b.with = func(o *tenancy.Options) {
				if with != nil {
					with(o)
				}
				*o = o.WithDomains()
			}
			b.inspect(t, calm)
		})
	}
}

func TestAPreflightWithoutIdentityDomainsAsksNone(t *testing.T) {
	s, c := inspected(t, calm, false, nil)
	for _, one := range c.Checks {
		if strings.Contains(one.Check, "domain") || strings.Contains(one.Found, "identity domain") {
			t.Errorf("%s is %s: %s", one.Check, one.Result, one.Found)
		}
	}
	for _, call := range s.Calls() {
		if call.Domain != "" || strings.Contains(call.Operation, "Domain") {
			t.Errorf("%s was called", call.Operation)
		}
	}
}
