package oci_test

import (
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/oracle/oci-go-sdk/v65/common"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
	"github.com/keyturn/keyturn/pkg/oci"
)

// of is a Cloud of a function in a region, with a network that refuses everything.
func of(t *testing.T, region string) (*oci.Cloud, *stub) {
	t.Helper()
	cloud := oci.NewWith(common.NewRawConfigurationProvider(tenancy, user, region, "aa:bb", newKey(), nil))
	s := &stub{answer: always(400, refusal("InvalidParameter", ""))}
	cloud.AnsweredBy(s)
	return cloud, s
}

// realms are regions, one of each kind of realm, and their domains.
var realms = map[string]string{
	"us-ashburn-1": "oraclecloud.com", "eu-frankfurt-1": "oraclecloud.com", "ap-mumbai-1": "oraclecloud.com",
	"us-langley-1": "oraclegovcloud.com", "us-gov-ashburn-1": "oraclegovcloud.com",
	"uk-gov-london-1": "oraclegovcloud.uk",
	"ap-chiyoda-1":    "oraclecloud8.com", "me-dcc-muscat-1": "oraclecloud9.com", "eu-frankfurt-2": "oraclecloud.eu",
	"eu-madrid-2": "oraclecloud.eu",
}

func TestTheHostsOfAllUsesAreInTheRealmOfTheRegion(t *testing.T) {
	for region, domain := range realms {
		cloud, s := of(t, region)
		h, err := cloud.Hosts(region, "acmens")
		want := credential.Hosts{Registry: "ocir." + region + ".oci." + domain, S3: "acmens.compat.objectstorage." +
			region + "." + domain}
		if err != nil || h != want {
			t.Errorf("%s: %+v (%v), want %+v", region, h, err, want)
		}
		if outside, err := oci.HostsOf(region, "acmens"); err != nil || outside != want {
			t.Errorf("%s, outside of a function: %+v (%v)", region, outside, err)
		}
		who := owner
		who.Region, who.Hosts = region, h
		for kind, host := range map[credential.Kind]string{credential.APIKey: "identity." + region + ".oci." + domain,
			credential.AuthToken: h.Registry, credential.CustomerSecretKey: h.S3} {
			m := credential.Material{Kind: kind, ID: "x", Value: credential.NewValue([]byte(newKey()))}
			s.asked = nil
			_, _ = cloud.Prover().Prove(t.Context(), m, who) // what matters is who was asked
			for _, r := range s.asked {
				if r.host != host {
					t.Errorf("%s: the proof of the %s went to %s, want %s", region, kind.Noun(), r.host, host)
				}
			}
			if len(s.asked) == 0 {
				t.Errorf("%s: no proof of the %s was made", region, kind.Noun())
			}
		}
		s.asked = nil
		_, _ = cloud.Vault().Secret(t.Context(), "ocid1.vaultsecret.ocx."+region+".amaaaaaasecret")
		if len(s.asked) != 1 || s.asked[0].host != "vaults."+region+".oci."+domain {
			t.Errorf("%s: the secret was asked for at %v", region, s.asked)
		}
	}
}

func TestARegionThatIsNewerThanTheSDKHasTheDomainOfTheTenancysRealm(t *testing.T) {
	for own, domain := range realms {
		cloud, s := of(t, own)
		if h, err := cloud.Hosts("xx-newtown-7", "acmens"); err != nil || h.Registry != "ocir.xx-newtown-7.oci."+
			domain {
			t.Errorf("as seen from %s: %+v (%v)", own, h, err)
		}
		_, _ = cloud.Vault().Secret(t.Context(), "ocid1.vaultsecret.ocx.xx-newtown-7.amaaaaaasecret")
		if len(s.asked) != 1 || s.asked[0].host != "vaults.xx-newtown-7.oci."+domain {
			t.Errorf("as seen from %s: the secret was asked for at %v", own, s.asked)
		}
	}
}

func TestAFunctionInARealmThatTheSDKDoesNotKnowFindsRegionsWhoseDomainIsKnown(t *testing.T) {
	cloud, _ := of(t, "xx-nowhere-1")
	for region, domain := range realms {
		if h, err := cloud.Hosts(region, ""); err != nil || h.Registry != "ocir."+region+".oci."+domain {
			t.Errorf("%s: %+v (%v)", region, h, err)
		}
	}
	t.Setenv("OCI_DEFAULT_REALM", "cloud.example")
	for _, region := range []string{"xx-nowhere-1", "xx-nowhere-2"} {
		if h, err := cloud.Hosts(region, ""); err != nil || h.Registry != "ocir."+region+".oci.cloud.example" {
			t.Errorf("%s in a realm that the environment names: %+v (%v)", region, h, err)
		}
	}
}

