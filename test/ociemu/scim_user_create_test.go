package ociemu_test

import "testing"

func TestADomainCreatesUsers(t *testing.T) {
	e, _ := twoDomains(t, nil)
	c := scimAs(e, e.NewFunction("admin", ""), "Partners")
	draft := func(name string) map[string]any {
		return map[string]any{"schemas": []string{"urn:ietf:params:scim:schemas:core:2.0:User"}, "userName": name,
			"name":   map[string]any{"familyName": "x"},
			"emails": []map[string]any{{"value": name + "@example.com", "type": "work", "primary": true}}}
	}
	made := c.do(t, "POST", "/Users", draft("new"))
	id := made.text("id")
	if made.status != 201 || c.get(t, "/Users/"+id).status != 200 || e.User(made.text("ocid")).Name != "new" {
		t.Fatalf("got %d %v", made.status, made.body)
	}
	c.do(t, "POST", "/Users", draft("NEW")).refused(t, 409, "")
	missing := draft("other")
	delete(missing, "name")
	c.do(t, "POST", "/Users", missing).refused(t, 400, "error.common.validation.missingReqAttributes")
	wrong := draft("other")
	wrong["emails"] = []map[string]any{{"value": "nobody", "primary": true}}
	c.do(t, "POST", "/Users", wrong).refused(t, 400, "error.common.validation.invalidEmailFormat")
	if got := c.do(t, "DELETE", "/Users/"+id, nil); got.status != 204 {
		t.Errorf("got %d %v", got.status, got.body)
	}
	if got := c.do(t, "POST", "/Users", draft("new")); got.status != 201 {
		t.Errorf("the name is not free again: %d %v", got.status, got.body)
	}
}
