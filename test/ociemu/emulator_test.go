package ociemu_test

import (
	"context"
	"encoding/json"
	"slices"
	"testing"

	"github.com/oracle/oci-go-sdk/v65/cloudguard"
	"github.com/oracle/oci-go-sdk/v65/common"
	"github.com/oracle/oci-go-sdk/v65/identity"
	"github.com/oracle/oci-go-sdk/v65/ons"
	"github.com/oracle/oci-go-sdk/v65/secrets"
	"github.com/oracle/oci-go-sdk/v65/vault"

	"github.com/keyturn/keyturn/test/ociemu"
)

const remediated = `{"eventType":["com.oraclecloud.cloudguard.problemremediated"]}`

// This test does all steps of a rotation with the SDK's clients.
func TestTheSDKCanDoEachStepOfARotation(t *testing.T) {
	e := ociemu.New(t, ociemu.Calm())
	user := e.AddUser("jane@example.com")
	oldKey, oldPEM := e.AddAPIKey(user)
	secret := e.AddSecret(ociemu.SecretSeed{Name: "jane-api-key", Content: oldPEM})
	topic := e.AddTopic("secops")
	problem := e.AddProblem(ociemu.ProblemSeed{Rule: "API_KEY_TOO_OLD", User: user, ResourceID: e.Tenancy() + "/" +
		user + "/" + oldKey})
	function := e.NewFunction("rotate", "")
	fn := newClients(t, e, provider{function})
	e.AddRule(remediated, function.FunctionID)
	public, private := newKeyPair(t, 0)

	e.HandleFunction(function.FunctionID, func(ctx context.Context, event []byte) error {
		var body struct{ Data struct{ ResourceID string } }
		if err := json.Unmarshal(event, &body); err != nil {
			return err
		}
		got, err := fn.cloudguard.GetProblem(ctx, cloudguard.GetProblemRequest{ProblemId: &body.Data.ResourceID})
		if err != nil {
			return err
		}
		staged, err := fn.put(ctx, secret, "keyturn-1", string(private), vault.SecretContentDetailsStagePending)
		if err != nil {
			return err
		}
		if _, err := fn.identity.UploadApiKey(ctx, identity.UploadApiKeyRequest{
			UserId:              common.String(got.AdditionalDetails["User OCID"]),
			CreateApiKeyDetails: identity.CreateApiKeyDetails{Key: &public},
		}); err != nil {
			return err
		}
		if status := e.TryAPIKey(user, private); status != 200 {
			t.Errorf("the new key is answered %d", status)
		}
		if _, err := fn.vault.UpdateSecret(ctx, vault.UpdateSecretRequest{
			SecretId: &secret, IfMatch: staged.Etag, UpdateSecretDetails: vault.UpdateSecretDetails{
				CurrentVersionNumber: common.Int64(2)},
		}); err != nil {
			return err
		}
		if _, err := fn.identity.DeleteApiKey(ctx, identity.DeleteApiKeyRequest{UserId: &user,
			Fingerprint: &oldKey}); err != nil {
			return err
		}
		message := ons.MessageDetails{Title: common.String("rotated"), Body: common.String("done")}
		_, err = fn.ons.PublishMessage(ctx, ons.PublishMessageRequest{TopicId: &topic, MessageDetails: message})
		return err
	})
	if err := asOperator(t, e).setStatus(t.Context(), problem, "RESOLVED", "api_secret_ocid:"+secret); err != nil {
		t.Fatal(err)
	}
	e.Deliver()

	for _, f := range e.Failures() {
		t.Fatalf("the function failed: %v", f.Err)
	}
	if got := e.Secret(secret).Current(); string(got) != string(private) {
		t.Error("the secret's current version is not the new key")
	}
	if old := e.TryAPIKey(user, oldPEM); old != 401 {
		t.Errorf("the old key is answered %d, want 401", old)
	}
	if mails := e.Mails(); len(mails) != 1 || mails[0].Title != "rotated" {
		t.Errorf("got mails %v", mails)
	}
	if got := fn.currentName(t, secret); got != "keyturn-1" {
		t.Errorf("the bundle is version %s", got)
	}
	want := []string{"UpdateProblemStatus", "GetProblem", "UpdateSecret", "UploadApiKey", "UpdateSecret",
		"DeleteApiKey", "PublishMessage", "GetSecretBundle"}
	if got := operations(e); !slices.Equal(got, want) {
		t.Errorf("got calls %v, want %v", got, want)
	}
}

func operations(e *ociemu.Emulator) []string {
	var names []string
	for _, c := range e.Calls() {
		names = append(names, c.Operation)
	}
	return names
}

// currentName reads the name of the secret's CURRENT version.
func (c *clients) currentName(t testing.TB, secret string) string {
	t.Helper()
	return *must[secrets.GetSecretBundleResponse](t)(c.secrets.GetSecretBundle(t.Context(),
		secrets.GetSecretBundleRequest{SecretId: &secret})).VersionName
}
