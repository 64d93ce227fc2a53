package binding

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/guard"
)

// match is a guess of what a secret is for.
type match struct {
	subject    Subject
	role       credential.Role
	confidence Confidence
	why        string
}

// proposing is the state of a proposal.
type proposing struct {
	subjects map[string]Subject // by key
	byUser   map[string][]Subject
	byID     map[string]Subject // by kind and id of a living credential
	people   people
	bound    boundSecrets
	taken    map[string]map[credential.Role][]found // what was matched, by the subject's key and the role
	unclear  map[string][]string                    // commands of unclear secrets, by the subject's key
	plan     Plan
}

type found struct {
	match
	Candidate
}

// Propose proposes bindings for the subjects without a bound secret. create says whether a secret is made where none
// fits. Secrets that fit several subjects, or subjects that several secrets fit, are not proposed.
func Propose(subjects []Subject, secrets []Candidate, create bool) Plan {
	p := proposing{subjects: map[string]Subject{}, byUser: map[string][]Subject{}, byID: map[string]Subject{},
		people: newPeople(subjects), bound: boundOf(secrets), taken: map[string]map[credential.Role][]found{},
		unclear: map[string][]string{}}
	for _, s := range subjects {
		p.subjects[s.key()] = s
		p.byUser[s.User] = append(p.byUser[s.User], s)
		for _, id := range s.IDs {
			p.byID[string(s.Kind)+" "+id] = s
		}
	}
	for _, c := range secrets {
		p.consider(c)
	}
	for _, key := range slices.Sorted(maps.Keys(p.subjects)) {
		p.settle(p.subjects[key], create)
	}
	p.plan.sort()
	return p.plan
}

// consider matches one secret.
func (p *proposing) consider(c Candidate) {
	t := guard.TagsOf(c.Secret)
	switch _, _, ok := guard.BoundTo(c.Secret); {
	case ok || leaving(c.Secret) || c.Replica:
		return
	case t.Any() || t.Role != "" && len(t.Clash) > 0:
		p.not(Subject{}, c, "its tags bind it to nothing: a tag is missing, contradicts another one, or has a "+
			"value that Keyturn doesn't know")
		return
	}
	all, why := p.matches(c)
	var open []match
	for _, m := range all {
		if !whole(m.subject.Kind, p.bound[m.subject.key()]) && len(p.bound[m.subject.key()][m.role]) == 0 {
			open = append(open, m)
		}
	}
	switch {
	case len(open) == 1 && why == "":
		m := open[0]
		if p.taken[m.subject.key()] == nil {
			p.taken[m.subject.key()] = map[credential.Role][]found{}
		}
		p.taken[m.subject.key()][m.role] = append(p.taken[m.subject.key()][m.role], found{m, c})
	case len(open) > 1:
		p.not(Subject{}, c, cmp.Or(why, "it fits several credentials"), open...)
	case len(open) == 1:
		p.not(open[0].subject, c, why, open...)
	}
}

// not records that a secret is not proposed.
func (p *proposing) not(s Subject, c Candidate, why string, ways ...match) {
	u := Unclear{Kind: s.Kind, User: s.User, UserName: s.Name, Secret: c.ID, SecretName: c.Name, Why: why,
		Commands: []string{}}
	for _, m := range ways {
		one := command(m.subject, c.ID, m.role)
		u.Commands = append(u.Commands, one)
		p.unclear[m.subject.key()] = append(p.unclear[m.subject.key()], one)
	}
	p.plan.Not = append(p.plan.Not, u)
}

// matches lists what the secret may be for. why says why it can't be proposed, even if there is only one match.
func (p *proposing) matches(c Candidate) (all []match, why string) {
	if c.Read {
		if m, known := p.byContent(c); known {
			if len(m) == 0 {
				return nil, ""
			}
			return m, ""
		}
	}
	all, why = p.byTagsAndName(c)
	if c.Read {
		for _, m := range all {
			if bad := misfit(m, c); bad != "" {
				why = bad
			}
		}
	}
	if c.Unread != "" && why == "" && len(all) > 0 {
		why = "its content could not be read (" + c.Unread + ")"
	}
	return all, why
}

