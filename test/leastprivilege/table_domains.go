package main

import (
	"fmt"
	"slices"
	"strings"
)

// inDomains writes the part about identity domains.
func inDomains(b *strings.Builder, r Report) {
	d := r.Domains
	fmt.Fprintf(b, `## Identity domains

With the input `+"`identity_domains`"+`, the functions also work in the named domains, by the domains' own API (SCIM). Oracle's Policy Reference has one set of
permissions for both APIs. It doesn't say which of them a SCIM call checks, and some reports say that only a domain's administrator roles count. So the emulator has
three readings, and the stack has a way for each, to be chosen for each domain:

| a domain asks for | the way | below | what it opens |
| --- | --- | --- | --- |
| single permissions, as the classic API does | `+"`identity_domains`"+` alone | %s | credentials of the domain's users. `+"`USER_UPDATE`"+` is part of every change, and without known names of SCIM operations it can't be limited to them: it may also allow changing a user, for instance the mail address |
| all permissions of the verb | `+"`identity_domains_manage_users`"+` | %s | also %s |
| an administrator role of the domain | `+"`identity_domains_app_role`"+` | %s | the role User Administrator: users, groups and memberships of the domain. IAM's statements, and their conditions on excluded users, don't count |

Start with the first. If a domain refuses calls, the mail names the domain: [what to do](../terraform/README.md#identity-domains).

With any domain named, the statements for the classic API cover only the Default domain, except `+"`USER_INSPECT`"+`: the functions may read users' names in every domain. Without
`+"`identity_domains`"+` they have no such condition, and a domain that asks for the same permissions may allow them, too.

All %d cases pass: those above, and each kind in each reading. Each permission and each role below is needed. The other statements are those above.

`, byPermissions, byManage, strings.Join(d.gained(), ", "), byRole, len(d.Proof.Cases))
	d.Proof.tables(b, "###", r.Proof.Stack.Statements)
	b.WriteString("Also denied, with 401 by a domain:\n\n| what | who | denied |\n| --- | --- | --- |\n")
	more := slices.DeleteFunc(slices.Clone(d.Denied), func(v Verdict) bool {
		return slices.ContainsFunc(r.Denied, func(o Verdict) bool { return o.What == v.What && o.Who == v.Who })
	})
	rows(b, more, func(v Verdict) []string { return v.Denied })
	b.WriteString("\n")
}

// gained are the permissions that the functions have only in a domain with `manage users`.
func (d DomainReport) gained() []string {
	return slices.DeleteFunc(slices.Clone(d.Managed["rotate"]), func(p string) bool {
		return slices.Contains(d.Granted["rotate"], p)
	})
}
