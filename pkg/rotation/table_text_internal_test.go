package rotation

import (
	"slices"
	"strconv"
	"strings"
	"testing"
)

// cells returns the cells of a line of a Markdown table.
func cells(t *testing.T, line string) (out []string) {
	t.Helper()
	if !strings.HasPrefix(line, "| ") || !strings.HasSuffix(line, " |") {
		t.Errorf("no line of a table: %q", line)
	}
	for _, cell := range strings.Split(strings.Trim(line, "|"), "|") {
		out = append(out, strings.TrimSpace(cell))
	}
	return out
}

func TestTheDocumentedTableHasEachRowOnceWithACellForEachColumnThatItsSectionUses(t *testing.T) {
	text, number := TableText(), 0
	parts := strings.Split(text, "\n### ")
	if parts[0] != "" || len(parts) != len(Sections)+1 || !strings.HasSuffix(text, " |\n") {
		t.Fatalf("%d parts for %d sections", len(parts)-1, len(Sections))
	}
	for i, s := range Sections {
		lines := strings.Split(strings.TrimSuffix(parts[i+1], "\n"), "\n")
		if len(lines) != len(s.Rows)+4 || lines[0] != s.Title || lines[1] != "" {
			t.Fatalf("%s: %d lines for %d rows, from %q", s.Title, len(lines), len(s.Rows), lines[0])
		}
		heads := []string{"#"}
		var used []column
		for _, c := range columns {
			if slices.ContainsFunc(s.Rows, func(r Row) bool { return c.cell(r) != "" }) {
				used, heads = append(used, c), append(heads, c.head)
			}
		}
		heads = append(heads, "then", "because")
		if got := cells(t, lines[2]); !slices.Equal(got, heads) {
			t.Errorf("%s: the columns are %q, want %q", s.Title, got, heads)
		}
		if got := cells(t, lines[3]); len(got) != len(heads) || slices.ContainsFunc(got,
			func(cell string) bool { return cell != "---" }) {
			t.Errorf("%s: %q under %d columns", s.Title, lines[3], len(heads))
		}
		for k, r := range s.Rows {
			number++
			want := []string{strconv.Itoa(number)}
			for _, c := range used {
				want = append(want, c.cell(r))
			}
			then := "**" + string(r.Then) + "**"
			if r.Reason != "" {
				then += ": " + string(r.Reason)
			}
			want = append(want, then, r.Because)
			if got := cells(t, lines[4+k]); !slices.Equal(got, want) {
				t.Errorf("row %d: %q, want %q", number, got, want)
			}
		}
	}
	if number != len(Table) {
		t.Errorf("%d rows, want %d", number, len(Table))
	}
}

func TestAlternativesAreReadAsOneOrAnother(t *testing.T) {
	for want, values := range map[string][]Old{"": nil, "alive": {OldAlive}, "alive or gone": {OldAlive, OldGone},
		"owed or gone or alive": {OldOwed, OldGone, OldAlive}} {
		if got := alternatives(values); got != want {
			t.Errorf("%v: %q, want %q", values, got, want)
		}
	}
}
