package cloudguard

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/keyturn/keyturn/pkg/credential"
)

// suggestion is what a refused comment may have meant. It is shown to a person and never carried out.
type suggestion struct {
	Comment
	missing map[credential.Role]bool // roles whose OCID only a person knows
}

// suggest returns the comment to write instead of a refused one. Of several possible meanings it takes the most
// careful.
func suggest(rule Rule, text string) string {
	s := suggestion{missing: map[credential.Role]bool{}}
	if len(text) > MaxComment {
		for _, role := range rule.Roles() {
			s.missing[role] = !rule.resets()
		}
		return s.text(rule)
	}
	p := readProse(text)
	s.secrets(rule, p)
	s.options(p)
	for _, item := range parse(rule, text).free {
		encoded := item + ";"
		key, _ := cutKey(item)
		if key == "" && decode(encoded) == encoded && !secretOCID().MatchString(asciiLower(item)) &&
			len(checkText(rule, item)) == 0 {
			s.Free = append(s.Free, item)
		}
	}
	for _, ticket := range ticketIn().FindAllString(text, -1) { // of items that are not kept
		if !strings.Contains(strings.Join(s.Free, ","), ticket) && len(checkText(rule, ticket)) == 0 {
			s.Free = append(s.Free, ticket)
		}
	}
	return s.text(rule)
}

// text prints the suggestion. It orders a rotation, unless it says rotate:no.
func (s suggestion) text(rule Rule) string {
	if len(s.pairs()) == 0 && !slices.Contains(slices.Collect(maps.Values(s.missing)), true) {
		yes := true
		s.Rotate = &yes
	}
	items := s.pairs()
	for _, k := range keys() {
		if s.missing[k.role] {
			items = append(items, k.name+":<OCID of the "+k.thing+" secret>")
		}
	}
	whole := strings.Join(append(items, s.Free...), ",")
	_, faults := understand(rule, whole)
	for _, f := range faults {
		if !s.missing[keyNamed(f.Item).role] { // free items may be an instruction together
			return strings.Join(items, ",")
		}
	}
	return whole
}

// place is where an OCID or a secret's key is in the folded text.
type place struct {
	from, to int
	id       OCID // "" for a key without an OCID, and for an OCID that can't be read
	key      string
}

// secrets puts each OCID under the nearest key before it.
func (s *suggestion) secrets(rule Rule, p prose) {
	claims := map[credential.Role][]OCID{}
	var loose []OCID
	foreign := false // something under another kind's key
	for _, at := range places(rule, p) {
		k := keyNamed(at.key)
		switch {
		case at.key != "" && !k.fits(rule):
			foreign = true
		case at.key != "" && at.id == "":
			s.missing[k.role] = true
		case at.key != "":
			claims[k.role] = append(claims[k.role], at.id)
		case !slices.Contains(loose, at.id):
			loose = append(loose, at.id)
		}
	}
	s.Secrets = map[credential.Role]OCID{}
	for role, ids := range claims {
		loose = slices.DeleteFunc(loose, func(id OCID) bool { return slices.Contains(ids, id) })
		slices.Sort(ids)
		s.missing[role] = len(slices.Compact(ids)) > 1
		for other, theirs := range claims { // a person decides which of two roles a secret is for
			s.missing[role] = s.missing[role] || other != role && slices.Contains(theirs, ids[0])
		}
		s.Secrets[role] = ids[0]
	}
	maps.DeleteFunc(s.Secrets, func(role credential.Role, _ OCID) bool { return s.missing[role] })
	own := rule.Roles()
	if len(s.Secrets) == 0 && !slices.Contains(slices.Collect(maps.Values(s.missing)), true) {
		if len(loose) == 1 && loose[0] != "" && len(own) == 1 && !foreign {
			s.Secrets[own[0]] = loose[0]
		} else if foreign && !rule.resets() || len(loose) > 0 {
			s.missing[own[0]] = true
		}
	}
	given := func(role credential.Role) bool { return s.Secrets[role] != "" || s.missing[role] }
	if slices.ContainsFunc(own, given) {
		for _, role := range own {
			s.missing[role] = s.missing[role] || !given(role)
		}
	}
}

// places are the OCIDs of the text with their keys, and the keys that have none.
func places(rule Rule, p prose) []place {
	var keys []place
	for _, f := range p.names {
		if key := p.keyOf(rule, f); key != "" {
			keys = append(keys, place{f.from, f.to, "", key})
		}
	}
	var all []place
	used := map[int]bool{}
	last := 0 // end of the OCID before
	for {
		at := brokenOCID().FindStringIndex(p.folded[last:])
		if at == nil {
			break
		}
		from := last + at[0]
		id, end := wholeOCID(p.folded[from : last+at[1]])
		o := place{from: from, to: from + end, id: id}
		for i, k := range keys {
			before := k.from >= last && k.to <= o.from
			// "<OCID> is the api_secret_ocid"
			after := o.key == "" && k.from >= o.to && !strings.ContainsAny(p.folded[o.to:k.from], ",;:=\n") &&
				!ocidFollows(p.folded[k.to:])
			if !used[i] && before || after {
				o.key, used[i] = k.key, true
			}
		}
		if n := len(all); o.key == "" && n > 0 && !strings.ContainsAny(p.folded[last:o.from], separators) {
			o.key = all[n-1].key // a second value of one key
		}
		if strings.HasPrefix(p.folded[o.to:], "\u2026") ||
			strings.HasSuffix(p.folded[o.from:o.to], "...") && len(lastPart(o.id)) != uniqueLength {
			o.id = ""
		}
		last = o.to
		all = append(all, o)
	}
	for i, k := range keys {
		if !used[i] {
			all = append(all, k)
		}
	}
	return all
}

