package oci

import "github.com/keyturn/keyturn/pkg/credential"

// A domain's API keys have a description, unlike those of the classic API. A domain doesn't return their private keys,
// which it never gets.
var domainAPIKeys = domainKind{
	list: "SCIM ListApiKeys", create: "SCIM CreateApiKey", remove: "SCIM DeleteApiKey",
	resource: "ApiKeys", schema: scimSchemas + "apikey",
	attributes:  "ocid,fingerprint,description,user,meta,deleteInProgress",
	id:          func(c domainCredential) string { return c.Fingerprint },
	description: func(c domainCredential) string { return c.Description },
	value:       func(domainCredential) credential.Value { return credential.Value{} },
	fill: func(out *domainDraft, d credential.Draft) {
		out.Key, out.Description = d.PublicKey, d.Description
	},
}
