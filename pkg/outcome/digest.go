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

// Body is the mail's text.
func (d Digest) Body() string {
	var m mail
	m.line("The sweep looked for what got lost. This is what it did and found.")
	for _, o := range d.Outcomes {
		m.line("\n== " + firstOf(o.Noun, "credential") + " of " + firstOf(oneLine(o.UserName), o.UserID))
		m.line(o.headline())
		if o.Reason != "" && o.Status != Rotated {
			m.line("Why: " + oneLine(o.Reason) + ".")
		}
		if o.Mend != "" {
			m.line("To mend it: " + strings.TrimSpace(o.Mend))
		}
		m.pair("New "+o.IDNoun, o.NewID)
		m.pair("Old "+o.IDNoun, o.OldID)
		m.pair("The old one", o.OldFate)
		for _, s := range o.Secrets {
			m.line("Secret: " + s.state())
			m.line("  " + s.ID)
		}
		m.list(o.Todo)
		m.long("Problem", o.ProblemID)
		if o.Reopened {
			m.line("It is open again in Cloud Guard.")
		}
		m.pair("Rotation", o.Rotation)
	}
	if len(d.Found) > 0 {
		m.head("Mended or found")
		m.list(d.Found)
	}
	if len(d.Unfinished) > 0 {
		m.head("Left for the next sweep")
		m.list(d.Unfinished)
	}
	m.head("Reference")
	m.pair("Call", d.CallID)
	m.line("Log lines: search the function's log for " + d.CallID + ".")
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
