package oci

import (
	"context"
	"errors"
	"net"
	"slices"
	"testing"
	"testing/synctest"

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
		{"an API key in two regions, one of them made up", credential.APIKey, []string{far, nowhere}, true, append(vaults("us-phoenix-1"), figures)},
		{"an auth token in a bound secret", credential.AuthToken, nil, true, append(vaults("eu-frankfurt-1"), figures, "ocir.us-ashburn-1.oci.oraclecloud.com")},
		{"a customer secret key, without figures", credential.CustomerSecretKey, []string{near}, false,
			append(vaults("eu-frankfurt-1"), "acmespace.compat.objectstorage.us-ashburn-1.oraclecloud.com")},
		{"a password that nobody keeps", credential.Password, nil, true, []string{figures}},
	} {
		t.Run(c.name, func(t *testing.T) {
			cloud := asleep(t)
			synctest.Test(t, func(t *testing.T) {
				cloud.network.transport.DialContext = nobody
				cloud.Connect(t.Context(), c.kind, c.secrets, topic, c.metrics)
				synctest.Wait()
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
