package oci_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
	"github.com/keyturn/keyturn/test/ociemu"
)

const (
	isAccepted = "accepted"
	isRejected = "rejected"
	isUnclear  = string(fault.Unclear)
	throttled  = string(fault.Throttled)
)

// provable are the kinds that can be proven.
var provable = []credential.Kind{credential.APIKey, credential.AuthToken, credential.CustomerSecretKey}

func s3Error(code string) string {
	return `<?xml version="1.0"?><Error><Message>m</Message><Code>` + code + `</Code></Error>`
}

func registryError(code string) string {
	return fmt.Sprintf(`{"errors":[{"code":%q,"message":"unauthorized","detail":null}]}`, code)
}

// prove runs one proof of a kind with a network.
func prove(t *testing.T, kind credential.Kind, who credential.Owner, answer func(*http.Request, int) (*http.Response,
	error)) (ok bool, network *stub, err error) {
	t.Helper()
	m := credential.Material{Kind: kind, ID: "x", Value: credential.NewValue([]byte(confidential))}
	if kind == credential.APIKey {
		m.Value = credential.NewValue([]byte(newKey()))
	}
	synctest.Test(t, func(t *testing.T) {
		cloud, s := offline(t, answer)
		network = s
		ok, err = cloud.Prover().Prove(t.Context(), m, who)
	})
	return ok, network, err
}

// proves runs one proof of a kind with a network, and returns the verdict.
func proves(t *testing.T, kind credential.Kind, who credential.Owner, answer func(*http.Request, int) (*http.Response,
	error)) (string, *stub) {
	t.Helper()
	ok, network, err := prove(t, kind, who, answer)
	switch {
	case err != nil && ok:
		t.Errorf("%s: accepted, with the error %v", kind, err)
		return "", network
	case err != nil:
		if strings.Contains(err.Error(), confidential) || len(err.Error()) > 400 {
			t.Errorf("%s: the error is %v", kind, err)
		}
		return string(fault.Of(err)), network
	case ok:
		return isAccepted, network
	}
	return isRejected, network
}

// unsigned returns an answer without OCI's request id.
func unsigned(status int, body string) func(*http.Request, int) (*http.Response, error) {
	return func(r *http.Request, _ int) (*http.Response, error) {
		answer, err := reply(r, status, body)
		answer.Header.Del("Opc-Request-Id")
		return answer, err
	}
}

