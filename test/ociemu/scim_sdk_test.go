package ociemu_test

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"testing"

	"github.com/oracle/oci-go-sdk/v65/common"
	"github.com/oracle/oci-go-sdk/v65/identitydomains"

	"github.com/keyturn/keyturn/test/ociemu"
)

// rawKey is an API key for the SDK's signer.
type rawKey struct {
	id      string
	private []byte
}

func (k rawKey) KeyID() (string, error) { return k.id, nil }

func (k rawKey) PrivateRSAKey() (*rsa.PrivateKey, error) {
	block, _ := pem.Decode(k.private)
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	return key.(*rsa.PrivateKey), nil
}

// sdkDomain is the SDK's client of a domain, unmodified but for its HTTP client.
func sdkDomain(t testing.TB, e *ociemu.Emulator, domain string) identitydomains.IdentityDomainsClient {
	t.Helper()
	c := must[identitydomains.IdentityDomainsClient](t)(
		identitydomains.NewIdentityDomainsClientWithConfigurationProvider(provider{e.NewFunction("rotate", "")},
			e.Domain(domain).URL))
	web := e.Client()
	t.Cleanup(web.CloseIdleConnections)
	c.HTTPClient = web
	c.Configuration.CircuitBreaker = nil
	return c
}

func TestTheSDKsClientOfADomainWorks(t *testing.T) {
	e, user := twoDomains(t, nil)
	c, text := sdkDomain(t, e, "Partners"), common.String
	public, private := newKeyPair(t, 0)
	key := must[identitydomains.CreateApiKeyResponse](t)(c.CreateApiKey(t.Context(),
		identitydomains.CreateApiKeyRequest{ApiKey: identitydomains.ApiKey{
			Schemas: []string{idcs + "apikey"}, Key: &public, Description: text("mark"),
			User: &identitydomains.ApiKeyUser{Ocid: &user},
		}}))
	if *key.Description != "mark" || *key.User.Ocid != user || key.Etag == nil || e.TryAPIKey(user, private) != 200 {
		t.Errorf("got %v", key)
	}
	secret := must[identitydomains.CreateCustomerSecretKeyResponse](t)(c.CreateCustomerSecretKey(t.Context(),
		identitydomains.CreateCustomerSecretKeyRequest{CustomerSecretKey: identitydomains.CustomerSecretKey{
			Schemas: []string{idcs + "customerSecretKey"}, DisplayName: text("mark"),
			Status: identitydomains.CustomerSecretKeyStatusActive, ExpiresOn: text("2099-01-01T00:00:00Z"),
			User: &identitydomains.CustomerSecretKeyUser{Ocid: &user},
		}}))
	if *secret.ExpiresOn != "2099-01-01T00:00:00.000Z" || e.TryCustomerSecretKey(*secret.AccessKey,
		*secret.SecretKey) != 200 {
		t.Errorf("got %v", secret.CustomerSecretKey)
	}
	filter := `user.ocid eq "` + user + `"`
	keys := must[identitydomains.ListApiKeysResponse](t)(c.ListApiKeys(t.Context(),
		identitydomains.ListApiKeysRequest{Filter: &filter, Count: common.Int(500), SortBy: text("ocid"),
			AttributeSets: []identitydomains.AttributeSetsEnum{identitydomains.AttributeSetsAll}}))
	if *keys.TotalResults != 1 || *keys.Resources[0].Id != *key.Id ||
		*keys.Resources[0].Fingerprint != *key.Fingerprint {
		t.Errorf("got %v", keys.ApiKeys)
	}
	value := any("INACTIVE")
	must[identitydomains.PatchCustomerSecretKeyResponse](t)(c.PatchCustomerSecretKey(t.Context(),
		identitydomains.PatchCustomerSecretKeyRequest{CustomerSecretKeyId: secret.Id, IfMatch: secret.Etag,
			PatchOp: identitydomains.PatchOp{Schemas: []string{"urn:ietf:params:scim:api:messages:2.0:PatchOp"},
				Operations: []identitydomains.Operations{{Op: identitydomains.OperationsOpReplace, Path: text("status"),
					Value: &value}}}}))
	if got := e.TryCustomerSecretKey(*secret.AccessKey, *secret.SecretKey); got != 403 {
		t.Errorf("the INACTIVE key is answered %d", got)
	}
	must[identitydomains.DeleteApiKeyResponse](t)(c.DeleteApiKey(t.Context(),
		identitydomains.DeleteApiKeyRequest{ApiKeyId: key.Id, IfMatch: key.Etag}))
	_, err := c.GetApiKey(t.Context(), identitydomains.GetApiKeyRequest{ApiKeyId: key.Id})
	refused(t, err, 404, "BadErrorResponse") // the SDK doesn't read SCIM errors

	users := must[identitydomains.ListUsersResponse](t)(c.ListUsers(t.Context(),
		identitydomains.ListUsersRequest{Filter: text(`userName eq "jane"`)}))
	one := users.Resources[0]
	if *one.Ocid != user || !*one.Active || *one.UrnIetfParamsScimSchemasOracleIdcsExtensionUserUser.IsFederatedUser ||
		!*one.UrnIetfParamsScimSchemasOracleIdcsExtensionCapabilitiesUser.CanUseApiKeys {
		t.Errorf("got %v", one)
	}
	must[identitydomains.PutUserPasswordChangerResponse](t)(c.PutUserPasswordChanger(t.Context(),
		identitydomains.PutUserPasswordChangerRequest{UserPasswordChangerId: one.Id,
			UserPasswordChanger: identitydomains.UserPasswordChanger{Schemas: []string{idcs + "UserPasswordChanger"},
				Password: text("Correct-Horse-7")}}))
	reset := must[identitydomains.PutUserPasswordResetterResponse](t)(c.PutUserPasswordResetter(t.Context(),
		identitydomains.PutUserPasswordResetterRequest{UserPasswordResetterId: one.Id,
			UserPasswordResetter: identitydomains.UserPasswordResetter{
				Schemas: []string{idcs + "UserPasswordResetter"}}}))
	if reset.OneTimePassword != nil || len(e.DomainMails()) != 2 {
		t.Errorf("got %v and mails %v", reset.UserPasswordResetter, e.DomainMails())
	}
}
