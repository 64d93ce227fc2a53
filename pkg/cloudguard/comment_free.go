package cloudguard

import (
	"slices"
	"strings"

	"github.com/keyturn/keyturn/pkg/phrase"
)

// checkText refuses free text that isn't clearly free, since an instruction that is
// read as a note changes what is done without a word. Refused are
//
//   - the name of an option, a key or a configuration key in any spelling, unless it
//     is a word of a sentence that orders nothing else than a rotation;
//   - words that wish something of the rotation ("keep the old one", "simulate",
//     "after the release"), and lengths of time, unless of a rule ("every 90 days");
//   - a pair with yes or no, a flag, or a value alone;
//   - a word of letters of two alphabets;
//   - words that say no.
//
// Everything else is free: tickets, names, links, reasons. The text is all that
// stands in no pair, with its separators.
func checkText(rule Rule, text string) (faults []Fault) {
	folded := fold(text)
	items := foldedItems(folded)
	if len(items) == 0 {
		return nil
	}
	named := map[int]bool{}
	found := findNames(folded)
	if len(found) > maxNames {
		faults = append(faults, Fault{Item: "the comment", Problem: "names options and keys too often: write " +
			"each once"})
		found = found[:maxNames]
	}
	for _, f := range found {
		it := itemAt(items, f.from)
		if f.harmless(folded, it, text) {
			continue
		}
		named[it.from] = true
		if f.key != keyRotate || len(noFaults(it.words)) == 0 { // "do not rotate" is one fault, not two
			faults = append(faults, Fault{Item: phrase.Excerpt(f.shown()), Problem: f.problem(rule)})
		}
	}
	all := ""
	for _, it := range items {
		no := noFaults(it.words)
		if !named[it.from] && len(no) == 0 {
			faults = append(faults, wishFaults(it)...)
		}
		faults = append(faults, no...)
		all += it.words
	}
	if mixed(widthless(plain(decode(text)))) {
		faults = append(faults, Fault{Item: "a word", Problem: "has letters of two alphabets that look alike: type " +
			"it again"})
	}
	if len(faults) == 0 { // across separators: "accepted, risk"
		faults = noFaults(" " + strings.Join(strings.Fields(all), " ") + " ")
	}
	if at := foreignNo().FindString(strings.ToLower(plain(decode(text)))); at != "" {
		faults = append(faults, noFault(at))
	}
	return distinct(faults)
}

// maxNames is how many names of options and keys a comment may have in its text, so
// that none keeps the function busy.
const maxNames = 40

// widthless brings full-width letters into plain ones, and leaves the alphabets.
func widthless(text string) string {
	return strings.Map(func(r rune) rune {
		if r >= '\uff01' && r <= '\uff5e' {
			return r - 0xfee0
		}
		return r
	}, text)
}

func distinct(faults []Fault) []Fault {
	var out []Fault
	for _, f := range faults {
		if !slices.Contains(out, f) {
			out = append(out, f)
		}
	}
	return out
}

// shown is the name as it is shown in a fault: without what is joined to it, which
// may be a value.
func (f finding) shown() string {
	if !f.whole {
		return f.key
	}
	return f.typed
}

// problem completes the sentence that the typed name begins.
func (f finding) problem(rule Rule) string {
	key := f.key
	if own := f.secretKey(rule); own != "" {
		key = own
	}
	switch {
	case f.config && f.typed == f.key:
		return "is a key of the function's configuration, which a comment can't set: leave it out"
	case f.config:
		return "is like " + f.key + ", a key of the function's configuration, which a comment can't set: leave it out"
	case f.key == anySecret:
		return "is not a key: the keys are " + rule.keyList()
	case f.whole && f.typed != f.key && inflected[f.word] == "":
		return "is not a key (did you mean " + key + "?): write " + formOf(key)
	}
	return "is not in its exact form: write " + formOf(key) + ", with a comma before it and after it"
}

// formOf is the exact form of the pair with the key.
func formOf(key string) string {
	if form, ok := optionForms[key]; ok {
		return form
	}
	return key + ":<OCID>"
}

var optionForms = map[string]string{
	keyRotate: "rotate:yes or rotate:no", keyReplace: "replace:yes", keyGrace: "grace:72h, grace:3d or grace:0",
	keyDryRun: "dry_run:yes",
}

// secretKey is the key of a secret that the name is of, if it says which; of two that
// are as near to it, the one that fits the rule.
func (f finding) secretKey(rule Rule) string {
	if f.key == anySecret || !strings.HasSuffix(f.key, "_"+anySecret) {
		return ""
	}
	for _, role := range rule.Roles() {
		if !f.exact && phrase.Near(letters(f.typed), strings.ReplaceAll(role.Key(), "_", ""), 2) {
			return role.Key()
		}
	}
	return f.key
}

const optionList = "the options are rotate, replace, grace and dry_run"

// wishFaults finds what may be meant as an instruction but has no name of one.
func wishFaults(it item) (faults []Fault) {
	text := link().ReplaceAllString(it.text, " ")
	for _, w := range wishes() {
		at := strings.TrimSpace(w.words.FindString(it.words))
		if at == "" {
			continue
		}
		problem := "may be meant as an instruction, which only an option can be: " + optionList
		if w.key != "" {
			problem = "may be meant as an instruction, which only an option can be: write " + formOf(w.key)
		}
		faults = append(faults, Fault{Item: `"` + phrase.Excerpt(at) + `"`, Problem: problem})
	}
	if duration().MatchString(everyDuration().ReplaceAllString(text, " ")) {
		faults = append(faults, Fault{Item: "a length of time", Problem: "is in the text: to keep the old " +
			"credential for this long, write grace:72h or grace:3d"})
	}
	for _, m := range unknownYes().FindAllStringSubmatch(text, -1) {
		if !ofPairs[strings.Trim(m[1], "_.-")] {
			faults = append(faults, Fault{Item: "a word with the value " + m[2],
				Problem: "looks like an option and is none: " + optionList})
		}
	}
	if m := lastWord().FindStringSubmatch(it.words); m != nil && m[1] != "signed" && m[1] != "sign" {
		faults = append(faults, Fault{Item: "a word with the value " + m[2],
			Problem: "looks like an option and is none: " + optionList})
	}
	if secretPair().MatchString(text) && !strings.Contains(text, "ocid1.") {
		faults = append(faults, Fault{Item: "a secret", Problem: "is not named by its key and OCID"})
	}
	if flagForm().MatchString(text) {
		faults = append(faults, Fault{Item: "a flag with --", Problem: "looks like an option and is none: " +
			optionList})
	}
	words := strings.Fields(it.words)
	if len(words) > 0 && !slices.ContainsFunc(words, func(w string) bool { _, ok := yesNos[w]; return !ok }) &&
		words[0] != "no" && words[0] != "not" {
		faults = append(faults, Fault{Item: "a value", Problem: "stands alone: write its option and a colon before it"})
	}
	return faults
}

// noFaults finds words that may mean that nothing is to be rotated.
func noFaults(words string) []Fault {
	if at := saysNo().FindString(notNo().ReplaceAllString(words, " ")); at != "" {
		return []Fault{noFault(at)}
	}
	return nil
}

func noFault(words string) Fault {
	return Fault{`"` + phrase.Excerpt(strings.TrimSpace(words)) + `"`, "may say that nothing is to be rotated", true}
}
