package outcome

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

const (
	// maxTitle is how long a subject may be. No limit of Notifications is documented; mail programs cut longer ones.
	maxTitle = 99
	// maxText is how much of a text that somebody else wrote is shown.
	maxText = 300
	// maxReason is how long a reason or a mend may be, so that the rest of the mail stays.
	maxReason = 4 << 10
	// maxWidth is where lines are wrapped, apart from those with an OCID or a command, which are to be copied.
	maxWidth = 100
	// maxBody keeps within the 64 KB that Notifications takes.
	maxBody = 60 << 10
)

// Title is the mail's subject: one line of less than 100 characters.
func (o Outcome) Title() string {
	whose := ""
	if name := firstOf(o.UserName, o.UserID); name != "" {
		whose = " of " + name
	}
	thing := firstOf(o.Noun, "credential") + whose
	var t string
	switch o.Status {
	case Rotated:
		t = "Rotated: " + thing
	case Already:
		t = "Nothing to do: " + thing
	case DryRun:
		t = "Dry run: " + thing
	case Unfinished:
		t = "NOT FINISHED: " + thing
	case Refused:
		if t = "NOT ROTATED: " + thing; o.inPlace() {
			t = "NOT COMPLETE: " + thing
		}
	default:
		t = "NOT ROTATED: " + thing
	}
	return clip(oneLine("Keyturn | "+t), maxTitle)
}

// Body is the mail's text. It is plain text, since Notifications renders nothing else, in short lines that a phone
// doesn't have to wrap, apart from OCIDs, which stand alone on theirs.
func (o Outcome) Body() string {
	var m mail
	m.line(o.headline())
	if o.Reason != "" && o.Status != Rotated {
		m.line("Why: " + clip(oneLine(o.Reason), maxReason) + ".")
	}
	if o.Mend != "" {
		m.head("To mend it")
		m.line(clip(strings.TrimSpace(o.Mend), maxReason))
	}
	if len(o.Todo) > 0 {
		m.head("What to do now")
		m.list(o.Todo)
	}
	if len(o.Plan) > 0 {
		m.head("What would be done")
		m.list(o.Plan)
	}
	o.credential(&m)
	o.secrets(&m)
	if len(o.Slots) > 0 {
		m.head("The user's " + o.Noun + "s")
		m.list(o.Slots)
	}
	if len(o.Notes) > 0 {
		m.head("Please note")
		m.list(o.Notes)
	}
	o.problem(&m)
	m.head("Reference")
	m.pair("Rotation", o.Rotation)
	m.pair("Call", o.CallID)
	if o.CallID != "" {
		m.line("Log lines: search the function's log for " + o.CallID + ".")
	}
	return clip(m.String(), maxBody)
}

func (o Outcome) headline() string {
	thing := "The " + firstOf(o.Noun, "credential")
	if o.UserName != "" {
		thing += " of " + clip(oneLine(o.UserName), maxText)
	}
	switch o.Status {
	case Rotated:
		return thing + " was rotated."
	case Already:
		return thing + " was left as it is: there is nothing to do."
	case DryRun:
		return "Dry run: " + lowerFirst(thing) + " would be rotated. Nothing was changed."
	case Unfinished:
		return thing + " is not rotated yet.\nNothing is lost: another delivery, or the sweep, goes on from here."
	}
	switch {
	case o.inPlace():
		return "A new " + strings.TrimPrefix(thing, "The ") + " is CURRENT in Vault, but the rotation is not complete."
	case o.Changed:
		return thing + " was not rotated."
	}
	return thing + " was not rotated. Nothing was changed."
}

// inPlace: consumers already read the new value, whatever went wrong afterwards.
func (o Outcome) inPlace() bool {
	for _, s := range o.Secrets {
		if !s.Current {
			return false
		}
	}
	return len(o.Secrets) > 0 && o.NewID != ""
}