func TestAnAnswerIsAVerdictOnlyIfTheServiceItselfSaysWhetherItRecognizedTheOwner(t *testing.T) {
	for _, c := range []struct {
		kind   credential.Kind
		status int
		body   string
		want   string
	}{
		{credential.APIKey, 200, `{"id":"` + user + `","name":"web"}`, isAccepted},
		{credential.APIKey, 200, `{"id":"` + strings.ToUpper(user) + `"}`, isAccepted},
		{credential.APIKey, 200, `{"id":"ocid1.user.oc1..another"}`, isUnclear},
		{credential.APIKey, 200, `{}`, isUnclear},
		{credential.APIKey, 200, ``, isUnclear},
		{credential.APIKey, 404, refusal("NotAuthorizedOrNotFound", ""), isAccepted}, // not allowed, but recognized
		{credential.APIKey, 404, refusal("notauthorizedornotfound", ""), isAccepted},
		{credential.APIKey, 403, refusal("NotAuthorized", ""), isAccepted},
		{credential.APIKey, 403, refusal("NotAllowed", ""), isAccepted},
		{credential.APIKey, 401, refusal("NotAuthenticated", ""), isRejected},
		{credential.APIKey, 401, refusal("IdcsConversionError", "Client is unauthorized. null"), isUnclear},
		{credential.APIKey, 400, refusal("IdcsConversionError", "Get request failed"+scimError("404", "no", "")),
			isUnclear},
		{credential.APIKey, 404, refusal("IdcsConversionError", "User not found"), isUnclear},
		{credential.APIKey, 401, refusal("NotAuthorizedOrNotFound", ""), isUnclear}, // status and code disagree
		{credential.APIKey, 403, refusal("NotAuthenticated", ""), isUnclear},
		{credential.APIKey, 404, refusal("NotAuthenticated", ""), isUnclear},
		{credential.APIKey, 404, refusal("NotFound", ""), isUnclear}, // a front end's
		{credential.APIKey, 403, refusal("SignUpRequired", ""), isUnclear},
		{credential.APIKey, 404, refusal("SomethingNew", ""), isUnclear},
		{credential.APIKey, 404, registryError("NAME_UNKNOWN"), isUnclear},
		{credential.APIKey, 403, s3Error("AccessDenied"), isUnclear},
		{credential.APIKey, 500, "", isUnclear},
		{credential.APIKey, 400, refusal("InvalidParameter", ""), isUnclear},
		{credential.APIKey, 302, "", isUnclear},
		{credential.APIKey, 429, "", throttled},

		{credential.AuthToken, 200, `{"token":"x"}`, isAccepted},
		{credential.AuthToken, 200, `{"access_token":"x"}`, isAccepted},
		{credential.AuthToken, 200, `{"token":""}`, isUnclear},
		{credential.AuthToken, 200, `{}`, isUnclear},
		{credential.AuthToken, 401, registryError("UNAUTHORIZED"), isRejected},
		{credential.AuthToken, 401, registryError("UNKNOWN"), isRejected},
		{credential.AuthToken, 403, registryError("DENIED"), isRejected},
		{credential.AuthToken, 401, refusal("NotAuthenticated", ""), isRejected},
		{credential.AuthToken, 401, `{}`, isUnclear},
		{credential.AuthToken, 403, `{}`, isUnclear},
		{credential.AuthToken, 404, registryError("NAME_UNKNOWN"), isUnclear},
		{credential.AuthToken, 404, refusal("NotAuthorizedOrNotFound", ""), isUnclear},
		{credential.AuthToken, 403, refusal("NotAuthorized", ""), isUnclear},
		{credential.AuthToken, 401, refusal("IdcsConversionError", "Client is unauthorized. null"), isUnclear},
		{credential.AuthToken, 503, "", isUnclear},
		{credential.AuthToken, 429, registryError("TOOMANYREQUESTS"), throttled},

		{credential.CustomerSecretKey, 200, `<ListAllMyBucketsResult/>`, isAccepted},
		{credential.CustomerSecretKey, 200,
			`<?xml version="1.0"?><ListAllMyBucketsResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Buckets/></ListAllMyBucketsResult>`, isAccepted},
		// S3 may return an error with status 200
		{credential.CustomerSecretKey, 200, s3Error("InternalError"), isUnclear},
		{credential.CustomerSecretKey, 200, `{"buckets":[]}`, isUnclear},
		{credential.CustomerSecretKey, 403, s3Error("AccessDenied"), isAccepted},
		{credential.CustomerSecretKey, 404, s3Error("NotAuthorizedOrNotFound"), isAccepted},
		{credential.CustomerSecretKey, 404, refusal("NotAuthorizedOrNotFound", ""), isAccepted},
		{credential.CustomerSecretKey, 401, refusal("NotAuthenticated", ""), isRejected},
		{credential.CustomerSecretKey, 403, s3Error("InvalidAccessKeyId"), isRejected},
		{credential.CustomerSecretKey, 403, s3Error("SignatureDoesNotMatch"), isRejected},
		{credential.CustomerSecretKey, 401, s3Error("InvalidAccessKeyId"), isRejected},
		{credential.CustomerSecretKey, 400, s3Error("SignatureDoesNotMatch"), isRejected},
		{credential.CustomerSecretKey, 404, s3Error("AccessDenied"), isUnclear},
		{credential.CustomerSecretKey, 403, s3Error("RequestTimeTooSkewed"), isUnclear},
		{credential.CustomerSecretKey, 403, s3Error("AccountProblem"), isUnclear},
		{credential.CustomerSecretKey, 403, "not XML", isUnclear},
		{credential.CustomerSecretKey, 403, `<Error></Error>`, isUnclear},
		{credential.CustomerSecretKey, 403, registryError("DENIED"), isUnclear},
		{credential.CustomerSecretKey, 404, s3Error("NoSuchNamespace"), isUnclear},
		{credential.CustomerSecretKey, 500, s3Error("InternalError"), isUnclear},
		{credential.CustomerSecretKey, 503, "", isUnclear},
		{credential.CustomerSecretKey, 429, s3Error("SlowDown"), throttled},
	} {
		if got, _ := proves(t, c.kind, owner, always(c.status, c.body)); got != c.want {
			t.Errorf("%s, %d %s: %s, want %s", c.kind, c.status, c.body, got, c.want)
		}
		if c.want == isAccepted && c.status >= 400 {
			if got, _ := proves(t, c.kind, owner, unsigned(c.status, c.body)); got != isUnclear {
				t.Errorf("%s, %d %s without a request id: %s", c.kind, c.status, c.body, got)
			}
		}
	}
}

