package ociemu_test

import (
	"net/http"
	"testing"

	"github.com/oracle/oci-go-sdk/v65/common"
	"github.com/oracle/oci-go-sdk/v65/keymanagement"

	"github.com/keyturn/keyturn/test/ociemu"
	"github.com/keyturn/keyturn/test/ocipolicy"
)

func TestAVaultIsReadInItsOwnRegionWithAPermission(t *testing.T) {
	e := ociemu.New(t, ociemu.Calm())
	secret := e.AddSecret(ociemu.SecretSeed{Name: "x"})
	id := e.Vault("us-ashburn-1")
	if e.Secret(secret).Vault != id {
		t.Errorf("the seeded secret is in %s, want %s", e.Secret(secret).Vault, id)
	}
	fn := e.NewFunction("rotate", "")
	client := must[keymanagement.KmsVaultClient](t)(keymanagement.NewKmsVaultClientWithConfigurationProvider(
		provider{fn}))
	never := common.NoRetryPolicy()
	client.HTTPClient, client.Configuration.RetryPolicy = e.Client(), &never
	get := func(id string) (keymanagement.GetVaultResponse, error) {
		return client.GetVault(t.Context(), keymanagement.GetVaultRequest{VaultId: &id})
	}
	got := must[keymanagement.GetVaultResponse](t)(get(id))
	if *got.Id != id || *got.CompartmentId != e.Tenancy() ||
		got.LifecycleState != keymanagement.VaultLifecycleStateActive || got.Etag == nil {
		t.Errorf("got %+v", got.Vault)
	}
	again := must[keymanagement.GetVaultResponse](t)(get(id))
	if *again.Etag != *got.Etag || *again.ManagementEndpoint != *got.ManagementEndpoint {
		t.Error("the vault changed without an update")
	}
	_, err := get(id + "x")
	refused(t, err, 404, "NotAuthorizedOrNotFound")
	_, err = get(secret)
	refused(t, err, 404, "NotAuthorizedOrNotFound")

	rule := must[ocipolicy.Rule](t)(ocipolicy.ParseRule("ALL {resource.id = '" + fn.FunctionID + "'}"))
	for text, allowed := range map[string]bool{
		"allow dynamic-group fn to read vaults in tenancy":                                        true,
		"allow dynamic-group fn to {VAULT_READ} in tenancy where target.vault.id = '" + id + "'":  true,
		"allow dynamic-group fn to {VAULT_READ} in tenancy where target.vault.id = '" + id + "x'": false,
		"allow dynamic-group fn to {VAULT_INSPECT} in tenancy":                                    false,
		"allow dynamic-group fn to read secret-family in tenancy":                                 false,
	} {
		statement := must[ocipolicy.Statement](t)(ocipolicy.Parse(text))
		e.SetPolicies(&ociemu.Policies{Set: ocipolicy.Set{
			Statements: []ocipolicy.Statement{statement}, DynamicGroups: []ocipolicy.DynamicGroup{
				{Name: "fn", Rule: rule}},
		}})
		_, err := get(id)
		if allowed && err != nil {
			t.Errorf("%s: %v", text, err)
		}
		if !allowed {
			refused(t, err, 404, "NotAuthorizedOrNotFound")
		}
	}
	e.SetPolicies(nil)
	client.SetRegion("us-phoenix-1")
	_, err = get(id)
	refused(t, err, 404, "NotAuthorizedOrNotFound")
}

func TestReadingAVaultNeedsASignature(t *testing.T) {
	e := ociemu.New(t, ociemu.Calm())
	for _, url := range []string{"https://kms.us-ashburn-1.oraclecloud.com", e.URL()} {
		m := message{method: http.MethodGet, url: url + "/20180608/vaults/" + e.Vault("us-ashburn-1")}
		if status, code := m.send(t, e); status != 401 || code != "NotAuthenticated" {
			t.Errorf("%s without a signature: %d %s", url, status, code)
		}
		m.signer = e.NewFunction("rotate", "")
		if resp := m.do(t, e); resp.status != 200 {
			t.Errorf("%s with a signature: %d %s", url, resp.status, resp.body)
		}
	}
}
