package report

import (
	"encoding/csv"
	"fmt"
	"io"
	"iter"
	"strconv"
	"strings"
	"time"
)

// csvColumns are the columns of CSV, in their order.
var csvColumns = []struct {
	name  string
	value func(Row) string
}{
	{"kind", func(r Row) string { return string(r.Kind) }},
	{"id", func(r Row) string { return r.ID }},
	{"domain", func(r Row) string { return r.Domain }},
	{"user", func(r Row) string { return r.User }},
	{"user_name", func(r Row) string { return r.UserName }},
	{"user_state", func(r Row) string { return r.UserState }},
	{"administrator", func(r Row) string { return r.Administrator }},
	{"description", func(r Row) string { return r.Description }},
	{"created", func(r Row) string { return instantOf(r.Created) }},
	{"expires", func(r Row) string { return instantOf(r.Expires) }},
	{"age_days", func(r Row) string {
		if r.AgeDays < 0 {
			return ""
		}
		return strconv.Itoa(r.AgeDays)
	}},
	{"due", func(r Row) string { return instantOf(r.Due) }},
	{"state", func(r Row) string { return r.State }},
	{"secrets", func(r Row) string { return strings.Join(r.Secrets, "; ") }},
	{"rotation", func(r Row) string { return r.Rotation }},
	{"problem", func(r Row) string { return r.Problem }},
	{"exempt", func(r Row) string { return r.Exempt }},
	{"exempt_flaw", func(r Row) string { return r.ExemptFlaw }},
	{"advice", func(r Row) string { return r.Advice }},
}

func instantOf(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// CSV writes the rows, with a line of headings (RFC 4180). A cell that a spreadsheet would take for a formula gets an
// apostrophe before it: users choose names and descriptions.
func CSV(w io.Writer, rows iter.Seq2[Row, error]) error {
	out := csv.NewWriter(w)
	out.UseCRLF = true
	cells := make([]string, len(csvColumns))
	for i, c := range csvColumns {
		cells[i] = c.name
	}
	if err := out.Write(cells); err != nil {
		return fmt.Errorf("writing the report as CSV: %w", err)
	}
	for row, err := range rows {
		if err != nil {
			return err
		}
		for i, c := range csvColumns {
			cells[i] = harmless(c.value(row))
		}
		if err := out.Write(cells); err != nil {
			return fmt.Errorf("writing the report as CSV: %w", err)
		}
	}
	out.Flush()
	if err := out.Error(); err != nil {
		return fmt.Errorf("writing the report as CSV: %w", err)
	}
	return nil
}

// harmless keeps a spreadsheet from computing a cell (OWASP, "CSV Injection"). Some skip blanks before the sign.
func harmless(cell string) string {
	if bare := strings.TrimLeft(cell, " \u00a0\ufeff"); bare != "" && strings.ContainsRune("=+-@\t\r\n|%\uff1d\uff0b"+
		"\uff0d\uff20", []rune(bare)[0]) {
		return "'" + cell
	}
	return cell
}
