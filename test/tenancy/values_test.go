package tenancy_test

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/oracle/oci-go-sdk/v65/common"
	"github.com/oracle/oci-go-sdk/v65/identity"

	"github.com/keyturn/keyturn/test/ociemu"
	"github.com/keyturn/keyturn/test/tenancy"
)

func TestOnlySecretValuesCount(t *testing.T) {
	e := ociemu.New(t, ociemu.Calm())
	user := e.AddUser("jane@example.com")
	access, secret := e.AddCustomerSecretKey(user, "backup")
	print, private := e.AddAPIKey(user)
	tokenID, token := e.AddAuthToken(user, "registry")
	text := func(v any) string {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	for _, c := range []struct {
		content string
		want    []string
	}{
		{access, nil},
		{print, nil},
		{tokenID, nil},
		{"", nil},
		{secret, []string{secret}},
		{token, []string{token}},
		{string(private), []string{string(private)}},
		{access + "x", []string{access + "x"}}, // never an id, so it counts
		{"changed by an operator", []string{"changed by an operator"}},
		{text(map[string]string{"kind": "customer-secret-key", "access_key": access, "secret_key": secret}),
			[]string{secret}},
		{text(map[string]any{"version": 1, "fingerprint": print, "private_key": string(private)}),
			[]string{string(private)}},
		{text(map[string]string{"kind": "auth-token", "token_id": tokenID, "token": token}), []string{token}},
		{`{"db":"orders","pass":"hunter2hunter2"}`, []string{`{"db":"orders","pass":"hunter2hunter2"}`}},
		{`"hunter2hunter2"`, []string{`"hunter2hunter2"`}},
	} {
		var got []string
		e.OnChange(func(v ociemu.View) { got = tenancy.SecretValues(v, []byte(c.content)) })
		e.AddUser("other") // any change
		if !slices.Equal(got, c.want) {
			t.Errorf("of %d bytes %d values count, want %d", len(c.content), len(got), len(c.want))
		}
	}
}

func TestTheIDOfADeletedKeyIsNoSecretValue(t *testing.T) {
	e := ociemu.New(t, ociemu.Calm())
	user := e.AddUser("jane@example.com")
	access, _ := e.AddCustomerSecretKey(user, "backup")
	client, err := identity.NewIdentityClientWithConfigurationProvider(operatorConfig(e.AddOperator("ada")))
	if err != nil {
		t.Fatal(err)
	}
	client.HTTPClient = e.Client()
	made, err := client.CreateCustomerSecretKey(t.Context(), identity.CreateCustomerSecretKeyRequest{UserId: &user,
		CreateCustomerSecretKeyDetails: identity.CreateCustomerSecretKeyDetails{DisplayName: new("new")}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.DeleteCustomerSecretKey(t.Context(), identity.DeleteCustomerSecretKeyRequest{UserId: &user,
		CustomerSecretKeyId: &access}); err != nil {
		t.Fatal(err)
	}
	var names []bool
	e.OnChange(func(v ociemu.View) { names = []bool{v.Names(access), v.Names(*made.Id), v.Names(*made.Key)} })
	e.AddUser("other")
	if want := []bool{true, true, false}; !slices.Equal(names, want) {
		t.Errorf("the deleted key's id, the new key's id and its value are ids: %v, want %v", names, want)
	}
}

func operatorConfig(o ociemu.Operator) common.ConfigurationProvider {
	return common.NewRawConfigurationProvider(o.TenancyID, o.UserID, o.Region, o.Fingerprint, string(o.PrivatePEM), nil)
}
