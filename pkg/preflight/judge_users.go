package preflight

import (
	"fmt"
	"slices"
	"strings"
)

func judgePeople(f *Facts) []Check {
	if f.Function != sweeping {
		return nil
	}
	why := f.baseless()
	switch {
	case why != "":
		return []Check{waiting(why)}
	case !f.Tenancy.OK():
		return []Check{waiting("it waits for the check " + checkTenancy)}
	case !f.People.Asked:
		return []Check{waiting("it waits for the check " + checkHome)}
	case f.People.Err == nil:
		return []Check{passed("users can be listed")}
	}
	if c, ok := trouble(f.People.Err, f.Tenancy.Value.Home); ok {
		return []Check{c}
	}
	return []Check{failed(f.policy().statement(stUsers, ""), "listing the users of the tenancy is not allowed: %s",
		text(f.People.Err))}
}

// overUsers judges each user of bound secrets.
func (f *Facts) overUsers(judge func(User) []Check) []Check {
	if len(f.Users) == 0 {
		return nil
	}
	if why := f.away(); why != "" {
		return []Check{waiting(why)}
	}
	var out []Check
	for _, u := range f.Users {
		for _, c := range judge(u) {
			c.about = u.ID
			out = append(out, c)
		}
	}
	return merge(out)
}

func judgeUser(f *Facts) []Check {
	const remedy = "remove the tags from this user's secrets, or bind them to another user"
	others := slices.ContainsFunc(f.Users, func(u User) bool { return u.Who.OK() })
	good := 0
	out := f.overUsers(func(u User) []Check {
		user := remedy + ": " + u.ID
		switch {
		case !u.Who.Asked:
			return []Check{unasked("the user " + u.ID)}
		case u.Who.Err != nil:
			if c, ok := trouble(u.Who.Err, f.Tenancy.Value.Home); ok {
				return []Check{c}
			}
			if others || f.People.OK() {
				return []Check{failed(user, "the user %s, whom a secret is bound to, is absent (other users can be "+
					"read, so reading is allowed): %s", u.ID, text(u.Who.Err))}
			}
			return []Check{failed(fmt.Sprintf("as an administrator: oci iam user get --user-id %s; if the user "+
				"exists, this is missing: %s; if not, %s", u.ID, f.policy().statement(stUsers, ""), remedy),
				"the user %s, whom a secret is bound to, is absent, or not allowed: %s", u.ID, text(u.Who.Err))}
		case u.Who.Value.State != "ACTIVE":
			return []Check{failed(user, "the user %s (%s) is %s", u.Who.Value.Name, u.ID, u.Who.Value.State)}
		}
		var out []Check
		for _, k := range u.Kinds {
			if slices.Contains(u.Who.Value.MayNot, k) {
				out = append(out, failed(fmt.Sprintf("switch it on: oci iam user update-user-capabilities "+
					"--user-id %s %s true; or %s", u.ID, k.Record().Capability, remedy),
					"the user %s (%s) may not have a %s", u.Who.Value.Name, u.ID, k.Noun()))
			}
		}
		if len(out) == 0 {
			good++
		}
		return out
	})
	if good > 0 {
		out = append(out, passed("%s of bound secrets ACTIVE", count(good, "user")))
	}
	return out
}

func judgeProtected(f *Facts) []Check {
	if f.Refused != nil || len(f.Users) == 0 || f.away() != "" {
		return nil
	}
	out := f.overUsers(func(u User) []Check {
		if !u.Who.OK() || !f.Config.Protects(u.ID, u.Who.Value.Name) {
			return nil
		}
		return []Check{warned("remove "+u.ID+" from protected_users, or the tags from the secrets", "a secret is "+
			"bound to the user %s (%s), who is protected: these credentials are never rotated", u.Who.Value.Name, u.ID)}
	})
	if len(out) == 0 {
		out = append(out, passed("no secret is bound to a protected user"))
	}
	return out
}

func judgeSlots(f *Facts) []Check {
	free := 0
	out := f.overUsers(func(u User) []Check {
		var out []Check
		for _, k := range u.Kinds {
			has := u.Has[k]
			switch {
			case k.Limit() == 0 || !u.Who.OK(): // no such question; judgeUser has said why
			case !has.Asked:
				out = append(out, unasked(fmt.Sprintf("the list of %ss of %s", k.Noun(), u.ID)))
			case has.Err != nil:
				c, ok := trouble(has.Err, f.Tenancy.Value.Home)
				if !ok {
					c = failed(f.policy().statement(stList, ""), "the user %s can be read, listing this user's %ss "+
						"is not allowed: %s", u.ID, k.Noun(), text(has.Err))
				}
				out = append(out, c)
			case len(has.Value) >= k.Limit():
				var ids []string
				for _, c := range has.Value {
					ids = append(ids, c.ID)
				}
				out = append(out, warned(fmt.Sprintf("delete one that %s doesn't use; or close the problem with "+
					"replace:yes, which deletes the old one first", u.ID),
					"the user %s (%s) has %d %ss, as many as OCI allows: %s", u.Who.Value.Name, u.ID, len(ids),
					k.Noun(), strings.Join(ids, ", ")))
			default:
				free++
			}
		}
		return out
	})
	if free > 0 {
		out = append(out, passed("a free slot in %d of the cases where a user has a bound secret for a kind", free))
	}
	return out
}
