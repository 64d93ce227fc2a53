package preflight

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
)

// toReadDomains is the statement with which the function may read the identity domains of the configuration. The
// stack's statement is for named domains; those of a compartment must also be listed.
func (f *Facts) toReadDomains() string {
	if slices.Contains(f.domains(), someDomain) {
		return "Allow dynamic-group <DYNAMIC_GROUP> to {DOMAIN_INSPECT, DOMAIN_READ} in tenancy"
	}
	return f.statement("domains")
}

// judgeDomains judges the list of domains.
func judgeDomains(f *Facts) []Check {
	remedy := lookUp("iam domain list --all --compartment-id <COMPARTMENT>", f.toReadDomains(),
		"correct or remove identity_domains")
	q := question{"reading the domains of identity_domains", f.home(), ", or one of them is absent", remedy}
	return answer(f.Domains, q, func(all []credential.Domain) (out []Check) {
		if len(all) == 0 {
			return failed(remedy, "identity_domains is set, but no identity domain was found there")
		}
		var names []string
		for _, d := range all {
			named := slices.ContainsFunc(f.Config.IdentityDomains, func(id string) bool {
				return strings.EqualFold(id, d.ID)
			})
			result := Warning
			if named {
				result = Failed
			}
			if d.State == active {
				names = append(names, fmt.Sprintf("%q", d.Name))
				continue
			}
			out = append(out, found(result, "activate it: oci iam domain activate --domain-id "+d.ID+"; or remove it "+
				"from identity_domains", "the identity domain %q (%s) is %s: "+noRotation, d.Name, d.ID, d.State)...)
		}
		if len(names) > 0 {
			out = append(out, passed("ACTIVE: %s", strings.Join(names, ", "))...)
		}
		return out
	})
}

// noRotation is the consequence of a domain that can't be asked: the user may be there.
const noRotation = "Keyturn can't rotate for its users, nor for a user whom no other domain has"

// eachDomain judges each ACTIVE domain.
func eachDomain(good string, judge func(*Facts, Domain) []Check) func(*Facts) []Check {
	return func(f *Facts) []Check {
		if !f.Domains.OK() {
			return waiting(blockedBy + checkDomains)
		}
		return each(f.Active, "identity domain", good, func(d Domain) []Check { return judge(f, d) })
	}
}

func judgeDomainHost(_ *Facts, d Domain) []Check {
	switch err := d.Host.Err; {
	case !d.Host.Asked:
		return unasked("calling the identity domain " + d.about())
	case err != nil && fault.Of(err) == fault.Invalid:
		return failed("as an administrator: oci iam domain get --domain-id "+d.ID+" shows its address; ask Oracle's "+
			"support", "the identity domain %s: %s: %s", d.about(), noRotation, text(err))
	case err != nil:
		return failed("let the function's subnet reach "+d.URL, "the identity domain %s does not answer: %s: %s",
			d.about(), noRotation, text(err))
	case !d.answers():
		return failed("invoke the preflight again; if this persists, ask Oracle's support, or remove the domain from "+
			"identity_domains", "the identity domain %s answers %d: %s", d.about(), d.Host.Value.Status, noRotation)
	}
	return passed("")
}

func judgeDomainClock(f *Facts, d Domain) []Check {
	switch {
	case !d.answers():
		return nil // the check domain_host has reported why
	case d.Host.Value.Server.IsZero():
		return unknown("invoke the preflight again", "the answer of the identity domain %s has no Date", d.about())
	}
	skew, side, result := d.Host.Value.skew()
	if result == Passed {
		return passed("")
	}
	return found(result, "a function can't set its host's clock: "+f.restart()+"; if this persists, ask Oracle's "+
		"support", "the function's clock is %v %s that of the identity domain %s, which refuses requests beyond %v",
		skew, side, d.about(), maxSkew)
}

