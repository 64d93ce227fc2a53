package report

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"html"
	"iter"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/pkg/credential"
)

var readAt = time.Date(2026, 11, 29, 6, 30, 0, 0, time.UTC)

// smallReport is a report with one of everything.
func smallReport(rows int) Report {
	return Report{
		Schema: Schema, Tenancy: "ocid1.tenancy.oc1..t", Name: "harbour", By: "ocid1.user.oc1..u",
		ByName: "auditor", At: readAt, Version: "1.4.0", LimitDays: 90,
		Regions: []string{"eu-frankfurt-1"}, Domains: []string{"Default", "Partners"},
		NotAsked: []Gap{{What: "the secrets of ap-tokyo-1", Why: "no answer", Remedy: "run it again"}},
		Users:    1200, Rows: rows,
		Counts: []Count{{Kind: credential.APIKey, All: 1000, Old: 20, Soon: 3, Undated: 1, Bound: 5, Exempt: 2},
			{Kind: credential.SMTPCredential, All: 234}},
		Verdicts: []Verdict{
			{Recommendation: "1.8", Title: "API keys rotate", Result: NotMet, Why: "20 are too old.", Checked: 1000,
				Against: 20, Exempt: 2, Examples: []string{"ann 11:22", "bob 33:44"}},
			{Recommendation: "1.9", Title: "Keys rotate", Result: Met, Why: "None is too old.", Checked: 4},
			{Recommendation: "1.11", Title: "Database passwords rotate", Result: "maybe", Why: "Some weren't read."},
		},
	}
}

// madeRows makes rows with texts that differ.
func madeRows(count int) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		for n := range count {
			created := readAt.Add(-time.Duration(n%400) * 24 * time.Hour)
			due := created.AddDate(0, 0, 90)
			sum := sha256.Sum256([]byte(fmt.Sprint(n)))
			r := Row{Kind: credential.Observed()[n%7], ID: fmt.Sprintf("ocid1.credential.oc1..%x", sum),
				Domain: "Default",
				User:   fmt.Sprintf("ocid1.user.oc1..%x", sum[:n%3+20]), UserName: fmt.Sprintf("user%d", n/3),
				UserState: "ACTIVE", Administrator: "no", Created: &created, AgeDays: n % 400, Due: &due, State: "ok"}
			if n%5 == 0 {
				r.Secrets = []string{fmt.Sprint("secret", n), "second"}
				r.Created, r.Due, r.AgeDays, r.State = nil, nil, -1, "not known"
			}
			if !yield(r, nil) {
				return
			}
		}
	}
}

