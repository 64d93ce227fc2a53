package ociemu_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/oracle/oci-go-sdk/v65/common"
	"github.com/oracle/oci-go-sdk/v65/identity"

	"github.com/keyturn/keyturn/test/ociemu"
)

// keyID is a KeyProvider for the SDK's signer with the test's key and key id.
type keyID struct {
	key *rsa.PrivateKey
	id  string
}

func (k keyID) PrivateRSAKey() (*rsa.PrivateKey, error) { return k.key, nil }
func (k keyID) KeyID() (string, error)                  { return k.id, nil }

var (
	generic    = common.DefaultGenericHeaders()
	bodySigned = []string{"content-length", "content-type", "x-content-sha256"}
)

// message is one raw request to sign and send.
type message struct {
	method, url, body string
	generic, signed   []string            // headers to sign; nil: the SDK's
	spoil             func(*http.Request) // after signing
	date              func() time.Time    // nil: now
	signer            common.KeyProvider
	ctx               context.Context // nil: the test's
}

// response is the answer to a message.
type response struct {
	status int
	body   []byte
	header http.Header
}

// send signs, spoils and sends the message, and returns the status and error code.
func (m message) send(t testing.TB, e *ociemu.Emulator) (int, string) {
	t.Helper()
	resp := m.do(t, e)
	var failure struct{ Code string }
	if resp.status >= 400 && len(resp.body) > 0 && resp.body[0] == '{' {
		if err := json.Unmarshal(resp.body, &failure); err != nil {
			t.Fatalf("the refusal is no JSON: %s", resp.body)
		}
	}
	return resp.status, failure.Code
}

// do signs with the SDK's signer, spoils and sends the message.
func (m message) do(t testing.TB, e *ociemu.Emulator) response {
	t.Helper()
	resp, err := m.try(t, e)
	if err != nil {
		t.Fatalf("%s %s: %v", m.method, m.url, err)
	}
	return resp
}

