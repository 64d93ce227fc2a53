package oci_test

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
)

// inDomain are the resources of a domain, by kind: how each is listed and created, without and with its value.
var inDomain = map[credential.Kind]struct{ resource, listed, id, mark, body, value string }{
	credential.APIKey: {"ApiKeys", `"fingerprint":"aa:bb","description":"mine"`, "aa:bb", "mine",
		`{"schemas":["urn:ietf:params:scim:schemas:oracle:idcs:apikey"],"key":"a key","description":"a mark",`, ""},
	credential.AuthToken: {"AuthTokens", `"description":"mine"`, "ocid1.credential.oc1..7", "mine",
		`{"schemas":["urn:ietf:params:scim:schemas:oracle:idcs:authToken"],"description":"a mark",`, "token"},
	credential.CustomerSecretKey: {"CustomerSecretKeys",
		`"accessKey":"cafe","displayName":"mine","description":"not it"`,
		"cafe", "mine", `{"schemas":["urn:ietf:params:scim:schemas:oracle:idcs:customerSecretKey"],` +
			`"displayName":"a mark",`, "secretKey"},
}

const scimSeven = "77777777777777777777777777777777"

// seven is a credential of the kind, as a domain lists it.
func seven(kind credential.Kind) string {
	return `{"id":"` + scimSeven + `","ocid":"ocid1.credential.oc1..7",` + inDomain[kind].listed +
		`,"user":{"value":"` +
		scimUser + `","ocid":"` + user + `"},"meta":{"created":"2026-03-01T12:00:00.123Z","version":"etag-1"}}`
}

func TestCredentialsOfADomainUserAreListedMadeAndDeletedByTheDomain(t *testing.T) {
	for kind, c := range inDomain {
		cloud, s, d := tenancyWithDomains(t, func(r *http.Request, _ int) (*http.Response, error) {
			t.Errorf("%s: asked %s", kind, r.URL)
			return reply(r, 500, "")
		})
		d.hosts[hostA] = withUser(func(r *http.Request, _ string) (*http.Response, error) {
			switch r.Method {
			case http.MethodPost:
				made := strings.TrimSuffix(seven(kind), "}")
				if c.value != "" {
					made += `,"` + c.value + `":"` + confidential + `"`
				}
				return reply(r, 201, made+"}")
			case http.MethodDelete:
				return reply(r, 204, "")
			}
			return inPages(10, seven(kind))(r, "")
		})
		want := credential.Issued{ID: c.id, Description: c.mark, Created: time.Date(2026, 3, 1, 12, 0, 0, 123e6,
			time.UTC)}
		issuer := cloud.Issuer(kind)
		l, err := issuer.List(t.Context(), user)
		if err != nil || len(l.Credentials) != 1 || l.Credentials[0] != want || time.Since(l.At).Abs() > time.Minute {
			t.Errorf("%s: the list is %+v (%v)", kind, l, err)
		}
		made, err := issuer.Create(t.Context(), user, credential.Draft{PublicKey: "a key", Description: "a mark",
			RetryToken: "token-1"})
		if err != nil || made.Issued != want || made.Value.Empty() != (c.value == "") ||
			c.value != "" && string(made.Value.Reveal()) != confidential {
			t.Errorf("%s: %+v (%v)", kind, made, err)
		}
		if err := issuer.Delete(t.Context(), user, c.id); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
		lists, posts, deletes := s.to("GET", c.resource), s.to("POST", c.resource), s.to("DELETE", c.resource)
		if len(lists) != 2 || len(posts) != 1 || len(deletes) != 1 || deletes[0].path != "/admin/v1/"+c.resource+"/"+
			scimSeven {
			t.Fatalf("%s: the requests are %v, %v, %v", kind, lists, posts, deletes)
		}
		if want := c.body + `"user":{"value":"` + scimUser + `","ocid":"` + user + `"}}`; posts[0].body != want ||
			posts[0].retryToken != "token-1" {
			t.Errorf("%s: the request is %+v, want the body %s", kind, posts[0], want)
		}
		q := query(t, lists[0])
		if q.Get("filter") != `user.ocid eq "`+user+`"` || q.Get("count") != "1000" || q.Get("startIndex") != "1" {
			t.Errorf("%s: the list is asked for by %v", kind, q)
		}
		attributes := strings.Split(q.Get("attributes"), ",")
		for _, secret := range []string{"token", "secretKey", "password", "secret", "key"} {
			if slices.ContainsFunc(attributes, func(a string) bool { return strings.EqualFold(a, secret) }) ||
				len(attributes) < 4 {
				t.Errorf("%s: the list may have a value: %v", kind, attributes)
			}
		}
	}
}