// skew returns how far the function's clock is off, in which direction, and what that means for requests.
func (c Clocks) skew() (by time.Duration, side string, r Result) {
	by, side, r = c.Server.Sub(c.Local).Round(time.Second), "behind", Passed
	if by < 0 {
		by, side = -by, "ahead of"
	}
	switch {
	case by > maxSkew:
		r = Failed
	case by > someSkew:
		r = Warning
	}
	return by, side, r
}

// domainRole is the other way to allow what a domain refuses. No documentation says whether policies are enough for the
// API of identity domains: some public reports say so, others that a role is needed.
const domainRole = "; if the domain still refuses after 15 minutes, the function needs the role User Administrator " +
	"there: add the domain to the stack's identity_domains_app_role"

// toRead is what a function needs to list users, or else credentials, in a domain.
func (f *Facts) toRead(d credential.Domain, users bool) string {
	if users {
		return f.statement("users") + domainRole
	}
	p := f.policy()
	p.Domains = []string{d.ID}
	return p.statement("domain-credentials-list", "") + domainRole
}

func judgeDomainAccess(f *Facts, d Domain) (out []Check) {
	_, _, clock := d.Host.Value.skew()
	if !d.answers() || clock == Failed {
		return nil // the check domain_host or domain_clock has reported why
	}
	lists := map[string][]string{} // by remedy: what can't be listed
	for _, k := range listedKinds() {
		what := "users"
		if k != "" {
			what = k.Noun() + "s"
		}
		judge := func(what string) []Check {
			return inDomain(d.Lists[k], "listing the "+what+" of the identity domain "+d.about(), "",
				f.toRead(d.Domain, k == ""))
		}
		for _, c := range judge(what) {
			lists[c.Remedy] = append(lists[c.Remedy], what)
			out = slices.DeleteFunc(out, func(o Check) bool { return o.Remedy == c.Remedy })
			out = append(out, judge(strings.Join(lists[c.Remedy], ", "))...)
		}
	}
	if len(out) == 0 {
		return passed("")
	}
	return out
}

// inDomain judges the answer of a domain. It is empty if the domain did what it was asked. A domain answers 401 to a
// caller without permission, but also for a while to others.
func inDomain(s Response[struct{}], doing, note, remedy string) []Check {
	if stranger(s.Err) {
		return failed("invoke the preflight again; if this persists: "+remedy, "%s is not allowed, or the domain "+
			"refuses it for a while: %s", doing, text(s.Err))
	}
	return answer(s, question{doing, "", note, remedy}, func(struct{}) []Check { return nil })
}

// inDomains says in which identity domains users were found.
func (f *Facts) inDomains() string {
	var domains []string
	members := map[string][]string{}
	for _, u := range f.Users {
		if d := u.Person.Value.Domain; d.ID != "" {
			if members[d.Name] == nil {
				domains = append(domains, d.Name)
			}
			members[d.Name] = append(members[d.Name], u.ID)
		}
	}
	slices.Sort(domains)
	var text string
	for _, d := range domains {
		ids := members[d]
		if len(ids) > mostNamed {
			ids = append(ids[:mostNamed:mostNamed], "...")
		}
		text += fmt.Sprintf("; in the identity domain %q: %s", d, strings.Join(ids, ", "))
	}
	return text
}

// judgeMember judges what a domain says about a user's password.
func (u User) judgeMember() []Check {
	w := u.Person.Value
	isPassword := func(k credential.Kind) bool { return k.Origin() == credential.Reset }
	switch {
	case !slices.ContainsFunc(u.Kinds, isPassword):
		return nil
	case w.Federated:
		return failed("rotate it at that identity provider, and remove the tags from this user's secrets for the "+
			"password: "+u.ID, "the user %s (%s) signs in with another identity provider, so the identity domain %q "+
			"has no password to rotate", w.Name, u.ID, w.Domain.Name)
	case w.NoMail:
		return warned("give the user an e-mail address, or name a secret in each closure comment: "+u.ID,
			"the user %s (%s) has no e-mail address, so a closure without a secret can't reset the password",
			w.Name, u.ID)
	}
	return nil
}
