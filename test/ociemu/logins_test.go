package ociemu_test

import (
	"encoding/json"
	"encoding/xml"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/test/ociemu"
)

func s3Code(t testing.TB, body []byte) string {
	t.Helper()
	var failure struct {
		XMLName xml.Name `xml:"Error"`
		Code    string
	}
	if err := xml.Unmarshal(body, &failure); err != nil {
		t.Fatalf("the refusal is no S3 error: %s", body)
	}
	return failure.Code
}

func TestTheRegistryAcceptsNamespaceUserNameAndAuthToken(t *testing.T) {
	e := ociemu.New(t, ociemu.Calm())
	user := e.AddUser("oracleidentitycloudservice/jane@example.com")
	_, token := e.AddAuthToken(user, "x")
	_, other := e.AddAuthToken(e.AddUser("bob"), "x")
	name := e.Namespace() + "/oracleidentitycloudservice/jane@example.com"
	for _, host := range []string{"ocir.us-ashburn-1.oci.oraclecloud.com", "iad.ocir.io"} {
		login := func(name, token string) response {
			m := message{method: "GET", url: "https://" + host + "/20180419/docker/token"}
			m.spoil = func(r *http.Request) { r.SetBasicAuth(name, token) }
			return m.do(t, e)
		}
		for _, row := range []struct {
			name, token string
			want        int
		}{
			{name, token, 200}, {name, token + "x", 401}, {name, other, 401}, {name, "", 401},
			{"other" + name, token, 401},
			{strings.TrimPrefix(name, e.Namespace()+"/"), token, 401}, {e.Namespace() + "/jane@example.com", token,
				401}, {"", "", 401},
		} {
			if got := login(row.name, row.token).status; got != row.want {
				t.Errorf("%s: %d characters of token for %s are answered %d, want %d", host, len(row.token), row.name,
					got, row.want)
			}
		}
		var answer struct{ Token string }
		if err := json.Unmarshal(login(name, token).body, &answer); err != nil || answer.Token == "" ||
			answer.Token == token {
			t.Errorf("the login returns no separate token: %v", err)
		}
		ping := message{method: "GET", url: "https://" + host + "/v2/"}
		resp := ping.do(t, e)
		if want := `Bearer realm="https://` + host + `/20180419/docker/token"`; resp.status != 401 ||
			!strings.HasPrefix(resp.header.Get("WWW-Authenticate"), want) {
			t.Errorf("without a token: %d %s", resp.status, resp.header.Get("WWW-Authenticate"))
		}
		ping.spoil = func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+answer.Token) }
		if resp := ping.do(t, e); resp.status != 200 {
			t.Errorf("with the token: %d", resp.status)
		}
	}
}

func TestS3DistinguishesAnUnknownKeyFromAWrongOne(t *testing.T) {
	for answer, want := range map[int]int{0: 403, 403: 403, 401: 401} {
		opts := ociemu.Calm()
		opts.Answers.S3Rejects = answer
		e := ociemu.New(t, opts)
		id, key := e.AddCustomerSecretKey(e.AddUser("jane"), "x")
		if got := e.TryCustomerSecretKey(id, key); got != 200 {
			t.Errorf("the right key is answered %d", got)
		}
		if got := e.TryCustomerSecretKey(id, key+"x"); got != want {
			t.Errorf("a wrong key is answered %d, want %d", got, want)
		}
		if got := e.TryCustomerSecretKey("0"+id[1:], key); got != want && id[0] != '0' {
			t.Errorf("an unknown key is answered %d, want %d", got, want)
		}
	}
}

func TestS3ErrorsAreXMLWithTheCodesOfS3(t *testing.T) {
	now := newClock()
	opts := ociemu.Calm()
	opts.Now = now.Now
	e := ociemu.New(t, opts)
	id, _ := e.AddCustomerSecretKey(e.AddUser("jane"), "x")
	ask := func(region, authorization string, at time.Time) (int, string) {
		m := message{method: "GET", url: "https://" + e.Namespace() + ".compat.objectstorage." + region +
			".oraclecloud.com/"}
		m.spoil = func(r *http.Request) {
			r.Header.Set("x-amz-date", at.UTC().Format("20060102T150405Z"))
			r.Header.Set("x-amz-content-sha256", "UNSIGNED-PAYLOAD")
			r.Header.Set("Authorization", authorization)
		}
		resp := m.do(t, e)
		return resp.status, s3Code(t, resp.body)
	}
	auth := func(id, region string, at time.Time) string {
		return "AWS4-HMAC-SHA256 Credential=" + id + "/" + at.UTC().Format("20060102") + "/" + region +
			"/s3/aws4_request, SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature=00"
	}
	for _, row := range []struct {
		name, region, authorization string
		at                          time.Time
		code                        string
	}{
		{"no signature", "us-ashburn-1", "", now.Now(), "AccessDenied"},
		{"unknown access key", "us-ashburn-1", auth("none", "us-ashburn-1", now.Now()), now.Now(),
			"InvalidAccessKeyId"},
		{"wrong signature", "us-ashburn-1", auth(id, "us-ashburn-1", now.Now()), now.Now(), "SignatureDoesNotMatch"},
		{"another region in the scope", "us-ashburn-1", auth(id, "us-phoenix-1", now.Now()), now.Now(),
			"SignatureDoesNotMatch"},
		{"too old", "us-ashburn-1", auth(id, "us-ashburn-1", now.Now().Add(-time.Hour)), now.Now().Add(-time.Hour),
			"RequestTimeTooSkewed"},
	} {
		if status, code := ask(row.region, row.authorization, row.at); status != 403 || code != row.code {
			t.Errorf("%s: got %d %s, want 403 %s", row.name, status, code, row.code)
		}
	}
}

func TestReadingTheNamespaceNeedsASignature(t *testing.T) {
	e := ociemu.New(t, ociemu.Calm())
	m := message{method: "GET", url: "https://objectstorage.us-ashburn-1.oraclecloud.com/n",
		signer: e.NewFunction("rotate", "")}
	if resp := m.do(t, e); resp.status != 200 || string(resp.body) != `"`+e.Namespace()+`"` {
		t.Errorf("got %d %s", resp.status, resp.body)
	}
	m.signer = nil
	if status, _ := m.send(t, e); status != 401 {
		t.Errorf("without a signature: %d", status)
	}
}
