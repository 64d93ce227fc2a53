package ociemu_test

import (
	"encoding/base64"
	"testing"

	"github.com/oracle/oci-go-sdk/v65/common"
	"github.com/oracle/oci-go-sdk/v65/secrets"
	"github.com/oracle/oci-go-sdk/v65/vault"

	"github.com/keyturn/keyturn/test/ociemu"
)

func content(t testing.TB, b secrets.SecretBundle) string {
	t.Helper()
	details, isBase64 := b.SecretBundleContent.(secrets.Base64SecretBundleContentDetails)
	if !isBase64 {
		t.Fatalf("the content is %T", b.SecretBundleContent)
	}
	return string(must[[]byte](t)(base64.StdEncoding.DecodeString(*details.Content)))
}

func TestABundleIsReadByNumberNameOrStageAndIsTheCurrentOneOtherwise(t *testing.T) {
	e := ociemu.New(t, ociemu.Calm())
	c := asFunction(t, e)
	secret := e.AddSecret(ociemu.SecretSeed{Name: "one", Versions: 3, Content: []byte("third"), VersionName: "c",
		Metadata: map[string]any{"k": "v"}})
	must[vault.UpdateSecretResponse](t)(c.put(t.Context(), secret, "d", "fourth", pending))
	for _, row := range []struct {
		req     secrets.GetSecretBundleRequest
		content string
		number  int64
	}{
		{secrets.GetSecretBundleRequest{}, "third", 3},
		{secrets.GetSecretBundleRequest{Stage: secrets.GetSecretBundleStagePending}, "fourth", 4},
		{secrets.GetSecretBundleRequest{Stage: secrets.GetSecretBundleStageLatest}, "fourth", 4},
		{secrets.GetSecretBundleRequest{Stage: secrets.GetSecretBundleStagePrevious}, "earlier content 2", 2},
		{secrets.GetSecretBundleRequest{Stage: secrets.GetSecretBundleStageDeprecated}, "earlier content 1", 1},
		{secrets.GetSecretBundleRequest{VersionNumber: common.Int64(1)}, "earlier content 1", 1},
		{secrets.GetSecretBundleRequest{SecretVersionName: common.String("c")}, "third", 3},
	} {
		row.req.SecretId = &secret
		got := must[secrets.GetSecretBundleResponse](t)(c.secrets.GetSecretBundle(t.Context(), row.req))
		if content(t, got.SecretBundle) != row.content || *got.VersionNumber != row.number || got.Metadata["k"] != "v" {
			t.Errorf("%v: got version %d, content of %d bytes", row.req, *got.VersionNumber,
				len(content(t, got.SecretBundle)))
		}
	}
	for _, req := range []secrets.GetSecretBundleRequest{
		{VersionNumber: common.Int64(9)}, {SecretVersionName: common.String("none")},
	} {
		req.SecretId = &secret
		_, err := c.secrets.GetSecretBundle(t.Context(), req)
		refused(t, err, 404, "NotAuthorizedOrNotFound")
	}
	_, err := c.secrets.GetSecretBundle(t.Context(), secrets.GetSecretBundleRequest{
		SecretId: &secret, VersionNumber: common.Int64(1), SecretVersionName: common.String("c"),
	})
	refused(t, err, 400, "InvalidParameter")
	byName := must[secrets.GetSecretBundleByNameResponse](t)(c.secrets.GetSecretBundleByName(t.Context(),
		secrets.GetSecretBundleByNameRequest{
			SecretName: common.String("one"), VaultId: common.String(e.Secret(secret).Vault),
		}))
	if content(t, byName.SecretBundle) != "third" {
		t.Error("the bundle by name is not the current one")
	}
	list := must[secrets.ListSecretBundleVersionsResponse](t)(c.secrets.ListSecretBundleVersions(t.Context(),
		secrets.ListSecretBundleVersionsRequest{SecretId: &secret}))
	if len(list.Items) != 4 || *list.Items[0].VersionName != "d" {
		t.Errorf("got versions %v", list.Items)
	}
}

func TestTheRetrievalServiceShowsANewVersionLater(t *testing.T) {
	for lag, want := range map[int]int{0: 1, 2: 2, -1: 0} {
		opts := ociemu.Calm()
		opts.Answers.BundleLag = lag
		e := ociemu.New(t, opts)
		c := asFunction(t, e)
		secret := e.AddSecret(ociemu.SecretSeed{Name: "one", Content: []byte("old")})
		must[vault.UpdateSecretResponse](t)(c.put(t.Context(), secret, "staged", "new", pending))
		for i := range want {
			_, err := c.secrets.GetSecretBundle(t.Context(), secrets.GetSecretBundleRequest{SecretId: &secret,
				SecretVersionName: common.String("staged")})
			if err == nil {
				t.Fatalf("lag %d: read %d already gave the new version", lag, i+1)
			}
			refused(t, err, 404, "NotAuthorizedOrNotFound")
		}
		got := must[secrets.GetSecretBundleResponse](t)(c.secrets.GetSecretBundle(t.Context(),
			secrets.GetSecretBundleRequest{SecretId: &secret, SecretVersionName: common.String("staged")}))
		if content(t, got.SecretBundle) != "new" {
			t.Errorf("lag %d: the version has another content", lag)
		}
	}
}

func TestALaggingReadOfCurrentReturnsThePreviousVersion(t *testing.T) {
	e := ociemu.New(t, ociemu.Options{})
	c := asFunction(t, e)
	secret := e.AddSecret(ociemu.SecretSeed{Name: "one", Content: []byte("old")})
	must[vault.UpdateSecretResponse](t)(c.put(t.Context(), secret, "", "new", ""))
	read := func() string {
		return content(t, must[secrets.GetSecretBundleResponse](t)(c.secrets.GetSecretBundle(t.Context(),
			secrets.GetSecretBundleRequest{SecretId: &secret})).SecretBundle)
	}
	if first, second := read(), read(); first != "old" || second != "new" {
		t.Errorf("got %s, then %s", first, second)
	}
}
