package oci_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
	"github.com/keyturn/keyturn/test/ociemu"
)

func TestACredentialOfADomainIsFoundByEachOfItsIDs(t *testing.T) {
	for domain, classic := range map[string]ociemu.SecretKeyIDAnswer{"Partners": "", "Plant": ociemu.SecretKeyIDOCID,
		"Default": "", "Default with OCIDs": ociemu.SecretKeyIDOCID} {
		o := ociemu.Calm()
		o.Answers.SecretKeyID = classic
		cloud, e := withDomains(t, o)
		u := e.AddDomainUser(strings.Fields(domain)[0], ociemu.UserSeed{Name: "web@example.com"})
		print, _ := e.AddAPIKey(u)
		token, _ := e.AddAuthToken(u, "x")
		access, _ := e.AddCustomerSecretKey(u, "x")
		for kind, own := range map[credential.Kind]string{credential.APIKey: print, credential.AuthToken: token,
			credential.CustomerSecretKey: access} {
			scimID, ocid := e.SCIMID(u, own)
			for _, id := range []string{own, scimID, strings.ToUpper(scimID), ocid, strings.ReplaceAll(own, ":", "")} {
				got, _, err := cloud.CredentialID(t.Context(), credential.Ref{Kind: kind, User: u, ID: id})
				if got != own || err != nil {
					t.Errorf("%s: the %s %s is found as %q (%v), want %s", domain, kind, id, got, err, own)
				}
			}
			got, living, err := cloud.CredentialID(t.Context(), credential.Ref{Kind: kind, User: u,
				ID: strings.Repeat("ab", 16)})
			if got != "" || !slices.Contains(living, own) || err != nil {
				t.Errorf("%s: an unknown id of the %s is %q of %q (%v)", domain, kind, got, living, err)
			}
		}
	}
}

func TestTheIDOfACredentialOfNoKnownDomainIsKept(t *testing.T) {
	cloud, e := emulated(t, ociemu.Calm())
	ref := credential.Ref{Kind: credential.APIKey, User: e.AddUser("web@example.com"), ID: strings.Repeat("ab", 16)}
	if got, _, err := cloud.CredentialID(t.Context(), ref); got != ref.ID || err != nil || len(e.Calls()) != 0 {
		t.Errorf("got %q (%v) after %d calls", got, err, len(e.Calls()))
	}
	cloud, e = withDomains(t, ociemu.Calm())
	ref.User = e.AddDomainUser("Plant", ociemu.UserSeed{Name: "jane"})
	e.SetDomainDown("Plant", true)
	if _, _, err := cloud.CredentialID(t.Context(), ref); fault.Of(err) != fault.Unclear {
		t.Errorf("while the domain is down: %v", err)
	}
}
