package outcome

import (
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/keyturn/keyturn/pkg/phrase"
)

const (
	// maxTitle is how long a subject may be. No limit of Notifications is documented; mail programs cut longer ones.
	maxTitle = 99
	// maxText is how much of a text that somebody else wrote is shown.
	maxText = 300
	// maxReason is how long a reason or a remedy may be, so that the rest of the mail stays.
	maxReason = 4 << 10
	// maxWidth is where lines are wrapped, between words. What is to be copied (OCIDs, addresses, commands, comments)
	// is never broken. It leaves room for a quotation mark, or a frame, in a window of 80 columns.
	maxWidth = 76
	// maxBody keeps within the 64 KB that Notifications takes.
	maxBody = 60 << 10
)

// mail builds a plain text in sections.
type mail struct {
	strings.Builder
	heading string          // of a section that has no line yet
	shown   map[string]bool // values that the mail already has, for once
}

// line writes lines, wrapped between words if they are long. A line is copied as it is if it is a command, or a comment
// with secrets, or follows one that ends with a colon: a person will copy it.
func (m *mail) line(s string) {
	m.WriteString(m.heading)
	m.heading = ""
	copied := false
	for _, l := range strings.Split(s, "\n") {
		if copied || strings.Contains(l, "oci ") || strings.Contains(l, "_ocid:") {
			m.WriteString(l + "\n")
		} else {
			m.wrap(l)
		}
		copied = strings.HasSuffix(l, ":")
	}
}

// wrap writes one line as several of at most maxWidth characters. A word that is longer gets a line of its own.
func (m *mail) wrap(l string) {
	indent := l[:len(l)-len(strings.TrimLeft(l, " "))]
	next := indent
	if strings.HasPrefix(l[len(indent):], "- ") {
		next += "  "
	}
	line, width := indent, utf8.RuneCountInString(indent)
	blank := true // the line has no word yet
	for word := range strings.FieldsSeq(l) {
		n := utf8.RuneCountInString(word)
		if !blank && width+1+n > maxWidth && strings.TrimSpace(line) != "-" {
			m.WriteString(line + "\n")
			line, width, blank = next, utf8.RuneCountInString(next), true
		}
		if !blank {
			line, width = line+" ", width+1
		}
		line, width, blank = line+word, width+n, false
	}
	m.WriteString(strings.TrimRight(line, " ") + "\n")
}

// head begins a section; one without any line leaves no trace.
func (m *mail) head(s string) { m.heading = "\n" + strings.ToUpper(s) + "\n" }

func (m *mail) list(items []string) {
	for _, s := range items {
		m.line("- " + phrase.Clip(oneLine(s), 3*maxText))
	}
}

// tasks is list for what we have written ourselves: further lines of an item are to be copied.
func (m *mail) tasks(items []string) {
	for _, s := range items {
		first, rest, _ := strings.Cut(strings.TrimSpace(s), "\n")
		text := "- " + phrase.Clip(oneLine(first), 3*maxText)
		for l := range strings.Lines(rest) {
			text += "\n  " + phrase.Clip(printable(strings.TrimRight(l, "\r\n")), maxReason)
		}
		m.line(text)
	}
}

// pair writes "name: value", or nothing. A value that is too long for that stands on a line of its own.
func (m *mail) pair(name, value string) {
	value = phrase.Clip(oneLine(value), maxText)
	switch {
	case value == "":
		return
	case utf8.RuneCountInString(name+": "+value) > maxWidth:
		m.long(name, value)
		return
	}
	m.line(name + ": " + value)
	m.know(value)
}

// long writes a value that needs a line of its own. One of several words is wrapped, unless it is to be copied.
func (m *mail) long(name, value string) {
	if value = phrase.Clip(oneLine(value), maxText); value != "" {
		m.line(name + ":")
		m.line("  " + value)
		m.know(value)
	}
}

// copied writes a text that a person copies: it is neither cut nor broken.
func (m *mail) copied(name, value string) {
	if value = oneLine(value); value != "" {
		m.line(name + ":\n  " + value)
	}
}

// once is pair for what the mail may have said before: then it is not said again.
func (m *mail) once(name, value string) {
	if !m.shown[phrase.Clip(oneLine(value), maxText)] {
		m.pair(name, value)
	}
}

func (m *mail) know(value string) {
	if m.shown == nil {
		m.shown = map[string]bool{}
	}
	m.shown[value] = true
}

func stamp(t *time.Time) string {
	if t == nil || t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04:05 UTC")
}

func lowerFirst(s string) string { return strings.ToLower(s[:1]) + s[1:] }

// oneLine makes a text harmless: no line breaks (in a subject they would end the header), no control characters.
func oneLine(s string) string { return strings.Join(strings.Fields(printable(s)), " ") }

// printable has a blank for each character that can break or end a line, or move a cursor.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
}

// sentence ends a text with a full stop, if it has no end yet.
func sentence(s string) string {
	if strings.HasSuffix(s, ".") || strings.HasSuffix(s, "!") || strings.HasSuffix(s, "?") {
		return s
	}
	return s + "."
}

// ids are what a reason quotes and a subject has no room for: OCIDs, with the brackets around them, and request ids.
var ids = regexp.MustCompile(` ?\(ocid1\.[^)]*\)| ?\[opc-request-id [^]]*\]|,? ?ocid1\.[a-z0-9.-]+`)

// short is the beginning of a reason that fits into n bytes: without ids, up to the first colon, whole words.
func short(reason string, n int) string {
	s := oneLine(ids.ReplaceAllString(oneLine(reason), ""))
	for _, end := range []string{": ", "; "} {
		s, _, _ = strings.Cut(s, end)
	}
	if len(s) <= n {
		return s
	}
	s = phrase.Clip(s, n)
	if cut := strings.LastIndexByte(s, ' '); cut > n/3 {
		s = s[:cut] + "..."
	}
	return s
}
