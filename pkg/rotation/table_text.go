package rotation

import (
	"fmt"
	"strings"
)

// column is one column of the documented table.
type column struct {
	head string
	cell func(Row) string
}

var columns = []column{
	{"origin", func(r Row) string { return alternatives(r.Origin) }},
	{"order", func(r Row) string { return string(r.Order) }},
	{"sight", func(r Row) string { return alternatives(r.Sight) }},
	{"guard", func(r Row) string { return string(r.Guard) }},
	{"old", func(r Row) string { return alternatives(r.Old) }},
	{"new", func(r Row) string { return alternatives(r.Made) }},
	{"in Vault", func(r Row) string { return alternatives(r.Stored) }},
	{"proof", func(r Row) string { return string(r.Proof) }},
	{"slot", func(r Row) string { return string(r.Slot) }},
	{"replace", func(r Row) string { return r.Replace }},
	{"grace", func(r Row) string { return string(r.Grace) }},
	{"secret", func(r Row) string { return string(r.Room) }},
	{"trouble", func(r Row) string { return alternatives(r.Trouble) }},
}

// TableText returns the decision table in Markdown for docs/decisions.md: one table per section, with the columns that
// it uses.
func TableText() string {
	var b strings.Builder
	number := 0
	for _, s := range Sections {
		var used []column
		for _, c := range columns {
			for _, r := range s.Rows {
				if c.cell(r) != "" {
					used = append(used, c)
					break
				}
			}
		}
		b.WriteString("\n### " + s.Title + "\n\n|")
		for _, c := range append([]column{{head: "#"}}, used...) {
			b.WriteString(" " + c.head + " |")
		}
		b.WriteString(" then | because |\n" + strings.Repeat("| --- ", len(used)+3) + "|\n")
		for _, r := range s.Rows {
			number++
			fmt.Fprintf(&b, "| %d |", number)
			for _, c := range used {
				b.WriteString(" " + c.cell(r) + " |")
			}
			b.WriteString(" **" + string(r.Then) + "**")
			if r.Reason != "" {
				b.WriteString(": " + string(r.Reason))
			}
			b.WriteString(" | " + r.Because + " |\n")
		}
	}
	return b.String()
}

func alternatives[T ~string](values []T) string {
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = string(v)
	}
	return strings.Join(texts, " or ")
}
