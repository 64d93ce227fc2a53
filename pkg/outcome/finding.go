package outcome

import (
	"cmp"
	"strings"
	"unicode"
)

// Finding is something that a sweep could not do or left to a person.
type Finding struct {
	About string // the subject, the same in every sweep: "list the auth tokens"
	State string // a changed state is reported again
	Text  string // a sentence for the mail
	Needs bool   // it needs a person: the next sweep cannot do it either
	// Items are listed below the text in the mail and in the reply. They aren't in the log.
	Items []string
}

// MarshalText returns the finding's text and its items, one on each line.
func (f Finding) MarshalText() ([]byte, error) { return []byte(f.lines()), nil }

// lines is the text, followed by a line for each item.
func (f Finding) lines() string {
	all := []string{oneLine(f.Text)}
	for _, item := range f.Items {
		all = append(all, "- "+oneLine(item))
	}
	return strings.Join(all, "\n")
}

// About identifies the outcome's credential. It is the same in every sweep.
func (o Outcome) About() string {
	return strings.Join([]string{o.Kind, o.UserID, cmp.Or(o.OldID, o.ProblemID)}, " ")
}

// State is the status and the reason without times, counts and request ids. Two outcomes about one credential with the
// same state are the same finding.
func (o Outcome) State() string { return string(o.Status) + " " + withoutNumbers(o.Reason) }

// withoutNumbers replaces each word that has a digit, except OCIDs.
func withoutNumbers(s string) string {
	words := strings.Fields(s)
	for i, w := range words {
		if strings.ContainsFunc(w, unicode.IsDigit) && !strings.Contains(w, "ocid1.") {
			words[i] = "#"
		}
	}
	return strings.Join(words, " ")
}
