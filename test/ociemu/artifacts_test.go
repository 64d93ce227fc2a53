package ociemu_test

import (
	"encoding/base64"
	"encoding/json"
	"testing"

	"github.com/oracle/oci-go-sdk/v65/artifacts"
	"github.com/oracle/oci-go-sdk/v65/common"
	"github.com/oracle/oci-go-sdk/v65/keymanagement"

	"github.com/keyturn/keyturn/test/ociemu"
)

// signer is an operator's clients of the services that sign an image.
type signer struct {
	artifacts  artifacts.ArtifactsClient
	crypto     keymanagement.KmsCryptoClient
	management keymanagement.KmsManagementClient
}

func newSigner(t *testing.T, e *ociemu.Emulator, compartment string) (s signer) {
	t.Helper()
	o := e.AddOperator("ann@example.com")
	p := common.NewRawConfigurationProvider(o.TenancyID, o.UserID, o.Region, o.Fingerprint, string(o.PrivatePEM), nil)
	never := common.NoRetryPolicy()
	vaults := must[keymanagement.KmsVaultClient](t)(keymanagement.NewKmsVaultClientWithConfigurationProvider(p))
	vaults.HTTPClient, vaults.Configuration.RetryPolicy = e.Client(), &never
	list := must[keymanagement.ListVaultsResponse](t)(vaults.ListVaults(t.Context(),
		keymanagement.ListVaultsRequest{CompartmentId: &compartment}))
	if len(list.Items) != 1 {
		t.Fatalf("the compartment has the vaults %v", list.Items)
	}
	v := must[keymanagement.GetVaultResponse](t)(vaults.GetVault(t.Context(),
		keymanagement.GetVaultRequest{VaultId: list.Items[0].Id}))
	s.management = must[keymanagement.KmsManagementClient](t)(
		keymanagement.NewKmsManagementClientWithConfigurationProvider(p, *v.ManagementEndpoint))
	s.crypto = must[keymanagement.KmsCryptoClient](t)(
		keymanagement.NewKmsCryptoClientWithConfigurationProvider(p, *v.CryptoEndpoint))
	s.artifacts = must[artifacts.ArtifactsClient](t)(artifacts.NewArtifactsClientWithConfigurationProvider(p))
	for _, b := range []*common.BaseClient{&s.management.BaseClient, &s.crypto.BaseClient, &s.artifacts.BaseClient} {
		b.HTTPClient, b.Configuration.RetryPolicy = e.Client(), &never
	}
	return s
}

func TestOnlyASignatureOfTheImageByTheKeyIsAccepted(t *testing.T) {
	e := ociemu.New(t, ociemu.Calm())
	ctx, compartment := t.Context(), e.AddCompartment("keyturn", "")
	key := e.AddSigningKey(ociemu.SigningKeySeed{Name: "keyturn-signing", Compartment: compartment})
	e.AddRepository(compartment, "keyturn/rotate")
	_, digest := e.AddImage(ociemu.ImageSeed{Repository: "keyturn/rotate", Tag: "1"})
	s := newSigner(t, e, compartment)
	k := must[keymanagement.GetKeyResponse](t)(s.management.GetKey(ctx, keymanagement.GetKeyRequest{KeyId: &key}))
	images := must[artifacts.ListContainerImagesResponse](t)(s.artifacts.ListContainerImages(ctx,
		artifacts.ListContainerImagesRequest{CompartmentId: &compartment, ImageDigest: &digest}))
	if len(images.Items) != 2 || *images.Items[1].Version != "1" { // the image, and its version
		t.Fatalf("the images are %v", images.Items)
	}
	image := images.Items[0]
	sign := func(content map[string]string, spoil bool) error {
		text := must[[]byte](t)(json.Marshal(content))
		message := base64.StdEncoding.EncodeToString(text)
		signed := must[keymanagement.SignResponse](t)(s.crypto.Sign(ctx, keymanagement.SignRequest{
			SignDataDetails: keymanagement.SignDataDetails{Message: &message, KeyId: &key,
				KeyVersionId:     k.CurrentKeyVersion,
				SigningAlgorithm: keymanagement.SignDataDetailsSigningAlgorithmSha512RsaPkcsPss}}))
		signature := *signed.Signature
		if spoil {
			signature = base64.StdEncoding.EncodeToString(make([]byte, 256))
		}
		_, err := s.artifacts.CreateContainerImageSignature(ctx, artifacts.CreateContainerImageSignatureRequest{
			CreateContainerImageSignatureDetails: artifacts.CreateContainerImageSignatureDetails{
				CompartmentId: &compartment, ImageId: image.Id, KmsKeyId: &key, KmsKeyVersionId: k.CurrentKeyVersion,
				Message: &message, Signature: &signature,
				SigningAlgorithm: artifacts.CreateContainerImageSignatureDetailsSigningAlgorithm512RsaPkcsPss}})
		return err
	}
	content := func(digest string) map[string]string {
		return map[string]string{"description": "", "imageDigest": digest, "kmsKeyId": key,
			"kmsKeyVersionId": *k.CurrentKeyVersion, "metadata": "", "region": "us-ashburn-1",
			"repositoryName": "keyturn/rotate", "signingAlgorithm": "SHA_512_RSA_PKCS_PSS"}
	}
	refused(t, sign(content(digest), true), 400, "InvalidParameter")
	refused(t, sign(content(digest+"0"), false), 400, "InvalidParameter")
	if err := sign(content(digest), false); err != nil {
		t.Fatal(err)
	}
	list := must[artifacts.ListContainerImageSignaturesResponse](t)(s.artifacts.ListContainerImageSignatures(ctx,
		artifacts.ListContainerImageSignaturesRequest{CompartmentId: &compartment, ImageId: image.Id}))
	seen := e.ImageSignatures()
	if len(list.Items) != 1 || *list.Items[0].KmsKeyId != key || len(seen) != 1 || seen[0].Digest != digest {
		t.Errorf("the signatures are %v, %v", list.Items, seen)
	}
	e.DisableSigningKey(key)
	message := "AA=="
	_, err := s.crypto.Sign(ctx, keymanagement.SignRequest{SignDataDetails: keymanagement.SignDataDetails{
		Message: &message, KeyId: &key,
		SigningAlgorithm: keymanagement.SignDataDetailsSigningAlgorithmSha512RsaPkcsPss}})
	refused(t, err, 409, "IncorrectState")
}
