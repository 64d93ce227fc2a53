package acceptance

import "github.com/keyturn/keyturn/pkg/credential"

// domainKind has the names that an identity domain uses for a kind of credential.
type domainKind struct {
	resource, schema string
	describes        string                           // the attribute for a description
	id               func(scimThing) string           // the id that other services know
	description      func(scimThing) string           // see describes
	value            func(scimThing) credential.Value // in the answer to a creation
}

// domainKinds are the kinds that a domain lists. It doesn't list passwords; see domain_password.go.
var domainKinds = map[credential.Kind]domainKind{
	credential.APIKey: {"ApiKeys", "apikey", "description",
		func(t scimThing) string { return t.Fingerprint },
		func(t scimThing) string { return t.Description },
		func(scimThing) credential.Value { return credential.Value{} }},
	credential.AuthToken: {"AuthTokens", "authToken", "description",
		func(t scimThing) string { return t.OCID },
		func(t scimThing) string { return t.Description },
		func(t scimThing) credential.Value { return t.Token.Value }},
	credential.CustomerSecretKey: {"CustomerSecretKeys", "customerSecretKey", "displayName",
		func(t scimThing) string { return t.AccessKey },
		func(t scimThing) string { return t.DisplayName },
		func(t scimThing) credential.Value { return t.SecretKey.Value }},
}