// try is like do, but the message may get no answer.
func (m message) try(t testing.TB, e *ociemu.Emulator) (response, error) {
	t.Helper()
	if m.ctx == nil {
		m.ctx = t.Context()
	}
	req := must[*http.Request](t)(http.NewRequestWithContext(m.ctx, m.method, m.url, strings.NewReader(m.body)))
	if m.body == "" {
		req.Body, req.ContentLength = nil, 0
	}
	at := time.Now()
	if m.date != nil {
		at = m.date()
	}
	req.Header.Set("Date", at.UTC().Format(http.TimeFormat))
	req.Header.Set("Content-Type", "application/json")
	if m.generic == nil {
		m.generic = generic
	}
	if m.signed == nil {
		m.signed = bodySigned
	}
	if m.signer != nil {
		if err := common.RequestSigner(m.signer, m.generic, m.signed).Sign(req); err != nil {
			t.Fatalf("signing: %v", err)
		}
	}
	if m.spoil != nil {
		m.spoil(req)
	}
	client := e.Client()
	defer client.CloseIdleConnections()
	resp, err := client.Do(req)
	if err != nil {
		return response{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return response{resp.StatusCode, body, resp.Header}, err
}

// forge returns a session token with the claims, signed by the issuer.
func forge(t testing.TB, issuer *rsa.PrivateKey, claims map[string]any) string {
	t.Helper()
	text := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"RS256"}`)) + "." +
		base64.RawURLEncoding.EncodeToString(must[[]byte](t)(json.Marshal(claims)))
	digest := sha256.Sum256([]byte(text))
	sig := must[[]byte](t)(rsa.SignPKCS1v15(rand.Reader, issuer, crypto.SHA256, digest[:]))
	return text + "." + base64.RawURLEncoding.EncodeToString(sig)
}

func TestARequestIsRefusedUnlessItsSignatureIsGenuine(t *testing.T) {
	e := ociemu.New(t, ociemu.Calm())
	user := e.AddUser("jane@example.com")
	fn := e.NewFunction("rotate", "")
	op := e.AddOperator("ada")
	other := testKeys()[0]
	session := must[*rsa.PrivateKey](t)(fn.PrivateRSAKey())
	token := must[string](t)(fn.KeyID())
	get := message{method: "GET", url: "https://identity.us-ashburn-1.oci.oraclecloud.com/20160918/users/" + user,
		signer: fn}
	post := message{
		method: "POST", url: "https://identity.us-ashburn-1.oci.oraclecloud.com/20160918/users/" + user + "/authTokens",
		signer: fn,
		body:   `{"description":"x"}`,
	}
	claims := claimsOf(t, token)
	with := func(m message, change func(*message)) message { change(&m); return m }

	for _, c := range []struct {
		name string
		message
		status int
	}{
		{"genuine read", get, 200},
		{"genuine write", post, 200},
		{"x-date in place of date", with(get, func(m *message) {
			m.generic = []string{"x-date", "(request-target)", "host"}
			m.signer = nil
			m.spoil = func(r *http.Request) {
				r.Header.Set("x-date", r.Header.Get("Date"))
				if err := common.RequestSigner(fn, []string{"x-date", "(request-target)", "host"},
					nil).Sign(r); err != nil {
					t.Fatal(err)
				}
			}
		}), 200},
		{"no signature", with(get, func(m *message) { m.signer = nil }), 401},
		{"another scheme", with(get, func(m *message) {
			m.spoil = func(r *http.Request) { r.Header.Set("Authorization", "Bearer x") }
		}), 401},
		{"another session key", with(get, func(m *message) { m.signer = keyID{other, token} }), 401},
		{"token of another issuer", with(get, func(m *message) {
			m.signer = keyID{session, "ST$" + forge(t, other, claims)}
		}), 401},
		{"unsigned token", with(get, func(m *message) {
			m.signer = keyID{session, token[:strings.LastIndex(token, ".")+1]}
		}), 401},
		{"another path than the signed one", with(get, func(m *message) {
			m.spoil = func(r *http.Request) { r.URL.RawQuery = "a=b" }
		}), 401},
		{"another body than the signed one", with(post, func(m *message) {
			m.spoil = func(r *http.Request) { r.Body = io.NopCloser(bytes.NewReader([]byte(`{"description":"y"}`))) }
		}), 401},
		{"date not signed", with(get, func(m *message) { m.generic = []string{"(request-target)", "host"} }), 401},
		{"host not signed", with(get, func(m *message) { m.generic = []string{"date", "(request-target)"} }), 401},
		{"target not signed", with(get, func(m *message) { m.generic = []string{"date", "host"} }), 401},
		{"body hash not signed", with(post, func(m *message) { m.signed = []string{"content-length", "content-type"} }),
			401},
		{"content type not signed", with(post, func(m *message) {
			m.signed = []string{"content-length", "x-content-sha256"}
		}), 401},
		{"date six minutes back", with(get, func(m *message) {
			m.date = func() time.Time { return time.Now().Add(-6 * time.Minute) }
		}), 401},
		{"date six minutes in the future", with(get, func(m *message) {
			m.date = func() time.Time { return time.Now().Add(6 * time.Minute) }
		}), 401},
		{"date four minutes back", with(get, func(m *message) {
			m.date = func() time.Time { return time.Now().Add(-4 * time.Minute) }
		}), 200},
		{"a user's key id with another key", with(get, func(m *message) {
			m.signer = keyID{other, op.TenancyID + "/" + op.UserID + "/" + op.Fingerprint}
		}), 401},
		{"a user's key of another tenancy", with(get, func(m *message) {
			m.signer = keyID{operatorKey(t, op), "ocid1.tenancy.oc1..other/" + op.UserID + "/" + op.Fingerprint}
		}), 401},
		{"a user's genuine key", with(get, func(m *message) {
			m.signer = keyID{operatorKey(t, op), op.TenancyID + "/" + op.UserID + "/" + op.Fingerprint}
		}), 200},
	} {
		t.Run(c.name, func(t *testing.T) {
			status, code := c.send(t, e)
			if status != c.status || status == 401 && code != "NotAuthenticated" {
				t.Errorf("got %d %s, want %d", status, code, c.status)
			}
		})
	}
}

func claimsOf(t testing.TB, token string) map[string]any {
	t.Helper()
	var claims map[string]any
	if err := json.Unmarshal(must[[]byte](t)(base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])),
		&claims); err != nil {
		t.Fatal(err)
	}
	return claims
}

func operatorKey(t testing.TB, o ociemu.Operator) *rsa.PrivateKey {
	t.Helper()
	return must[*rsa.PrivateKey](t)(common.PrivateKeyFromBytes(o.PrivatePEM, nil))
}

func TestATokenIsRefusedOnceItHasExpiredUntilItIsRenewed(t *testing.T) {
	now := newClock()
	opts := ociemu.Calm()
	opts.Now, opts.TokenLife = now.Now, time.Minute
	e := ociemu.New(t, opts)
	fn := e.NewFunction("rotate", "")
	get := message{
		method: "GET", url: "https://identity.us-ashburn-1.oci.oraclecloud.com/20160918/tenancies/" + e.Tenancy(),
		signer: fn, date: now.Now,
	}
	if status, _ := get.send(t, e); status != 200 {
		t.Fatalf("a fresh token is answered %d", status)
	}
	now.Advance(2 * time.Minute)
	if status, _ := get.send(t, e); status != 401 {
		t.Errorf("an expired token is answered %d, want 401", status)
	}
	if err := fn.Renew(); err != nil {
		t.Fatal(err)
	}
	if status, _ := get.send(t, e); status != 200 {
		t.Errorf("a renewed token is answered %d, want 200", status)
	}
	now.Advance(-3 * time.Minute)
	if status, _ := get.send(t, e); status != 401 {
		t.Errorf("a token from the future is answered %d, want 401", status)
	}
}

func TestTheTokenNamesTheFunctionAndItsSessionKey(t *testing.T) {
	e := ociemu.New(t, ociemu.Calm())
	fn := e.NewFunction("rotate", "ocid1.compartment.oc1..aaaa")
	claims := claimsOf(t, string(must[[]byte](t)(os.ReadFile(fn.TokenFile))))
	for claim, want := range map[string]string{
		"sub": fn.FunctionID, "res_id": fn.FunctionID, "res_type": "fnfunc", "res_tenant": e.Tenancy(),
		"tenant":          e.Tenancy(),
		"res_compartment": "ocid1.compartment.oc1..aaaa", "ptype": "resource",
	} {
		if claims[claim] != want {
			t.Errorf("claim %s is %v, want %s", claim, claims[claim], want)
		}
	}
	if life := claims["exp"].(float64) - claims["iat"].(float64); life != 20*60 {
		t.Errorf("the token lives %v seconds, want 1200", life)
	}
	if jwk, _ := claims["jwk"].(string); !strings.Contains(jwk, `"n"`) {
		t.Errorf("the jwk claim is %v", claims["jwk"])
	}
}

func TestUsersMayReadThemselvesAndNothingElse(t *testing.T) {
	e := ociemu.New(t, ociemu.Calm())
	jane, bob := e.AddUser("jane"), e.AddUser("bob")
	print, key := e.AddAPIKey(jane)
	c := newClients(t, e, common.NewRawConfigurationProvider(e.Tenancy(), jane, e.Region(), print, string(key), nil))
	must[identity.GetUserResponse](t)(c.identity.GetUser(t.Context(), identity.GetUserRequest{UserId: &jane}))
	must[identity.ListApiKeysResponse](t)(c.identity.ListApiKeys(t.Context(),
		identity.ListApiKeysRequest{UserId: &jane}))
	_, err := c.identity.GetUser(t.Context(), identity.GetUserRequest{UserId: &bob})
	refused(t, err, 404, "NotAuthorizedOrNotFound")
	_, err = c.identity.DeleteApiKey(t.Context(), identity.DeleteApiKeyRequest{UserId: &jane, Fingerprint: &print})
	refused(t, err, 404, "NotAuthorizedOrNotFound")
}

func TestTheAuthorizerDecidesAndADenialLooksLikeNotFound(t *testing.T) {
	opts := ociemu.Calm()
	var asked []string
	opts.Authorizer = func(caller ociemu.Caller, call ociemu.Call) bool {
		asked = append(asked, caller.Kind+" "+caller.Name+" "+call.Operation)
		return call.Operation != "CreateAuthToken"
	}
	e := ociemu.New(t, opts)
	user := e.AddUser("jane")
	c := asFunction(t, e)
	must[identity.GetUserResponse](t)(c.identity.GetUser(t.Context(), identity.GetUserRequest{UserId: &user}))
	_, err := c.createToken(t.Context(), user, "x")
	refused(t, err, 404, "NotAuthorizedOrNotFound")
	if got := strings.Join(asked, ", "); got != "function rotate GetUser, function rotate CreateAuthToken" {
		t.Errorf("the authorizer was asked %s", got)
	}
	if n := len(e.User(user).AuthTokens); n != 0 {
		t.Errorf("a denied create made %d tokens", n)
	}
}