func (o Outcome) credential(m *mail) {
	if o.OldID == "" && o.NewID == "" {
		return
	}
	m.head("Credential")
	m.pair("New "+o.IDNoun, o.NewID)
	m.pair("Old "+o.IDNoun, o.OldID)
	m.pair("The old one", o.OldFate)
	m.pair("Proof", o.Proven)
}

func (o Outcome) secrets(m *mail) {
	if len(o.Secrets) == 0 {
		return
	}
	m.head("Secrets in Vault")
	for _, s := range o.Secrets {
		m.line("- " + s.state())
		m.line("  " + s.ID)
	}
}

// state says what is in a secret.
func (s Secret) state() string {
	state := "unchanged"
	switch {
	case s.Current:
		state = fmt.Sprintf("version %d is CURRENT", s.Version)
	case s.Version != 0:
		state = fmt.Sprintf("version %d is staged (PENDING)", s.Version)
	}
	return fmt.Sprintf("%s (%s): %s", firstOf(oneLine(s.Name), "secret"), s.Holds, state)
}

func (o Outcome) problem(m *mail) {
	m.head("Problem")
	m.pair("Name", o.ProblemName)
	m.pair("Rule", o.Rule)
	m.pair("Risk", o.Risk)
	m.pair("Event", stamp(o.EventTime))
	m.pair("Closed by", o.ClosedBy)
	m.pair("Closed at", stamp(o.ClosedAt))
	m.long("Comment", o.Comment)
	switch {
	case o.Reopened:
		m.line("It is open again in Cloud Guard.")
	case o.StillClosed:
		m.line("It could not be re-opened in Cloud Guard: please do.")
	}
	m.pair("Resource", o.ResourceName)
	m.long("Resource id", o.ResourceID)
	m.pair("User", o.UserName)
	m.long("User OCID", o.UserID)
	m.pair("Tenancy", o.TenancyName)
	m.long("Tenancy OCID", o.TenancyID)
	m.long("Problem OCID", o.ProblemID)
}

func stamp(t *time.Time) string {
	if t == nil || t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04:05 UTC")
}

// mail builds a plain text in sections.
type mail struct {
	strings.Builder
	heading string // of a section that has no line yet
}

// line writes a line, wrapped between words if it is long.
func (m *mail) line(s string) {
	m.WriteString(m.heading)
	m.heading = ""
	for _, l := range strings.Split(s, "\n") {
		indent := ""
		if strings.HasPrefix(l, "- ") {
			indent = "  "
		}
		for len(l) > maxWidth && !strings.Contains(l, "ocid1.") && !strings.Contains(l, "oci ") && !strings.Contains(l, "_ocid:") {
			cut := strings.LastIndexByte(l[:maxWidth+1], ' ')
			if strings.TrimSpace(l[:max(cut, 0)]) == "" {
				break
			}
			m.WriteString(l[:cut] + "\n")
			l = indent + strings.TrimSpace(l[cut:])
		}
		m.WriteString(l + "\n")
	}
}

// head begins a section; one without any line leaves no trace.
func (m *mail) head(s string) { m.heading = "\n" + strings.ToUpper(s) + "\n" }

func (m *mail) list(items []string) {
	for _, s := range items {
		m.line("- " + clip(oneLine(s), 3*maxText))
	}
}

// pair writes "name: value", or nothing.
func (m *mail) pair(name, value string) {
	if value = oneLine(value); value != "" {
		m.line(name + ": " + clip(value, maxText))
	}
}

// long writes a value that needs a line of its own.
func (m *mail) long(name, value string) {
	if value = oneLine(value); value != "" {
		m.line(name + ":\n  " + clip(value, maxText))
	}
}

func firstOf(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}

func lowerFirst(s string) string { return strings.ToLower(s[:1]) + s[1:] }

// oneLine makes a text harmless: no line breaks (in a subject they would end the header), no control characters.
func oneLine(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
	return strings.Join(strings.Fields(s), " ")
}

// clip cuts a text to at most n bytes, between characters.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	cut := n - len("...")
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "..."
}