func TestAnAnswerOfSomethingElseOnTheWayIsNoVerdict(t *testing.T) {
	for name, body := range foreign {
		for _, status := range []int{200, 204, 302, 401, 403, 404, 407, 511} {
			for _, kind := range provable {
				if kind == credential.AuthToken && name == "a registry" || kind == credential.CustomerSecretKey &&
					name == "S3" {
					continue // the service's own form
				}
				for _, answer := range []func(*http.Request, int) (*http.Response, error){
					always(status, body), unsigned(status, body)} {
					if got, _ := proves(t, kind, owner, answer); got != isUnclear {
						t.Errorf("%s, %d of %s: %s", kind, status, name, got)
					}
				}
			}
		}
	}
}

func TestARedirectionIsNotFollowed(t *testing.T) {
	for _, kind := range provable {
		got, s := proves(t, kind, owner, func(r *http.Request, n int) (*http.Response, error) {
			answer, err := reply(r, http.StatusFound, "")
			answer.Header.Set("Location", "https://portal.example/login")
			return answer, err
		})
		if got != isUnclear {
			t.Errorf("%s: %s", kind, got)
		}
		for _, r := range s.asked {
			if r.host == "portal.example" {
				t.Errorf("%s: the redirection was followed", kind)
			}
		}
	}
}

func TestARegistryIsAskedWithEachFormOfTheUsersNameBeforeATokenIsRejected(t *testing.T) {
	cut := func(*http.Request, int) (*http.Response, error) { return nil, errReset }
	down, odd := always(500, refusal("InternalServerError", "")), always(499, refusal("SomethingNew", ""))
	yes, no, busy, page := always(200, `{"token":"x"}`), always(401, registryError("UNAUTHORIZED")), always(429, ""),
		always(403, "<html></html>")
	for _, c := range []struct {
		user  string
		forms []string
	}{
		{"web@example.com", []string{"acmens/web@example.com", "acmens/Default/web@example.com"}},
		{"web", []string{"acmens/web", "acmens/Default/web"}},
		{"Default/web", []string{"acmens/Default/web", "acmens/web"}},
		{"default/web", []string{"acmens/default/web", "acmens/web"}},
		{"oracleidentitycloudservice/web@example.com", []string{"acmens/oracleidentitycloudservice/web@example.com",
			"acmens/Default/oracleidentitycloudservice/web@example.com"}},
		{"team/web", []string{"acmens/team/web", "acmens/Default/team/web"}},
		{"ünïcode@example.com", []string{"acmens/ünïcode@example.com", "acmens/Default/ünïcode@example.com"}},
	} {
		who := owner
		who.UserName = c.user
		type network = func(*http.Request, int) (*http.Response, error)
		for _, play := range []struct {
			answers []network // to each form
			want    string
			asked   int // forms that are asked for; 0: all
		}{
			{[]network{yes, no}, isAccepted, 1},
			{[]network{no, yes}, isAccepted, 2},
			{[]network{page, yes}, isAccepted, 2},
			{[]network{no, no}, isRejected, 2},
			{[]network{no, busy}, throttled, 2},
			{[]network{busy, no}, throttled, 1},
			{[]network{cut, yes}, isUnclear, 1},
			{[]network{down, yes}, isUnclear, 1},
			{[]network{odd, yes}, isAccepted, 2},
			{[]network{no, page}, isUnclear, 2},
			{[]network{page, no}, isUnclear, 2},
			{[]network{page, page}, isUnclear, 2},
		} {
			var names []string
			got, _ := proves(t, credential.AuthToken, who, func(r *http.Request, n int) (*http.Response, error) {
				name, value, _ := r.BasicAuth()
				if value != confidential {
					t.Errorf("%s: another value was sent", c.user)
				}
				if !slices.Contains(names, name) {
					names = append(names, name)
				}
				i := slices.Index(c.forms, name)
				if i < 0 {
					t.Errorf("%s: signed in as %s", c.user, name)
					return no(r, n)
				}
				return play.answers[i](r, n)
			})
			if got != play.want || len(names) != play.asked {
				t.Errorf("%s: %s after %q, want %s after %d forms", c.user, got, names, play.want, play.asked)
			}
		}
	}
}

