package oci

import (
	"errors"
	"testing"

	"github.com/oracle/oci-go-sdk/v65/common"

	"github.com/keyturn/keyturn/pkg/credential"
)

// asleep is a Cloud of a function in Frankfurt with the home region Ashburn and without a network.
func asleep(t *testing.T) *Cloud {
	t.Helper()
	m, err := credential.GenerateAPIKey(2048)
	if err != nil {
		t.Fatal(err)
	}
	c := NewWith(common.NewRawConfigurationProvider("ocid1.tenancy.oc1..aaaaaaaatenancy",
		"ocid1.user.oc1..aaaaaaaauser", "eu-frankfurt-1", m.ID, string(m.Value.Reveal()), nil))
	c.tenancy.v, c.tenancy.done = credential.Tenancy{Home: "us-ashburn-1"}, true
	c.namespace.v, c.namespace.done = "acmespace", true
	c.network.transport.Proxy = nil
	return c
}

func TestOnlyRegionsOfTheFunctionsRealmAreKnown(t *testing.T) {
	c := asleep(t)
	for region, want := range map[string]bool{"": true, "eu-frankfurt-1": true, "us-ashburn-1": true, "iad": true,
		"us-phoenix-1": true,
		"us-langley-1": false, "uk-gov-london-1": false, "xx-nowhere-1": false, "evil.example/": false} {
		if got := c.Vault().Known("ocid1.vaultsecret.oc1." + region + ".amaaaaaasecret"); got != want {
			t.Errorf("region %q: known %v, want %v", region, got, want)
		}
	}
	c.provider = func() (principal, error) { return principal{}, errors.New("no principal") }
	if c.Vault().Known("ocid1.vaultsecret.oc1..amaaaaaasecret") {
		t.Error("a function that doesn't know its own region knows one")
	}
}

func TestAClientOfTheSDKNeverRepeatsOrRefusesACall(t *testing.T) {
	c := asleep(t)
	cl, err := c.identity("")
	if err != nil {
		t.Fatal(err)
	}
	v, err := c.Vault().management("")
	if err != nil {
		t.Fatal(err)
	}
	for _, base := range []common.BaseClient{cl.BaseClient, v.BaseClient} {
		if with := base.Configuration; with.CircuitBreaker != nil || with.RetryPolicy != &onePlain {
			t.Errorf("%s has a breaker %v and the policy %v", base.Host, with.CircuitBreaker, with.RetryPolicy)
		}
	}
}
