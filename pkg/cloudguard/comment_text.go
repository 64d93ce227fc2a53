package cloudguard

import (
	"cmp"
	"slices"
	"strings"

	"github.com/keyturn/keyturn/pkg/phrase"
)

// finding is a name of an option or key in a folded text.
type finding struct {
	name
	from, to int    // in the text
	typed    string // the word, or the words with what is between them
	exact    bool   // spelt as it is called, apart from what is between its words
	whole    bool   // nothing is joined to it
}

// longestName bounds how many words are taken together.
const longestName = 24

// findNames finds the names of options and keys in a folded text: with anything or
// nothing between their words, with typos, and joined to other letters.
func findNames(text string) []finding {
	all := tokens(everyOCID().ReplaceAllStringFunc(text, func(id string) string {
		return strings.Repeat(" ", len(id))
	}))
	var found []finding
	for i := range all {
		joined := ""
		for j := i; j < len(all) && len(joined)+len(all[j].word) <= longestName; j++ {
			joined += all[j].word
			end := all[j].to
			plain := ordinary[joined] || inflected[joined] != ""
			given := !plain && j == i && assigned(text, end)
			for _, n := range names() {
				if exact := joined == n.word; exact || !plain && nearName(joined, n, j > i, given) {
					found = append(found, finding{n, all[i].from, end, text[all[i].from:end], exact, true})
				}
			}
		}
		if f, ok := insideWord(all[i]); ok {
			f.typed = text[f.from:f.to]
			found = append(found, f)
		}
	}
	return longest(found)
}

// nearName reports whether word is n with typos: one more where a value is given.
// Several words make a name with a
// typo only if the name has several words itself.
func nearName(word string, n name, several, assigned bool) bool {
	if n.limit == 0 || several && !n.compound {
		return false
	}
	limit := n.limit
	if assigned && !several && len(n.word) >= 6 && limit < 2 {
		limit++
	}
	return phrase.Near(word, n.word, limit)
}

// insideWord finds an option's name that is joined to other letters, and the
// inflected forms of its word.
func insideWord(t token) (finding, bool) {
	if key := inflected[t.word]; key != "" {
		return finding{name{t.word, key, false, false, 0}, t.from, t.to, "", false, true}, true
	}
	for _, part := range []struct{ word, key string }{
		{"dryrun", keyDryRun}, {"graceperiod", keyGrace}, {"rotat", keyRotate}, {"replac", keyReplace},
		{"grace", keyGrace},
		{"secretocid", anySecret}, {"bareclosure", "bare_closure"}, {"rsabits", "rsa_bits"},
		{"eventcheck", "event_check"},
		{"secretbinding", "secret_binding"}, {"protecteduser", "protected_users"},
	} {
		if strings.Contains(t.word, part.word) && t.word != part.key {
			config := slices.Contains(configurationKeys, part.key)
			return finding{name{part.word, part.key, false, config, 0}, t.from, t.to, "", false, false}, true
		}
	}
	return finding{}, false
}

// assigned reports whether a colon, an equals sign or an arrow follows.
func assigned(text string, at int) bool {
	text = text[:min(len(text), at+30)]
	rest := strings.TrimLeft(text[at:], " \"'*_`)]>!~\u2260")
	if strings.Contains(text[at:len(text)-len(rest)], "\u2260") {
		return true
	}
	return strings.HasPrefix(rest, ":") && !strings.HasPrefix(rest, "://") || strings.HasPrefix(rest, "=") ||
		strings.HasPrefix(rest, "->") || strings.HasPrefix(rest, "\u2192") || strings.HasPrefix(rest, "\u21d2")
}

// longest keeps, of findings that overlap, the one with the most letters, and of
// those the one that is spelt right. They come in the order of the text.
func longest(found []finding) []finding {
	slices.SortStableFunc(found, func(a, b finding) int {
		if c := cmp.Compare(len(b.word), len(a.word)); c != 0 {
			return c
		}
		if a.exact != b.exact && a.exact {
			return -1
		}
		return cmp.Compare(phrase.Distance(a.word, letters(a.typed)), phrase.Distance(b.word, letters(b.typed)))
	})
	var kept []finding
	for _, f := range found {
		if !slices.ContainsFunc(kept, func(k finding) bool { return f.from < k.to && k.from < f.to }) {
			kept = append(kept, f)
		}
	}
	slices.SortFunc(kept, func(a, b finding) int { return cmp.Compare(a.from, b.from) })
	return kept
}

func letters(text string) string {
	var b strings.Builder
	for _, t := range tokens(text) {
		b.WriteString(t.word)
	}
	return b.String()
}

// item is one item of a folded text, with its words.
type item struct {
	text  string // folded
	from  int    // in the whole text
	words string // with single spaces around and between them, without links and addresses
}

func foldedItems(folded string) []item {
	var all []item
	from := 0
	for i := 0; i <= len(folded); i++ {
		if i < len(folded) && !strings.ContainsRune(",;\n", rune(folded[i])) {
			continue
		}
		if text := folded[from:i]; strings.TrimSpace(text) != "" {
			all = append(all, item{text, from, spacedWords(link().ReplaceAllString(text, " "))})
		}
		from = i + 1
	}
	return all
}

func spacedWords(text string) string {
	var b strings.Builder
	b.WriteByte(' ')
	for _, t := range tokens(text) {
		b.WriteString(t.word + " ")
	}
	return b.String()
}

// itemAt returns the item at a place of the folded text.
func itemAt(items []item, at int) item {
	i := slices.IndexFunc(items, func(it item) bool { return at >= it.from && at < it.from+len(it.text) })
	return items[max(i, 0)]
}

// harmless reports whether a name is a plain word of a sentence that doesn't order
// anything which a rotation doesn't do anyway: "please rotate", "rotated per
// policy", "Grace Hopper approved".
func (f finding) harmless(text string, it item, original string) bool {
	if f.config || f.compound || !f.whole || assigned(text, f.to) || f.limit > 0 && !f.exact {
		return false
	}
	if at := link().FindAllStringIndex(it.text, -1); slices.ContainsFunc(at, func(l []int) bool {
		return f.from-it.from >= l[0] && f.to-it.from <= l[1]
	}) {
		return true
	}
	if next := tokens(text[f.to:min(len(text), f.to+40)]); len(next) > 0 {
		if _, ok := yesNos[next[0].word]; ok && next[0].word != "on" { // also in the next item
			return false
		}
	}
	words := strings.Fields(it.words)
	if inflected[f.word] != "" {
		return !slices.ContainsFunc(words, func(w string) bool { return plainYesNos[w] })
	}
	switch f.key {
	case keyRotate:
		words = strings.Fields(spacedWords(ticketForm().ReplaceAllString(it.text, " ")))
		return !slices.ContainsFunc(words, func(w string) bool { return !withRotate[w] })
	case keyGrace:
		at := slices.Index(words, keyGrace)
		if at < 0 || !strings.Contains(original, "Grace") || slices.ContainsFunc(words, func(w string) bool {
			return plainYesNos[w]
		}) {
			return false
		}
		after := words[at+1:]
		return at > 0 && beforeGrace[words[at-1]] || len(after) > 0 && afterGrace[after[0]] || len(after) > 1 &&
			afterGrace[after[1]]
	}
	return false
}

// everyOCID finds OCIDs of any type, whose letters name nothing.
var everyOCID = lazily(func() string { return `ocid1\.[a-z0-9._-]*` })

var ticketForm = lazily(func() string {
	return `\b[a-z][a-z0-9]+-[0-9]+\b|\b(?:chg|inc|req|ritm|task|sr|cr|chm)[0-9]+\b`
})
