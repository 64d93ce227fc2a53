package oci_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
	"github.com/keyturn/keyturn/test/ociemu"
)

const extension = "urn:ietf:params:scim:schemas:oracle:idcs:extension:"

// person is a user as a domain returns it, with a password and more attributes.
func person(more string) string {
	return `{"id":"` + scimUser + `","meta":{"version":"etag-1"},"` + extension +
		`passwordState:User":{"lastSuccessfulSetDate":"2026-03-01T12:00:00.123Z"}` + more + `}`
}

func TestThePasswordOfADomainUserIsListedWithWhatPreventsANewOne(t *testing.T) {
	mail := `,"emails":[{"value":"second@example.com"},{"value":"web@example.com","primary":true}]`
	for name, c := range map[string]struct {
		body                     string
		refusal, unmailed, fails string
	}{
		"a user":                  {person(mail), "", "", ""},
		"no address":              {person(""), "", "no primary e-mail address", ""},
		"one that is not primary": {person(`,"emails":[{"value":"web@example.com"}]`), "", "no primary e-mail address", ""},
		"an empty one":            {person(`,"emails":[{"value":"","primary":true}]`), "", "no primary e-mail address", ""},
		"federated": {person(mail + `,"` + extension + `user:User":{"isFederatedUser":true}`),
			"another identity provider", "", ""},
		"not federated": {person(mail + `,"` + extension + `user:User":{"isFederatedUser":false}`), "", "", ""},
		"not allowed": {person(mail + `,"` + extension + `capabilities:User":{"canUseConsolePassword":false}`),
			"canUseConsolePassword", "", ""},
		"federated, without a password": {`{"id":"` + scimUser + `","` + extension +
			`user:User":{"isFederatedUser":true}}`, "another identity provider", "no primary", ""},
		"no time":      {`{"id":"` + scimUser + `"}`, "", "", "lastSuccessfulSetDate"},
		"another time": {strings.Replace(person(""), "2026-03-01T12", "March", 1), "", "", "lastSuccessfulSetDate"},
	} {
		cloud, s, d := tenancyWithDomains(t, always(500, ""))
		d.hosts[hostA] = withUser(func(r *http.Request, _ string) (*http.Response, error) {
			return reply(r, 200, c.body)
		})
		l, err := cloud.Issuer(credential.Password).List(t.Context(), user)
		says := func(what string, err error, want string) {
			if (err == nil) != (want == "") || err != nil && (fault.Of(err) != fault.Invalid ||
				!contains(err.Error(), want)) {
				t.Errorf("%s: the %s is %v, want %q", name, what, err, want)
			}
		}
		says("error", err, c.fails)
		if err != nil {
			continue
		}
		says("refusal", l.Refusal, c.refusal)
		says("missing address", l.Unmailed, c.unmailed)
		want := credential.Issued{ID: "2026-03-01T12:00:00Z", Created: time.Date(2026, 3, 1, 12, 0, 0, 123e6, time.UTC)}
		if has := contains(c.body, "lastSuccessful"); !l.Chosen || time.Since(l.At).Abs() > time.Minute || has &&
			(len(l.Credentials) != 1 || l.Credentials[0] != want || l.Version != "etag-1") ||
			!has && len(l.Credentials) > 0 {
			t.Errorf("%s: the list is %+v", name, l)
		}
		if asked := s.to("GET", "Users/"); len(asked) != 1 || !contains(query(t, asked[0]).Get("attributes"),
			extension+"passwordState:User:lastSuccessfulSetDate") {
			t.Errorf("%s: asked %v", name, asked)
		}
	}
}

func TestAPasswordOfADomainUserIsSetToTheChosenValueOrALinkIsMailed(t *testing.T) {
	const schema = "urn:ietf:params:scim:schemas:oracle:idcs:"
	for name, value := range map[string]string{"UserPasswordChanger": confidential, "UserPasswordResetter": ""} {
		body := `{"schemas":["` + schema + name + `"]}`
		for answer, good := range map[string]bool{body: true, "204": true, `{"schemas":["` + schema + `User"]}`: false,
			`{"id":"` + scimUser + `"}`: false, "<html>": false, "": false, `{"schemas":"` + schema + name + `"}`: false} {
			cloud, s, d := tenancyWithDomains(t, always(500, ""))
			d.hosts[hostA] = withUser(func(r *http.Request, _ string) (*http.Response, error) {
				if answer == "204" {
					return reply(r, 204, "")
				}
				return reply(r, 200, answer)
			})
			made, err := cloud.Issuer(credential.Password).Create(t.Context(), user, credential.Draft{
				RetryToken: "token-1", Value: credential.NewValue([]byte(value)), Version: "etag-1"})
			if (err == nil) != good || err != nil && (fault.Of(err) != fault.Unclear || contains(err.Error(), value) &&
				value != "") {
				t.Errorf("%s, the answer is %q: %v", name, answer, err)
			}
			if good && (!made.Value.Empty() || time.Since(made.Created).Abs() > time.Minute ||
				made.ID != credential.TimeID(made.Created)) {
				t.Errorf("%s: made %+v", name, made)
			}
			want := strings.Replace(body, "]", `],"password":"`+value+`"`, 1)
			if value == "" {
				want = body
			}
			asked := s.to("PUT", name)
			if len(asked) != 1 || asked[0].path != "/admin/v1/"+name+"/"+scimUser || asked[0].body != want ||
				asked[0].retryToken != "token-1" {
				t.Fatalf("%s: %d requests", name, len(asked))
			}
			if head := d.heads[len(d.heads)-1]; head.Get("If-Match") != "etag-1" {
				t.Errorf("%s: the condition is %q", name, head.Get("If-Match"))
			}
		}
	}
}

