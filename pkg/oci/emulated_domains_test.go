package oci_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
	"github.com/keyturn/keyturn/pkg/oci"
	"github.com/keyturn/keyturn/test/ociemu"
)

// domainKinds are the kinds that a domain's own API rotates.
var domainKinds = []credential.Kind{credential.APIKey, credential.AuthToken, credential.CustomerSecretKey}

// withDomains has two domains besides Default: Partners in the root compartment, and Plant in another compartment, with
// another home region.
func withDomains(t *testing.T, o ociemu.Options) (*oci.Cloud, *ociemu.Emulator) {
	t.Helper()
	cloud, e := emulated(t, o)
	e.AddDomain(ociemu.DomainSeed{Name: "Partners"})
	e.AddDomain(ociemu.DomainSeed{Name: "Plant", Compartment: "ocid1.compartment.oc1..aaaaaaaaplant",
		HomeRegion: "eu-frankfurt-1"})
	for _, d := range e.Domains() {
		cloud.IdentityDomains = append(cloud.IdentityDomains, d.ID)
	}
	return cloud, e
}

func TestCredentialsOfUsersOfEveryDomainAreListedMadeAndDeleted(t *testing.T) {
	cloud, e := withDomains(t, ociemu.Calm())
	for _, domain := range []string{"Default", "Partners", "Plant"} {
		u := e.AddDomainUser(domain, ociemu.UserSeed{Name: "web@example.com"})
		for _, kind := range domainKinds {
			issuer := cloud.Issuer(kind)
			made, err := issuer.Create(t.Context(), u, draft(t, kind, domain+string(kind)))
			if err != nil {
				t.Errorf("%s, %s: %v", domain, kind, err)
				continue
			}
			if kind.Origin() == credential.Server && made.Value.Empty() {
				t.Errorf("%s, %s: the new credential has no value", domain, kind)
			}
			listing, err := issuer.List(t.Context(), u)
			if err != nil || listing.At.IsZero() || !slices.ContainsFunc(listing.Credentials,
				func(i credential.Issued) bool { return strings.EqualFold(i.ID, made.ID) && !i.Created.IsZero() }) {
				t.Errorf("%s, %s: listed %+v (%v), want %s in it", domain, kind, listing, err, made.ID)
			}
			if err := issuer.Delete(t.Context(), u, made.ID); err != nil {
				t.Errorf("%s, %s: deleting: %v", domain, kind, err)
			}
			listing, err = issuer.List(t.Context(), u)
			if err != nil || len(listing.Credentials) != 0 {
				t.Errorf("%s, %s: after the deletion %+v (%v)", domain, kind, listing, err)
			}
			if err := issuer.Delete(t.Context(), u, made.ID); fault.Of(err) != fault.Absent {
				t.Errorf("%s, %s: deleting again: %v", domain, kind, err)
			}
		}
	}
}

func TestUsersWithOneNameInTwoDomainsAreTwoUsers(t *testing.T) {
	cloud, e := withDomains(t, ociemu.Calm())
	for domain, want := range map[string]string{"Default": "web@example.com", "Partners": "Partners/web@example.com",
		"Plant": "Plant/web@example.com"} {
		u := e.AddDomainUser(domain, ociemu.UserSeed{Name: "web@example.com"})
		if got, err := cloud.UserName(t.Context(), u); err != nil || got != want {
			t.Errorf("the user of %s is %q (%v), want %q", domain, got, err, want)
		}
		if m, err := cloud.DomainOf(t.Context(), u); err != nil || m.Domain.Name != domain {
			t.Errorf("the user of %s is found in %+v (%v)", domain, m, err)
		}
	}
}

func TestAFullSlotOfADomainUserIsFull(t *testing.T) {
	for _, domain := range []string{"Partners", "Plant"} {
		cloud, e := withDomains(t, ociemu.Calm())
		u := e.AddDomainUser(domain, ociemu.UserSeed{Name: "web@example.com"})
		e.AddAuthToken(u, "one")
		e.AddAuthToken(u, "two")
		_, err := cloud.Issuer(credential.AuthToken).Create(t.Context(), u, draft(t, credential.AuthToken, "t"))
		if fault.Of(err) != fault.Full {
			t.Errorf("%s: a third auth token: %v", domain, err)
		}
	}
}

func TestWhileADomainIsDownAnUnknownUserIsNotAbsent(t *testing.T) {
	cloud, e := withDomains(t, ociemu.Calm())
	const nobody = "ocid1.user.oc1..aaaaaaaanobody"
	if _, err := cloud.DomainOf(t.Context(), nobody); fault.Of(err) != fault.Absent {
		t.Errorf("of a user in no domain: %v", err)
	}
	e.SetDomainDown("Plant", true)
	cloud.Fresh()
	if _, err := cloud.DomainOf(t.Context(), nobody); fault.Of(err) != fault.Unclear ||
		!strings.Contains(err.Error(), "Plant") {
		t.Errorf("while Plant is down: %v", err)
	}
	u := e.AddDomainUser("Partners", ociemu.UserSeed{Name: "jane@example.com"})
	if m, err := cloud.DomainOf(t.Context(), u); err != nil || m.Domain.Name != "Partners" {
		t.Errorf("while Plant is down, a user of Partners is %+v (%v)", m, err)
	}
}

func TestOnRequestTheDefaultDomainIsAskedInPlaceOfTheClassicAPI(t *testing.T) {
	for _, kind := range domainKinds {
		cloud, e := withDomains(t, ociemu.Calm())
		cloud.DefaultBySCIM = true
		u := e.AddDomainUser("Default", ociemu.UserSeed{Name: "web@example.com"})
		made, err := cloud.Issuer(kind).Create(t.Context(), u, draft(t, kind, "one"))
		if err != nil {
			t.Fatalf("%s: %v", kind, err)
		}
		if err := cloud.Issuer(kind).Delete(t.Context(), u, made.ID); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
		for _, c := range e.Calls() {
			if c.Service == "identity" && strings.Contains(c.Path, "/users") {
				t.Errorf("%s: the classic API was asked: %s", kind, c.Operation)
			}
		}
		if name, err := cloud.UserName(t.Context(), u); err != nil || name != "web@example.com" {
			t.Errorf("the user's name is %q (%v)", name, err)
		}
	}
}

func TestTheClassicAPIDoesNotStandInForAnUnknownDefaultDomain(t *testing.T) {
	cloud, e := withDomains(t, ociemu.Calm())
	cloud.DefaultBySCIM = true
	cloud.IdentityDomains = slices.DeleteFunc(cloud.IdentityDomains, func(id string) bool {
		return id == e.Domain("Default").ID
	})
	u := e.AddDomainUser("Default", ociemu.UserSeed{Name: "web@example.com"})
	_, err := cloud.Issuer(credential.AuthToken).List(t.Context(), u)
	if fault.Of(err) != fault.Invalid || !strings.Contains(err.Error(), "add its OCID") {
		t.Errorf("the list: %v", err)
	}
}
