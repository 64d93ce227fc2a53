package oci_test

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/keyturn/keyturn/pkg/oci"
)

const vaultHost = "https://examplevault-management.kms.eu-frankfurt-1.oraclecloud.com"

var (
	signingKey = "ocid1.key.oc1.eu-frankfurt-1.examplevault." + strings.Repeat("k", 60)
	signed     = oci.ImageSignature{Key: signingKey, KeyVersion: "ocid1.keyversion.oc1..x", Message: "e30=",
		Signature: "AA=="}
)

// signingOperations are the calls of the operator's command that sign an image.
func signingOperations() []operation {
	return []operation{
		{"GetKey", "/keys/", thrice, func(ctx context.Context, c *oci.Cloud) error {
			_, err := c.Key(ctx, vaultHost, signingKey)
			return err
		}},
		{"ListVaults", "/vaults", thrice, func(ctx context.Context, c *oci.Cloud) error {
			_, err := c.KeysNamed(ctx, tenancy, "keyturn-signing")
			return err
		}},
		{"Sign", "/sign", thrice, func(ctx context.Context, c *oci.Cloud) error {
			_, err := c.SignMessage(ctx, oci.Key{ID: signingKey, Endpoint: vaultHost}, "e30=")
			return err
		}},
		{"ListContainerRepositories", "/container/repositories", thrice,
			func(ctx context.Context, c *oci.Cloud) error {
				_, err := c.RepositoryCompartments(ctx, tenancy, "keyturn/rotate")
				return err
			}},
		{"ListContainerImages", "/container/images", thrice, func(ctx context.Context, c *oci.Cloud) error {
			_, err := c.Images(ctx, tenancy, "keyturn/rotate", "sha256:0")
			return err
		}},
		{"ListContainerImageSignatures", "/container/imageSignatures", thrice,
			func(ctx context.Context, c *oci.Cloud) error {
				_, err := c.ImageSignatures(ctx, tenancy, "ocid1.containerimage.oc1..x")
				return err
			}},
		{"CreateContainerImageSignature", "/container/imageSignatures", twice,
			func(ctx context.Context, c *oci.Cloud) error {
				_, err := c.AddImageSignature(ctx, tenancy, "ocid1.containerimage.oc1..x", signed)
				return err
			}},
	}
}

func TestAKeysVaultIsToldFromItsOCID(t *testing.T) {
	cloud, _ := offline(t, always(500, ""))
	got, err := cloud.KeyEndpoint(signingKey)
	if err != nil || got != vaultHost {
		t.Errorf("got %s, %v", got, err)
	}
	for _, wrong := range []string{"", signingKey + "x", "ocid1.key.oc1..short",
		strings.Replace(signingKey, "examplevault", "evil.example/x", 1)} {
		got, err := cloud.KeyEndpoint(wrong)
		if err == nil {
			t.Errorf("the key %q is in %s", wrong, got)
		}
	}
}

func TestAKeyIsOnlyAskedForInTheRealmOfTheCaller(t *testing.T) {
	cloud, s := offline(t, always(200, "{}"))
	for _, endpoint := range []string{"https://x-management.kms.eu-frankfurt-1.example.com",
		"https://evil.example/x.oraclecloud.com", "http://x-management.kms.eu-frankfurt-1.oraclecloud.com",
		"https://user@oraclecloud.com", ""} {
		_, err := cloud.Key(t.Context(), endpoint, signingKey)
		_, signErr := cloud.SignMessage(t.Context(), oci.Key{ID: signingKey, Endpoint: endpoint}, "e30=")
		if err == nil || signErr == nil {
			t.Errorf("%q is asked: %v, %v", endpoint, err, signErr)
		}
	}
	if len(s.asked) > 0 {
		t.Errorf("%d requests were sent", len(s.asked))
	}
}