// byContent matches a content that names living credentials. known reports whether the content names any credential.
func (p *proposing) byContent(c Candidate) (all []match, known bool) {
	add := func(k credential.Kind, id string, role credential.Role, why string) {
		known = true
		if s, ok := p.byID[string(k)+" "+id]; ok {
			all = append(all, match{s, role, Certain, why + " " + id})
		}
	}
	for _, k := range credential.Kinds() {
		h := credential.Inspect(credential.Ref{Kind: k}, credential.RoleBundle, c.Content, nil)
		if h.Sort == credential.SortBundle && len(h.IDs) == 1 && h.IDs[0] != "" {
			add(k, h.IDs[0], credential.RoleBundle, "it holds a bundle with the "+k.IDNoun())
			return all, true
		}
	}
	id := strings.TrimSpace(string(c.Content.Reveal()))
	for _, k := range credential.Kinds() {
		for _, part := range k.Record().Parts {
			h := credential.Inspect(credential.Ref{Kind: k}, part.Role, c.Content, nil)
			if h.Sort == credential.SortPrivateKey && h.Fits(k, part.Role) {
				for _, id := range h.IDs {
					add(k, id, part.Role, "it holds the private key of the "+k.IDNoun())
				}
				return all, true
			}
			if _, ok := p.byID[string(k)+" "+id]; ok && part.IsID {
				add(k, id, part.Role, "it holds the "+k.IDNoun())
				return all, true
			}
		}
	}
	return nil, false
}

// misfit says why a secret's content doesn't fit a match; "" if it may.
func misfit(m match, c Candidate) string {
	h := credential.Inspect(credential.Ref{Kind: m.subject.Kind, User: m.subject.User}, m.role, c.Content,
		m.subject.IDs)
	switch {
	case h.User != "":
		return "its content names another user, " + h.User
	case !h.Fits(m.subject.Kind, m.role):
		return "it holds " + string(h.Sort)
	case h.Unknown != "":
		return "its content isn't understood: " + h.Unknown
	}
	return ""
}

// byTagsAndName matches the other tags and the name.
func (p *proposing) byTagsAndName(c Candidate) (all []match, why string) {
	users, rest, from := p.usersOf(c)
	if len(users) == 0 {
		return nil, ""
	}
	parts := partsIn(rest)
	for _, text := range tagTexts(c) {
		if len(parts) == 0 {
			parts = partsIn(wordsOf(text))
		}
	}
	for _, user := range users {
		for _, s := range p.byUser[user] {
			for _, part := range parts {
				if part.kind == s.Kind {
					all = append(all, match{s, part.role, Likely, from + ", and " + s.Kind.One()})
				}
			}
			if len(parts) == 0 && s.Kind.Origin() != credential.Reset {
				all = append(all, match{s, s.Kind.DefaultRole(), Likely, from})
				why = from + ", but no kind of credential"
			}
		}
	}
	return all, why
}

// usersOf returns the users that a secret's tags or name say, the words that remain of the name, and where it says so.
func (p *proposing) usersOf(c Candidate) (users, rest []string, from string) {
	users, rest = p.people.named(wordsOf(c.Name))
	if len(users) > 0 {
		return users, rest, "its name says the user"
	}
	for _, text := range tagTexts(c) {
		for user, subjects := range p.byUser {
			if strings.EqualFold(text, user) || len(subjects) > 0 && strings.EqualFold(text, subjects[0].Name) {
				users = append(users, user)
			}
		}
	}
	slices.Sort(users)
	return slices.Compact(users), wordsOf(c.Name), "a tag of it says the user"
}

// tagTexts are the values of a secret's tags, in a fixed order.
func tagTexts(c Candidate) (texts []string) {
	for _, key := range slices.Sorted(maps.Keys(c.Freeform)) {
		texts = append(texts, c.Freeform[key])
	}
	for _, namespace := range slices.Sorted(maps.Keys(c.Defined)) {
		if namespace == "Oracle-Tags" { // who made the secret, not whose it is
			continue
		}
		for _, key := range slices.Sorted(maps.Keys(c.Defined[namespace])) {
			if text, ok := c.Defined[namespace][key].(string); ok {
				texts = append(texts, text)
			}
		}
	}
	return texts
}

