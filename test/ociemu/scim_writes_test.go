package ociemu_test

import (
	"strings"
	"testing"
)

func TestAWrongCreateIsRefusedWithTheKnownMessageID(t *testing.T) {
	e, user := twoDomains(t, nil)
	other := e.AddUser("bob")
	userID, _ := e.SCIMID(user, "")
	c := asDomainFunction(e, "Partners")
	const missing, reference = "error.common.validation.missingReqAttributes",
		"error.common.validation.invalidReferenceResource"
	byValue := func(value string) map[string]any { return newToken("", "user", map[string]string{"value": value}) }
	for name, want := range map[string]struct {
		path string
		body any
		id   string
	}{
		"no schemas":       {"/AuthTokens", newToken(user, "schemas", nil), missing},
		"empty schemas":    {"/AuthTokens", newToken(user, "schemas", []string{}), missing},
		"other schema":     {"/AuthTokens", newToken(user, "schemas", []string{idcs + "apikey"}), ""},
		"two schemas":      {"/AuthTokens", newToken(user, "schemas", []string{idcs + "authToken", "x"}), ""},
		"no user":          {"/AuthTokens", newToken(user, "user", nil), missing},
		"empty user":       {"/AuthTokens", newToken(user, "user", map[string]string{}), missing},
		"user as text":     {"/AuthTokens", newToken(user, "user", user), ""},
		"OCID as value":    {"/AuthTokens", byValue(user), "error.common.validation.stringExceedsMaxLimit"},
		"unknown value":    {"/AuthTokens", byValue(strings.Repeat("a", 32)), reference},
		"unknown user":     {"/AuthTokens", newToken("ocid1.user.oc1..x"), reference},
		"another domain's": {"/AuthTokens", newToken(other), reference},
		"both differ": {"/AuthTokens", newToken("", "user", map[string]string{"ocid": user,
			"value": strings.Repeat("a", 32)}), reference},
		"unknown attribute": {"/AuthTokens", newToken(user, "displayName", "x"), ""},
		"status":            {"/AuthTokens", newToken(user, "status", "GONE"), ""},
		"past expiry":       {"/AuthTokens", newToken(user, "expiresOn", "2020-01-01T00:00:00Z"), ""},
		"no time":           {"/AuthTokens", newToken(user, "expiresOn", "tomorrow"), ""},
		"number":            {"/AuthTokens", newToken(user, "description", 1), ""},
		"no JSON":           {"/AuthTokens", "{", ""},
		"no key":            {"/ApiKeys", newToken(user, "schemas", []string{idcs + "apikey"}), missing},
		"no PEM": {"/ApiKeys", newToken(user, "schemas", []string{idcs + "apikey"}, "key", "ssh-rsa AAAA"),
			"error.identity.user.invalidHeaderFooter"},
		"status of an API key": {"/ApiKeys", newToken(user, "schemas", []string{idcs + "apikey"}, "status", "ACTIVE"),
			""},
	} {
		t.Run(name, func(t *testing.T) { c.do(t, "POST", want.path, want.body).refused(t, 400, want.id) })
	}
	if got := c.do(t, "POST", "/AuthTokens", byValue(userID)); got.status != 201 {
		t.Errorf("the user by SCIM id: %d %v", got.status, got.body)
	}
	public, private := newKeyPair(t, 0)
	got := c.do(t, "POST", "/ApiKeys", newToken(user, "schemas", []string{idcs + "apikey"}, "key", public,
		"fingerprint", nil, "description", "mark"))
	if got.status != 201 || got.text("description") != "mark" || e.TryAPIKey(user, private) != 200 {
		t.Errorf("the API key: %d %v", got.status, got.body)
	}
}

func TestOnlyDescriptionDisplayNameAndStatusCanBePatched(t *testing.T) {
	e, user := twoDomains(t, nil)
	c := asDomainFunction(e, "Partners")
	accessKey, _ := e.AddCustomerSecretKey(user, "name")
	id, _ := e.SCIMID(user, accessKey)
	print, _ := e.AddAPIKey(user)
	keyID, _ := e.SCIMID(user, print)
	for _, path := range []string{"accessKey", "secretKey", "expiresOn", "user", "id", "ocid", "meta.created",
		"nothing"} {
		c.do(t, "PATCH", "/CustomerSecretKeys/"+id, patchOf(path, "x")).refused(t, 400, "")
	}
	c.do(t, "PATCH", "/ApiKeys/"+keyID, patchOf("status", "INACTIVE")).refused(t, 400, "")
	c.do(t, "PATCH", "/ApiKeys/"+keyID, patchOf("displayName", "x")).refused(t, 400, "")
	c.do(t, "PATCH", "/ApiKeys/"+keyID, patchOf("description", 1)).refused(t, 400, "")
	c.do(t, "PATCH", "/CustomerSecretKeys/"+id, patchOf("status", "GONE")).refused(t, 400, "")
	body := patchOf("description", "one")
	operations := append(body["Operations"].([]map[string]any), map[string]any{"op": "REMOVE", "path": "displayName"},
		map[string]any{"op": "ADD", "path": "status", "value": "INACTIVE"})
	body["Operations"] = operations
	got := c.do(t, "PATCH", "/CustomerSecretKeys/"+id, body)
	if got.status != 200 || got.text("description") != "one" || got.body["displayName"] != nil ||
		got.body["status"] != nil {
		t.Errorf("got %d %v", got.status, got.body)
	}
	if snap := e.User(user).CustomerSecretKeys[0]; !snap.Inactive || snap.Description != "one" {
		t.Errorf("the key is %+v", snap)
	}
	for name, operation := range map[string]map[string]any{
		"op": {"op": "move", "path": "description", "value": "x"}, "no path": {"op": "replace", "value": "x"},
		"no value": {"op": "replace", "path": "description"},
	} {
		body["Operations"] = []map[string]any{operation}
		if got := c.do(t, "PATCH", "/ApiKeys/"+keyID, body); got.status != 400 {
			t.Errorf("%s: got %d %v", name, got.status, got.body)
		}
	}
	c.do(t, "PATCH", "/ApiKeys/"+keyID, `{"schemas":[],"Operations":[]}`).refused(t, 400,
		"error.common.validation.missingReqAttributes")
}

func TestADomainDeletesAUserWithoutCredentials(t *testing.T) {
	e, user := twoDomains(t, nil)
	e.AddAPIKey(user)
	id, _ := e.SCIMID(user, "")
	c := asDomainFunction(e, "Partners")
	c.do(t, "DELETE", "/Users/"+id, nil).refused(t, 409, "")
	asDomainFunction(e, "Default").do(t, "DELETE", "/Users/"+id, nil).refused(t, 404, "")
	key := c.get(t, "/ApiKeys").resources(t)[0]["id"].(string)
	if got := c.do(t, "DELETE", "/ApiKeys/"+key, nil); got.status != 204 {
		t.Fatalf("the key: %d %v", got.status, got.body)
	}
	if got := c.do(t, "DELETE", "/Users/"+id, nil); got.status != 204 {
		t.Errorf("the user: %d %v", got.status, got.body)
	}
	c.get(t, "/Users/"+id).refused(t, 404, "")
}