func TestUsersOfDefaultAndUnknownUsersGoToTheClassicAPI(t *testing.T) {
	for name, domains := range map[string][]string{"of Default": {user, "web"}, "unknown": nil} {
		cloud, s, d := tenancyWithDomains(t, always(200, `[]`))
		d.hosts[hostD] = users(domains...)
		if l, err := cloud.Issuer(credential.APIKey).List(t.Context(), user); err != nil || len(l.Credentials) != 0 ||
			len(s.of("/20160918/users/"+user+"/apiKeys")) != 1 || len(s.of("/admin")) != 3 {
			t.Errorf("%s: %+v (%v)", name, l, err)
		}
	}
}

func TestACreationInADomainIsSentOnceUnlessItIsThrottled(t *testing.T) {
	for status, want := range map[int]int{500: 1, 503: 1, 401: 1, 409: 1, 400: 1, 200: 1, 429: 6} {
		synctest.Test(t, func(t *testing.T) {
			cloud, s, d := tenancyWithDomains(t, always(500, ""))
			d.hosts[hostA] = withUser(func(r *http.Request, _ string) (*http.Response, error) {
				return reply(r, status, scimError(fmt.Sprint(status), "", ""))
			})
			_, err := cloud.Issuer(credential.AuthToken).Create(t.Context(), user, credential.Draft{RetryToken: "t"})
			if n := len(s.to("POST", "AuthTokens")); n != want || err == nil {
				t.Errorf("%d: sent %d times (%v), want %d", status, n, err, want)
			}
		})
	}
}

func TestAnAnswerToACreationThatIsNotTheCredentialIsUnclearAndNotQuoted(t *testing.T) {
	value := `"token":"` + confidential + `"`
	for name, body := range map[string]string{
		"no id":         `{"ocid":"ocid1.credential.oc1..7",` + value + `}`,
		"no OCID":       `{"id":"` + scimSeven + `",` + value + `}`,
		"another user":  `{"id":"7","ocid":"o","user":{"ocid":"ocid1.user.oc1..x"},` + value + `}`,
		"no JSON":       `<html>` + confidential,
		"a list":        scimList(1, 1, `{`+value+`}`),
		"another type":  `{"id":"7","ocid":"o","token":["` + confidential + `"]}`,
		"a wrong time":  `{"id":"7","ocid":"o",` + value + `,"meta":{"created":"` + confidential + `"}}`,
		"no JSON after": `{"id":"7","ocid":"o",` + value + `}}`,
	} {
		cloud, _, d := tenancyWithDomains(t, always(500, ""))
		d.hosts[hostA] = withUser(func(r *http.Request, _ string) (*http.Response, error) {
			return reply(r, 201, body)
		})
		made, err := cloud.Issuer(credential.AuthToken).Create(t.Context(), user, credential.Draft{})
		if fault.Of(err) != fault.Unclear || err == nil || !made.Value.Empty() {
			t.Errorf("%s: %+v (%v)", name, made, err)
		}
		for _, verb := range []string{"%v", "%+v", "%#v"} {
			if contains(fmt.Sprintf(verb, err), confidential) || contains(fmt.Sprintf(verb, made), confidential) {
				t.Errorf("%s: the value is printed with %s", name, verb)
			}
		}
	}
	cloud, _, d := tenancyWithDomains(t, always(500, ""))
	d.hosts[hostA] = withUser(func(r *http.Request, _ string) (*http.Response, error) {
		return reply(r, 201, `{"id":"7","ocid":"o","token":null}`)
	})
	if made, err := cloud.Issuer(credential.AuthToken).Create(t.Context(), user, credential.Draft{}); err != nil ||
		made.ID != "o" || !made.Value.Empty() {
		t.Errorf("a credential without its value is %+v (%v)", made, err)
	}
}