func TestWhatADomainSaysAgainstAPasswordIsAPermanentRefusal(t *testing.T) {
	const says = "The password must have at least 30 characters."
	value := credential.NewValue([]byte(confidential))
	for _, c := range []struct {
		status           int
		detail, id, body string
		class            fault.Class
		shows            string
	}{
		{400, says, "", "", fault.Invalid, says},
		{400, says, "error.identity.policy", "", fault.Invalid, "(400 error.identity.policy): " + says},
		{400, confidential + " is too short", "error.identity.policy", "", fault.Invalid,
			"(400 error.identity.policy)"},
		{400, "Client is unauthorized. null", "", "", fault.Unclear, ""},
		{401, says, "", "", fault.Unclear, ""},
		{412, says, "", "", fault.Conflict, ""},
		{500, says, "", "", fault.Unclear, ""},
		{400, "", "", "<html>" + says, fault.Unclear, ""},
	} {
		cloud, _, d := tenancyWithDomains(t, always(500, ""))
		d.hosts[hostA] = withUser(func(r *http.Request, _ string) (*http.Response, error) {
			if c.body != "" {
				return reply(r, c.status, c.body)
			}
			return reply(r, c.status, scimError("", c.detail, c.id))
		})
		_, err := cloud.Issuer(credential.Password).Create(t.Context(), user, credential.Draft{Value: value})
		if fault.Of(err) != c.class || err == nil || !contains(err.Error(), c.shows) ||
			contains(err.Error(), confidential[:6]) {
			t.Errorf("%d %q %q: %v", c.status, c.detail, c.id, err)
		}
	}
}

func TestAPasswordIsNotDeleted(t *testing.T) {
	cloud, s, d := tenancyWithDomains(t, always(500, ""))
	d.hosts[hostA] = withUser(inPages(1))
	if err := cloud.Issuer(credential.Password).Delete(t.Context(), user, "x"); fault.Of(err) != fault.Invalid ||
		err == nil || len(s.to("DELETE", "")) > 0 {
		t.Error(err)
	}
}

func TestPasswordsOfUsersOfEveryDomainAreSetAndMailed(t *testing.T) {
	cloud, e := withDomains(t, ociemu.Calm())
	for _, domain := range []string{"Partners", "Plant"} {
		u := e.AddDomainUser(domain, ociemu.UserSeed{Name: "web@example.com", Email: "web@example.com"})
		e.SetPassword(u)
		issuer := cloud.Issuer(credential.Password)
		m, err := credential.ChoosePassword(time.Now(), domain+"/web@example.com")
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range []credential.Value{m.Value, {}} {
			before, err := issuer.List(t.Context(), u)
			if err != nil || len(before.Credentials) != 1 || before.Version == "" || before.Unmailed != nil {
				t.Fatalf("%s: the list is %+v (%v)", domain, before, err)
			}
			d := credential.Draft{Value: v, Version: before.Version}
			made, err := issuer.Create(t.Context(), u, d)
			if err != nil || made.Created.IsZero() {
				t.Errorf("%s: %+v (%v)", domain, made, err)
			}
			if _, err := issuer.Create(t.Context(), u, d); fault.Of(err) != fault.Conflict {
				t.Errorf("%s, in the old version: %v", domain, err)
			}
			after, err := issuer.List(t.Context(), u)
			if err != nil || !after.Credentials[0].Created.After(before.Credentials[0].Created) {
				t.Errorf("%s: the list is %+v (%v)", domain, after, err)
			}
			e.Look(func(view ociemu.View) {
				if works := view.Works("password", u, string(m.Value.Reveal())); works != (i == 0) {
					t.Errorf("%s, request %d: the chosen value works: %v", domain, i+1, works)
				}
			})
		}
	}
}
