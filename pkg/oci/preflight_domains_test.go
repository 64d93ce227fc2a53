package oci_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/test/ociemu"
)

func TestAPreflightReadsDomainsAndChangesNothing(t *testing.T) {
	cloud, e := withDomains(t, ociemu.Calm())
	old := e.AddDomain(ociemu.DomainSeed{Name: "Old", State: "INACTIVE"})
	cloud.IdentityDomains = append(cloud.IdentityDomains, old)
	all, err := cloud.AllDomains(t.Context())
	active, activeErr := cloud.Domains(t.Context())
	if err != nil || activeErr != nil || len(all) != 4 || len(active) != 3 ||
		slices.ContainsFunc(active, func(d credential.Domain) bool { return d.State != "ACTIVE" }) {
		t.Fatalf("%+v and %+v (%v, %v)", all, active, err, activeErr)
	}
	for _, d := range active {
		url, err := cloud.DomainURL(d)
		if err != nil || url != e.Domain(d.Name).URL+"/" {
			t.Errorf("%s: %s (%v)", d.Name, url, err)
		}
		for _, kind := range append([]credential.Kind{""}, credential.Kinds()...) {
			if err := cloud.TryDomainList(t.Context(), d, kind); err != nil {
				t.Errorf("%s, %q: %v", d.Name, kind, err)
			}
		}
	}
	if _, err := cloud.DomainURL(credential.Domain{URL: "https://idcs-1.identity.example.com:443"}); err == nil {
		t.Error("the address of another realm is taken")
	}
	for _, c := range []struct {
		domain, want      string
		seed              ociemu.UserSeed
		federated, noMail bool
	}{
		{"Default", "", ociemu.UserSeed{}, false, false},
		{"Partners", "Partners", ociemu.UserSeed{Email: "web@example.com"}, false, false},
		{"Plant", "Plant", ociemu.UserSeed{Federated: true}, true, true},
	} {
		c.seed.Name = "web@example.com"
		id := e.AddDomainUser(c.domain, c.seed)
		before := len(called(e, "GetUser"))
		u, d, noMail, err := cloud.Account(t.Context(), id)
		if err != nil || d.Name != c.want || u.Federated != c.federated || noMail != c.noMail || u.State != "ACTIVE" ||
			u.ID != id || u.Name != d.UserName("web@example.com") && d.ID != "" {
			t.Errorf("%s: %+v, %+v, %t (%v)", c.domain, u, d, noMail, err)
		}
		if n := len(called(e, "GetUser")) - before; n != 1 {
			t.Errorf("%s: the account was read %d times", c.domain, n)
		}
	}
	for _, call := range e.Calls() {
		if call.Method != "GET" {
			t.Errorf("%s was called", call.Operation)
		}
	}
}

func TestAPreflightNamesWhatADomainRefuses(t *testing.T) {
	o := ociemu.Calm()
	o.Authorizer = func(_ ociemu.Caller, c ociemu.Call) bool { return c.Operation != "ListAuthTokens" }
	cloud, _ := withDomains(t, o)
	domains, err := cloud.Domains(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range domainKinds {
		err := cloud.TryDomainList(t.Context(), domains[0], kind)
		if (kind == credential.AuthToken) != (err != nil) || err != nil && !strings.Contains(err.Error(), "401") {
			t.Errorf("%s: %v", kind, err)
		}
	}
}
