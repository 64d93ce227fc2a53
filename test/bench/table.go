package main

import (
	"errors"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
)

// The columns of the table: what, unit, median, min and max, floor, ratio, target, verdict, detail.
const columns = "%-50s %-8s %7s %15s %7s %7s %-15s %-6s %s"

// Table is the report for people, in plain text.
func (r *Report) Table() string {
	var b strings.Builder
	m := r.Machine
	fmt.Fprintf(&b, "Keyturn on %s, %d cores, %s/%s, %s, seed %d; measured in %.0f s\n", m.CPU, m.Cores, m.OS, m.Arch,
		m.Go, r.Seed, r.Seconds)
	if m.Load > float64(m.Cores)/2 {
		fmt.Fprintf(&b, "The machine had other work: its load was %.1f when the run began. Times are longer than "+
			"on an idle one.\n", m.Load)
	}
	if r.Short {
		b.WriteString("A short run: few measurements, which show that it runs and not how fast.\n")
	}
	section := ""
	for _, row := range r.Rows {
		if row.Section != section {
			section = row.Section
			line(&b, "\n"+strings.ToUpper(section), "", "this build", "min - max", "floor", "x floor", "target", "", "")
		}
		line(&b, row.What, row.Unit, number(row.Build.Median), row.Build.spread(), row.floor(), row.ratio(), row.Target,
			row.verdict(), row.Detail)
	}
	fmt.Fprintf(&b, "\ntargets: %d of %d met\n", r.TargetsMet, r.Targets)
	return b.String()
}

func line(b *strings.Builder, cells ...any) {
	head := ""
	if what, ok := cells[0].(string); ok && strings.HasPrefix(what, "\n") {
		head, cells[0] = "\n", what[1:]
	}
	b.WriteString(head + strings.TrimRight(fmt.Sprintf(columns, cells...), " ") + "\n")
}

// number writes three digits, or all before the point.
func number(v float64) string {
	if v == 0 || math.IsNaN(v) || math.IsInf(v, 0) {
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	digits := max(0, 2-int(math.Floor(math.Log10(math.Abs(v)))))
	text := strconv.FormatFloat(v, 'f', min(digits, 3), 64)
	if strings.Contains(text, ".") && v == math.Trunc(v) {
		text, _, _ = strings.Cut(text, ".")
	}
	return text
}

// spread is the least and the most of more than one measurement.
func (f Figure) spread() string {
	if f.N < 2 {
		return ""
	}
	return number(f.Min) + " - " + number(f.Max)
}

func (r Row) floor() string {
	if r.Floor == nil {
		return ""
	}
	return number(r.Floor.Median)
}

func (r Row) ratio() string {
	if r.Ratio == 0 {
		return ""
	}
	return fmt.Sprintf("%.2f", r.Ratio)
}

func (r Row) verdict() string {
	switch {
	case r.Met == nil:
		return ""
	case *r.Met:
		return "met"
	}
	return "MISSED"
}

// chains lists the calls of each longest chain.
func (r *Report) chains() string {
	var b strings.Builder
	for _, c := range r.Chains {
		if len(c.Dependent) == 0 {
			continue
		}
		fmt.Fprintf(&b, "%s, %s, %g ms: %d dependent of %d calls: %s\n", c.Form, c.temperature(), c.RoundTripMS,
			len(c.Dependent), c.Calls,
			strings.Join(c.Dependent, ", "))
	}
	return b.String()
}

// document is where -write puts the table, between the two marks.
const (
	document   = "docs/performance.md"
	beginTable = "<!-- begin figures -->\n"
	endTable   = "<!-- end figures -->"
)

// writeInto replaces the table in a document.
func writeInto(path, table string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("reading the document: %w", err)
	}
	head, rest, ok := strings.Cut(string(text), beginTable)
	_, tail, also := strings.Cut(rest, endTable)
	if !ok || !also {
		return errors.New(path + " has no place for the figures: the marks " + strings.TrimSpace(beginTable) + " and " +
			endTable + " are missing")
	}
	if err := os.WriteFile(path, []byte(head+beginTable+"```text\n"+table+"```\n"+endTable+tail), 0o644); err != nil {
		return fmt.Errorf("writing the document: %w", err)
	}
	return nil
}
