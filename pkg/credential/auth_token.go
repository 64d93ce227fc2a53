package credential

import "errors"

// AuthToken is an auth token: the password for the container registry and other services that don't use signatures.
const AuthToken Kind = "auth-token"

// RoleToken is the role of a secret that holds an auth token.
const RoleToken Role = "auth-token"

// Source of the limit: OCI's "Managing User Credentials".
var authToken = Record{
	Kind: AuthToken, Noun: "auth token", IDNoun: "token OCID", Origin: Server, Limit: 2,
	IDForms: []IDForm{FormOCID, FormSCIM},
	Parts: []Part{{Role: RoleToken, Key: "auth_secret_ocid", Thing: "auth token",
		Near: map[string]int{"authsecret": 0, "tokenocid": 0}}},
	Bundle: [2]string{"token_id", "token"},
	Detection: Detection{Rule: "AUTH_TOKEN_TOO_OLD", Problem: "IAM Auth token is too old",
		Details: []string{"authtokenocid", "authtokenid", "authtoken", "tokenocid", "tokenid", "credentialocid",
			"credentialid"}},
	Permissions: []string{"USER_AUTHTOKEN_SET", "USER_AUTHTOKEN_REMOVE"},
	Operations:  []string{"CreateAuthToken", "DeleteAuthToken"},
	Resource:    "AuthToken",
	Capability:  "--can-use-auth-tokens",
	Endpoint:    AtRegistry,
	consumers: func(func(Role) bool) (string, bool) {
		return "Replace the token wherever a consumer keeps a copy of it, such as a docker login or a Kubernetes " +
			"pull secret. The user name stays the same.", false
	},
	more: func(o Owner) ([]string, error) {
		if o.Registry == "" || o.Namespace == "" || o.UserName == "" {
			return nil, errors.New("the bundle of an auth token needs the registry's host, the namespace and the " +
				"user's name: one of them isn't known")
		}
		return []string{"registry", o.Registry, "registry_user", o.RegistryUser()}, nil
	},
}
