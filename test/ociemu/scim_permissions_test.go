package ociemu_test

import (
	"strings"
	"testing"

	"github.com/oracle/oci-go-sdk/v65/identity"

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

// scimCalls has a call of every operation of a domain, and what it needs in the classic reading. Calls with an id or a
// body that no domain accepts are allowed if the answer is not 401.
var scimCalls = map[string][]string{
	"GET /Users":                        {"USER_INSPECT"},
	"GET /Users/x":                      {"USER_INSPECT"},
	"GET /ApiKeys":                      {"USER_READ"},
	"POST /ApiKeys":                     {"USER_UPDATE", "USER_APIKEY_ADD"},
	"GET /ApiKeys/x":                    {"USER_READ"},
	"PATCH /ApiKeys/x":                  {"USER_UPDATE", "USER_APIKEY_ADD"},
	"DELETE /ApiKeys/x":                 {"USER_UPDATE", "USER_APIKEY_REMOVE"},
	"GET /AuthTokens":                   {"USER_READ"},
	"POST /AuthTokens":                  {"USER_UPDATE", "USER_AUTHTOKEN_SET"},
	"GET /AuthTokens/x":                 {"USER_READ"},
	"PATCH /AuthTokens/x":               {"USER_UPDATE", "USER_AUTHTOKEN_RESET"},
	"DELETE /AuthTokens/x":              {"USER_UPDATE", "USER_AUTHTOKEN_REMOVE"},
	"GET /CustomerSecretKeys":           {"USER_READ"},
	"POST /CustomerSecretKeys":          {"USER_UPDATE", "USER_SECRETKEY_ADD"},
	"GET /CustomerSecretKeys/x":         {"USER_READ"},
	"PATCH /CustomerSecretKeys/x":       {"USER_UPDATE", "USER_SECRETKEY_UPDATE"},
	"DELETE /CustomerSecretKeys/x":      {"USER_UPDATE", "USER_SECRETKEY_REMOVE"},
	"GET /SmtpCredentials":              {"CREDENTIAL_INSPECT"},
	"POST /SmtpCredentials":             {"CREDENTIAL_ADD"},
	"GET /SmtpCredentials/x":            {"CREDENTIAL_INSPECT"},
	"PATCH /SmtpCredentials/x":          {"CREDENTIAL_UPDATE"},
	"DELETE /SmtpCredentials/x":         {"CREDENTIAL_REMOVE"},
	"GET /OAuth2ClientCredentials":      {"USER_READ"},
	"POST /OAuth2ClientCredentials":     {"USER_UPDATE", "USER_OAUTH2_CLIENT_CRED_CREATE"},
	"GET /OAuth2ClientCredentials/x":    {"USER_READ"},
	"PATCH /OAuth2ClientCredentials/x":  {"USER_UPDATE", "USER_OAUTH2_CLIENT_CRED_UPDATE"},
	"DELETE /OAuth2ClientCredentials/x": {"USER_UPDATE", "USER_OAUTH2_CLIENT_CRED_REMOVE"},
	"GET /UserDbCredentials":            {"USER_READ"},
	"POST /UserDbCredentials":           {"USER_UPDATE"},
	"GET /UserDbCredentials/x":          {"USER_READ"},
	"DELETE /UserDbCredentials/x":       {"USER_UPDATE"},
	"PUT /UserPasswordChanger/x":        {"USER_UPDATE", "USER_UIPASS_RESET"},
	"PUT /UserPasswordResetter/x":       {"USER_UPDATE", "USER_UIPASS_RESET"},
	"GET /Apps":                         nil, // only a role
	"GET /Apps/x":                       nil,
	"POST /AppClientSecretRegenerator":  nil,
}

func TestEveryCallOfADomainNeedsItsPermissionsInEachReading(t *testing.T) {
	for _, answer := range []ociemu.AuthorizationAnswer{"", ociemu.AuthorizationManage, ociemu.AuthorizationAppRole} {
		e, _ := twoDomains(t, answered(func(a *ociemu.DomainAnswers) { a.Authorization = answer }))
		fn := e.NewFunction("rotate", "")
		c, other := scimAs(e, fn, "Partners"), scimAs(e, fn, ociemu.DefaultDomain)
		allowed := func(c *scimClient, call string, grants ...string) bool {
			t.Helper()
			var statements []string
			for _, grant := range grants {
				statements = append(statements, "allow dynamic-group 'Default'/'fn' to "+grant+" in tenancy where "+
					"target.resource.domain.id = '"+e.Domain("Partners").ID+"'")
			}
			e.SetPolicies(policies(t, fn, statements...))
			method, path, _ := strings.Cut(call, " ")
			if method == "GET" || method == "DELETE" {
				return c.do(t, method, path, nil).status != 401
			}
			return c.do(t, method, path, "{}").status != 401
		}
		check := func(what string, got, want bool) {
			t.Helper()
			if got != want {
				t.Errorf("%q, %s: allowed is %v", answer, what, got)
			}
		}
		for call, need := range scimCalls {
			write := !strings.HasPrefix(call, "GET ")
			exact := answer == "" || answer == ociemu.AuthorizationManage && !write
			if need != nil {
				check(call, allowed(c, call, "{"+strings.Join(need, ", ")+"}"), exact)
				for i := range need {
					rest := append(append([]string{"BUCKET_READ"}, need[:i]...), need[i+1:]...)
					check(call+" without "+need[i], allowed(c, call, "{"+strings.Join(rest, ", ")+"}"), false)
				}
			}
			all := []string{"manage users", "manage credentials"}
			check(call+" with manage", allowed(c, call, all...), need != nil && answer != ociemu.AuthorizationAppRole)
			check(call+" in another domain", allowed(other, call, all...), false)
		}
		e.GrantDomainRole("Partners", fn.FunctionID)
		for call, need := range scimCalls {
			check(call+" with the role", allowed(c, call, "read buckets"),
				need == nil || answer == ociemu.AuthorizationAppRole)
		}
	}
}

func TestAStatementCanNameTheDomainsThatAFunctionReads(t *testing.T) {
	e, _ := twoDomains(t, nil)
	fn := e.NewFunction("rotate", "")
	c, tenancy := newClients(t, e, provider{fn}), e.Tenancy()
	read := func(name string) error {
		id := e.Domain(name).ID
		_, err := c.identity.GetDomain(t.Context(), identity.GetDomainRequest{DomainId: &id})
		return err
	}
	e.SetPolicies(policies(t, fn, "allow dynamic-group fn to {DOMAIN_READ} in tenancy where target.domain.id = '"+
		e.Domain("Partners").ID+"'"))
	allowed(t, "reading a named domain", read("Partners"), true)
	allowed(t, "reading another domain", read("Default"), false)
	_, err := c.identity.ListDomains(t.Context(), identity.ListDomainsRequest{CompartmentId: &tenancy})
	allowed(t, "listing the domains", err, false)
	e.SetPolicies(policies(t, fn, "allow dynamic-group fn to read domains in tenancy where "+
		"target.resource.domain.name = 'Partners'"))
	allowed(t, "reading by the variable of users", read("Partners"), false)
}
