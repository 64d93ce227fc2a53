package cloudguard

import (
	"maps"
	"slices"
	"strings"

	"github.com/keyturn/keyturn/pkg/credential"
)

// suggestion is the comment that a refused one may have been meant as. It is shown
// to a person and never carried out.
type suggestion struct {
	Comment
	missing map[credential.Role]bool // roles whose OCID only a person knows
	free    []string
}

// refusal makes the error of a comment with faults.
func refusal(rule Rule, text string, faults []Fault) *CommentError {
	return &CommentError{Faults: faults, Corrected: suggest(rule, text)}
}

// suggest returns the comment to write instead of one that was refused. Where
// several things may have been meant it takes the most careful one.
func suggest(rule Rule, text string) string {
	s := suggestion{missing: map[credential.Role]bool{}}
	if len(text) > MaxComment {
		for _, role := range rule.Roles() {
			s.missing[role] = !rule.resets()
		}
		return s.text(rule)
	}
	folded := fold(text)
	items := foldedItems(folded)
	found := findNames(folded)
	found = found[:min(len(found), maxNames)]
	s.secrets(rule, folded, found)
	s.options(folded, items, found)
	c, _ := parse(rule, text)
	for _, text := range c.Free {
		if encoded := text + ";"; decode(encoded) == encoded && !secretOCID().MatchString(text) &&
			len(checkText(rule, text)) == 0 && !keyForm().MatchString(text) {
			s.free = append(s.free, text)
		}
	}
	for _, ticket := range ticketIn().FindAllString(text, -1) { // of items that are not kept
		if !strings.Contains(strings.Join(s.free, ","), ticket) && len(checkText(rule, ticket)) == 0 {
			s.free = append(s.free, ticket)
		}
	}
	return s.text(rule)
}

var ticketIn = lazily(func() string {
	return `\b[A-Z][A-Z0-9]+-[0-9]+\b|\b(?:CHG|INC|REQ|RITM|TASK|SR|CR|CHM)[0-9]+\b`
})

// text is the suggestion as a comment. It orders a rotation, unless it says
// rotate:no.
func (s suggestion) text(rule Rule) string {
	if len(s.pairs()) == 0 && !slices.Contains(slices.Collect(maps.Values(s.missing)), true) {
		yes := true
		s.Rotate = &yes
	}
	items := s.pairs()
	for _, k := range secretKeys() {
		if s.missing[k.role] {
			items = append(items, k.name+":<OCID of the "+k.thing+" secret>")
		}
	}
	pairs := strings.Join(items, ",")
	whole := strings.Join(append(items, s.free...), ",")
	if !s.accepted(rule, whole) {
		return pairs // items that are free one by one can be an instruction together
	}
	return whole
}

// accepted reports whether the suggested comment is one, apart from OCIDs that are
// missing in it.
func (s suggestion) accepted(rule Rule, text string) bool {
	_, faults := parse(rule, text)
	return !slices.ContainsFunc(faults, func(f Fault) bool {
		return !slices.ContainsFunc(secretKeys(), func(k secretKey) bool {
			return s.missing[k.role] && f.Item == k.name
		})
	})
}

// place is where an OCID or a secret's key stands in the folded text.
type place struct {
	from, to int
	id       OCID // "" for a key
	key      string
}

var anyOCID = lazily(func() string { return `ocid1\.vaultsecret\.[a-z0-9._-]*(?:\s+[a-z2-7]+)?` })

// secrets puts the OCIDs under the keys that stand nearest before them.
func (s *suggestion) secrets(rule Rule, folded string, found []finding) {
	claims := map[credential.Role][]OCID{}
	var loose []OCID
	foreign := false // something under another kind's key
	for _, p := range places(rule, folded, found) {
		role, fits := roleOf(rule, p.key)
		switch {
		case p.key != "" && !fits:
			foreign = true
		case p.key != "" && p.id == "":
			s.missing[role] = true
		case p.key != "":
			claims[role] = append(claims[role], p.id)
		case !slices.Contains(loose, p.id):
			loose = append(loose, p.id)
		}
	}
	own := rule.Roles()
	for role, ids := range claims {
		loose = slices.DeleteFunc(loose, func(id OCID) bool { return slices.Contains(ids, id) })
		if slices.Sort(ids); len(slices.Compact(ids)) > 1 {
			s.missing[role] = true
			continue
		}
		if s.Secrets == nil {
			s.Secrets = map[credential.Role]OCID{}
		}
		s.Secrets[role] = ids[0]
		delete(s.missing, role)
	}
	s.unshare()
	none := len(s.Secrets) == 0 && len(s.missing) == 0
	switch {
	case len(loose) == 1 && loose[0] != "" && len(own) == 1 && none && !foreign:
		s.Secrets = map[credential.Role]OCID{own[0]: loose[0]}
	case none && (foreign && !rule.resets() || len(loose) > 0):
		for _, role := range own {
			s.missing[role] = true
		}
	}
	given := func(role credential.Role) bool { return s.Secrets[role] != "" || s.missing[role] }
	if slices.ContainsFunc(own, given) {
		for _, role := range own {
			s.missing[role] = s.missing[role] || !given(role)
		}
	}
}

