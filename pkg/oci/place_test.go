package oci_test

import (
	"fmt"
	"testing"

	"github.com/keyturn/keyturn/pkg/fault"
	"github.com/keyturn/keyturn/pkg/vault"
	"github.com/keyturn/keyturn/test/ociemu"
)

func TestASummaryIsFoundOnAnyPageOfAnyOfTheCompartmentsInTheSecretsOwnRegion(t *testing.T) {
	o := ociemu.Calm()
	o.PageSize = 2
	cloud, e := emulated(t, o)
	vaults := e.AddCompartment("vaults", "")
	tags := map[string]map[string]any{"keyturn": {"user": "u", "kind": "api-key"}}
	ids := map[string]string{
		"the other one":  e.AddSecret(ociemu.SecretSeed{Name: "second", Compartment: vaults, DefinedTags: tags}),
		"another region": e.AddSecret(ociemu.SecretSeed{Name: "far", Region: "ap-mumbai-1", DefinedTags: tags}),
		"about to be deleted": e.AddSecret(ociemu.SecretSeed{Name: "going", State: "PENDING_DELETION",
			DefinedTags: tags}),
	}
	for i := range 5 { // so that each page has one, however they are sorted
		name := fmt.Sprintf("number %d", i)
		ids[name] = e.AddSecret(ociemu.SecretSeed{Name: name, DefinedTags: tags})
	}
	for name, id := range ids {
		s, found, err := cloud.Vault().Summary(t.Context(), id, []string{e.Tenancy(), vaults})
		if err != nil || !found || s.ID != id || s.Defined["keyturn"]["user"] != "u" || s.Vault == "" ||
			s.Region == "" {
			t.Errorf("%s: %+v, found %v (%v)", name, s, found, err)
		}
		if want := map[bool]string{true: "PENDING_DELETION",
			false: vault.Active}[name == "about to be deleted"]; s.State != want {
			t.Errorf("%s: the state is %s, want %s", name, s.State, want)
		}
	}
	if s, found, err := cloud.Vault().Summary(t.Context(), ids["the other one"], []string{e.Tenancy()}); err != nil ||
		found {
		t.Errorf("a secret of another compartment: %+v, found %v (%v)", s, found, err)
	}
	if _, found, err := cloud.Vault().Summary(t.Context(), ids["number 0"], nil); err != nil || found {
		t.Errorf("without compartments: found %v (%v)", found, err)
	}
	e.Inject(ociemu.Fault{Operation: "ListSecrets", Times: -1, Do: ociemu.Answer(404, "NotAuthorizedOrNotFound")})
	_, found, err := cloud.Vault().Summary(t.Context(), ids["number 0"], []string{e.Tenancy()})
	if fault.Of(err) != fault.Absent || found {
		t.Errorf("a refused list: found %v (%v)", found, err)
	}
}

func TestTheConsolesAddressIsThatOfTheRegionsRealm(t *testing.T) {
	cloud, _ := offline(t, always(200, `{}`))
	for region, want := range map[string]string{
		"us-ashburn-1": "https://cloud.oracle.com", "iad": "https://cloud.oracle.com",
		"ap-mumbai-1":      "https://cloud.oracle.com",
		"us-langley-1":     "https://console.us-langley-1.oraclegovcloud.com",
		"us-gov-ashburn-1": "https://console.us-gov-ashburn-1.oraclegovcloud.com",
		"uk-gov-london-1":  "https://console.uk-gov-london-1.oraclegovcloud.uk",
		"ap-chiyoda-1":     "https://console.ap-chiyoda-1.oraclecloud8.com",
		"xx-nowhere-1":     "", "": "",
	} {
		if got := cloud.Console(region); got != want {
			t.Errorf("%q: the Console is at %q, want %q", region, got, want)
		}
	}
}

func TestAFunctionKnowsItsPlaceWithoutACall(t *testing.T) {
	cloud, e := emulated(t, ociemu.Calm())
	function, compartment, region := cloud.Place(t.Context())
	if function == "" || compartment == "" || region == "" || len(e.Calls()) > 0 {
		t.Errorf("the place is %q, %q, %q; calls %v", function, compartment, region, e.Calls())
	}
}
