package cloudguard

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/keyturn/keyturn/pkg/phrase"
)

// prose is text prepared for recognising words.
type prose struct {
	original string
	decoded  string // with its own letters and their case
	folded   string
	items    []item
	names    []finding // at most maxNames
	crowded  bool      // there are more names
}

// maxNames is how many names of options and keys a comment may have in its text. It bounds the work.
const maxNames = 40

// item is one item of a folded text.
type item struct {
	text  string // folded
	from  int    // in the whole text
	words string // with single spaces around and between them, without links and addresses
	no    string // the words that may mean that nothing is to be rotated
}

func readProse(text string) prose {
	p := prose{original: text, decoded: plain(decode(text))}
	p.folded = strings.Map(foldRune, p.decoded)
	from := 0
	separator := func(r rune) bool { return strings.ContainsRune(separators, r) }
	for text := range strings.FieldsFuncSeq(p.folded, separator) {
		from += strings.Index(p.folded[from:], text)
		if strings.TrimSpace(text) != "" {
			words := spacedWords(link().ReplaceAllString(text, " "))
			p.items = append(p.items, item{text, from, words, wordsOfNo(words)})
		}
		from += len(text)
	}
	found := findNames(p.folded)
	p.names, p.crowded = found[:min(len(found), maxNames)], len(found) > maxNames
	return p
}

func spacedWords(text string) string {
	return " " + strings.Join(wordsOf(text), " ") + " "
}

// wordsOfNo returns words that may mean that nothing is to be rotated.
func wordsOfNo(words string) string {
	return strings.TrimSpace(saysNo().FindString(notNo().ReplaceAllString(words, " ")))
}

// itemOf returns the item that has the name.
func (p prose) itemOf(f finding) item {
	return p.items[slices.IndexFunc(p.items, func(it item) bool { return f.from < it.from+len(it.text) })]
}

// name is one name of an option, a key or a configuration key.
type name struct {
	word     string // in lower case, without anything between its words
	key      string // what it names
	compound bool   // it has several words, so it isn't a word of a language
	limit    int    // how many typos are recognised
}

// config reports whether the name is of a key of the function's configuration.
func (n name) config() bool { return slices.Contains(configurationKeys, n.key) }

// anySecret is the key of a name that doesn't say which secret it is about.
const anySecret = "secret_ocid"

// names is the table of all names.
var names = sync.OnceValue(func() []name {
	all := slices.Clone(optionNames)
	for _, k := range keys() {
		typos := k.role.Part().Near
		for _, near := range slices.Sorted(maps.Keys(typos)) {
			all = append(all, name{near, k.name, true, typos[near]})
		}
	}
	for _, k := range keys() {
		if k.role != "" {
			all = append(all, name{strings.ReplaceAll(k.name, "_", ""), k.name, true, 2})
		}
	}
	for _, key := range configurationKeys {
		words := strings.Split(key, "_")
		compound := len(words) > 1
		limit := min(len(words)-1, 1)
		all = append(all, name{strings.Join(words, ""), key, compound, limit})
		slices.Reverse(words)
		all = append(all, name{strings.Join(words, ""), key, compound, limit})
	}
	return all
})

// finding is a name in a folded text.
type finding struct {
	name
	from, to int    // in the text
	typed    string // as it is in the text
	typos    int    // how far it is from the exact name
	whole    bool   // nothing is joined to it
}

// letters are the typed name without what is between its words.
func (f finding) letters() string { return strings.Join(wordsOf(f.typed), "") }

// longestName bounds how many words are taken together.
const longestName = 24

// findNames finds names in a folded text, in order: with anything or nothing between their words, with typos, and
// joined to other letters.
func findNames(text string) []finding {
	all := tokens(anyOCID().ReplaceAllStringFunc(text, func(id string) string { return strings.Repeat(" ", len(id)) }))
	var found []finding
	add := func(n name, from, to int, whole bool) {
		f := finding{name: n, from: from, to: to, typed: text[from:to], whole: whole}
		f.typos = phrase.Distance(n.word, f.letters())
		found = append(found, f)
	}
	for i, first := range all {
		letters := ""
		for j := i; j < len(all) && len(letters)+len(all[j].word) <= longestName; j++ {
			letters += all[j].word
			for _, n := range namesLike(letters, j > i, text[all[j].to:]) {
				add(n, first.from, all[j].to, true)
			}
		}
		part := slices.IndexFunc(nameParts, func(n name) bool { return strings.Contains(first.word, n.word) })
		if key := inflected[first.word]; key != "" {
			add(name{word: first.word, key: key}, first.from, first.to, true)
		} else if part >= 0 {
			add(nameParts[part], first.from, first.to, false)
		}
	}
	return longest(found)
}

