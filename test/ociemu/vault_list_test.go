package ociemu_test

import (
	"strings"
	"testing"

	"github.com/oracle/oci-go-sdk/v65/common"
	"github.com/oracle/oci-go-sdk/v65/vault"

	"github.com/keyturn/keyturn/test/ociemu"
)

func TestSecretsAreListedByCompartmentNameAndState(t *testing.T) {
	e := ociemu.New(t, ociemu.Calm())
	c := asFunction(t, e)
	e.AddSecret(ociemu.SecretSeed{Name: "one", FreeformTags: map[string]string{"keyturn-user": "x"}})
	e.AddSecret(ociemu.SecretSeed{Name: "two", State: "PENDING_DELETION"})
	e.AddSecret(ociemu.SecretSeed{Name: "elsewhere", Compartment: "ocid1.compartment.oc1..aaaa"})
	e.AddSecret(ociemu.SecretSeed{Name: "phoenix", Region: "us-phoenix-1"})
	list := func(change func(*vault.ListSecretsRequest)) string {
		req := vault.ListSecretsRequest{CompartmentId: common.String(e.Tenancy()), SortBy: vault.ListSecretsSortByName}
		change(&req)
		var names []string
		for _, s := range must[vault.ListSecretsResponse](t)(c.vault.ListSecrets(t.Context(), req)).Items {
			names = append(names, *s.SecretName)
		}
		return strings.Join(names, " ")
	}
	for want, change := range map[string]func(*vault.ListSecretsRequest){
		"one two": func(*vault.ListSecretsRequest) {},
		"one":     func(r *vault.ListSecretsRequest) { r.LifecycleState = vault.SecretSummaryLifecycleStateActive },
		"two":     func(r *vault.ListSecretsRequest) { r.Name = common.String("two") },
		"elsewhere": func(r *vault.ListSecretsRequest) {
			r.CompartmentId = common.String("ocid1.compartment.oc1..aaaa")
		},
		"two one": func(r *vault.ListSecretsRequest) { r.SortOrder = vault.ListSecretsSortOrderDesc },
	} {
		if got := list(change); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestASecretIsCreatedWithItsFirstVersionCurrent(t *testing.T) {
	e := ociemu.New(t, ociemu.Calm())
	c := asFunction(t, e)
	create := func(name string, stage vault.SecretContentDetailsStageEnum) (vault.CreateSecretResponse, error) {
		return c.vault.CreateSecret(t.Context(),
			vault.CreateSecretRequest{CreateSecretDetails: vault.CreateSecretDetails{
				CompartmentId: common.String(e.Tenancy()), KeyId: common.String("ocid1.key.oc1.iad.a"),
				VaultId:    common.String("ocid1.vault.oc1.iad.a"),
				SecretName: &name, SecretContent: vault.Base64SecretContentDetails{Content: encoded("x"), Stage: stage},
				FreeformTags: map[string]string{"a": "b"},
			}})
	}
	got := must[vault.CreateSecretResponse](t)(create("new", ""))
	snap := e.Secret(*got.Id)
	if stages(snap) != "1:CURRENT,LATEST" || snap.FreeformTags["a"] != "b" || string(snap.Current()) != "x" {
		t.Errorf("got %+v", snap)
	}
	_, err := create("new", "")
	refused(t, err, 409, "Conflict")
	_, err = create("staged", pending)
	refused(t, err, 400, "InvalidParameter")
}
