package preflight

import (
	"fmt"
	"strings"

	"github.com/keyturn/keyturn/pkg/credential"
)

// inDefault limits the statements for the classic API to the Default domain, if there are others.
const inDefault = "target.resource.domain.name = 'Default'"

// domainStatements returns the statements about identity domains, with single permissions.
func (p Policy) domainStatements() []Statement {
	if len(p.Domains) == 0 {
		return nil
	}
	anyOf := func(variable string) string {
		terms := make([]string, len(p.Domains))
		for i, id := range p.Domains {
			terms[i] = variable + " = '" + id + "'"
		}
		return "any {" + strings.Join(terms, ", ") + "}"
	}
	here, permissions := anyOf("target.resource.domain.id"), []string{"USER_UPDATE"}
	for _, k := range credential.Kinds() {
		permissions = append(permissions, k.Record().Permissions...)
	}
	terms := []string{here}
	for _, u := range p.Protected {
		terms = append(terms, protectedInDomain(u)...)
	}
	return []Statement{
		{"domains", "", "{DOMAIN_READ} in tenancy where " + anyOf("target.domain.id"), ""},
		{"domain-credentials-list", "", "{USER_READ} in tenancy where " + here, ""},
		{"domain-credentials-change", "", "{" + strings.Join(permissions, ", ") + "} in tenancy where all {" +
			strings.Join(terms, ", ") + "}", "changes of credentials in identity domains"},
	}
}

// protectedInDomain returns the conditions that protect a user of an identity domain, whose name is <domain>/<name>. A
// name without a domain means another user. A * matches within both parts.
func protectedInDomain(u string) (terms []string) {
	domain, name, both := strings.Cut(u, "/")
	switch {
	case strings.HasPrefix(u, "ocid1."):
		return []string{"target.user.id != '" + u + "'"}
	case both && !strings.Contains(u, "*"):
		return []string{"target.user.name != '" + u + "'", fmt.Sprintf("any {target.resource.domain.name != '%s', "+
			"target.user.name != '%s'}", domain, name)}
	}
	if strings.HasPrefix(u, "*") {
		terms = append(terms, "target.user.name != /"+u+"/")
	}
	if strings.HasSuffix(u, "*") {
		terms = append(terms, "target.resource.domain.name != /"+u+"/")
	}
	return terms
}
