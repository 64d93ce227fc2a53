package oci

import "github.com/keyturn/keyturn/pkg/credential"

// The classic API and a domain know an auth token by the same OCID. A domain keeps a hash of the token, so only the
// answer to its creation has the token.
var domainAuthTokens = domainKind{
	list: "SCIM ListAuthTokens", create: "SCIM CreateAuthToken", remove: "SCIM DeleteAuthToken",
	resource: "AuthTokens", schema: scimSchemas + "authToken",
	attributes:  "ocid,description,user,meta,deleteInProgress,expiresOn",
	id:          func(c domainCredential) string { return string(c.OCID) },
	description: func(c domainCredential) string { return c.Description },
	value:       func(c domainCredential) credential.Value { return c.Token.Value },
	fill:        func(out *domainDraft, d credential.Draft) { out.Description = d.Description },
}
