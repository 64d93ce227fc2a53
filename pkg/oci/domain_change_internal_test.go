package oci

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
)

type answers func(*http.Request) (*http.Response, error)

func (f answers) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestAChangeReplacesOneAttributeOfTheVersionThatWasSeen(t *testing.T) {
	const value = "hunter2"
	for body, want := range map[string]fault.Class{`{"id":"7"}`: "", `{"id":"8"}`: fault.Unclear, "": fault.Unclear} {
		c := asleep(t)
		var sent *http.Request
		var text []byte
		c.AnsweredBy(answers(func(r *http.Request) (*http.Response, error) {
			sent = r
			text, _ = io.ReadAll(r.Body)
			return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))},
				nil
		}))
		m := &Member{Domain: credential.Domain{URL: "https://idcs-0.identity.oraclecloud.com:443"}}
		listed := domainCredential{ID: "7"}
		listed.Meta.Version = "etag-1"
		err := domainAPIKeys.changes(t.Context(), c, m, listed, "description", "new")
		if (want == "") != (err == nil) || err != nil && fault.Of(err) != want {
			t.Errorf("%q: %v", body, err)
		}
		if sent.Method != http.MethodPatch || sent.URL.Path != "/admin/v1/ApiKeys/7" ||
			sent.Header.Get("If-Match") != "etag-1" || string(text) !=
			`{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],`+
				`"Operations":[{"op":"replace","path":"description","value":"new"}]}` {
			t.Errorf("sent %s %s %v: %s", sent.Method, sent.URL, sent.Header, text)
		}
		if !bytes.Contains([]byte(sent.Header.Get("Authorization")),
			[]byte("content-length content-type x-content-sha256")) {
			t.Errorf("signed %s", sent.Header.Get("Authorization"))
		}
		// An error of a request with a value doesn't quote the domain.
		c.AnsweredBy(answers(func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: 400, Header: http.Header{"Opc-Request-Id": {"r"}}, Body: io.NopCloser(
				strings.NewReader(`{"schemas":["x:2.0:Error"],"status":"400","detail":"bad ` + value + `"}`))}, nil
		}))
		for _, confidential := range []bool{true, false} {
			_, err := askDomain(t.Context(), c, m.Domain, scimRequest{operation: "x", method: http.MethodPut, path: "x",
				body: value, confidential: confidential}, func(scimAnswer) (int, error) { return 0, nil })
			if err == nil || strings.Contains(err.Error(), value) == confidential {
				t.Errorf("confidential %v: %v", confidential, err)
			}
		}
	}
}