func TestAKindThatCannotBeProvenIsRefusedAndNothingIsSent(t *testing.T) {
	for _, kind := range []credential.Kind{credential.Password, "", "smtp-credential", "API-KEY"} {
		got, s := proves(t, kind, owner, always(200, `{"id":"`+user+`","token":"x"}`))
		if got != string(fault.Invalid) || len(s.asked) != 0 {
			t.Errorf("%q: %s after %d requests", kind, got, len(s.asked))
		}
	}
}

func TestAKindWithoutCallsIsRefusedAndNothingIsSent(t *testing.T) {
	for _, kind := range []credential.Kind{"", "smtp-credential", "API-KEY"} {
		cloud, s := offline(t, always(200, `[]`))
		_, lists := cloud.Issuer(kind).List(t.Context(), user)
		_, creates := cloud.Issuer(kind).Create(t.Context(), user, credential.Draft{})
		for _, err := range []error{lists, creates, cloud.Issuer(kind).Delete(t.Context(), user, "x")} {
			if fault.Of(err) != fault.Invalid || err == nil {
				t.Errorf("%q: %v", kind, err)
			}
		}
		if len(s.asked) != 0 {
			t.Errorf("%q: %d requests were made", kind, len(s.asked))
		}
	}
}

func TestAnOwnerWithWhomNothingCanBeProvenIsRefusedAndNothingIsSent(t *testing.T) {
	for name, c := range map[string]struct {
		kind   credential.Kind
		change func(*credential.Owner)
	}{
		"no registry":                 {credential.AuthToken, func(o *credential.Owner) { o.Registry = "" }},
		"no endpoint":                 {credential.CustomerSecretKey, func(o *credential.Owner) { o.S3 = "" }},
		"a colon in the user's name":  {credential.AuthToken, func(o *credential.Owner) { o.UserName = "a:b" }},
		"no region":                   {credential.APIKey, func(o *credential.Owner) { o.Region = "" }},
		"a region of another realm":   {credential.APIKey, func(o *credential.Owner) { o.Region = "us-langley-1" }},
		"a region that is an address": {credential.APIKey, func(o *credential.Owner) { o.Region = "evil.example/" }},
	} {
		who := owner
		c.change(&who)
		if got, s := proves(t, c.kind, who, always(200, `{}`)); got != string(fault.Invalid) || len(s.asked) != 0 {
			t.Errorf("%s: %s after %d requests", name, got, len(s.asked))
		}
	}
}

func TestAValueThatIsNoKeyCannotBeProvenAndNothingIsSent(t *testing.T) {
	cloud, s := offline(t, always(200, `{}`))
	m := credential.Material{Kind: credential.APIKey, ID: "x", Value: credential.NewValue([]byte(confidential))}
	if ok, err := cloud.Prover().Prove(t.Context(), m, owner); ok || fault.Of(err) != fault.Invalid {
		t.Errorf("accepted %v (%v)", ok, err)
	}
	if len(s.asked) != 0 {
		t.Errorf("%d requests were made", len(s.asked))
	}
}

func TestTheProversRequestsAreSignedAndHoldNoValueInTheirAddress(t *testing.T) {
	for _, kind := range []credential.Kind{credential.AuthToken, credential.CustomerSecretKey} {
		_, s := proves(t, kind, owner, always(401, `{}`))
		for _, r := range s.asked {
			if contains(r.host+r.path+r.query+r.body, confidential) {
				t.Errorf("%s: the value is in the address or the body", kind)
			}
		}
		if len(s.asked) == 0 {
			t.Errorf("%s: nothing was asked", kind)
		}
	}
}

func TestWhatTheEmulatorAnswersIsAVerdict(t *testing.T) {
	cloud, e := emulated(t, ociemu.Calm())
	u := e.AddUser("web@example.com")
	who := owner
	who.Tenancy, who.User, who.Namespace = e.Tenancy(), u, e.Namespace()
	hosts, err := cloud.Hosts(who.Region, who.Namespace)
	if err != nil {
		t.Fatal(err)
	}
	who.Hosts = hosts
	id, token := e.AddAuthToken(u, "in use")
	for value, want := range map[string]bool{token: true, "wrong": false} {
		m := credential.Material{Kind: credential.AuthToken, ID: id, Value: credential.NewValue([]byte(value))}
		if got, err := cloud.Prover().Prove(t.Context(), m, who); err != nil || got != want {
			t.Errorf("accepted %v (%v), want %v", got, err, want)
		}
	}
}
