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
	// maxTitle is the longest subject in bytes. Notifications documents no limit; mail programs cut longer ones.
	maxTitle = 99
	// maxText is how many bytes of a text from outside are shown.
	maxText = 300
	// maxReason is the longest reason or remedy in bytes. It leaves room for the rest of the mail.
	maxReason = 4 << 10
	// maxWidth is the column at which lines are wrapped, between words. OCIDs, addresses, commands and comments are
	// never broken, since the reader copies them. It leaves room for a quotation mark in a window of 80 columns.
	maxWidth = 76
	// maxBody is within the 64 KB that Notifications accepts.
	maxBody = 60 << 10
)

// mail builds a plain text with sections.
type mail struct {
	strings.Builder
	heading string          // of the section that has no line yet
	shown   map[string]bool // values that the mail already has, for pairOnce
}

// line writes lines and wraps long ones between words. It does not wrap a line that the reader copies: a command, a
// comment with secrets, or a line after one that ends with a colon.
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

// wrap writes one line as several of at most maxWidth characters. A longer word gets a separate line.
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

// head begins a section. Without a line, the section is left out.
func (m *mail) head(s string) { m.heading = "\n" + strings.ToUpper(s) + "\n" }

func (m *mail) list(items []string) {
	for _, s := range items {
		m.line("- " + phrase.Clip(oneLine(s), 3*maxText))
	}
}

// tasks is list for texts of Keyturn itself. The reader copies the second and later lines of an item.
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

// pair writes "name: value", or nothing if the value is empty. A long value gets a separate line.
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
	m.markShown(value)
}

// long writes a value on a separate line. A value of several words is wrapped, unless the reader copies it.
func (m *mail) long(name, value string) {
	value = phrase.Clip(oneLine(value), maxText)
	if value != "" {
		m.line(name + ":")
		m.line("  " + value)
		m.markShown(value)
	}
}

// copied writes a text that the reader copies. It is neither cut nor wrapped.
func (m *mail) copied(name, value string) {
	value = oneLine(value)
	if value != "" {
		m.line(name + ":\n  " + value)
	}
}

// pairOnce is pair, unless the mail already has the value.
func (m *mail) pairOnce(name, value string) {
	if !m.shown[phrase.Clip(oneLine(value), maxText)] {
		m.pair(name, value)
	}
}

func (m *mail) markShown(value string) {
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

// oneLine removes line breaks, which would end the header of a subject, and control characters.
func oneLine(s string) string { return strings.Join(strings.Fields(printable(s)), " ") }

// printable replaces each character that can end a line or move the cursor with a blank.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
}

// sentence adds a full stop, unless the text ends with one, or with "!" or "?".
func sentence(s string) string {
	if strings.HasSuffix(s, ".") || strings.HasSuffix(s, "!") || strings.HasSuffix(s, "?") {
		return s
	}
	return s + "."
}

// ids matches OCIDs, with brackets around them, and request ids: a subject has no room for them.
var ids = regexp.MustCompile(` ?\(ocid1\.[^)]*\)| ?\[opc-request-id [^]]*\]|,? ?ocid1\.[a-z0-9.-]+`)

// short is the start of a reason in at most n bytes: without ids, up to the first colon, cut between words.
func short(reason string, n int) string {
	s := oneLine(ids.ReplaceAllString(oneLine(reason), ""))
	for _, end := range []string{": ", "; "} {
		s, _, _ = strings.Cut(s, end)
	}
	return phrase.ClipWords(s, n)
}
