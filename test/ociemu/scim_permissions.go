package ociemu

import (
	"encoding/json"
	"maps"
	"net/http"
)

// key is the name of the operation in needs. The domains' API has names of the classic one, and the
// S3-compatible API those of Object Storage.
func (r *route) key() string {
	if r.service == scimService || r.service == s3Name {
		return r.service + "/" + r.operation
	}
	return r.operation
}

// scimNeeds are the permissions of the domains' own API. The Policy Reference names one set for both APIs, but not
// which one each SCIM call checks: here each needs what its counterpart in the classic API does. DomainAnswers has
// other readings.
func scimNeeds() map[string]need {
	list := map[string]need{}
	counterparts := map[string]string{
		"ListGroups": "ListGroups", "GetGroup": "ListUserGroupMemberships",
		"ListUsers": "ListUsers", "GetUser": "GetUser", "CreateUser": "CreateUser", "DeleteUser": "DeleteUser",
		"PutUserPasswordChanger":  "CreateOrResetUIPassword",
		"PutUserPasswordResetter": "CreateOrResetUIPassword",
		"ListApiKeys":             "ListApiKeys", "GetApiKey": "ListApiKeys", "CreateApiKey": "UploadApiKey",
		"PatchApiKey": "UploadApiKey", "DeleteApiKey": "DeleteApiKey",
		"ListAuthTokens": "ListAuthTokens", "GetAuthToken": "ListAuthTokens", "CreateAuthToken": "CreateAuthToken",
		"PatchAuthToken": "UpdateAuthToken", "DeleteAuthToken": "DeleteAuthToken",
		"ListCustomerSecretKeys": "ListCustomerSecretKeys", "GetCustomerSecretKey": "ListCustomerSecretKeys",
		"CreateCustomerSecretKey": "CreateCustomerSecretKey", "PatchCustomerSecretKey": "UpdateCustomerSecretKey",
		"DeleteCustomerSecretKey": "DeleteCustomerSecretKey",
	}
	for operation, counterpart := range counterparts {
		n := classicNeeds[counterpart]
		n.on, n.also = inTheDomain, alsoInDomain(n.also)
		list[scimService+"/"+operation] = n
	}
	for operation, permissions := range otherPermissions {
		list[scimService+"/"+operation] = need{permissions: permissions, on: inTheDomain, also: alsoInDomain(nil)}
	}
	for _, operation := range []string{"ListApps", "GetApp", "CreateAppClientSecretRegenerator"} {
		list[scimService+"/"+operation] = need{role: true, on: inTheDomain}
	}
	list[scimService+"/"+operationToken] = need{own: true}
	for _, k := range allKinds() { // users may do everything with their own credentials
		for _, r := range k.routes("My", k.myPath(), inDomain) {
			list[scimService+"/"+r.operation] = need{self: true}
		}
	}
	return list
}

// otherPermissions are those of the Policy Reference, which has CREDENTIAL_* for SMTP credentials. It has none for
// database credentials: here they are a change of the user.
var otherPermissions = map[string][]string{
	"ListSmtpCredentials":          {"CREDENTIAL_INSPECT"},
	"GetSmtpCredential":            {"CREDENTIAL_INSPECT"},
	"CreateSmtpCredential":         {"CREDENTIAL_ADD"},
	"PatchSmtpCredential":          {"CREDENTIAL_UPDATE"},
	"DeleteSmtpCredential":         {"CREDENTIAL_REMOVE"},
	"ListOAuth2ClientCredentials":  {"USER_READ"},
	"GetOAuth2ClientCredential":    {"USER_READ"},
	"CreateOAuth2ClientCredential": {"USER_UPDATE", "USER_OAUTH2_CLIENT_CRED_CREATE"},
	"PatchOAuth2ClientCredential":  {"USER_UPDATE", "USER_OAUTH2_CLIENT_CRED_UPDATE"},
	"DeleteOAuth2ClientCredential": {"USER_UPDATE", "USER_OAUTH2_CLIENT_CRED_REMOVE"},
	"ListUserDbCredentials":        {"USER_READ"},
	"GetUserDbCredential":          {"USER_READ"},
	"CreateUserDbCredential":       {"USER_UPDATE"},
	"DeleteUserDbCredential":       {"USER_UPDATE"},
}

// needs are the needs of all operations.
var needs = func() map[string]need {
	all := maps.Clone(classicNeeds)
	maps.Copy(all, scimNeeds())
	return all
}()

// manageUsers are the permissions that only the verb manage grants on users and no single call here needs.
var manageUsers = []string{"USER_CREATE", "USER_DELETE", "USER_UPDATE"}

func alsoInDomain(also func(*exchange) []string) func(*exchange) []string {
	return func(x *exchange) []string {
		var list []string
		if also != nil {
			list = also(x)
		}
		if x.http.Method != http.MethodGet && x.e.opts.DomainAnswers.Authorization == AuthorizationManage {
			list = append(list, manageUsers...)
		}
		return list
	}
}

// inTheDomain aims at the user or at the owner of the credential that the call names; a list has no user.
func inTheDomain(x *exchange) (aim, bool) {
	var u *user
	switch {
	case x.params["userId"] != "":
		u, _ = x.scimUser() // the call itself answers 404
	case x.params["id"] != "":
		u = x.e.state.scimOwners[x.params["id"]]
	case x.http.Method == http.MethodPost:
		var body map[string]any
		if json.Unmarshal(x.body, &body) == nil {
			u, _ = x.referred(body) // the call itself answers 400
		}
	}
	if u != nil && u.domain == x.domain {
		return aim{x.domain.seed.Compartment, u.variables()}, true
	}
	return aim{x.domain.seed.Compartment, x.domain.variables()}, true
}

// hasDomainRole reports whether the caller has an administrator role, if nothing else counts: in that reading, and for
// apps, for which the documentation names only roles.
func (x *exchange) hasDomainRole(n need) (decided, allowed bool) {
	if x.domain == nil || x.e.opts.DomainAnswers.Authorization != AuthorizationAppRole &&
		(!n.role || x.e.policies == nil) {
		return false, false
	}
	return true, x.domain.roles[x.call.Caller.ID]
}

// readsThemselves reports whether a user reads its own record.
func (x *exchange) readsThemselves() bool {
	if x.call.Caller.Kind != "user" || x.http.Method != http.MethodGet {
		return false
	}
	if x.domain != nil {
		u, _ := x.scimUser() // nil without a user in the path
		return u != nil && u.id == x.call.Caller.ID
	}
	return x.params["userId"] == x.call.Caller.ID
}
