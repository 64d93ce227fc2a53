package cloudguard

import (
	"slices"
	"strings"
	"time"
)

// options takes over the options that are named or wished.
func (s *suggestion) options(folded string, items []item, found []finding) {
	given := map[string][]bool{} // the values of the options that have yes or no
	grace := time.Duration(-1)
	longer := func(d time.Duration) { grace = max(grace, d) }
	for _, f := range found {
		it := itemAt(items, f.from)
		switch f.key {
		case keyGrace:
			longer(graceNear(it.text))
		case keyDryRun, keyReplace, keyRotate:
			if answer, ok := answerNear(folded, it, f); ok {
				given[f.key] = append(given[f.key], answer)
			} else if f.key == keyDryRun {
				given[f.key] = append(given[f.key], true)
			} else if f.key == keyRotate && len(noFaults(it.words)) > 0 {
				given[f.key] = append(given[f.key], false)
			}
		}
	}
	for _, it := range items {
		for _, w := range wishes() {
			if w.key == keyDryRun && w.words.MatchString(it.words) {
				given[keyDryRun] = append(given[keyDryRun], true)
			}
			if w.key == keyGrace && w.words.MatchString(it.words) {
				longer(graceNear(it.text))
			}
		}
		if d, ok := durationIn(everyDuration().ReplaceAllString(it.text, " ")); ok {
			longer(d)
		}
	}
	s.DryRun = slices.Contains(given[keyDryRun], true)
	s.Replace = len(given[keyReplace]) > 0 && !slices.Contains(given[keyReplace], false)
	if answers := given[keyRotate]; len(answers) > 0 {
		yes := !slices.Contains(answers, false)
		s.Rotate = &yes
	}
	if grace >= 0 {
		s.Grace = &grace
	}
}

// answerNear finds the yes or no of an option: in the words after its name, else in
// those before, else joined to it.
func answerNear(folded string, it item, f finding) (answer, ok bool) {
	to := it.from + len(it.text)
	if f.to > to {
		to = f.to
	}
	after, before := tokens(folded[f.to:to]), tokens(folded[min(it.from, f.from):f.from])
	if len(after) == 0 { // the value may be the next item
		after = tokens(folded[f.to:])
		after = after[:min(1, len(after))]
	}
	slices.Reverse(before)
	for i, t := range slices.Concat(after, before) {
		if t.word == "on" && i != len(after)-1 || len(t.word) == 1 && t.word < "a" && i > 0 {
			continue // "on Friday", "CHG-1"
		}
		if answer, ok := yesNos[t.word]; ok && !(t.word == "not" && f.key == keyDryRun) {
			return answer, true
		}
	}
	joined := strings.Trim(strings.Replace(letters(f.typed), f.word, " ", 1), " ")
	switch {
	case strings.HasPrefix(joined, "no"), strings.HasSuffix(joined, "no"), strings.HasPrefix(joined, "dont"),
		strings.HasPrefix(joined, "donot"), strings.HasPrefix(joined, "un"):
		return false, true
	case strings.HasSuffix(joined, "yes"), strings.HasSuffix(joined, "true"):
		return true, true
	}
	return false, false
}

// graceNear is the time that an item gives for the grace: the longest that it names;
// three days where none can be read.
func graceNear(text string) time.Duration {
	if d, ok := durationIn(text); ok {
		return d
	}
	words := tokens(text)
	for i, t := range words {
		next := ""
		if i+1 < len(words) {
			next = words[i+1].word
		}
		if answer, ok := yesNos[next]; t.word == keyGrace && ok && !answer {
			return 0
		}
		if unit := map[string]time.Duration{"days": 24 * time.Hour, "hours": time.Hour,
			"minutes": time.Minute}[t.word]; unit > 0 {
			if d, ok := durationIn(" " + next + t.word); ok {
				return d
			}
		}
	}
	return 72 * time.Hour
}
