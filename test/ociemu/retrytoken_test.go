package ociemu_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/oracle/oci-go-sdk/v65/common"
	"github.com/oracle/oci-go-sdk/v65/identity"

	"github.com/keyturn/keyturn/test/ociemu"
)

func TestAnswersChooseTheAnswerToARepeatedRetryToken(t *testing.T) {
	for _, answer := range []ociemu.RetryTokenAnswer{
		"", ociemu.RetryTokenValue, ociemu.RetryTokenNoValue, ociemu.RetryTokenConflict, ociemu.RetryTokenIgnored,
	} {
		t.Run(string(answer), func(t *testing.T) {
			opts := ociemu.Calm()
			opts.Answers.RetryToken = answer
			e := ociemu.New(t, opts)
			user, c := e.AddUser("jane"), asFunction(t, e)
			create := func() (identity.CreateAuthTokenResponse, error) {
				return c.identity.CreateAuthToken(t.Context(), identity.CreateAuthTokenRequest{
					UserId: &user, OpcRetryToken: common.String("once"),
					CreateAuthTokenDetails: identity.CreateAuthTokenDetails{Description: common.String("x")},
				})
			}
			first := must[identity.CreateAuthTokenResponse](t)(create())
			second, err := create()
			tokens := len(e.User(user).AuthTokens)
			switch answer {
			case "", ociemu.RetryTokenValue:
				if err != nil || *second.Id != *first.Id || second.Token == nil || *second.Token != *first.Token ||
					tokens != 1 {
					t.Errorf("got %v, %v and %d tokens", second.AuthToken, err, tokens)
				}
			case ociemu.RetryTokenNoValue:
				if err != nil || *second.Id != *first.Id || second.Token != nil || tokens != 1 {
					t.Errorf("got %v, %v and %d tokens", second.AuthToken, err, tokens)
				}
			case ociemu.RetryTokenConflict:
				refused(t, err, 409, "InvalidatedRetryToken")
			case ociemu.RetryTokenIgnored:
				if err != nil || *second.Id == *first.Id || tokens != 2 {
					t.Errorf("got %v, %v and %d tokens", second.AuthToken, err, tokens)
				}
			}
		})
	}
}

func TestARetryTokenIsValidForADayForOneOperationOneBodyAndOneExistingResource(t *testing.T) {
	now := newClock()
	opts := ociemu.Calm()
	opts.Now, opts.TokenLife = now.Now, 72*time.Hour
	e := ociemu.New(t, opts)
	user := e.AddUser("jane")
	fn := e.NewFunction("rotate", "")
	post := func(path, body string) int {
		m := message{method: "POST", url: e.URL() + "/20160918/users/" + user + "/" + path, body: body, signer: fn,
			date: now.Now}
		m.spoil = func(r *http.Request) { r.Header.Set("opc-retry-token", "once") }
		status, _ := m.send(t, e)
		return status
	}
	const x, y = `{"description":"x"}`, `{"description":"y"}`
	if a, b, c := post("authTokens", x), post("authTokens", y), post("customerSecretKeys",
		`{"displayName":"x"}`); a != 200 || b != 409 || c != 200 {
		t.Errorf("got %d for the first, %d for another body, %d for another operation, want 200, 409, 200", a, b, c)
	}
	now.Advance(25 * time.Hour)
	if got := post("authTokens", x); got != 200 || len(e.User(user).AuthTokens) != 2 {
		t.Errorf("after a day: got %d and %d tokens, want a second one", got, len(e.User(user).AuthTokens))
	}
	token := e.User(user).AuthTokens[1].ID
	m := message{method: "DELETE", url: e.URL() + "/20160918/users/" + user + "/authTokens/" + token, signer: fn,
		date: now.Now}
	if status, _ := m.send(t, e); status != 204 {
		t.Fatalf("the delete is answered %d", status)
	}
	if got := post("authTokens", x); got != 409 {
		t.Errorf("the token of a deleted resource is answered %d, want 409", got)
	}
}

func TestARefusedCreateIsNotRememberedUnderItsRetryToken(t *testing.T) {
	e := ociemu.New(t, ociemu.Calm())
	user, c := e.AddUser("jane"), asFunction(t, e)
	id, _ := e.AddAuthToken(user, "1")
	e.AddAuthToken(user, "2")
	create := func() error {
		_, err := c.identity.CreateAuthToken(t.Context(), identity.CreateAuthTokenRequest{
			UserId: &user, OpcRetryToken: common.String("once"),
			CreateAuthTokenDetails: identity.CreateAuthTokenDetails{Description: common.String("x")},
		})
		return err
	}
	refused(t, create(), 400, "IdcsConversionError")
	must[identity.DeleteAuthTokenResponse](t)(c.identity.DeleteAuthToken(t.Context(),
		identity.DeleteAuthTokenRequest{UserId: &user, AuthTokenId: &id}))
	if err := create(); err != nil {
		t.Errorf("after room was made: %v", err)
	}
}
