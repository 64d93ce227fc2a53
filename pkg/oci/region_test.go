package oci_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/keyturn/keyturn/pkg/credential"
)

func TestASecretsRegionIsReadOffItsOCID(t *testing.T) {
	for region, want := range map[string]string{
		"iad": "us-ashburn-1", "phx": "us-phoenix-1", "ap-mumbai-1": "ap-mumbai-1", "eu-frankfurt-1": "eu-frankfurt-1",
		"me-jeddah-1": "me-jeddah-1",
	} {
		id := "ocid1.vaultsecret.oc1." + region + ".amaaaaaasecret"
		cloud, s := offline(t, always(404, refusal("NotAuthorizedOrNotFound", "")))
		ctx := t.Context()
		_, _ = cloud.Vault().Secret(ctx, id) // what matters is who was asked
		_, _ = cloud.Vault().Versions(ctx, id)
		_, _ = cloud.Vault().Update(ctx, id, "etag", someUpdate())
		_, _, _ = cloud.Vault().Read(ctx, id, "")
		if len(s.asked) != 4 {
			t.Fatalf("%d requests, want 4", len(s.asked))
		}
		for i, service := range []string{"vaults", "vaults", "vaults", "secrets.vaults"} {
			if host := service + "." + want + ".oci.oraclecloud.com"; s.asked[i].host != host {
				t.Errorf("%s %s went to %s, want %s", s.asked[i].method, s.asked[i].path, s.asked[i].host, host)
			}
		}
	}
}

func TestATopicsRegionIsReadOffItsOCID(t *testing.T) {
	for region, want := range map[string]string{"iad": "us-ashburn-1", "phx": "us-phoenix-1",
		"ap-mumbai-1": "ap-mumbai-1"} {
		cloud, s := offline(t, always(200, `{"messageId":"x"}`))
		if err := cloud.Publish(t.Context(), "ocid1.onstopic.oc1."+region+".amaaaaaatopic", "title",
			"body"); err != nil {
			t.Fatal(err)
		}
		if host := "notification." + want + ".oraclecloud.com"; s.asked[0].host != host {
			t.Errorf("the mail went to %s, want %s", s.asked[0].host, host)
		}
	}
}

func TestAnOCIDWithoutARegionIsReadInTheFunctionsRegion(t *testing.T) {
	cloud, s := offline(t, always(200, `[]`))
	synctest.Test(t, func(t *testing.T) {
		_, _ = cloud.Vault().List(t.Context(), tenancy)
		_, _ = cloud.Namespace(t.Context())
		_, _ = cloud.Problem(t.Context(), problem)
	})
	if len(s.asked) < 4 {
		t.Fatalf("%d requests, want 4 or more", len(s.asked))
	}
	for _, r := range s.asked {
		if !strings.Contains(r.host, ".eu-frankfurt-1.") {
			t.Errorf("%s went to %s, want the function's region eu-frankfurt-1", r.path, r.host)
		}
	}
}

func TestCredentialsAreReadAndWrittenInTheHomeRegion(t *testing.T) {
	for _, o := range operations() {
		if !strings.Contains(o.path, "eys") && !strings.Contains(o.path, "okens") && o.path != "/uiPassword" &&
			o.path != "/users/" {
			continue
		}
		cloud, s := offline(t, always(400, refusal("InvalidParameter", "")))
		_ = o.run(t.Context(), cloud)
		if len(s.asked) != 1 || s.asked[0].host != "identity.us-ashburn-1.oci.oraclecloud.com" {
			t.Errorf("%s: %v, want one request in the home region us-ashburn-1", o.name, s.asked)
		}
	}
}

// home is a network on which the tenancy's home region has a key that the SDK may not know.
type home struct{ key, subscriptions string }

func (h home) RoundTrip(r *http.Request) (*http.Response, error) {
	if strings.HasSuffix(r.URL.Path, "/regionSubscriptions") {
		return reply(r, 200, h.subscriptions)
	}
	return reply(r, 200, `{"id":"`+tenancy+`","name":"acme","homeRegionKey":"`+h.key+`"}`)
}

func TestTheHomeRegionIsKnownByItsKeyOrElseLookedUp(t *testing.T) {
	const list = `[{"regionKey":"FRA","regionName":"eu-frankfurt-1","isHomeRegion":false},{"regionKey":"ZZZ","regionName":"zz-nowhere-1","isHomeRegion":true}]`
	for _, c := range []struct{ key, list, want string }{
		{"IAD", "[]", "us-ashburn-1"}, {"PHX", "[]", "us-phoenix-1"}, {"BOM", "[]", "ap-mumbai-1"},
		{"fra", "[]", "eu-frankfurt-1"}, {"ZZZ", list, "zz-nowhere-1"},
		{"ZZZ", "[]", ""},
	} {
		cloud, _ := offline(t, nil)
		cloud.AnsweredBy(home{c.key, c.list})
		got, err := cloud.Tenancy(t.Context())
		if c.want == "" {
			if err == nil {
				t.Errorf("%s: found the home region %q", c.key, got.Home)
			}
			continue
		}
		if want := (credential.Tenancy{ID: tenancy, Name: "acme", Home: c.want}); err != nil || got != want {
			t.Errorf("%s: %+v (%v), want %+v", c.key, got, err, want)
		}
	}
}