func TestEveryPageOfTheRegistrysListsIsReadAndOnlyWhatFitsIsTaken(t *testing.T) {
	const image = `{"id":"%","digest":"sha256:a","repositoryName":"keyturn/rotate","lifecycleState":"AVAILABLE"}`
	entry := func(id string, change ...string) string {
		return strings.NewReplacer(append(change, "%", id)...).Replace(image)
	}
	cloud, s := offline(t, func(r *http.Request, n int) (*http.Response, error) {
		items := []string{entry("1"), entry("1"), entry("gone", "AVAILABLE", "DELETED"),
			entry("other", "sha256:a", "sha256:b"), entry("elsewhere", "/rotate", "/other")}
		if n == 2 {
			items = []string{entry("2")}
		}
		answer, err := reply(r, 200, `{"items":[`+strings.Join(items, ",")+`]}`)
		if n == 1 {
			answer.Header.Set("opc-next-page", "more")
		}
		return answer, err
	})
	images, err := cloud.Images(t.Context(), tenancy, "keyturn/rotate", "sha256:a")
	if err != nil || !slices.Equal(images, []oci.Image{{ID: "1", Repository: "keyturn/rotate", Digest: "sha256:a"},
		{ID: "2", Repository: "keyturn/rotate", Digest: "sha256:a"}}) || len(s.asked) != 2 {
		t.Errorf("got %v, %v after %d requests", images, err, len(s.asked))
	}
}

func TestADisabledKeyHasNoVersionToSignWith(t *testing.T) {
	for state, want := range map[string]string{"ENABLED": "v", "DISABLED": "", "PENDING_DELETION": "", "NEW": ""} {
		cloud, _ := offline(t, always(200, `{"id":"k","currentKeyVersion":"v","lifecycleState":"`+state+`"}`))
		k, err := cloud.Key(t.Context(), vaultHost, signingKey)
		if err != nil || k.Version != want {
			t.Errorf("%s: %+v, %v", state, k, err)
		}
	}
}

// signingRequests are the requests of signingOperations, one per line: method, host, path and query, body.
const signingRequests = `
GET examplevault-management.kms.eu-frankfurt-1.oraclecloud.com/20180608/keys/:key
GET kms.eu-frankfurt-1.oraclecloud.com/20180608/vaults?compartmentId=:tenancy&limit=100
POST examplevault-crypto.kms.eu-frankfurt-1.oraclecloud.com/20180608/sign {"keyId":":key","keyVersionId":"","message":"e30=","messageType":"RAW","signingAlgorithm":"SHA_512_RSA_PKCS_PSS"}
GET artifacts.eu-frankfurt-1.oci.oraclecloud.com/20160918/container/repositories?compartmentId=:tenancy&compartmentIdInSubtree=true&displayName=keyturn/rotate&limit=100
GET artifacts.eu-frankfurt-1.oci.oraclecloud.com/20160918/container/images?compartmentId=:tenancy&imageDigest=sha256:0&limit=100&repositoryName=keyturn/rotate
GET artifacts.eu-frankfurt-1.oci.oraclecloud.com/20160918/container/imageSignatures?compartmentId=:tenancy&imageId=ocid1.containerimage.oc1..x&limit=100
POST artifacts.eu-frankfurt-1.oci.oraclecloud.com/20160918/container/imageSignatures {"compartmentId":":tenancy","imageId":"ocid1.containerimage.oc1..x","kmsKeyId":":key","kmsKeyVersionId":"ocid1.keyversion.oc1..x","message":"e30=","signature":"AA==","signingAlgorithm":"SHA_512_RSA_PKCS_PSS"}
`

func TestTheCallsOfASigningSendWhatTheyAreMeantToAndAreRepeatedAsTheyMayBe(t *testing.T) {
	names := strings.NewReplacer(tenancy, ":tenancy", signingKey, ":key")
	var got []string
	for _, o := range signingOperations() {
		cloud, s := offline(t, always(500, refusal("InternalServerError", "not now")))
		synctest.Test(t, func(t *testing.T) {
			err := o.run(t.Context(), cloud)
			if err == nil || !strings.Contains(err.Error(), "not now") {
				t.Errorf("%s: %v", o.name, err)
			}
		})
		if len(s.of(o.path)) != int(o.repeats) || len(s.asked) != int(o.repeats) {
			t.Errorf("%s was sent %d times, want %d", o.name, len(s.asked), o.repeats)
		}
		r := s.asked[0]
		if token := s.asked[len(s.asked)-1].retryToken; o.repeats == twice && (token == "" || token != r.retryToken) {
			t.Errorf("%s is repeated with another retry token", o.name)
		}
		query, err := url.QueryUnescape(r.query)
		if err != nil {
			t.Fatal(err)
		}
		line := r.method + " " + r.host + r.path
		if query != "" {
			line += "?" + query
		}
		if r.body != "" {
			line += " " + r.body
		}
		got = append(got, names.Replace(line))
	}
	if want := strings.Split(strings.TrimSpace(signingRequests), "\n"); !slices.Equal(got, want) {
		t.Errorf("the requests are\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