func page(t *testing.T, r Report, rows iter.Seq2[Row, error]) string {
	t.Helper()
	var b bytes.Buffer
	if err := HTML(&b, r, rows); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

var (
	scripts = regexp.MustCompile(`(?s)<(script|style)\b[^>]*>(.*?)</(?:script|style)>`)
	tags    = regexp.MustCompile(`<[^>]*>`)
	spaces  = regexp.MustCompile(`\s*\n\s*`)
)

// plainText is what a reader without script sees, one text a line.
func plainText(page string) string {
	text := html.UnescapeString(tags.ReplaceAllString(scripts.ReplaceAllString(page, ""), "\n"))
	return strings.TrimSpace(spaces.ReplaceAllString(text, "\n"))
}

func TestThePageSaysAllButTheRowsWithoutScript(t *testing.T) {
	text := plainText(page(t, smallReport(3), madeRows(3)))
	want := `Credential report: harbour, 2026-11-29
Skip to the table of credentials
Keyturn credential report
harbour
3 credentials of 1,200 users, read on
29 November 2026, 06:30 UTC
Tenancy
ocid1.tenancy.oc1..t
Asked by
auditor
ocid1.user.oc1..u
When
2026-11-29 06:30:00 UTC
Keyturn
1.4.0
Age limit
90 days
Identity domains read (2)
Default
,
Partners
Regions whose secrets were read (1)
eu-frankfurt-1
Not asked
1 part of the tenancy
Not asked: 1 part of the tenancy
This report doesn’t say what is there. A missing credential is not known, not absent.
the secrets of ap-tokyo-1
Why:
no answer
To fix it:
run it again
CIS OCI Foundations Benchmark 3.1
1
not met,
1
not known,
1
met
1.8
API keys rotate
Not met
20 are too old.
Checked
1,000
Against
20
Exempt of these
2
Examples
ann 11:22
bob 33:44
Show the credentials that are against 1.8
1.9
Keys rotate
Met
None is too old.
Checked
4
Against
0
Exempt of these
0
1.11
Database passwords rotate
Not known
Some weren't read.
Checked
0
Against
0
Exempt of these
0
Credentials by kind
Kind
All
Older than 90 days
14 days or less left
Age not known
With a secret
Exempt
API key
1,000
20
3
1
5
2
SMTP credential
234
0
0
0
0
0
All kinds
1,234
20
3
1
5
2
Credentials
The table of the credentials needs JavaScript, which is off. The rest of this page is complete without it.
keyturn report
also writes the rows as CSV and JSON.
`
	if !strings.HasPrefix(text, want) {
		t.Errorf("without script the page says\n%s\nwant\n%s", text, want)
	}
	end := "End of the report: 3 credentials. Made by Keyturn 1.4.0 on 29 November 2026, 06:30 UTC."
	if !strings.HasSuffix(text, end) {
		t.Errorf("the page ends with %q", text[max(0, len(text)-100):])
	}
}

func TestOnlyACompleteReadingIsCalledComplete(t *testing.T) {
	complete := smallReport(0)
	complete.NotAsked = nil
	ended := complete
	ended.Interrupts = "the time was over"
	for what, c := range map[string]struct {
		r    Report
		want string
	}{
		"complete": {complete, "Everything was read\nNo part of the tenancy was left out: 2 identity domains and the " +
			"secrets of 1 region."},
		"interrupted": {ended, "The reading ended early\nThis report doesn’t say"},
		"with a gap":  {smallReport(0), "Not asked: 1 part of the tenancy\nThis report doesn’t say"},
	} {
		text := plainText(page(t, c.r, madeRows(0)))
		if !strings.Contains(text, c.want) {
			t.Errorf("%s: the page doesn't say %q:\n%.900s", what, c.want, text)
		}
		if got := strings.Contains(text, "Everything was read"); got != (what == "complete") {
			t.Errorf("%s: it says that everything was read: %v", what, got)
		}
	}
	if text := plainText(page(t, ended, madeRows(0))); !strings.Contains(text, "the time was over") {
		t.Error("the page doesn't say why the reading ended")
	}
}

func TestTheSameReportIsTheSameBytes(t *testing.T) {
	first := page(t, smallReport(9000), madeRows(9000))
	if again := page(t, smallReport(9000), madeRows(9000)); first != again {
		t.Error("the bytes differ")
	}
}

func TestAnUnfinishedReportHasNoEnd(t *testing.T) {
	broken := errors.New("the spool is gone")
	failing := func(yield func(Row, error) bool) {
		for r := range madeRows(9000) {
			if !yield(r, nil) {
				return
			}
		}
		yield(Row{}, broken)
	}
	for what, c := range map[string]struct {
		says int
		rows iter.Seq2[Row, error]
	}{
		"an error":          {9001, failing},
		"too few rows":      {9001, madeRows(9000)},
		"too many rows":     {9000, madeRows(9001)},
		"a row and no rows": {0, madeRows(1)},
	} {
		var b bytes.Buffer
		err := HTML(&b, smallReport(c.says), c.rows)
		if err == nil || what == "an error" && !errors.Is(err, broken) {
			t.Errorf("%s: the error is %v", what, err)
		}
		if strings.Contains(b.String(), `id="end"`) {
			t.Errorf("%s: the page has an end", what)
		}
	}
	for _, limit := range []int{0, 100_000} {
		if err := HTML(&full{limit}, smallReport(9000), madeRows(9000)); !errors.Is(err, errFull) {
			t.Errorf("a disk that is full after %d bytes: %v", limit, err)
		}
	}
}

// full is a disk that takes so many bytes.
type full struct{ left int }

var errFull = errors.New("the disk is full")

func (f *full) Write(p []byte) (int, error) {
	if len(p) > f.left {
		return 0, errFull
	}
	f.left -= len(p)
	return len(p), nil
}

func TestNumbersAndResultsAreReadable(t *testing.T) {
	for n, want := range map[int]string{0: "0", 7: "7", 999: "999", 1000: "1,000", 300000: "300,000",
		1234567: "1,234,567", -1: "-1", -123456: "-123,456"} {
		if got := number(n); got != want {
			t.Errorf("%d is %s, want %s", n, got, want)
		}
	}
	for r, want := range map[Result]string{Met: "Met met", NotMet: "Not met not-met", NotKnown: "Not known not-known",
		"": "Not known not-known", "MET": "Not known not-known"} {
		if got := resultWord(r) + " " + resultClass(r); got != want {
			t.Errorf("%q is %q, want %q", r, got, want)
		}
	}
	if got := visible("a\u202Eb\tc\u00e9"); got != "a‹U+202E›b‹U+0009›cé" {
		t.Errorf("it is %q", got)
	}
	for k, want := range map[credential.Kind]string{credential.APIKey: "API key",
		credential.Password: "Console password", credential.SMTPCredential: "SMTP credential", "new-kind": "new-kind"} {
		if got := kindName(k); got != want {
			t.Errorf("%s is %s, want %s", k, got, want)
		}
	}
}
