package ociemu_test

import (
	"fmt"
	"testing"

	"github.com/keyturn/keyturn/test/ociemu"
)

// otherKinds are the kinds of credentials that only the domains' own API has, with a body that creates one.
func otherKinds(user, scimID string) map[string]map[string]any {
	return map[string]map[string]any{
		"SmtpCredential": newToken(user, "schemas", []string{idcs + "smtpCredential"}, "userName", nil),
		"OAuth2ClientCredential": newToken(user, "schemas", []string{idcs + "oauth2ClientCredential"}, "name", "ci",
			"scopes", []map[string]string{{"audience": "aud", "scope": "read"}}),
		"UserDbCredential": newToken(user, "schemas", []string{idcs + "UserDbCredentials"}, "dbPassword", "Chosen-1",
			"user", map[string]string{"value": scimID, "ocid": user}),
	}
}

func TestOtherKindsOfCredentialsAreCreatedListedAndDeleted(t *testing.T) {
	e, _ := twoDomains(t, nil)
	user := e.AddDomainUser("Partners", ociemu.UserSeed{Name: "bob", DatabaseName: "BOB"})
	c := asDomainFunction(e, "Partners")
	scimID, _ := e.SCIMID(user, "")
	secret := map[string]string{"SmtpCredential": "password", "OAuth2ClientCredential": "secret"}
	name := map[string]string{"SmtpCredential": "userName", "OAuth2ClientCredential": "name",
		"UserDbCredential": "name"}
	for kind, body := range otherKinds(user, scimID) {
		body["description"] = "mark"
		made := c.do(t, "POST", "/"+kind+"s", body)
		id := made.text("id")
		if made.status != 201 || made.text("ocid") == "" || made.text("description") != "mark" ||
			made.text(name[kind]) == "" || (made.text(secret[kind]) != "") != (secret[kind] != "") {
			t.Errorf("%s: created: %d %v", kind, made.status, made.body)
		}
		list := c.get(t, "/"+kind+"s?filter="+escape(`user.ocid eq "`+user+`"`)).resources(t)
		if len(list) != 1 || list[0]["id"] != id {
			t.Errorf("%s: listed: %v", kind, list)
		}
		for _, value := range []string{"password", "secret", "dbPassword", "status"} {
			if list[0][value] != nil || made.body["dbPassword"] != nil {
				t.Errorf("%s: the answers have the %s", kind, value)
			}
		}
		changed := c.do(t, "PATCH", "/"+kind+"s/"+id, patchOf("description", "other"))
		if want := map[bool]int{true: 404, false: 200}[kind == "UserDbCredential"]; changed.status != want {
			t.Errorf("%s: a PATCH is answered %d, want %d", kind, changed.status, want)
		}
		if held := e.User(user).Others; len(held) != 1 || held[0].Kind != kind || held[0].ID != made.text("ocid") {
			t.Errorf("%s: the user has %v", kind, held)
		}
		if got := c.do(t, "DELETE", "/"+kind+"s/"+id, nil); got.status != 204 || len(e.User(user).Others) != 0 {
			t.Errorf("%s: deleted: %d", kind, got.status)
		}
	}
}

func TestAWrongCreateOfAnotherKindIsRefused(t *testing.T) {
	e, user := twoDomains(t, nil)
	c := asDomainFunction(e, "Partners")
	scimID, _ := e.SCIMID(user, "")
	const missing = "error.common.validation.missingReqAttributes"
	for name, want := range map[string]struct {
		kind, attribute string
		value           any
		id              string
	}{
		"no name":             {"OAuth2ClientCredential", "name", nil, missing},
		"no scopes":           {"OAuth2ClientCredential", "scopes", []string{}, missing},
		"scopes as texts":     {"OAuth2ClientCredential", "scopes", []string{"read"}, ""},
		"a reset":             {"OAuth2ClientCredential", "isResetSecret", true, ""},
		"no password":         {"UserDbCredential", "dbPassword", nil, missing},
		"the OCID alone":      {"UserDbCredential", "user", map[string]string{"ocid": user}, missing},
		"no dbUserName":       {"UserDbCredential", "description", "x", ""},
		"another's key":       {"SmtpCredential", "dbPassword", "x", ""},
		"an unknown schema":   {"SmtpCredential", "schemas", []string{idcs + "authToken"}, ""},
		"an expiry in past":   {"SmtpCredential", "expiresOn", "2020-01-01T00:00:00Z", ""},
		"no user of the kind": {"SmtpCredential", "user", nil, missing},
	} {
		body := otherKinds(user, scimID)[want.kind]
		body[want.attribute] = want.value
		t.Run(name, func(t *testing.T) { c.do(t, "POST", "/"+want.kind+"s", body).refused(t, 400, want.id) })
	}
	lacks := e.AddDomainUser("Partners", ociemu.UserSeed{Name: "none", Without: []string{"canUseSmtpCredentials"}})
	c.do(t, "POST", "/SmtpCredentials", otherKinds(lacks, "")["SmtpCredential"]).refused(t, 400, "")
	for i := range 3 {
		got := c.do(t, "POST", "/SmtpCredentials", otherKinds(user, scimID)["SmtpCredential"])
		if want := map[bool]int{true: 400, false: 201}[i == 2]; got.status != want {
			t.Errorf("credential %d is answered %d %v", i, got.status, got.body)
		}
	}
}

