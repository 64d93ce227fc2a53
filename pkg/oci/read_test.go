package oci_test

import (
	"io"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
	"github.com/keyturn/keyturn/pkg/vault"
)

func TestASecretInAListIsDescribedAsFarAsTheListDoes(t *testing.T) {
	cloud, _ := offline(t, func(r *http.Request, _ int) (*http.Response, error) {
		answer, err := reply(r, 200, `[{"id":"`+secretID+
			`","secretName":"token-of-web","compartmentId":"c","vaultId":"v","lifecycleState":"ACTIVE","isReplica":true,
			"freeformTags":{"a":"b"},"definedTags":{"keyturn":{"user":"u"}}},{"id":"`+secretID+`","isReplica":false},{}]`)
		answer.Header.Set("Opc-Next-Page", "next")
		return answer, err
	})
	some, next, err := cloud.Vault().Secrets(t.Context(), tenancy, "")
	want := []vault.Secret{{ID: secretID, Name: "token-of-web", Compartment: "c", Vault: "v", Region: "us-ashburn-1",
		State: vault.Active, Replica: true,
		Freeform: map[string]string{"a": "b"}, Defined: map[string]map[string]any{"keyturn": {"user": "u"}}},
		{ID: secretID, Region: "us-ashburn-1"}, {}}
	if err != nil || next != "next" || !reflect.DeepEqual(some, want) {
		t.Errorf("the secrets are %+v, then %q (%v), want %+v", some, next, err, want)
	}
}

func TestAnAnswerThatIsNoJSONIsUnclear(t *testing.T) {
	for _, body := range []string{"", "<html></html>", `"text"`, `[`} {
		synctest.Test(t, func(t *testing.T) {
			cloud, _ := offline(t, always(200, body))
			if n, v, err := cloud.Vault().Read(t.Context(), secretID, ""); fault.Of(err) != fault.Unclear ||
				err == nil || n != 0 || !v.Empty() {
				t.Errorf("%q: a content is %d (%v)", body, n, err)
			}
			if s, err := cloud.Vault().Secret(t.Context(), secretID); fault.Of(err) != fault.Unclear || err == nil ||
				!reflect.DeepEqual(s, vault.Secret{}) {
				t.Errorf("%q: a secret is %+v (%v)", body, s, err)
			}
		})
	}
}

func TestARefusedReadGivesNothing(t *testing.T) {
	cloud, _ := offline(t, always(404, refusal("NotAuthorizedOrNotFound", "")))
	if n, v, err := cloud.Vault().Read(t.Context(), secretID, ""); err == nil || n != 0 || !v.Empty() {
		t.Errorf("a content is %d (%v)", n, err)
	}
	if _, found, err := cloud.Vault().Summary(t.Context(), secretID, []string{tenancy}); err == nil || found {
		t.Errorf("a summary is found: %v (%v)", found, err)
	}
	far := "ocid1.vaultsecret.oc2.us-langley-1.amaaaaaasecret"
	if n, v, err := cloud.Vault().Read(t.Context(), far, ""); err == nil || n != 0 || !v.Empty() {
		t.Errorf("a content of another realm is %d (%v)", n, err)
	}
}

func TestACredentialIsReadAsIAMListsIt(t *testing.T) {
	const at = `"timeCreated":"2026-01-01T00:00:00.123456Z"`
	made := time.Date(2026, 1, 1, 0, 0, 0, 123_000_000, time.UTC)
	for kind, c := range map[credential.Kind]struct {
		body        string
		id          string
		description string
		value       string
	}{
		credential.APIKey:            {`{"keyId":"t/u/f","fingerprint":"aa:bb",` + at + `}`, "aa:bb", "", ""},
		credential.AuthToken:         {`{"id":"i","description":"d","token":"v",` + at + `}`, "i", "d", "v"},
		credential.CustomerSecretKey: {`{"id":"i","displayName":"d","key":"v",` + at + `}`, "i", "d", "v"},
		credential.Password: {`{"userId":"u","password":"v",` + at + `}`,
			credential.TimeID(made.Add(456 * time.Microsecond)), "", "v"},
	} {
		want := credential.Issued{ID: c.id, Description: c.description, Created: made}
		list := "[" + c.body + "]"
		if kind == credential.Password {
			list = c.body
		}
		cloud, _ := offline(t, always(200, list))
		if l, err := cloud.Issuer(kind).List(t.Context(), user); err != nil || len(l.Credentials) != 1 ||
			l.Credentials[0] != want {
			t.Errorf("%s: listed as %+v (%v), want %+v", kind, l.Credentials, err, want)
		}
		cloud, _ = offline(t, always(200, c.body))
		got, err := cloud.Issuer(kind).Create(t.Context(), user, credential.Draft{PublicKey: "a key", Description: "d",
			RetryToken: "t"})
		if err != nil || got.Issued != want || got.Value.Empty() != (c.value == "") || c.value != "" &&
			!got.Value.Equal(credential.NewValue([]byte(c.value))) {
			t.Errorf("%s: made as %+v (%v), want %+v", kind, got.Issued, err, want)
		}
	}
}

// tears is a network whose answers end with a text and then an error.
func tears(text string, err error) func(*http.Request, int) (*http.Response, error) {
	return func(r *http.Request, _ int) (*http.Response, error) {
		answer, failed := reply(r, 200, "")
		answer.Body, answer.ContentLength = io.NopCloser(io.MultiReader(strings.NewReader(text),
			iotest.ErrReader(err))), -1
		return answer, failed
	}
}

func TestASecretWhoseAnswerIsTornIsNotBelieved(t *testing.T) {
	const text = `{"id":"` + secretID +
		`","versionNumber":1,"secretBundleContent":{"contentType":"BASE64","content":"QQ=="}}`
	synctest.Test(t, func(t *testing.T) {
		cloud, _ := offline(t, tears(text, errReset))
		if s, err := cloud.Vault().Secret(t.Context(), secretID); fault.Of(err) != fault.Unclear || err == nil {
			t.Errorf("a secret is %+v (%v)", s, err)
		}
		if n, _, err := cloud.Vault().Read(t.Context(), secretID, ""); fault.Of(err) != fault.Unclear || err == nil {
			t.Errorf("a content is that of version %d (%v)", n, err)
		}
	})
}

// The connection of an answer that stays open can't be reused.
func TestEachAnswerIsClosed(t *testing.T) {
	for _, o := range operations() {
		for _, status := range []int{200, 302, 404} {
			open := 0
			synctest.Test(t, func(t *testing.T) {
				var mu sync.Mutex
				var all []*flow
				cloud, _ := offline(t, func(r *http.Request, n int) (*http.Response, error) {
					f := &flow{left: 10, err: io.EOF}
					mu.Lock()
					all = append(all, f)
					mu.Unlock()
					return gives(status, f)(r, n)
				})
				_ = o.run(t.Context(), cloud) // what matters is what was left behind
				synctest.Wait()
				for _, f := range all {
					if !f.closed {
						open++
					}
				}
			})
			if open > 0 {
				t.Errorf("%s, %d: %d answers stay open", o.name, status, open)
			}
		}
	}
}
