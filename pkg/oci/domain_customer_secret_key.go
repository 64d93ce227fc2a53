package oci

import "github.com/keyturn/keyturn/pkg/credential"

// The mark is in the display name, as in the classic API. A domain may return the secret key in lists, so a list asks
// for other attributes only.
var domainCustomerSecretKeys = domainKind{
	list: "SCIM ListCustomerSecretKeys", create: "SCIM CreateCustomerSecretKey", remove: "SCIM DeleteCustomerSecretKey",
	resource: "CustomerSecretKeys", schema: scimSchemas + "customerSecretKey",
	attributes:  "ocid,accessKey,displayName,user,meta,deleteInProgress,expiresOn",
	id:          func(c domainCredential) string { return c.AccessKey },
	description: func(c domainCredential) string { return c.DisplayName },
	value:       func(c domainCredential) credential.Value { return c.SecretKey.Value },
	fill:        func(out *domainDraft, d credential.Draft) { out.DisplayName = d.Description },
}