// settle decides on one subject.
func (p *proposing) settle(s Subject, create bool) {
	bound, taken := p.bound[s.key()], p.taken[s.key()]
	if whole(s.Kind, bound) {
		for _, role := range s.Kind.Roles() {
			for _, one := range bound[role] {
				p.plan.Bound = append(p.plan.Bound, Binding{Kind: s.Kind, User: s.User, UserName: s.Name, Role: role,
					Secret: one.ID, SecretName: one.Name, Confidence: Certain, Why: "its tags"})
			}
		}
		return
	}
	chosen, why := map[credential.Role]found{}, ""
	has := map[credential.Role]bool{}
	for role := range bound {
		has[role] = true
	}
	for _, role := range s.Kind.Roles() {
		one, ok := only(taken[role])
		switch {
		case ok:
			chosen[role], has[role] = one, true
		case len(taken[role]) > 0:
			why = fmt.Sprintf("%d secrets fit it", len(taken[role]))
		}
	}
	_, bundle := chosen[credential.RoleBundle]
	switch {
	case why != "":
	case bundle && len(chosen) > 1:
		why = "a bundle and other secrets fit it"
	case len(chosen) > 0 && !whole(s.Kind, has):
		why = "only one half of the pair of secrets was found"
	}
	if why != "" {
		p.leave(s, taken, why)
		return
	}
	for _, role := range s.Kind.Roles() {
		if f, ok := chosen[role]; ok {
			p.plan.Bind = append(p.plan.Bind, Binding{Kind: s.Kind, User: s.User, UserName: s.Name, Role: role,
				Secret: f.ID, SecretName: f.Name, Confidence: f.confidence, Why: f.why})
		}
	}
	if len(chosen) > 0 || s.Kind.Origin() == credential.Reset {
		return // a password needs no secret
	}
	p.missing(s, create && len(bound) == 0)
}

// missing proposes a new secret for a subject, or says that it has none.
func (p *proposing) missing(s Subject, create bool) {
	switch ways := p.unclear[s.key()]; {
	case len(ways) > 0: // it is not known whether one is missing
		return
	case create:
		p.plan.Create = append(p.plan.Create, Binding{Kind: s.Kind, User: s.User, UserName: s.Name,
			Role: s.Kind.DefaultRole(), SecretName: NewName(s), Confidence: Certain, Why: "no secret fits it"})
		return
	}
	p.plan.Not = append(p.plan.Not, Unclear{Kind: s.Kind, User: s.User, UserName: s.Name, Why: "no secret fits it",
		Commands: []string{command(s, "SECRET", ""), fmt.Sprintf("keyturn bind %s %s --create --vault VAULT --key KEY "+
			"--compartment COMPARTMENT", s.User, s.Kind)}})
}

// leave records that nothing is proposed for a subject.
func (p *proposing) leave(s Subject, taken map[credential.Role][]found, why string) {
	u := Unclear{Kind: s.Kind, User: s.User, UserName: s.Name, Why: why, Commands: []string{}}
	for _, role := range s.Kind.Roles() {
		for _, f := range taken[role] {
			u.Commands = append(u.Commands, command(s, f.ID, role))
		}
	}
	p.plan.Not = append(p.plan.Not, u)
}

// only returns the only match, or the only certain one.
func only(all []found) (found, bool) {
	certain := slices.DeleteFunc(slices.Clone(all), func(f found) bool { return f.confidence != Certain })
	switch {
	case len(certain) == 1:
		return certain[0], true
	case len(all) == 1:
		return all[0], true
	}
	return found{}, false
}

func (p *Plan) sort() {
	order := func(a, b Binding) int {
		return cmp.Or(cmp.Compare(a.UserName, b.UserName), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Role, b.Role),
			cmp.Compare(a.Secret, b.Secret))
	}
	slices.SortFunc(p.Bind, order)
	slices.SortFunc(p.Create, order)
	slices.SortFunc(p.Bound, order)
	slices.SortFunc(p.Not, func(a, b Unclear) int {
		return cmp.Or(cmp.Compare(a.UserName, b.UserName), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.SecretName,
			b.SecretName),
			cmp.Compare(a.Secret, b.Secret))
	})
}
