package ociemu_test

import (
	"testing"
	"time"

	"github.com/oracle/oci-go-sdk/v65/identity"

	"github.com/keyturn/keyturn/test/ociemu"
)

// spreading creates one credential of each kind and returns how to try each.
func spreading(t *testing.T, e *ociemu.Emulator) (user string, try map[string]func() int) {
	t.Helper()
	user, c := e.AddUser("jane"), asFunction(t, e)
	public, private := newKeyPair(t, 0)
	must[identity.UploadApiKeyResponse](t)(c.uploadKey(t.Context(), user, public))
	token := must[identity.CreateAuthTokenResponse](t)(c.createToken(t.Context(), user, "x"))
	key := must[identity.CreateCustomerSecretKeyResponse](t)(c.createSecretKey(t.Context(), user, "x"))
	return user, map[string]func() int{
		"api-key":             func() int { return e.TryAPIKey(user, private) },
		"auth-token":          func() int { return e.TryAuthToken(user, *token.Token) },
		"customer-secret-key": func() int { return e.TryCustomerSecretKey(*key.Id, *key.Key) },
	}
}

func TestANewCredentialIsActiveButRefusedUntilItHasSpread(t *testing.T) {
	opts := ociemu.Calm()
	opts.Spread = ociemu.RealSpread()
	opts.Now = newClock().Now // a stopped clock
	e := ociemu.New(t, opts)
	user, try := spreading(t, e)
	c := asFunction(t, e)
	listed := must[identity.ListApiKeysResponse](t)(c.identity.ListApiKeys(t.Context(),
		identity.ListApiKeysRequest{UserId: &user}))
	if state := listed.Items[0].LifecycleState; state != identity.ApiKeyLifecycleStateActive {
		t.Errorf("the API key is %s", state)
	}
	rejected := map[string]int{"api-key": 401, "auth-token": 401, "customer-secret-key": 403}
	var passed time.Duration
	for _, step := range []struct {
		at    time.Duration
		works []string
	}{
		{0, nil},
		{time.Minute - 1, nil},
		{time.Minute, []string{"auth-token"}},
		{5*time.Minute - 1, []string{"auth-token"}},
		{5 * time.Minute, []string{"auth-token", "customer-secret-key"}},
		{15*time.Minute - 1, []string{"auth-token", "customer-secret-key"}},
		{15 * time.Minute, []string{"auth-token", "customer-secret-key", "api-key"}},
		{24 * time.Hour, []string{"auth-token", "customer-secret-key", "api-key"}},
	} {
		e.Forward(step.at - passed)
		passed = step.at
		want := map[string]int{}
		for kind, status := range rejected {
			want[kind] = status
		}
		for _, kind := range step.works {
			want[kind] = 200
		}
		for kind, use := range try {
			if got := use(); got != want[kind] {
				t.Errorf("after %v: the %s is answered %d, want %d", step.at, kind, got, want[kind])
			}
		}
	}
}

func TestForwardDoesNotAffectTheClientsClocks(t *testing.T) {
	e := ociemu.New(t, ociemu.Calm())
	c := asFunction(t, e)
	user := e.AddUser("jane")
	first := must[identity.CreateAuthTokenResponse](t)(c.createToken(t.Context(), user, "x"))
	e.Forward(48 * time.Hour) // longer than the session token's life and maxSkew
	second := must[identity.CreateAuthTokenResponse](t)(c.createToken(t.Context(), user, "y"))
	if d := second.TimeCreated.Sub(first.TimeCreated.Time); d < 48*time.Hour || d > 49*time.Hour {
		t.Errorf("between the two %v have passed, want two days", d)
	}
	id, key := e.AddCustomerSecretKey(user, "x")
	if got := e.TryCustomerSecretKey(id, key); got != 200 {
		t.Errorf("an S3 request that is dated by the client's clock is answered %d", got)
	}
}

func TestAnswersChooseTheCodeThatRefusesANewS3Key(t *testing.T) {
	for answer, want := range map[ociemu.S3NewKeyAnswer]string{
		"": "SignatureDoesNotMatch", ociemu.S3NewKeyMismatch: "SignatureDoesNotMatch",
		ociemu.S3NewKeyUnknown: "InvalidAccessKeyId",
	} {
		opts := ociemu.Calm()
		opts.Answers.S3NewKey = answer
		opts.Spread.CustomerSecretKey = time.Hour
		e := ociemu.New(t, opts)
		key := must[identity.CreateCustomerSecretKeyResponse](t)(asFunction(t, e).createSecretKey(t.Context(),
			e.AddUser("jane"), "x"))
		resp := s3Request{id: *key.Id, key: *key.Key, path: "/"}.send(t, e)
		if resp.status != 403 || s3Code(t, resp.body) != want {
			t.Errorf("%q: answered %d %s, want 403 %s", answer, resp.status, resp.body, want)
		}
	}
}

func TestTheControlRoutesSetTheSpreadAndForwardTime(t *testing.T) {
	e := ociemu.New(t, ociemu.Calm())
	for body, want := range map[string]int{`{"apiKey":"15m","authToken":"1m","customerSecretKey":"5m"}`: 200,
		`{"apiKey":"soon"}`: 400, `{"apiKey":"-1m"}`: 400, `{"password":"1m"}`: 400} {
		if status, answer := control(t, e, "POST", "spread", body); status != want {
			t.Errorf("%s is answered %d %v, want %d", body, status, answer, want)
		}
	}
	_, try := spreading(t, e)
	for kind, use := range try {
		if got := use(); got == 200 {
			t.Errorf("a new %s works at once", kind)
		}
	}
	for _, body := range []string{`{}`, `{"time":"later"}`, `{"time":"-5m"}`} {
		if status, answer := control(t, e, "POST", "forward", body); status != 400 {
			t.Errorf("%s is answered %d %v", body, status, answer)
		}
	}
	if status, answer := control(t, e, "POST", "forward", `{"time":"15m"}`); status != 200 || at(answer, "now") == nil {
		t.Errorf("letting time pass is answered %d %v", status, answer)
	}
	for kind, use := range try {
		if got := use(); got != 200 {
			t.Errorf("after 15 minutes the %s is answered %d", kind, got)
		}
	}
}

func TestTheControlRoutesSeedImagesAndBuckets(t *testing.T) {
	e := ociemu.New(t, ociemu.Calm())
	for _, c := range []struct {
		path, body string
		want       int
	}{
		{"images", `{"repository":"shop","tag":"1.0.0","docker":true}`, 200},
		{"images", `{"repository":"Shop"}`, 400},
		{"images", `{}`, 400},
		{"images", `{"name":"shop"}`, 400},
		{"buckets", `{"name":"backups"}`, 200},
		{"buckets", `{"name":"backups"}`, 400},
		{"buckets", `{}`, 400},
	} {
		if status, answer := control(t, e, "POST", c.path, c.body); status != c.want {
			t.Errorf("%s %s is answered %d %v, want %d", c.path, c.body, status, answer, c.want)
		}
	}
}
