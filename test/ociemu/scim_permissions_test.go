package ociemu_test

import (
	"testing"

	"github.com/keyturn/keyturn/test/ociemu"
)

// domainStatements allow a function what the classic API needs for auth tokens, in one domain only.
const domainStatements = "allow dynamic-group fn to {USER_READ, USER_UPDATE, USER_AUTHTOKEN_SET} in tenancy " +
	"where target.resource.domain.name = 'Partners'"

func TestPoliciesDecideAboutOneDomain(t *testing.T) {
	e, user := twoDomains(t, nil)
	own := e.AddUser("ada")
	fn := e.NewFunction("rotate", "")
	partners, other := scimAs(e, fn, "Partners"), scimAs(e, fn, "Default")
	e.SetPolicies(policies(t, fn))
	partners.get(t, "/AuthTokens").refused(t, 401, "")
	partners.do(t, "POST", "/AuthTokens", newToken(user)).refused(t, 401, "")
	e.SetPolicies(policies(t, fn, domainStatements))
	made := partners.do(t, "POST", "/AuthTokens", newToken(user))
	if got := partners.get(t, "/AuthTokens"); made.status != 201 || got.status != 200 {
		t.Errorf("got %d %v and %d %v", made.status, made.body, got.status, got.body)
	}
	partners.do(t, "DELETE", "/AuthTokens/"+made.text("id"), nil).refused(t, 401, "")
	other.get(t, "/AuthTokens").refused(t, 401, "")
	other.do(t, "POST", "/AuthTokens", newToken(own)).refused(t, 401, "")
	e.SetPolicies(policies(t, fn, "allow dynamic-group fn to {USER_UPDATE, USER_AUTHTOKEN_SET} in tenancy "+
		"where target.user.id = '"+own+"'"))
	if got := other.do(t, "POST", "/AuthTokens", newToken(own)); got.status != 201 {
		t.Errorf("a statement about the user: %d %v", got.status, got.body)
	}
	partners.do(t, "POST", "/AuthTokens", newToken(user)).refused(t, 401, "")
}

func TestADomainReadsPermissionsAsChosen(t *testing.T) {
	for answer, want := range map[ociemu.AuthorizationAnswer][3]int{ // classic names, manage users, role
		"": {201, 201, 401}, ociemu.AuthorizationManage: {401, 201, 401}, ociemu.AuthorizationAppRole: {401, 401, 201},
	} {
		e, user := twoDomains(t, answered(func(a *ociemu.DomainAnswers) { a.Authorization = answer }))
		for i, statement := range []string{domainStatements,
			"allow dynamic-group fn to manage users in tenancy where target.resource.domain.id = '" +
				e.Domain("Partners").ID + "'",
			"allow dynamic-group fn to read buckets in tenancy"} {
			fn := e.NewFunction("rotate", "")
			e.SetPolicies(policies(t, fn, statement))
			if i == 2 {
				e.GrantDomainRole("Partners", fn.FunctionID)
			}
			c := scimAs(e, fn, "Partners")
			got := c.do(t, "POST", "/AuthTokens", newToken(user))
			if got.status != want[i] {
				t.Errorf("%s, %s: got %d %v, want %d", answer, statement, got.status, got.body, want[i])
			}
			if got.status == 201 {
				e.SetPolicies(nil)
				e.GrantDomainRole("Partners", fn.FunctionID)
				if got := c.do(t, "DELETE", "/AuthTokens/"+got.text("id"), nil); got.status != 204 {
					t.Errorf("%s: deleted: %d", answer, got.status)
				}
			}
		}
	}
}

func TestAUserOfADomainReadsOnlyItself(t *testing.T) {
	e, user := twoDomains(t, nil)
	print, private := e.AddAPIKey(user)
	other := e.AddDomainUser("Partners", ociemu.UserSeed{Name: "bob"})
	c := scimAs(e, rawKey{e.Tenancy() + "/" + user + "/" + print, private}, "Partners")
	id, _ := e.SCIMID(user, "")
	otherID, _ := e.SCIMID(other, "")
	if got := c.get(t, "/Users/"+id); got.status != 200 {
		t.Errorf("itself: %d %v", got.status, got.body)
	}
	c.get(t, "/Users/"+otherID).refused(t, 401, "")
	c.get(t, "/Users").refused(t, 401, "")
	c.do(t, "POST", "/AuthTokens", newToken(user)).refused(t, 401, "")
}
