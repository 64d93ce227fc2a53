package ociemu_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/oracle/oci-go-sdk/v65/identity"
	"github.com/oracle/oci-go-sdk/v65/secrets"
	"github.com/oracle/oci-go-sdk/v65/vault"

	"github.com/keyturn/keyturn/test/ociemu"
)

func TestOnChangeSeesEveryChangeAndWhichValuesWork(t *testing.T) {
	e := ociemu.New(t, ociemu.Options{})
	user, c := e.AddUser("jane"), asFunction(t, e)
	print, old := e.AddAPIKey(user)
	secret := e.AddSecret(ociemu.SecretSeed{Name: "one", Content: old})
	public, fresh := newKeyPair(t, 0)
	var seen []string
	e.OnChange(func(v ociemu.View) {
		works := func(b []byte) string {
			switch {
			case v.Usable("api-key", user, string(b)):
				return "usable"
			case v.Works("api-key", user, string(b)):
				return "works"
			}
			return "dead"
		}
		seen = append(seen, works(old)+" "+works(fresh)+" "+works(v.Secret(secret).Current()))
	})
	must[identity.UploadApiKeyResponse](t)(c.uploadKey(t.Context(), user, public))
	must[identity.ListApiKeysResponse](t)(c.identity.ListApiKeys(t.Context(),
		identity.ListApiKeysRequest{UserId: &user}))
	must[vault.UpdateSecretResponse](t)(c.put(t.Context(), secret, "", string(fresh), ""))
	_, err := c.put(t.Context(), secret, "", "x", "NONSENSE")
	if err == nil {
		t.Error("a stage that does not exist was accepted")
	}
	must[identity.DeleteApiKeyResponse](t)(c.identity.DeleteApiKey(t.Context(),
		identity.DeleteApiKeyRequest{UserId: &user, Fingerprint: &print}))
	want := "usable works usable; usable works works; dead works works"
	if got := strings.Join(seen, "; "); got != want {
		t.Errorf("saw %s, want %s", got, want)
	}
}

func TestAViewRecognizesEachKindOfValue(t *testing.T) {
	e := ociemu.New(t, ociemu.Calm())
	user, bob := e.AddUser("jane"), e.AddUser("bob")
	_, key := e.AddAPIKey(user)
	_, token := e.AddAuthToken(user, "")
	access, secretKey := e.AddCustomerSecretKey(user, "")
	password := e.SetPassword(user)
	checked := false
	e.OnChange(func(v ociemu.View) {
		checked = true
		for kind, values := range map[string][]string{
			"api-key": {string(key)}, "auth-token": {token}, "customer-secret-key": {access, secretKey},
			"password": {password},
		} {
			wrong := append([]string{}, values...)
			wrong[len(wrong)-1] += "x"
			if kind == "api-key" {
				wrong[0] = "no key"
			}
			if !v.Works(kind, user, values...) || !v.Usable(kind, user, values...) || v.Works(kind, bob, values...) ||
				v.Works(kind, user, wrong...) ||
				v.Works(kind, user) {
				t.Errorf("%s is judged wrongly", kind)
			}
		}
	})
	e.AddTopic("a change")
	if !checked {
		t.Error("the seeding was not announced")
	}
}

func TestNoSecretValueIsInTheLogOrTheHistory(t *testing.T) {
	var log bytes.Buffer
	opts := ociemu.Calm()
	opts.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	e, err := ociemu.Start(opts)
	if err != nil {
		t.Fatal(err)
	}
	user, c := e.AddUser("jane"), asFunction(t, e)
	const content = "content-of-the-secret"
	secret := e.AddSecret(ociemu.SecretSeed{Name: "one"})
	token := must[identity.CreateAuthTokenResponse](t)(c.createToken(t.Context(), user, "x"))
	key := must[identity.CreateCustomerSecretKeyResponse](t)(c.createSecretKey(t.Context(), user, "x"))
	reset := must[identity.CreateOrResetUIPasswordResponse](t)(c.identity.CreateOrResetUIPassword(t.Context(),
		identity.CreateOrResetUIPasswordRequest{UserId: &user}))
	must[vault.UpdateSecretResponse](t)(c.put(t.Context(), secret, "", content, ""))
	must[secrets.GetSecretBundleResponse](t)(c.secrets.GetSecretBundle(t.Context(),
		secrets.GetSecretBundleRequest{SecretId: &secret}))
	e.TryAuthToken(user, *token.Token)
	e.TryCustomerSecretKey(*key.Id, *key.Key)
	e.Inject(ociemu.Fault{Do: ociemu.Answer(500, "InternalServerError")})
	if _, err := c.put(t.Context(), secret, "", content, ""); err == nil {
		t.Error("the fault did not happen")
	}
	var history strings.Builder
	for _, call := range e.Calls() {
		history.WriteString(call.Path + call.Query + call.RequestID)
	}
	if err := e.Close(); err != nil { // ends all writes to the log
		t.Fatal(err)
	}
	text := log.String() + history.String()
	if !strings.Contains(text, "CreateAuthToken") {
		t.Fatal("the log is empty: nothing is tested")
	}
	for name, value := range map[string]string{
		"token": *token.Token, "key": *key.Key, "password": *reset.Password, "content": content,
		"encoded content": *encoded(content),
	} {
		if strings.Contains(text, value) {
			t.Errorf("the %s is in the log or the history", name)
		}
	}
}

func TestTheSameSeedGivesTheSameOCIDsButOtherSecretValues(t *testing.T) {
	make := func(seed uint64) (string, string) {
		e := ociemu.New(t, ociemu.Options{Seed: seed})
		user := e.AddUser("jane")
		_, token := e.AddAuthToken(user, "")
		return e.Tenancy() + user, token
	}
	ids1, token1 := make(7)
	ids2, token2 := make(7)
	ids3, _ := make(8)
	if ids1 != ids2 || ids1 == ids3 || token1 == token2 {
		t.Errorf("got ids %s, %s, %s; equal tokens: %v", ids1, ids2, ids3, token1 == token2)
	}
}
