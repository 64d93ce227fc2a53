package outcome

import (
	"fmt"
	"strings"

	"github.com/rs/zerolog"
)

// Digest is what a sweep did and found: its JSON reply, its mail, and its record.
type Digest struct {
	Outcomes   []Outcome `json:"outcomes,omitempty"`   // of the problems and rotations that needed something
	Found      []string  `json:"found,omitempty"`      // what else was mended or has to be looked at
	Unfinished []string  `json:"unfinished,omitempty"` // what could not be done this time
	Looked     int       `json:"looked"`               // problems and rotations that were looked at
	CallID     string    `json:"call_id,omitempty"`
}

// Empty tells whether there is nothing to tell.
func (d Digest) Empty() bool { return len(d.Outcomes)+len(d.Found)+len(d.Unfinished) == 0 }

// count is how many outcomes have one of the statuses.
func (d Digest) count(statuses ...Status) int {
	n := 0
	for _, o := range d.Outcomes {
		for _, s := range statuses {
			if o.Status == s {
				n++
			}
		}
	}
	return n
}

// Title is the mail's subject: one line of less than 100 characters.
func (d Digest) Title() string {
	var parts []string
	for _, p := range []struct {
		n    int
		text string
	}{
		{d.count(Refused), "need you"}, {d.count(Rotated), "rotated"}, {d.count(DryRun), "would be rotated"},
		{d.count(Unfinished), "not finished"}, {len(d.Found), "mended or found"},
	} {
		if p.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", p.n, p.text))
		}
	}
	if len(parts) == 0 {
		parts = []string{"it could not finish"}
	}
	return clip("Keyturn | Sweep: "+strings.Join(parts, ", "), maxTitle)
}

// maxItems is how many things of a sort a digest shows.
const maxItems = 30

// some is the beginning of a list, with word of what is left out.
func some(items []string) []string {
	if more := len(items) - maxItems; more > 0 {
		return append(append([]string(nil), items[:maxItems]...), fmt.Sprintf("and %d more", more))
	}
	return items
}

// Body is the mail's text. What has to be known comes first: a long digest is cut at its end.
func (d Digest) Body() string {
	var m mail
	m.line("The sweep looked for what got lost. This is what it did and found.")
	m.pair("Call", d.CallID)
	m.line("Log lines: search the function's log for " + d.CallID + ".")
	if len(d.Unfinished) > 0 {
		m.head("Left for the next sweep")
		m.list(some(d.Unfinished))
	}
	if len(d.Found) > 0 {
		m.head("Mended or found")
		m.list(some(d.Found))
	}
	if more := len(d.Outcomes) - maxItems; more > 0 {
		m.line(fmt.Sprintf("\nThe first %d of %d follow; the log has them all.", maxItems, len(d.Outcomes)))
	}
	for _, o := range d.Outcomes[:min(maxItems, len(d.Outcomes))] {
		m.line("\n== " + firstOf(o.Noun, "credential") + " of " + firstOf(oneLine(o.UserName), o.UserID))
		m.line(o.headline())
		if o.Reason != "" && o.Status != Rotated {
			m.line("Why: " + clip(oneLine(o.Reason), maxText) + ".")
		}
		if o.Mend != "" {
			m.line("To mend it: " + clip(strings.TrimSpace(o.Mend), 3*maxText))
		}
		m.list(some(o.Slots))
		m.pair("New "+o.IDNoun, o.NewID)
		m.pair("Old "+o.IDNoun, o.OldID)
		m.pair("The old one", o.OldFate)
		for _, s := range o.Secrets {
			m.line("Secret: " + s.state())
			m.line("  " + s.ID)
		}
		m.list(o.Todo)
		m.list(some(o.Notes))
		m.long("Problem", o.ProblemID)
		if o.Reopened {
			m.line("It is open again in Cloud Guard.")
		}
		if o.StillClosed {
			m.line("It could not be re-opened in Cloud Guard: please do.")
		}
		m.pair("Rotation", o.Rotation)
	}
	return clip(m.String(), maxBody)
}

// Record writes the digest as one log line.
func (d Digest) Record(log *zerolog.Logger) {
	level := zerolog.InfoLevel
	if len(d.Unfinished) > 0 {
		level = zerolog.WarnLevel
	}
	log.WithLevel(level).Int("looked", d.Looked).Int("outcomes", len(d.Outcomes)).Strs("found", d.Found).
		Strs("unfinished", d.Unfinished).Msg("sweep")
}
