package responder_test

import (
	"strings"
	"testing"

	"github.com/keyturn/keyturn/pkg/cloudguard"
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/outcome"
	"github.com/keyturn/keyturn/pkg/rotation"
)

func TestASwappedPairIsRefusedWithItsSecretsExchangedInTheComment(t *testing.T) {
	const key, id = "ocid1.vaultsecret.oc1.iad.amaaaaaakey", "ocid1.vaultsecret.oc1.iad.amaaaaaaid"
	placed := []rotation.Placed{{Target: credential.Target{Role: credential.RoleSecretKey, SecretID: key}},
		{Target: credential.Target{Role: credential.RoleAccessKey, SecretID: id}}}
	s := newTenancy().about(cloudguard.SecretKeyTooOld, strings.Repeat("a", 40), "accesskey_secret_ocid:"+id+
		",secretkey_secret_ocid:"+key+",grace:90m,replace:yes")
	s.run = ended(s, rotation.Result{End: rotation.Refuse, Reason: rotation.SecretsSwapped,
		Detail: "it holds an access key", Placed: placed})
	o, err := s.respond(t)
	expect(t, s, o, err, outcome.Refused)
	want := "accesskey_secret_ocid:" + key + ",secretkey_secret_ocid:" + id + ",replace:yes,grace:90m"
	if !strings.Contains(o.Remedy, want) || !strings.Contains(o.Reason, "it holds an access key") {
		t.Errorf("the reason is %q, the remedy %q", o.Reason, o.Remedy)
	}
}
