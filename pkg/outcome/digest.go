package outcome

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/rs/zerolog"

	"github.com/keyturn/keyturn/pkg/phrase"
)

// Digest is the result of a sweep: its JSON reply, its mail, and its record.
type Digest struct {
	Outcomes   []Outcome `json:"outcomes,omitempty"`   // of the problems and rotations that needed an action
	Found      []string  `json:"found,omitempty"`      // what else the sweep cleaned up
	Unfinished []Finding `json:"unfinished,omitempty"` // what the sweep could not do or left to a person
	Repeated   int       `json:"repeated,omitempty"`   // findings left out, since an earlier mail reported them
	Looked     int       `json:"looked"`               // number of checked problems and rotations
	CallID     string    `json:"call_id,omitempty"`
	Tenancy    string    `json:"tenancy_name,omitempty"`
	Version    string    `json:"version,omitempty"` // of the function
}

// Empty reports whether there is nothing to mail.
func (d Digest) Empty() bool { return len(d.Outcomes)+len(d.Found)+len(d.Unfinished) == 0 }

// with returns the outcomes that have one of the statuses.
func (d Digest) with(statuses ...Status) []Outcome {
	var out []Outcome
	for _, o := range d.Outcomes {
		if slices.Contains(statuses, o.Status) {
			out = append(out, o)
		}
	}
	return out
}

// part is one section of a digest: outcomes of some statuses, and further lines.
type part struct {
	count    string // in the subject, after the number
	heading  string
	outcomes []Outcome
	lines    []string
}

// parts returns the sections, the most urgent one first.
func (d Digest) parts() []part {
	var needs, troubles, found []string
	for _, f := range d.Unfinished {
		if f.Needs {
			needs = append(needs, f.lines())
		} else {
			troubles = append(troubles, f.lines())
		}
	}
	for _, text := range d.Found {
		found = append(found, oneLine(text))
	}
	return []part{
		{"need you", "Needs you", d.with(Refused), needs},
		{"not finished", "Not finished: the next sweep continues", d.with(Unfinished), nil},
		{"could not be done", "Could not be done in this sweep", nil, troubles},
		{"rotated", "Rotated", d.with(Rotated), nil},
		{"would be rotated", "Would be rotated", d.with(DryRun), nil},
		{"cleaned up", "Cleaned up: nothing to do", nil, found},
	}
}

// Title is the mail's subject: one line of less than 100 characters.
func (d Digest) Title() string {
	tail := ""
	if name := oneLine(d.Tenancy); name != "" {
		tail = " | " + phrase.Clip(name, maxTenancy)
	}
	return phrase.Clip("Keyturn | Sweep: "+strings.Join(d.counts(), ", "), maxTitle-len(tail)) + tail
}

// counts says how many items each section has, the most urgent one first.
func (d Digest) counts() []string {
	var counts []string
	for _, p := range d.parts() {
		if n := len(p.outcomes) + len(p.lines); n > 0 {
			counts = append(counts, fmt.Sprintf("%d %s", n, p.count))
		}
	}
	return counts
}

// maxItems is how many items a section of a digest shows.
const maxItems = 30

// some returns the first items of a list, with the number of those left out.
func some(items []string) []string {
	if more := len(items) - maxItems; more > 0 {
		return append(slices.Clone(items[:maxItems]), fmt.Sprintf("and %d more: see the log", more))
	}
	return items
}

// Body is the mail's text. It begins with what needs a person. Each section shows at most [maxItems] items, so that a
// long section doesn't cut off the next ones.
func (d Digest) Body() string {
	var m mail
	whose := ""
	if d.Tenancy != "" {
		whose = " of tenancy " + phrase.Clip(oneLine(d.Tenancy), maxText)
	}
	// A chat shows the text, and perhaps no subject.
	m.line("Summary of the scheduled sweep" + whose + ": " + strings.Join(d.counts(), ", ") + ".")
	if d.Repeated > 0 {
		m.line(fmt.Sprintf("An earlier mail reported %d more, and nothing has changed since. "+
			"A mail repeats such findings once a week; the log has all of them.", d.Repeated))
	}
	for _, p := range d.parts() {
		m.head(p.heading)
		m.tasks(some(p.lines))
		for i, o := range p.outcomes[:min(maxItems, len(p.outcomes))] {
			if i > 0 {
				m.line("")
			}
			o.short(&m)
		}
		if more := len(p.outcomes) - maxItems; more > 0 {
			m.line(fmt.Sprintf("\nAnd %d more: see the log.", more))
		}
	}
	m.head("Reference")
	m.copied("Runbooks", Runbooks+"README.md")
	search := Outcome{CallID: d.CallID}.manualSearch()
	for _, o := range d.Outcomes {
		search = cmp.Or(o.Search, search) // the same call for all outcomes
	}
	m.copied("Log lines", search)
	m.pair("Call", d.CallID)
	m.pair("Version", d.Version)
	return phrase.Clip(m.String(), maxBody)
}

// short writes an outcome as an item of a digest.
func (o Outcome) short(m *mail) {
	m.line("== " + cmp.Or(o.Noun, "credential") + " of " + cmp.Or(oneLine(o.UserName), o.UserID))
	m.line(o.headline())
	if o.Reason != "" && o.Status != Rotated {
		m.line("Why: " + sentence(phrase.Clip(oneLine(o.Reason), maxText)))
	}
	if o.Remedy != "" {
		m.line("What to do: " + phrase.Clip(strings.TrimSpace(o.Remedy), 3*maxText))
	}
	m.list(o.Todo)
	m.list(some(o.Slots))
	m.pair("New "+o.IDNoun, o.NewID)
	m.pair("Old "+o.IDNoun, o.OldID)
	m.pair("The old one", o.OldFate)
	for _, s := range o.Secrets {
		m.line("Secret: " + s.state())
		m.line("  " + s.ID)
	}
	m.list(some(o.Notes))
	m.long("Problem", o.ProblemID)
	if o.Reopened {
		m.line("It is open again in Cloud Guard.")
	}
	if o.StillClosed {
		m.line("It could not be re-opened in Cloud Guard: re-open it there.")
	}
	m.pair("Rotation", o.Rotation)
}

// Record writes the digest as one log line.
func (d Digest) Record(log *zerolog.Logger) {
	level := zerolog.InfoLevel
	if len(d.Unfinished)+len(d.with(Unfinished)) > 0 {
		level = zerolog.WarnLevel
	}
	unfinished := make([]string, len(d.Unfinished))
	for i, f := range d.Unfinished {
		unfinished[i] = f.Text
	}
	log.WithLevel(level).Int("looked", d.Looked).Int("outcomes", len(d.Outcomes)).Int("repeated", d.Repeated).
		Strs("found", d.Found).Strs("unfinished", unfinished).Msg("sweep")
}