func TestUsersManageTheirOwnCredentialsWithoutAPolicy(t *testing.T) {
	e, user := twoDomains(t, nil)
	other := e.AddDomainUser("Partners", ociemu.UserSeed{Name: "bob"})
	otherID, _ := e.AddAuthToken(other, "x")
	e.SetPolicies(&ociemu.Policies{})
	print, private := e.AddAPIKey(user)
	c := scimAs(e, rawKey{e.Tenancy() + "/" + user + "/" + print, private}, "Partners")
	for kind, body := range map[string]map[string]any{"MyAuthTokens": newToken("", "user", nil),
		"MySmtpCredentials": newToken(other, "schemas", []string{idcs + "smtpCredential"})} { // user is read-only
		made := c.do(t, "POST", "/"+kind, body)
		list := c.get(t, "/"+kind).resources(t)
		if made.status != 201 || len(list) != 1 || list[0]["id"] != made.text("id") {
			t.Errorf("%s: created %d %v, listed %v", kind, made.status, made.body, list)
		}
		if got := c.do(t, "PATCH", "/"+kind+"/"+made.text("id"), patchOf("description", "d")); got.status != 200 {
			t.Errorf("%s: changed: %d %v", kind, got.status, got.body)
		}
		if got := c.do(t, "DELETE", "/"+kind+"/"+made.text("id"), nil); got.status != 204 {
			t.Errorf("%s: deleted: %d %v", kind, got.status, got.body)
		}
	}
	scimID, _ := e.SCIMID(other, otherID)
	c.get(t, "/MyAuthTokens/"+scimID).refused(t, 404, "")
	c.get(t, "/AuthTokens").refused(t, 401, "")
	if list := c.get(t, "/MyAuthTokens?filter="+escape(`user.ocid eq "`+other+`"`)).resources(t); len(list) != 0 {
		t.Errorf("another user's tokens are listed: %v", list)
	}
	asDomainFunction(e, "Partners").get(t, "/MyApiKeys").refused(t, 401, "")
	c.url = e.Domain(ociemu.DefaultDomain).URL
	c.get(t, "/MyApiKeys").refused(t, 401, "")
}

func TestAnAppsSecretIsReplacedAndTheOldOneEndsAtOnce(t *testing.T) {
	for _, hidden := range []bool{false, true} {
		e, _ := twoDomains(t, answered(func(a *ociemu.DomainAnswers) {
			a.HidesAppSecret = hidden
			if hidden {
				a.RegeneratorStatus = 200
			}
		}))
		app, old := e.AddApp("Partners", "shop")
		c := asDomainFunction(e, "Partners")
		body := map[string]any{"schemas": []string{idcs + "AppClientSecretRegenerator"}, "appId": app.ID}
		got := c.do(t, "POST", "/AppClientSecretRegenerator", body)
		secret := got.text("clientSecret")
		if want := map[bool]int{true: 200, false: 201}[hidden]; got.status != want || secret == "" ||
			e.TryApp(app.ID, old) != 401 || e.TryApp(app.ID, secret) != 200 {
			t.Errorf("got %d %v", got.status, got.body)
		}
		one := c.get(t, "/Apps/"+app.ID)
		if (one.text("clientSecret") == secret) == hidden || one.text("displayName") != "shop" {
			t.Errorf("hidden %v: the app is %d %v", hidden, one.status, one.body)
		}
		list := c.get(t, "/Apps?attributes=ocid&filter="+escape(`displayName eq "shop"`)).resources(t)
		if len(list) != 1 || list[0]["clientSecret"] != nil {
			t.Errorf("listed: %v", list)
		}
		body["appId"] = app.OCID
		c.do(t, "POST", "/AppClientSecretRegenerator", body).refused(t, 400,
			"error.common.validation.invalidReferenceResource")
		asDomainFunction(e, ociemu.DefaultDomain).get(t, "/Apps/"+app.ID).refused(t, 404, "")
	}
}

func TestTheLostAnswerOfANewAppSecretLeavesAnUnknownSecret(t *testing.T) {
	e, _ := twoDomains(t, nil)
	app, old := e.AddApp("Partners", "shop")
	c := asDomainFunction(e, "Partners")
	e.Inject(ociemu.Fault{Operation: "CreateAppClientSecretRegenerator", When: ociemu.After,
		Do: ociemu.Answer(503, "ServiceUnavailable")})
	c.do(t, "POST", "/AppClientSecretRegenerator", map[string]any{
		"schemas": []string{idcs + "AppClientSecretRegenerator"}, "appId": app.ID}).refused(t, 503, "")
	now := c.get(t, "/Apps/"+app.ID).text("clientSecret")
	if e.TryApp(app.ID, old) != 401 || now == old || e.TryApp(app.ID, now) != 200 {
		t.Error("the old secret still works, or the new one can't be read")
	}
}

func TestManyUsersAreSeededAndListedAtOnce(t *testing.T) {
	e, _ := twoDomains(t, nil)
	changes := 0
	e.OnChange(func(ociemu.View) { changes++ })
	const users = 2500
	ids := e.AddUsers("Partners", "bulk", users, ociemu.Bulk{APIKeys: 1, AuthTokens: 2, Password: true})
	c := asDomainFunction(e, "Partners")
	for path, want := range map[string]int{"/ApiKeys": users, "/AuthTokens": 2 * users, "/CustomerSecretKeys": 0,
		"/Users": users + 1} {
		seen := map[any]bool{}
		for start := 1; start <= want; start += 1000 {
			page := c.get(t, fmt.Sprintf("%s?count=1000&attributes=ocid&startIndex=%d", path, start))
			for _, one := range page.resources(t) {
				seen[one["ocid"]] = true
			}
		}
		if len(seen) != want {
			t.Errorf("%s: listed %d, want %d", path, len(seen), want)
		}
	}
	if u := e.User(ids[users-1]); changes != 1 || u.Name != "bulk-2499" || u.Domain != "Partners" || !u.HasPassword {
		t.Errorf("%d changes; the last user is %+v", changes, u)
	}
}
