package oci_test

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/vault"
)

// strange are metadata that change when they are decoded into Go values and encoded again.
var strange = []string{
	`{"account":1234567890123456789}`, `{"huge":1e400}`, `{"one":1.0,"exp":1E+2}`, `{"b":1,"a":2}`, `{"a":1,"a":2}`,
	`{"html":"<&>"}`,
	`{"slash":"a\/b","lone":"\ud800"}`, `{"none":null,"empty":{},"list":[]}`, `{ "spaced" : 1 }`,
	`{"deep":{"n":[[0.1000000000000000055511151231257827]]}}`,
}

func TestMetadataComeAndGoAsTheyAre(t *testing.T) {
	for _, metadata := range strange {
		body := `{"id":"` + secretID +
			`","secretName":"s","lifecycleState":"ACTIVE","currentVersionNumber":3,"metadata":` + metadata + `,` +
			`"definedTags":{"ops":{"cost":12345678901234567890,"big":1e400}}}`
		cloud, s := offline(t, always(200, body))
		got, err := cloud.Vault().Secret(t.Context(), secretID)
		if err != nil || string(got.Metadata) != metadata || got.Current != 3 {
			t.Errorf("%s reads as %s (%v)", metadata, got.Metadata, err)
			continue
		}
		after, err := cloud.Vault().Update(t.Context(), secretID, "etag",
			vault.Update{Promote: 3, Metadata: got.Metadata})
		if sent := s.asked[len(s.asked)-1]; err != nil || string(after.Metadata) != metadata ||
			sent.method != http.MethodPut ||
			!strings.Contains(sent.body, `"metadata":`+metadata) {
			t.Errorf("%s was sent as %s (%v)", metadata, sent.body, err)
		}
	}
}

func TestAContentIsReadWithAnyMetadata(t *testing.T) {
	for _, metadata := range strange {
		body := `{"versionNumber":2,"metadata":` + metadata +
			`,"secretBundleContent":{"contentType":"BASE64","content":"` +
			base64.StdEncoding.EncodeToString([]byte("a value")) + `"}}`
		cloud, _ := offline(t, always(200, body))
		number, content, err := cloud.Vault().Read(t.Context(), secretID, "")
		if err != nil || number != 2 || !content.Equal(credential.NewValue([]byte("a value"))) {
			t.Errorf("with the metadata %s: version %d (%v)", metadata, number, err)
		}
	}
}