// namesLike returns the names that letters spell, perhaps with typos. One more typo is allowed where a value follows.
// Several words with a typo can't be a name of one word.
func namesLike(letters string, several bool, after string) (like []name) {
	isWord := ordinary[letters] || inflected[letters] != ""
	given := !isWord && !several && assigned(after)
	for _, n := range names() {
		limit := n.limit
		if given && len(n.word) >= 6 && limit == 1 {
			limit = 2
		}
		if letters == n.word || !isWord && limit > 0 && (n.compound || !several) &&
			phrase.Near(letters, n.word, limit) {
			like = append(like, n)
		}
	}
	return like
}

// assigned reports whether a text begins with a colon, an equals sign or an arrow.
func assigned(text string) bool { return assignment().MatchString(text[:min(len(text), 30)]) }

// longest keeps one of overlapping findings: the one with the longest name, then the one with the fewest typos.
func longest(found []finding) []finding {
	slices.SortStableFunc(found, func(a, b finding) int {
		return cmp.Or(len(b.word)-len(a.word), a.typos-b.typos)
	})
	var kept []finding
	for _, f := range found {
		if !slices.ContainsFunc(kept, func(k finding) bool { return f.from < k.to && k.from < f.to }) {
			kept = append(kept, f)
		}
	}
	slices.SortFunc(kept, func(a, b finding) int { return a.from - b.from })
	return kept
}

// namesSecret reports whether text has a name of a secret's key.
func namesSecret(text string) bool {
	return slices.ContainsFunc(readProse(text).names, func(f finding) bool {
		return strings.HasSuffix(f.key, anySecret)
	})
}

// harmless reports whether a name is a word of a sentence that orders only a rotation: "please rotate", "rotated per
// policy", "Grace Hopper approved".
func (p prose) harmless(f finding) bool {
	if f.config() || f.compound || !f.whole || assigned(p.folded[f.to:]) || f.limit > 0 && f.typos > 0 {
		return false
	}
	it := p.itemOf(f)
	for _, l := range link().FindAllStringIndex(it.text, -1) {
		if f.from-it.from >= l[0] && f.to-it.from <= l[1] {
			return true
		}
	}
	if next := tokens(p.folded[f.to:min(len(p.folded), f.to+40)]); len(next) > 0 && next[0].word != "on" {
		if _, ok := yesOrNo(next[0].word); ok { // also in the next item
			return false
		}
	}
	words := strings.Fields(it.words)
	saysYesNo := slices.ContainsFunc(words, func(w string) bool { return plainYesNos[w] })
	switch {
	case inflected[f.word] != "":
		return !saysYesNo
	case f.key == keyRotate:
		words = strings.Fields(spacedWords(ticketForm().ReplaceAllString(it.text, " ")))
		return !slices.ContainsFunc(words, func(w string) bool { return !withRotate[w] })
	case f.key == keyGrace && !saysYesNo && strings.Contains(p.original, "Grace") && !p.inQuotes(f):
		at := slices.Index(words, keyGrace)
		after := words[at+1 : min(len(words), at+3)]
		return at > 0 && beforeGrace[words[at-1]] ||
			at >= 0 && slices.ContainsFunc(after, func(w string) bool { return afterGrace[w] })
	}
	return false
}

// inQuotes reports whether a name has a quotation mark before it, as options have and names of persons don't.
func (p prose) inQuotes(f finding) bool {
	before, _ := utf8.DecodeLastRuneInString(p.folded[:f.from])
	return strings.ContainsRune(quotes, before)
}

