package report_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
	"github.com/keyturn/keyturn/pkg/inventory"
	"github.com/keyturn/keyturn/pkg/report"
)

// hostile is a report with texts that users chose.
func hostile(t *testing.T) (report.Report, *report.Builder) {
	t.Helper()
	b := builder(t)
	v := b.Visitor()
	v.Domain(home)
	for i, name := range []string{"=HYPERLINK(\"http://x\")", "+1", "-1", "@sum", "\x1b[31mred", "a\r\nb,c\"d",
		" =1", strings.Repeat("long", 60), strings.Repeat("長", 60), "\u202eevil", "plain@example.com"} {
		e := held(credential.APIKey, fmt.Sprint("ocid1.user.oc1..", i), print1, float64(80+i*5))
		e.UserName, e.Description = name, name
		v.User(home, credential.User{ID: e.User, State: name})
		v.Credential(e)
	}
	b.Administrators(nil, nil, nil)
	r, _ := finish(t, b, report.Scope{Gaps: []inventory.Gap{{Doing: "list the secrets", Region: "eu-frankfurt-1",
		Thing: "ocid1.compartment.oc1.." + strings.Repeat("a", 90),
		Err:   fault.New(fault.Absent, "ListSecrets", "not found\nor not allowed")}}})
	return r, b
}

func TestTheTableFits80ColumnsAndHasNoControlCharacters(t *testing.T) {
	r, b := hostile(t)
	var out bytes.Buffer
	if err := report.Table(&out, r, b.Rows(), 30); err != nil {
		t.Fatal(err)
	}
	for line := range strings.SplitSeq(out.String(), "\n") {
		if n := utf8.RuneCountInString(line) + strings.Count(line, "長"); n > 80 || strings.ContainsAny(line,
			"\x1b\r\u202e") {
			t.Errorf("%d columns: %q", n, line)
		}
	}
	for _, want := range []string{"1.8   not met", "1.9   met", "plain@example.com", "eu-frankfurt-1", "--print-policy",
		"API keys                        11       9       2"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the table lacks %q:\n%s", want, out.String())
		}
	}
}

func TestTheTableShowsNoMoreRowsThanAsked(t *testing.T) {
	r, b := hostile(t)
	for _, most := range []int{0, 3, 9, 100} {
		var out bytes.Buffer
		if err := report.Table(&out, r, b.Rows(), most); err != nil {
			t.Fatal(err)
		}
		shown := strings.Count(out.String(), "API key of ")
		if want := min(most, 11); shown != want || strings.Contains(out.String(), "There are more") != (most < 11) {
			t.Errorf("with --rows %d it shows %d", most, shown)
		}
	}
}

func TestNoCellOfTheCSVIsAFormula(t *testing.T) {
	r, b := hostile(t)
	var out bytes.Buffer
	if err := report.CSV(&out, b.Rows()); err != nil {
		t.Fatal(err)
	}
	lines, err := csv.NewReader(&out).ReadAll()
	if err != nil || len(lines) != r.Rows+1 {
		t.Fatalf("%d lines: %v", len(lines), err)
	}
	names := 0
	for _, line := range lines[1:] {
		for i, cell := range line {
			if trimmed := strings.TrimLeft(cell, " "); trimmed != "" && strings.ContainsAny(trimmed[:1], "=+-@\t\r") {
				t.Errorf("the cell %s is %q", lines[0][i], cell)
			}
		}
		if line[4] == "'=HYPERLINK(\"http://x\")" || line[4] == "plain@example.com" {
			names++
		}
	}
	if names != 2 {
		t.Errorf("the names are not those of the users: %q", lines)
	}
}

func TestTheJSONHasTheReportAndAllRows(t *testing.T) {
	r, b := hostile(t)
	for name, rows := range map[string]iter.Seq2[report.Row, error]{"11 rows": b.Rows(),
		"no row": func(func(report.Row, error) bool) {}} {
		var out bytes.Buffer
		if err := report.JSON(&out, r, rows); err != nil {
			t.Fatal(err)
		}
		var got struct {
			Report report.Report
			Rows   []report.Row
		}
		d := json.NewDecoder(&out)
		d.DisallowUnknownFields()
		if err := d.Decode(&got); err != nil || got.Rows == nil || got.Report.Schema != report.Schema ||
			len(got.Rows) != 0 && got.Rows[10].UserName != "=HYPERLINK(\"http://x\")" {
			t.Errorf("%s: %v, %+v", name, err, got)
		}
	}
}

func TestAnErrorOfARowEndsEachForm(t *testing.T) {
	broken := errors.New("broken")
	rows := func(yield func(report.Row, error) bool) { yield(report.Row{}, broken) }
	for name, write := range map[string]func(io.Writer) error{
		"table": func(w io.Writer) error { return report.Table(w, report.Report{}, rows, 30) },
		"csv":   func(w io.Writer) error { return report.CSV(w, rows) },
		"json":  func(w io.Writer) error { return report.JSON(w, report.Report{}, rows) },
	} {
		if err := write(io.Discard); !errors.Is(err, broken) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
