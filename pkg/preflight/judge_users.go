package preflight

import (
	"slices"
	"strings"

	"github.com/keyturn/keyturn/pkg/credential"
)

func judgeUserList(f *Facts) []Check {
	return answer(f.UserList, question{"listing the users of the tenancy", f.home(), "", f.statement("users")},
		func(struct{}) []Check { return passed("users can be listed") })
}

const (
	rebind   = "remove the tags from this user's secrets, or bind them to another user"
	orDomain = "; or, if another identity domain has the user, add that domain to identity_domains"
)

func judgeUsers(f *Facts) []Check {
	others := f.UserList.OK() || slices.ContainsFunc(f.Users, func(u User) bool {
		return u.Person.OK() && u.Person.Value.Domain.ID == "" // by the same API
	})
	statement := f.statement("users")
	return each(f.Users, "user", "ACTIVE"+f.inDomains(), func(u User) []Check {
		switch {
		case denied(u.Person.Err) && others:
			return failed(rebind+": "+u.ID+orDomain, "the user %s is absent (other users can be read): %s",
				u.ID, text(u.Person.Err))
		case f.asksDomains() && u.Person.Err != nil && unclear(u.Person.Err):
			return unknown("see the checks identity_domains, domain_host and domain_access; then invoke the preflight "+
				"again", "reading the user %s: no clear answer: %s", u.ID, text(u.Person.Err))
		}
		q := question{"reading the user " + u.ID, f.home(), ", or the user is absent",
			lookUp("iam user get --user-id "+u.ID, statement, rebind+orDomain)}
		return answer(u.Person, q, func(Person) []Check { return f.judgeUser(u) })
	})
}

// judgeUser judges a user that can be read.
func (f *Facts) judgeUser(u User) (out []Check) {
	w := u.Person.Value
	if w.State != active {
		return failed(rebind+": "+u.ID, "the user %s (%s) is %s", w.Name, u.ID, w.State)
	}
	for _, k := range u.Kinds {
		if !slices.Contains(w.MayNot, k) {
			continue
		}
		enable := "oci iam user update-user-capabilities --user-id " + u.ID + " " + k.Record().Capability + " true"
		if d := w.Domain; d.ID != "" {
			enable = "in the Console, in the identity domain " + d.Name + ", edit the capabilities of the user"
		}
		out = append(out, failed("enable it: "+enable+"; or "+rebind, "the user %s (%s) may not have %s", w.Name, u.ID,
			k.One())...)
	}
	out = append(out, u.judgeMember()...)
	if len(out) == 0 {
		return passed("")
	}
	return out
}

func judgeProtected(f *Facts) []Check {
	out := each(f.Users, "", "", func(u User) []Check {
		if !u.Person.OK() || !f.Config.Protects(u.ID, u.Person.Value.Name) {
			return nil
		}
		return warned("remove "+u.ID+" from protected_users, or the tags from the secrets",
			"a secret is bound to the user %s (%s), who is protected: these credentials are never rotated",
			u.Person.Value.Name, u.ID)
	})
	if len(out) == 0 {
		out = append(out, passed("no secret is bound to a protected user")...)
	}
	return out
}

func judgeSlots(f *Facts) []Check {
	statement := f.statement("credentials-list")
	return each(f.Users, "credential list", "a free slot in each", func(u User) []Check {
		var out []Check
		for _, k := range u.Kinds {
			if k.Limit() == 0 || !u.Person.OK() {
				continue // there is no such question, or the check user has reported why
			}
			q := question{"listing the " + k.Noun() + "s of " + u.ID, f.home(), ", but the user can be read", statement}
			if d := u.Person.Value.Domain; d.ID != "" && stranger(u.Has[k].Err) {
				out = append(out, inDomain(Response[struct{}]{Asked: true, Err: u.Has[k].Err}, q.doing+
					" in the identity domain "+d.Name, q.note, f.toRead(d, false))...)
				continue
			}
			out = append(out, answer(u.Has[k], q, func(l credential.Listing) []Check {
				var ids []string
				for _, c := range l.Credentials {
					ids = append(ids, c.ID)
				}
				if len(ids) < k.Limit() {
					return passed("")
				}
				return warned("delete one that "+u.ID+" doesn't use; or close the problem with replace:yes, "+
					"which deletes the old one first", "the user %s (%s) has %d %ss, the most that OCI allows: %s",
					u.Person.Value.Name, u.ID, len(ids), k.Noun(), strings.Join(ids, ", "))
			})...)
		}
		return out
	})
}