// deletion is a domain that lists a credential and answers each deletion, and the read of one credential.
func deletion(resources []string, one string, statuses ...int) (answer, *[]string) {
	var versions []string
	return withUser(func(r *http.Request, _ string) (*http.Response, error) {
		switch {
		case r.Method == http.MethodDelete:
			versions = append(versions, r.Header.Get("If-Match"))
			status := statuses[min(len(versions), len(statuses))-1]
			return reply(r, status, map[bool]string{true: "", false: scimError(fmt.Sprint(status), "",
				"")}[status < 300])
		case strings.HasSuffix(r.URL.Path, scimSeven):
			answer, err := reply(r, 200, one)
			answer.Header.Set("Etag", "etag-2")
			return answer, err
		case r.Method == http.MethodPost:
			return reply(r, 201, seven(credential.AuthToken))
		}
		return inPages(10, resources...)(r, "")
	}), &versions
}

func TestACredentialIsDeletedInTheVersionThatWasSeen(t *testing.T) {
	token, changed := seven(credential.AuthToken), strings.Replace(seven(credential.AuthToken), "mine", "other", 1)
	for name, c := range map[string]struct {
		one      string
		statuses []int
		want     fault.Class
		versions []string
	}{
		"deleted":                  {token, []int{204}, "", []string{"etag-1"}},
		"a wrong version":          {token, []int{412, 204}, "", []string{"etag-1", "etag-2"}},
		"a wrong version for ever": {token, []int{412}, fault.Conflict, []string{"etag-1", "etag-2"}},
		"changed":                  {changed, []int{412}, fault.Conflict, []string{"etag-1"}},
		"gone":                     {token, []int{404}, fault.Absent, []string{"etag-1"}},
		"refused":                  {token, []int{401}, fault.Unclear, []string{"etag-1"}},
		"lost":                     {token, []int{503}, fault.Unclear, []string{"etag-1"}},
		"no deletion":              {token, []int{200}, fault.Unclear, []string{"etag-1"}},
	} {
		synctest.Test(t, func(t *testing.T) {
			cloud, _, d := tenancyWithDomains(t, always(500, ""))
			answer, versions := deletion([]string{token}, c.one, c.statuses...)
			d.hosts[hostA] = answer
			err := cloud.Issuer(credential.AuthToken).Delete(t.Context(), user, "ocid1.credential.oc1..7")
			if (c.want == "") != (err == nil) || err != nil && fault.Of(err) != c.want ||
				!slices.Equal(*versions, c.versions) {
				t.Errorf("%s: %v, deleted in the versions %q, want %q", name, err, *versions, c.versions)
			}
		})
	}
}

func TestOnlyTheOwnIDOfACredentialDeletesIt(t *testing.T) {
	for _, id := range []string{scimSeven, "", "ocid1.credential.oc1..8", "aa:bb"} {
		cloud, _, d := tenancyWithDomains(t, always(500, ""))
		answer, versions := deletion([]string{seven(credential.AuthToken)}, "", 204)
		d.hosts[hostA] = answer
		if err := cloud.Issuer(credential.AuthToken).Delete(t.Context(), user, id); fault.Of(err) != fault.Absent ||
			err == nil || len(*versions) > 0 {
			t.Errorf("%q: %v after %d deletions", id, err, len(*versions))
		}
	}
}

func TestACredentialThatIsNotListedYetIsDeletedByTheIDOfItsCreation(t *testing.T) {
	cloud, s, d := tenancyWithDomains(t, always(500, ""))
	answer, versions := deletion(nil, "", 204)
	d.hosts[hostA] = answer
	issuer := cloud.Issuer(credential.AuthToken)
	made, err := issuer.Create(t.Context(), user, credential.Draft{})
	if err != nil {
		t.Fatal(err)
	}
	if err := issuer.Delete(t.Context(), user, made.ID); err != nil || !slices.Equal(*versions, []string{""}) ||
		s.to("DELETE", "AuthTokens")[0].path != "/admin/v1/AuthTokens/"+scimSeven {
		t.Errorf("%v, deleted in the versions %q", err, *versions)
	}
}

func TestACredentialThatIsBeingDeletedIsNotListed(t *testing.T) {
	cloud, _, d := tenancyWithDomains(t, always(500, ""))
	going := strings.Replace(seven(credential.AuthToken), `{"id"`, `{"deleteInProgress":true,"id"`, 1)
	d.hosts[hostA] = withUser(inPages(10, going))
	if l, err := cloud.Issuer(credential.AuthToken).List(t.Context(), user); err != nil || len(l.Credentials) > 0 {
		t.Errorf("the list is %+v (%v)", l, err)
	}
}

