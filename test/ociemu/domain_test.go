package ociemu_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/oracle/oci-go-sdk/v65/common"
	"github.com/oracle/oci-go-sdk/v65/identity"

	"github.com/keyturn/keyturn/test/ociemu"
)

func messageOf(t testing.TB, err error) string {
	t.Helper()
	var service common.ServiceError
	if !errors.As(err, &service) {
		t.Fatalf("got error %v, want a refusal", err)
	}
	return service.GetMessage()
}

func (c *clients) deleteKey(t testing.TB, user, fingerprint string) error {
	t.Helper()
	_, err := c.identity.DeleteApiKey(t.Context(), identity.DeleteApiKeyRequest{UserId: &user,
		Fingerprint: &fingerprint})
	return err
}

func TestADomainRefusesACredentialBeyondTheMaximumWithItsOwnMessage(t *testing.T) {
	for answer, unwrap := range map[ociemu.DomainMessageAnswer]func(string) string{
		ociemu.DomainMessagePlain: func(s string) string { return s },
		ociemu.DomainMessageEmbedded: func(s string) string {
			text, ok := strings.CutPrefix(s, "Post request failed")
			var scim struct{ Detail, Status string }
			if err := json.Unmarshal([]byte(text), &scim); !ok || err != nil || scim.Status != "400" {
				t.Errorf("the message is %s", s)
			}
			return scim.Detail
		},
	} {
		opts := ociemu.Calm()
		opts.Answers.DomainMessage = answer
		e := ociemu.New(t, opts)
		user, c := e.AddUser("jane"), asFunction(t, e)
		for range 2 {
			e.AddAPIKey(user)
			e.AddAuthToken(user, "x")
			e.AddCustomerSecretKey(user, "x")
		}
		e.AddAPIKey(user)
		public, _ := newKeyPair(t, 0)
		_, key := c.uploadKey(t.Context(), user, public)
		_, token := c.createToken(t.Context(), user, "x")
		_, secretKey := c.createSecretKey(t.Context(), user, "x")
		for want, err := range map[string]error{
			"You can not create ApiKey as maximum quota limit of 3 has been reached.":            key,
			"You can not create AuthToken as maximum quota limit of 2 has been reached.":         token,
			"You can not create CustomerSecretKey as maximum quota limit of 2 has been reached.": secretKey,
		} {
			refused(t, err, 400, "IdcsConversionError")
			if got := unwrap(messageOf(t, err)); got != want {
				t.Errorf("%s: the message is %q, want %q", answer, got, want)
			}
		}
	}
}

func TestADomainMayRefuseACallBeforeOrAfterItTookEffect(t *testing.T) {
	for when, left := range map[ociemu.When]int{ociemu.Before: 1, ociemu.After: 0} {
		e := ociemu.New(t, ociemu.Calm())
		user, c := e.AddUser("jane"), asFunction(t, e)
		print, _ := e.AddAPIKey(user)
		fault := e.Inject(ociemu.Fault{Operation: "DeleteApiKey", When: when, Do: ociemu.DomainUnauthorized})
		err := c.deleteKey(t, user, print)
		refused(t, err, 401, "IdcsConversionError")
		if got := messageOf(t, err); got != "Client is unauthorized. null" || fault.Hits() == 0 {
			t.Errorf("the message is %q after %d hits", got, fault.Hits())
		}
		if got := len(e.User(user).APIKeys); got != left {
			t.Errorf("%d keys are left, want %d", got, left)
		}
	}
}

func TestADomainRefusesEveryNthCall(t *testing.T) {
	opts := ociemu.Calm()
	opts.DomainRefusals = 3
	e := ociemu.New(t, opts)
	user, c := e.AddUser("jane"), asFunction(t, e)
	var got []string
	e.OnChange(func(v ociemu.View) { got = append(got, fmt.Sprint(len(v.User(user).AuthTokens), " tokens")) })
	for range 6 { // the third is refused before its effect, the sixth after it
		made, err := c.createToken(t.Context(), user, "x")
		if err != nil {
			refused(t, err, 401, "IdcsConversionError")
			got = append(got, "refused")
			continue
		}
		_, err = c.identity.DeleteAuthToken(t.Context(), identity.DeleteAuthTokenRequest{UserId: &user,
			AuthTokenId: made.Id})
		if err != nil {
			got = append(got, "not deleted")
		}
	}
	want := []string{"1 tokens", "0 tokens", "1 tokens", "0 tokens", "refused", "1 tokens", "not deleted", "2 tokens",
		"1 tokens", "2 tokens", "refused"}
	if !slices.Equal(got, want) { // deletes are counted separately: the third is refused before its effect
		t.Errorf("got %q, want %q", got, want)
	}
	for range 9 { // these calls are not forwarded to a domain
		tenancy := e.Tenancy()
		must[identity.GetTenancyResponse](t)(c.identity.GetTenancy(t.Context(),
			identity.GetTenancyRequest{TenancyId: &tenancy}))
	}
}
