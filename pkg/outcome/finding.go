package outcome

import (
	"cmp"
	"strings"
	"unicode"
)

// Finding is something that a sweep could not do, or that it left to a person.
type Finding struct {
	About string // what it is about, the same in every sweep: "list the auth tokens"
	State string // what is the case; another state is another thing to report
	Text  string // a sentence for people
	Needs bool   // it needs a person: the next sweep can't do it either
}

// MarshalText makes the sentence of a finding in JSON.
func (f Finding) MarshalText() ([]byte, error) { return []byte(f.Text), nil }

// About says which credential an outcome is about, the same in every sweep.
func (o Outcome) About() string {
	return strings.Join([]string{o.Kind, o.UserID, cmp.Or(o.OldID, o.ProblemID)}, " ")
}

// State is what an outcome says apart from times, counts, and ids of requests: two outcomes about one credential with
// the same state are the same finding.
func (o Outcome) State() string { return string(o.Status) + " " + steady(o.Reason) }

// steady replaces the words that differ each time that the same thing is said: those with a digit in them, unless they
// are OCIDs.
func steady(s string) string {
	words := strings.Fields(s)
	for i, w := range words {
		if strings.ContainsFunc(w, unicode.IsDigit) && !strings.Contains(w, "ocid1.") {
			words[i] = "#"
		}
	}
	return strings.Join(words, " ")
}