// ocidFollows reports whether an OCID follows in the same item.
func ocidFollows(text string) bool {
	at := brokenOCID().FindStringIndex(text)
	return at != nil && !strings.ContainsAny(text[:at[0]], separators)
}

// keyOf returns the key of a secret that a name means; "" if there is none, or if the text doesn't say which.
func (p prose) keyOf(rule Rule, f finding) string {
	if f.key != anySecret {
		return f.secretKey(rule)
	}
	before := strings.Join(wordsOf(p.folded[max(0, f.from-30):f.from]), "")
	if strings.HasSuffix(before, "bundle") || strings.HasSuffix(before, "bundel") {
		return credential.BundleKey
	}
	own := rule.Roles()
	if len(own) == 1 {
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

// wholeOCID reads an OCID and, if a line break cut it in two, the word after it. The id is "" if it can't be read. end
// is where it ends.
func wholeOCID(text string) (id OCID, end int) {
	first := text
	if i := strings.IndexAny(text, " \n"); i >= 0 {
		first = text[:i]
	}
	if id, problem := readSecretOCID(strings.TrimRight(first, "._-")); problem == "" {
		return id, len(first)
	}
	id, problem := readSecretOCID(first + strings.TrimSpace(text[len(first):]))
	if problem == "" && len(lastPart(id)) == uniqueLength {
		return id, len(text)
	}
	return "", len(first)
}

// options adds the options that the text names or asks for.
func (s *suggestion) options(p prose) {
	answers := map[string][]bool{}
	grace := time.Duration(-1)
	for _, f := range p.names {
		it := p.itemOf(f)
		answer, ok := p.answer(it, f)
		switch {
		case f.key == keyGrace:
			grace = max(grace, graceNear(it.text))
		case ok, f.key == keyDryRun, f.key == keyRotate && it.no != "":
			answers[f.key] = append(answers[f.key], ok && answer || !ok && f.key == keyDryRun)
		}
	}
	for _, it := range p.items {
		for _, w := range wishes {
			switch {
			case !w.words().MatchString(it.words):
			case w.key == keyDryRun:
				answers[keyDryRun] = append(answers[keyDryRun], true)
			case w.key == keyGrace:
				grace = max(grace, graceNear(it.text))
			}
		}
		if d, ok := durationIn(everyDuration().ReplaceAllString(it.text, " ")); ok {
			grace = max(grace, d)
		}
	}
	s.DryRun = slices.Contains(answers[keyDryRun], true)
	s.Replace = len(answers[keyReplace]) > 0 && !slices.Contains(answers[keyReplace], false)
	if rotate := answers[keyRotate]; len(rotate) > 0 {
		yes := !slices.Contains(rotate, false)
		s.Rotate = &yes
	}
	if grace >= 0 {
		s.Grace = &grace
	}
}

// answer finds the yes or no of an option: in the words after its name, else in those before, else joined to it.
func (p prose) answer(it item, f finding) (answer, ok bool) {
	after, before := tokens(p.folded[f.to:max(f.to, it.from+len(it.text))]), tokens(p.folded[it.from:f.from])
	if len(after) == 0 { // the value may be the next item
		after = tokens(p.folded[f.to:])
		after = after[:min(1, len(after))]
	}
	slices.Reverse(before)
	for i, t := range slices.Concat(after, before) {
		if t.word == "on" && i != len(after)-1 || len(t.word) == 1 && t.word < "a" && i > 0 {
			continue // "on Friday", "CHG-1"
		}
		if answer, ok := yesOrNo(t.word); ok && !(t.word == "not" && f.key == keyDryRun) {
			return answer, true
		}
	}
	joined := strings.Replace(f.letters(), f.word, "", 1)
	if m := joinedAnswer().FindStringSubmatch(joined); m != nil {
		return m[1] == "", true
	}
	return false, false
}

// graceNear is the longest time that an item gives for the grace; three days where none can be read.
func graceNear(text string) time.Duration {
	if d, ok := durationIn(text); ok {
		return d
	}
	words := append(wordsOf(text), "")
	for i, word := range words[:len(words)-1] {
		next := words[i+1]
		if word == keyGrace && noes[next] {
			return 0
		}
		if word == "days" || word == "hours" || word == "minutes" {
			if d, ok := durationIn(" " + next + word); ok {
				return d
			}
		}
	}
	return 72 * time.Hour
}