// checkText refuses text that isn't clearly free. Otherwise an instruction could be read as a note, and change what is
// done without a trace. It refuses
//
//   - the name of an option, a key or a configuration key in any spelling, unless it is part of a sentence that orders
//     only a rotation;
//   - words that ask for something about the rotation ("keep the old one", "simulate", "after the release"), and
//     lengths of time, unless they belong to a rule ("every 90 days");
//   - a pair with yes or no, a flag, or a value alone;
//   - a word with letters of two alphabets;
//   - words that say no.
//
// Everything else is free: tickets, names, links, reasons. The text consists of all items but the pairs.
func checkText(rule Rule, text string) (faults []Fault) {
	p := readProse(text)
	add := func(f Fault) {
		if !slices.Contains(faults, f) {
			faults = append(faults, f)
		}
	}
	if p.crowded {
		add(Fault{Item: "the comment", Problem: "names options and keys too often: write each once"})
	}
	named := map[int]bool{}
	for _, f := range p.names {
		if p.harmless(f) {
			continue
		}
		it := p.itemOf(f)
		named[it.from] = true
		if f.key != keyRotate || it.no == "" { // "do not rotate" is one fault, not two
			add(f.fault(rule))
		}
	}
	words := ""
	for _, it := range p.items {
		if it.no != "" {
			add(noFault(it.no))
		} else if !named[it.from] {
			for _, f := range wishFaults(it) {
				add(f)
			}
		}
		words += it.words
	}
	if twoAlphabets().MatchString(strings.Map(halfWidth, p.decoded)) {
		add(Fault{Item: "a word", Problem: "has letters of two alphabets that look alike: type it again"})
	}
	if no := wordsOfNo(spacedWords(words)); len(faults) == 0 && no != "" { // "accepted, risk"
		add(noFault(no))
	}
	if no := foreignNo().FindString(strings.ToLower(p.decoded)); no != "" {
		add(noFault(no))
	}
	return faults
}

func noFault(words string) Fault {
	return Fault{quoted(words), "may say that nothing is to be rotated", true}
}

func quoted(words string) string { return `"` + phrase.Excerpt(strings.TrimSpace(words)) + `"` }

// fault describes a name that isn't in a pair, without what is joined to it, which may be a value.
func (f finding) fault(rule Rule) Fault {
	k := cmp.Or(f.secretKey(rule), f.key)
	form := keyNamed(k).form
	const config = "a key of the function's configuration, which a comment can't set: leave it out"
	shown, problem := f.typed, "is not in its exact form: write "+form+", with a comma before it and after it"
	if !f.whole {
		shown = f.key
	}
	switch {
	case f.config() && f.typed == f.key:
		problem = "is " + config
	case f.config():
		problem = "is like " + f.key + ", " + config
	case f.key == anySecret:
		problem = "is not a key: the keys are " + rule.keyList()
	case f.whole && f.typed != f.key && inflected[f.word] == "":
		problem = "is not a key (did you mean " + k + "?): write " + form
	}
	return Fault{Item: phrase.Excerpt(shown), Problem: problem}
}

// secretKey is the key of a secret that the name means; "" for none. It prefers the rule's own keys.
func (f finding) secretKey(rule Rule) string {
	if keyNamed(f.key).role == "" {
		return ""
	}
	for _, role := range rule.Roles() {
		if f.typos > 0 && phrase.Near(f.letters(), strings.ReplaceAll(role.Key(), "_", ""), 2) {
			return role.Key()
		}
	}
	return f.key
}

// wishFaults finds what may be meant as an instruction but names no option.
func wishFaults(it item) (faults []Fault) {
	add := func(item, problem string) { faults = append(faults, Fault{Item: item, Problem: problem}) }
	const options, unknown = "the options are rotate, replace, grace and dry_run", "looks like an option but is none: "
	text := link().ReplaceAllString(it.text, " ")
	for _, w := range wishes {
		if at := w.words().FindString(it.words); at != "" {
			what := options
			if w.key != "" {
				what = "write " + keyNamed(w.key).form
			}
			add(quoted(at), "may be meant as an instruction, but only an option is one: "+what)
		}
	}
	if duration().MatchString(everyDuration().ReplaceAllString(text, " ")) {
		add("a length of time", "is in the text: to keep the old credential for this long, write grace:72h or grace:3d")
	}
	for _, m := range unknownYes().FindAllStringSubmatch(text, -1) {
		if !ofPairs[strings.Trim(m[1], "_.-")] {
			add("a word with the value "+m[2], unknown+options)
		}
	}
	if m := lastWord().FindStringSubmatch(it.words); m != nil && m[1] != "signed" && m[1] != "sign" {
		add("a word with the value "+m[2], unknown+options)
	}
	if secretPair().MatchString(text) && !strings.Contains(text, "ocid1.") {
		add("a secret", "is not named by its key and OCID")
	}
	if flagForm().MatchString(text) {
		add("a flag with --", unknown+options)
	}
	words := strings.Fields(it.words)
	if len(words) > 0 && words[0] != "no" && // "no 1"
		!slices.ContainsFunc(words, func(w string) bool { return !yeses[w] && !noes[w] }) {
		add("a value", "has no option: write its option and a colon before it")
	}
	return faults
}
