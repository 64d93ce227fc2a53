package oci

import (
	"context"
	"errors"
	"net"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oracle/oci-go-sdk/v65/common"

	"github.com/keyturn/keyturn/pkg/credential"
)

// asleep is a Cloud of a function in Frankfurt with a home in Ashburn, and without a network.
func asleep(t *testing.T) *Cloud {
	t.Helper()
	m, err := credential.GenerateAPIKey(2048)
	if err != nil {
		t.Fatal(err)
	}
	c := NewWith(common.NewRawConfigurationProvider("ocid1.tenancy.oc1..aaaaaaaatenancy", "ocid1.user.oc1..aaaaaaaauser", "eu-frankfurt-1", m.ID, string(m.Value.Reveal()), nil))
	c.tenancy.v, c.tenancy.done = tenancy{homeRegion: "us-ashburn-1"}, true
	c.namespace.v, c.namespace.done = "acmespace", true
	c.network.transport.Proxy = nil
	return c
}

func nobody(context.Context, string, string) (net.Conn, error) {
	return nil, errors.New("nobody is there")
}

func TestOnlyRegionsOfTheFunctionsRealmAreMetOnAnybodysWord(t *testing.T) {
	c := asleep(t)
	for region, want := range map[string]bool{"": true, "eu-frankfurt-1": true, "us-ashburn-1": true, "us-phoenix-1": true,
		"us-langley-1": false, "uk-gov-london-1": false, "xx-nowhere-1": false, "evil.example/": false} {
		if got := c.knows(region); got != want {
			t.Errorf("region %q: known %v, want %v", region, got, want)
		}
	}
}

func TestARotationsServicesAreConnectedBeforeTheyAreCalled(t *testing.T) {
	const (
		near     = "ocid1.vaultsecret.oc1.eu-frankfurt-1.amaaaaaasecret"
		far      = "ocid1.vaultsecret.oc1.phx.amaaaaaasecret"
		nowhere  = "ocid1.vaultsecret.oc1.xx-nowhere-1.amaaaaaasecret"
		topic    = "ocid1.onstopic.oc1.iad.amaaaaaatopic"
		identity = "identity.eu-frankfurt-1.oci.oraclecloud.com"
		mail     = "notification.us-ashburn-1.oraclecloud.com"
		figures  = "telemetry-ingestion.eu-frankfurt-1.oraclecloud.com"
	)
	vaults := func(region string) []string {
		return []string{"vaults." + region + ".oci.oraclecloud.com", "secrets.vaults." + region + ".oci.oraclecloud.com"}
	}
	for _, c := range []struct {
		name    string
		kind    credential.Kind
		secrets []string
		metrics bool
		want    []string
	}{
		{"an API key in two regions, one of them made up", credential.APIKey, []string{nowhere, far}, true, append(vaults("us-phoenix-1"), figures)},
		{"an auth token in a bound secret", credential.AuthToken, nil, true, append(vaults("eu-frankfurt-1"), figures, "ocir.us-ashburn-1.oci.oraclecloud.com")},
		{"a customer secret key, without figures", credential.CustomerSecretKey, []string{near}, false,
			append(vaults("eu-frankfurt-1"), "acmespace.compat.objectstorage.us-ashburn-1.oraclecloud.com")},
		{"a password that nobody keeps", credential.Password, nil, true, []string{figures}},
	} {
		t.Run(c.name, func(t *testing.T) {
			cloud := asleep(t)
			synctest.Test(t, func(t *testing.T) {
				cloud.network.transport.DialContext = nobody
				given := slices.Clone(c.secrets)
				cloud.Connect(t.Context(), c.kind, given, topic, c.metrics)
				synctest.Wait()
				if !slices.Equal(given, c.secrets) {
					t.Errorf("of the caller's secrets %q became %q", c.secrets, given)
				}
			})
			var got []string
			for host := range cloud.network.met {
				got = append(got, host)
			}
			want := append([]string{identity, mail}, c.want...)
			slices.Sort(got)
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Errorf("connected to %q, want %q", got, want)
			}
		})
	}
}

func TestWhatCannotBeKnownIsNotConnected(t *testing.T) {
	const own = "vaults.eu-frankfurt-1.oci.oraclecloud.com"
	for name, c := range map[string]struct {
		change func(*Cloud)
		want   []string
	}{
		"the tenancy": {func(c *Cloud) { c.tenancy.done = false }, []string{"identity.eu-frankfurt-1.oci.oraclecloud.com", own}},
		"the namespace": {func(c *Cloud) { c.namespace.done = false }, []string{"identity.eu-frankfurt-1.oci.oraclecloud.com",
			"notification.eu-frankfurt-1.oraclecloud.com", "objectstorage.eu-frankfurt-1.oraclecloud.com", "secrets." + own, own}},
		"the region": {func(c *Cloud) {
			c.provider = func() (principal, error) { return principal{}, errors.New("no principal") }
		}, nil},
		"the home region": {func(c *Cloud) { c.tenancy.v.homeRegion = "us-langley-1" }, []string{"identity.eu-frankfurt-1.oci.oraclecloud.com",
			"notification.eu-frankfurt-1.oraclecloud.com", "secrets." + own, own}},
	} {
		cloud := asleep(t)
		c.change(cloud)
		synctest.Test(t, func(t *testing.T) {
			cloud.network.transport.DialContext = nobody
			cloud.Connect(t.Context(), credential.CustomerSecretKey, nil, "", false)
			time.Sleep(time.Minute) // in the bubble, until no call is made any more
		})
		var got []string
		for host := range cloud.network.met {
			got = append(got, host)
		}
		slices.Sort(got)
		if !slices.Equal(got, c.want) {
			t.Errorf("without %s: connected to %q, want %q", name, got, c.want)
		}
	}
	c := asleep(t)
	c.provider = func() (principal, error) { return principal{}, errors.New("no principal") }
	if c.knows("") || c.knows("us-ashburn-1") {
		t.Error("a region is known to a function that doesn't know its own")
	}
}

func TestAClientIsMadeOnceForEachServiceAndRegion(t *testing.T) {
	c := asleep(t)
	first, err := c.Vault().management("")
	if err != nil {
		t.Fatal(err)
	}
	if again, err := c.Vault().management(""); err != nil || again != first {
		t.Errorf("another client was made (%v)", err)
	}
	if other, err := c.Vault().management("ocid1.vaultsecret.oc1.phx.a"); err != nil || other == first {
		t.Errorf("another region has the same client (%v)", err)
	}
}

func TestAClientLeavesItToUsWhetherACallIsMade(t *testing.T) {
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
