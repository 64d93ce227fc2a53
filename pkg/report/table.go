package report

import (
	"cmp"
	"fmt"
	"io"
	"iter"
	"strings"
	"unicode"

	"github.com/keyturn/keyturn/pkg/phrase"
)

// tableWidth is the width of a table in columns.
const tableWidth = 80

// Table writes the report for a terminal of 80 columns: the verdicts, the counts, at most that many of the most urgent
// rows, and what was not asked. It reads the rows only as far as it shows them.
func Table(w io.Writer, r Report, rows iter.Seq2[Row, error], most int) error {
	t := &table{}
	t.line("Credentials of the tenancy %s, %s", cmp.Or(r.Name, r.Tenancy), r.At.Format("2006-01-02 15:04 MST"))
	t.wrap("", fmt.Sprintf("Asked by %s, in %s and %s: %s with %s.", cmp.Or(r.ByName, r.By, NotKnownText),
		phrase.Count(len(r.Domains), "identity domain"), phrase.Count(len(r.Regions), "region"),
		phrase.Count(r.Users, "user"), phrase.Count(r.Rows, "credential")))
	if r.Interrupts != "" {
		t.wrap("", "It ended early, so the report is not complete: "+r.Interrupts)
	}
	t.verdicts(r)
	t.counts(r)
	if err := t.rows(r, rows, most); err != nil {
		return err
	}
	t.notAsked(r)
	if _, err := io.WriteString(w, t.text.String()); err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	return nil
}

type table struct{ text strings.Builder }

// line adds a line, cut to the width.
func (t *table) line(format string, args ...any) {
	t.text.WriteString(strings.TrimRight(cut(plain(fmt.Sprintf(format, args...)), tableWidth), " ") + "\n")
}

// wrap adds a text in lines. The first begins with head, the others with as many blanks.
func (t *table) wrap(head, text string) {
	indent, line := strings.Repeat(" ", width(head)), head
	for word := range strings.FieldsSeq(plain(text)) {
		if line != head && line != indent && width(line)+1+width(word) > tableWidth {
			t.line("%s", line)
			line = indent
		}
		if line != head && line != indent {
			line += " "
		}
		line += word
		for width(line) > tableWidth { // a word that is too long, such as an OCID
			first := cutBare(line, tableWidth)
			t.line("%s", first)
			line = indent + line[len(first):]
		}
	}
	t.line("%s", line)
}

func (t *table) verdicts(r Report) {
	t.line("")
	t.line("CIS OCI Foundations Benchmark 3.1")
	for _, v := range r.Verdicts {
		t.wrap(fmt.Sprintf("  %-5s %-10s ", v.Recommendation, v.Result), v.Title+". "+
			strings.TrimSpace(strings.TrimSuffix(v.Why, leaversCount)))
	}
	t.wrap("  ", leaversCount)
}

func (t *table) counts(r Report) {
	t.line("")
	t.line("%-28s %7s %7s %7s %7s %7s %7s", "Kind", "all", "old", "soon", "undated", "bound", "exempt")
	for _, c := range r.Counts {
		t.line("  %-26s %7d %7d %7d %7d %7d %7d", cut(c.Kind.Noun()+"s", 26), c.All, c.Old, c.Soon, c.Undated, c.Bound,
			c.Exempt)
	}
	t.wrap("  ", fmt.Sprintf("Old: %d days or more. Soon: 14 days or less before that. Undated: OCI doesn't say "+
		"when it was made.", r.LimitDays))
}

func (t *table) rows(r Report, rows iter.Seq2[Row, error], most int) error {
	shown, more := 0, false
	for row, err := range rows {
		if err != nil {
			return err
		}
		if row.Advice == "" {
			continue
		}
		if shown == most {
			more = true
			break
		}
		if shown == 0 {
			t.line("")
			t.line("Most urgent first")
		}
		shown++
		age := "?"
		if row.AgeDays >= 0 {
			age = fmt.Sprint(row.AgeDays, " d")
		}
		t.line("  %7s  %s of %s", age, row.Kind.Noun(), row.UserName)
		short, _, _ := strings.Cut(row.Advice, ", or close its problem with") // whose OCIDs don't fit
		t.line("           %s", short)
	}
	if more {
		t.wrap("  ", "There are more: use --rows, or --html FILE for all of them.")
	}
	return nil
}

func (t *table) notAsked(r Report) {
	t.line("")
	if len(r.NotAsked) == 0 && r.Interrupts == "" {
		t.line("Everything could be read.")
		return
	}
	t.line("Not asked")
	for _, g := range r.NotAsked {
		text := g.What + ": " + g.Why + "."
		if g.Remedy != "" {
			text += " What to do: " + g.Remedy + "."
		}
		t.wrap("  - ", text)
	}
}

// plain replaces what a terminal would not print as a character of its own.
func plain(text string) string {
	return strings.Map(func(r rune) rune {
		if r == ' ' || unicode.IsPrint(r) && !unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf) {
			return r
		}
		return '?'
	}, text)
}

// width is at least how many columns a text takes.
func width(text string) (n int) {
	for _, r := range text {
		n++
		if r >= 0x1100 { // may be a wide character
			n++
		}
	}
	return n
}

// cut shortens a text to that many columns.
func cut(text string, columns int) string {
	if width(text) <= columns {
		return text
	}
	return cutBare(text, columns-3) + "..."
}

// cutBare is the longest beginning of a text in that many columns.
func cutBare(text string, columns int) string {
	for i, r := range text {
		columns -= width(string(r))
		if columns < 0 {
			return text[:i]
		}
	}
	return text
}