// unshare leaves it to a person which of two roles one secret is for.
func (s *suggestion) unshare() {
	var shared []credential.Role
	for a, x := range s.Secrets {
		for b, y := range s.Secrets {
			if a != b && x == y {
				shared = append(shared, a, b)
			}
		}
	}
	for _, role := range shared {
		delete(s.Secrets, role)
		s.missing[role] = true
	}
}

func roleOf(rule Rule, key string) (credential.Role, bool) {
	i := slices.IndexFunc(secretKeys(), func(k secretKey) bool { return k.name == key })
	if i < 0 {
		return "", false
	}
	return secretKeys()[i].role, secretKeys()[i].rule == rule || secretKeys()[i].rule == ""
}

// places are the OCIDs of the text with the keys that they stand under, and the keys
// that have none. An id of "" with a key is one that can't be read.
func places(rule Rule, folded string, found []finding) []place {
	var keys []place
	for _, f := range found {
		if key := secretKeyOf(rule, folded, f); key != "" {
			keys = append(keys, place{f.from, f.to, "", key})
		}
	}
	var all []place
	used := map[int]bool{}
	last := 0 // end of the OCID before
	for at := anyOCID().FindStringIndex(folded); at != nil; at = anyOCID().FindStringIndex(folded[last:]) {
		from := last + at[0]
		id, end := wholeOCID(folded[from : last+at[1]])
		p := place{from: from, to: from + end, id: id}
		for i, k := range keys {
			if !used[i] && k.from >= last && k.to <= p.from {
				p.key = k.key
				used[i] = true
			}
		}
		for i, k := range keys { // "<OCID> is the api_secret_ocid"
			if p.key == "" && k.from >= p.to && !strings.ContainsAny(folded[p.to:k.from], ",;:=\n") &&
				keylessAfter(folded[k.to:]) {
				p.key = k.key
				used[i] = true
			}
		}
		if n := len(all); p.key == "" && n > 0 && !strings.ContainsAny(folded[last:p.from], ",;\n") {
			p.key = all[n-1].key // a second value of one key
		}
		if strings.HasPrefix(folded[p.to:], "\u2026") || strings.HasSuffix(folded[p.from:p.to], "...") &&
			len(lastPart(p.id)) != uniqueLength {
			p.id = ""
		}
		last = p.to
		all = append(all, p)
	}
	for i, k := range keys {
		if !used[i] {
			all = append(all, k)
		}
	}
	return all
}

// keylessAfter reports whether no OCID follows in the same item.
func keylessAfter(text string) bool {
	at := anyOCID().FindStringIndex(text)
	return at == nil || strings.ContainsAny(text[:at[0]], ",;\n")
}

// secretKeyOf returns the key that a finding names; "" if it is no secret's key, or
// if it doesn't say which.
func secretKeyOf(rule Rule, folded string, f finding) string {
	if f.key != anySecret {
		return f.secretKey(rule)
	}
	before := letters(folded[max(0, f.from-30):f.from])
	own := rule.Roles()
	switch {
	case strings.HasSuffix(before, "bundle"), strings.HasSuffix(before, "bundel"):
		return credential.RoleBundle.Key()
	case len(own) == 1:
		return own[0].Key()
	}
	key, longest := "", 0
	for _, role := range own {
		for _, words := range role.Part().Before {
			if strings.HasSuffix(before, words) && len(words) > longest {
				key, longest = role.Key(), len(words)
			}
		}
	}
	return key
}

// wholeOCID reads an OCID that may be followed by a word, which is its rest if a line
// break cut it in two. It is "" for one that can't be read. end is where it ends.
func wholeOCID(text string) (id OCID, end int) {
	first := text
	if i := strings.IndexAny(text, " \n"); i >= 0 {
		first = text[:i]
	}
	if id, problem := readSecretOCID(strings.TrimRight(first, "._-")); problem == "" {
		return id, len(first)
	}
	if id, problem := readSecretOCID(first + strings.TrimSpace(text[len(first):])); problem == "" &&
		len(lastPart(id)) == uniqueLength {
		return id, len(text)
	}
	return "", len(first)
}