func TestADomainUsersAccountIsRead(t *testing.T) {
	const urn = "urn:ietf:params:scim:schemas:oracle:idcs:extension:"
	for body, want := range map[string]struct {
		state  string
		mayNot []credential.Kind
	}{
		`{"id":"` + scimUser + `"}`:                {},
		`{"id":"` + scimUser + `","active":true}`:  {state: "ACTIVE"},
		`{"id":"` + scimUser + `","active":false}`: {state: "INACTIVE"},
		`{"id":"` + scimUser + `","active":true,"` + urn + `capabilities:User":{"canUseApiKeys":false,` +
			`"canUseAuthTokens":true}}`: {"ACTIVE", []credential.Kind{credential.APIKey}},
	} {
		cloud, s, d := tenancyWithDomains(t, always(500, ""))
		d.hosts[hostA] = withUser(func(r *http.Request, _ string) (*http.Response, error) {
			return reply(r, 200, body)
		})
		name, state, mayNot, err := cloud.User(t.Context(), user)
		if err != nil || name != "Workloads/web@example.com" || state != want.state ||
			!slices.Equal(mayNot, want.mayNot) {
			t.Errorf("%s: %s is %s and may not have %v (%v)", body, name, state, mayNot, err)
		}
		if asked := s.to("GET", "Users/"); len(asked) != 1 || asked[0].path != "/admin/v1/Users/"+scimUser {
			t.Errorf("asked %v", asked)
		}
	}
	cloud, _, d := tenancyWithDomains(t, always(500, ""))
	d.hosts[hostA] = withUser(func(r *http.Request, _ string) (*http.Response, error) {
		return reply(r, 200, `{"id":"another"}`)
	})
	synctest.Test(t, func(t *testing.T) {
		if _, _, _, err := cloud.User(t.Context(), user); fault.Of(err) != fault.Unclear || err == nil {
			t.Error(err)
		}
	})
}

var signature = regexp.MustCompile(`headers="([^"]+)",.*algorithm="rsa-sha256",signature="([^"]+)"`)

func TestTheSignatureCoversTheHostWithItsPortAndTheBody(t *testing.T) {
	cloud, _, d := tenancyWithDomains(t, always(500, ""))
	block, _ := pem.Decode([]byte(newKey()))
	key, err := x509.ParsePKCS1PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	check := func(r *http.Request, body string) {
		m := signature.FindStringSubmatch(r.Header.Get("Authorization"))
		if m == nil {
			t.Errorf("the authorization is %q", r.Header.Get("Authorization"))
			return
		}
		var lines []string
		for name := range strings.FieldsSeq(m[1]) {
			v := r.Header.Get(name)
			switch name {
			case "host":
				v = hostA
			case "(request-target)":
				v = strings.ToLower(r.Method) + " " + r.URL.RequestURI()
			case "content-length":
				v = fmt.Sprint(len(body))
			case "x-content-sha256":
				sum := sha256.Sum256([]byte(body))
				v = base64.StdEncoding.EncodeToString(sum[:])
			}
			lines = append(lines, name+": "+v)
		}
		raw, err := base64.StdEncoding.DecodeString(m[2])
		if err != nil {
			t.Error(err)
		}
		sum := sha256.Sum256([]byte(strings.Join(lines, "\n")))
		if err := rsa.VerifyPKCS1v15(&key.PublicKey, crypto.SHA256, sum[:], raw); err != nil || r.Host != hostA ||
			r.Method == http.MethodPost && (!contains(m[1], "x-content-sha256") || !json.Valid([]byte(body)) ||
				r.ContentLength != int64(len(body))) {
			t.Errorf("%s %s, signed %q: %v", r.Method, r.URL, m[1], err)
		}
		n++
	}
	d.hosts[hostA] = func(r *http.Request, body string) (*http.Response, error) {
		check(r, body)
		return withUser(func(r *http.Request, _ string) (*http.Response, error) {
			return reply(r, 201, seven(credential.AuthToken))
		})(r, body)
	}
	if _, err := cloud.Issuer(credential.AuthToken).Create(t.Context(), user,
		credential.Draft{Description: "x"}); err != nil ||
		n != 2 {
		t.Errorf("%v after %d requests", err, n)
	}
}
