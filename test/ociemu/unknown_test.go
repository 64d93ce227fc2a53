package ociemu_test

import (
	"strings"
	"testing"

	"github.com/keyturn/keyturn/test/ociemu"
)

// A client with a valid credential must not be told that it is invalid when an operation is not emulated.
func TestASignedServiceSaysNotFoundToAGoodSignatureAndNotAuthenticatedToABadOne(t *testing.T) {
	e := ociemu.New(t, ociemu.Calm())
	fn := e.NewFunction("rotate", "")
	for _, base := range []string{
		"https://identity.us-ashburn-1.oci.oraclecloud.com/20160918/networkSources?compartmentId=x",
		"https://identity.us-ashburn-1.oci.oraclecloud.com/20160918/users/x/mfaTotpDevices",
		"https://vaults.us-ashburn-1.oci.oraclecloud.com/20180608/secrets/x/actions/rotate",
		"https://secrets.vaults.us-ashburn-1.oci.oraclecloud.com/20190301/nothing",
		"https://kms.us-ashburn-1.oraclecloud.com/20180608/keys",
		"https://kms.us-ashburn-1.oraclecloud.com/20180608/vaults/x/usage",
		"https://notification.us-ashburn-1.oraclecloud.com/20181201/subscriptions",
		"https://cloudguard-cp-api.us-ashburn-1.oci.oraclecloud.com/20200131/detectors",
		"https://events.us-ashburn-1.oci.oraclecloud.com/20181201/actions",
		"https://objectstorage.us-ashburn-1.oraclecloud.com/n/ns/b",
		"https://functions.us-ashburn-1.oci.oraclecloud.com/20181201/applications",
		"https://telemetry-ingestion.us-ashburn-1.oraclecloud.com/20180401/alarms",
		e.URL() + "/20160918/networkSources", e.URL() + "/nothing", e.URL() + "/n/ns/b",
	} {
		for _, method := range []string{"GET", "DELETE", "HEAD"} {
			m := message{method: method, url: base, signer: fn}
			resp := m.do(t, e)
			if resp.status != 404 || method != "HEAD" &&
				!strings.Contains(string(resp.body), `"NotAuthorizedOrNotFound"`) {
				t.Errorf("%s %s is answered %d %s", method, base, resp.status, resp.body)
			}
			m.signer = nil
			if resp := m.do(t, e); resp.status != 401 || method != "HEAD" &&
				!strings.Contains(string(resp.body), `"NotAuthenticated"`) {
				t.Errorf("%s %s without a signature is answered %d %s", method, base, resp.status, resp.body)
			}
		}
	}
}

func TestTheCollectorOfTracesAnswersNotFoundWithItsKey(t *testing.T) {
	e := ociemu.New(t, ociemu.Calm())
	url := strings.Replace(e.CollectorURL(), "public-span", "private-span", 1)
	if resp := (message{method: "POST", url: url, body: "[]"}).do(t, e); resp.status != 404 {
		t.Errorf("with the key: %d %s", resp.status, resp.body)
	}
	if resp := (message{method: "POST", url: strings.Replace(url, "dataKey=", "dataKey=x", 1), body: "[]"}).do(t,
		e); resp.status != 401 {
		t.Errorf("with another key: %d %s", resp.status, resp.body)
	}
}