func TestAHostThatCannotBeMadeIsRefusedAndNothingIsAsked(t *testing.T) {
	for _, c := range []struct{ own, region, says string }{
		{"us-ashburn-1", "us-langley-1", "one realm"},
		{"us-langley-1", "us-gov-ashburn-1", "one realm"}, // of one domain
		{"eu-frankfurt-2", "eu-frankfurt-1", "one realm"},
		{"xx-nowhere-1", "xx-nowhere-1", "OCI_REGION_METADATA"},
		{"xx-nowhere-1", "yy-nowhere-1", "OCI_REGION_METADATA"},
		{"us-ashburn-1", "iad", "identifier"},
		{"us-ashburn-1", "evil.example", "identifier"},
		{"us-ashburn-1", "a/b", "identifier"},
		{"us-ashburn-1", "US-ASHBURN-1", "identifier"},
		{"us-ashburn-1", "us_ashburn_1", "identifier"},
	} {
		cloud, s := of(t, c.own)
		h, err := cloud.Hosts(c.region, "acmens")
		if fault.Of(err) != fault.Invalid || !contains(err.Error(), c.says) || h != (credential.Hosts{}) {
			t.Errorf("%s from %s: %+v (%v), want a refusal that says %q", c.region, c.own, h, err, c.says)
		}
		if outside, err := oci.HostsOf(c.region, "acmens"); c.says != "one realm" &&
			(fault.Of(err) != fault.Invalid || err == nil || outside != (credential.Hosts{})) {
			t.Errorf("%s, outside of a function: %+v (%v)", c.region, outside, err)
		}
		if contains(c.region, "/") || contains(c.region, ".") || c.region == "iad" ||
			strings.ToLower(c.region) != c.region {
			continue // no part of an OCID, or a form that OCIDs may have
		}
		if _, err := cloud.Vault().Secret(t.Context(), "ocid1.vaultsecret.ocx."+c.region+".amaaaaaasecret"); fault.Of(
			err) != fault.Invalid || len(s.asked) != 0 {
			t.Errorf("%s from %s: %v after %d requests", c.region, c.own, err, len(s.asked))
		}
	}
}

const isolated = "zz-isolated-1"

// isolate runs the test again in a process whose environment describes a realm that the SDK doesn't know: the SDK reads
// OCI_REGION_METADATA once per process. It reports whether this is that process, and which part of the test it runs.
func isolate(t *testing.T, parts ...string) (part string) {
	t.Helper()
	part = os.Getenv("KEYTURN_TEST_REALM")
	if part != "" {
		return part
	}
	for _, part := range parts {
		again := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.count=1")
		again.Env = append(os.Environ(), "KEYTURN_TEST_REALM="+part, `OCI_REGION_METADATA={"realmKey":"oc99",`+
			`"realmDomainComponent":"cloud.example","regionKey":"ZZZ","regionIdentifier":"`+isolated+`"}`)
		if text, err := again.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", part, err, text)
		}
	}
	return ""
}

func TestARealmThatOnlyTheEnvironmentKnowsIsUsed(t *testing.T) {
	if isolate(t, "alone") == "" {
		return
	}
	cloud, _ := of(t, isolated)
	for region, namespace := range map[string]string{isolated: "acmens", "zz-isolated-2": "acmens"} {
		h, err := cloud.Hosts(region, namespace)
		if want := "ocir." + region + ".oci.cloud.example"; err != nil || h.Registry != want {
			t.Errorf("%s: %+v (%v), want %s", region, h, err, want)
		}
	}
	if _, err := cloud.Hosts("us-ashburn-1", "acmens"); fault.Of(err) != fault.Invalid || err == nil {
		t.Errorf("a region of the commercial realm: %v", err)
	}
}

// The SDK reads it without a lock: it must do so before there is a second goroutine.
func TestTheEnvironmentsRealmIsReadBeforeTheFirstCall(t *testing.T) {
	switch isolate(t, "a Cloud", "hosts") {
	case "":
		return
	case "a Cloud":
		_, _ = of(t, "us-ashburn-1")
	case "hosts":
		if _, err := oci.HostsOf("us-ashburn-1", "acmens"); err != nil {
			t.Error(err)
		}
	}
	t.Setenv("OCI_REGION_METADATA", "")
	h, err := oci.HostsOf(isolated, "acmens")
	if want := "ocir." + isolated + ".oci.cloud.example"; err != nil || h.Registry != want {
		t.Errorf("%+v (%v), want %s", h, err, want)
	}
}

func TestTheProofIsMadeInTheOwnersRegion(t *testing.T) {
	for kind, want := range map[credential.Kind]string{
		credential.APIKey:            "identity.us-ashburn-1.oci.oraclecloud.com",
		credential.AuthToken:         "ocir.us-ashburn-1.oci.oraclecloud.com",
		credential.CustomerSecretKey: "acmens.compat.objectstorage.us-ashburn-1.oraclecloud.com",
	} {
		body := map[credential.Kind]string{credential.APIKey: `{"id":"` + user + `"}`,
			credential.AuthToken: `{"token":"x"}`, credential.CustomerSecretKey: `<ListAllMyBucketsResult/>`}[kind]
		got, s := proves(t, kind, owner, func(r *http.Request, _ int) (*http.Response, error) {
			return reply(r, 200, body)
		})
		if got != isAccepted || len(s.asked) != 1 || s.asked[0].host != want {
			t.Errorf("%s: %s by %v, want %s", kind, got, s.asked, want)
		}
	}
}
