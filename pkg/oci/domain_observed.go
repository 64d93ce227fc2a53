package oci

import (
	"context"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
)

// observedDomainKinds has the lists of the kinds that Keyturn only reports, by a domain's own API. Their attributes
// never include a value: a domain may return the password of a database, and its salt, with each list.
var observedDomainKinds = map[credential.Kind]domainKind{
	credential.DatabasePassword: {list: "SCIM ListUserDbCredentials", resource: "UserDbCredentials",
		attributes:  "ocid,description,lastSetDate,expired,user,meta,deleteInProgress,expiresOn",
		id:          func(c domainCredential) string { return string(c.OCID) },
		description: func(c domainCredential) string { return c.Description }},
	credential.SMTPCredential: {list: "SCIM ListSmtpCredentials", resource: "SmtpCredentials",
		attributes:  "ocid,description,user,meta,deleteInProgress,expiresOn",
		id:          func(c domainCredential) string { return string(c.OCID) },
		description: func(c domainCredential) string { return c.Description }},
	credential.OAuth2Credential: {list: "SCIM ListOAuth2ClientCredentials", resource: "OAuth2ClientCredentials",
		attributes:  "ocid,name,user,meta,deleteInProgress,expiresOn",
		id:          func(c domainCredential) string { return string(c.OCID) },
		description: func(c domainCredential) string { return c.Name }},
}

// domainListOf is domainKindOf with the kinds that are only listed.
func domainListOf(k credential.Kind) (domainKind, error) {
	if b, ok := observedDomainKinds[k]; ok {
		return b, nil
	}
	return domainKindOf(k)
}

// passwordOf lists the password of a user of a domain.
func (c *Cloud) passwordOf(ctx context.Context, d credential.Domain, user string) (credential.Listing, error) {
	filter, err := scimEq("ocid", user)
	if err != nil {
		return credential.Listing{}, err
	}
	all, at, err := listDomain(ctx, c, d, scimQuery{operationUser, "Users", filter, "ocid,userName," + passwordSet},
		func(u passwordUser) scimID { return u.ID })
	switch {
	case err != nil:
		return credential.Listing{}, err
	case len(all) != 1 || all[0].OCID != user:
		return credential.Listing{}, fault.New(fault.Absent, operationUser, "the identity domain has no such user")
	}
	l := credential.Listing{At: at}
	if h := all[0].held(d); h != nil {
		l.Credentials = []credential.Issued{h.Issued}
	}
	return l, nil
}
