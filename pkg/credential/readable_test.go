package credential_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/keyturn/keyturn/pkg/credential"
)

func TestAUserCanCopyAValueOutOfABundleUnchanged(t *testing.T) {
	for _, value := range []string{"a<b>c&d", "<script>", "&&&", "plain", `quote"and\slash`} {
		m := credential.Material{Kind: credential.AuthToken, ID: "ocid1.credential.oc1..x",
			Value: credential.NewValue([]byte(value))}
		content, err := m.Encode(credential.RoleBundle, credential.Owner{UserName: "R&D <x@example.com>",
			Region: "us-ashburn-1", Namespace: "acmens",
			Hosts: credential.Hosts{Registry: "ocir.us-ashburn-1.oci.oraclecloud.com"}})
		if err != nil {
			t.Fatal(err)
		}
		var document map[string]string
		if err := json.Unmarshal(content.Reveal(), &document); err != nil || document["token"] != value {
			t.Errorf("the document doesn't hold the value of case %q (%v)", value, err)
		}
		if strings.Contains(string(content.Reveal()), `\u00`) {
			t.Errorf("case %q: the document hides < or & behind an escape", value)
		}
	}
}
