package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/keyturn/keyturn/pkg/report"
)

// many is the number of rows of most tests: more than a page of the table.
const many = 1204

func TestTheReportOpensWithItsVerdictsAndAsksForNothing(t *testing.T) {
	b := openReport(t, sample(t, many), "", 1280, "light")
	text := eval[string](b, `document.body.innerText`)
	for _, want := range []string{"harbour-logistics", "auditor@harbour.example", "eu-frankfurt-1, eu-amsterdam-1",
		"Not asked: 2 parts of the tenancy", "the secrets of the region ap-tokyo-1", "29 November 2026, 06:30 UTC",
		"Default, Engineering, Partners", "All 1,204 credentials"} {
		if !strings.Contains(text, want) {
			t.Errorf("the page doesn't show %q", want)
		}
	}
	for _, v := range sampleReport(many).Verdicts {
		if !strings.Contains(text, v.Recommendation+" "+v.Title) || !strings.Contains(text, v.Why) {
			t.Errorf("the page doesn't show the verdict %s", v.Recommendation)
		}
	}
}

func unknownAge(r report.Row) int {
	if r.AgeDays < 0 {
		return 1 << 30
	}
	return r.AgeDays
}

func TestEveryColumnSortsInBothDirections(t *testing.T) {
	b := openReport(t, sample(t, many), "", 1280, "light")
	owner := func(r report.Row) string { return strings.ToLower(r.UserName) }
	// What the first click on a title does.
	for name, key := range map[string]func(report.Row) string{
		"state": func(r report.Row) string {
			return fmt.Sprint(slices.Index([]string{"old", "not known", "soon", "ok"}, r.State))
		},
		"kind":   func(r report.Row) string { return string(r.Kind) },
		"owner":  owner,
		"domain": func(r report.Row) string { return strings.ToLower(r.Domain) },
		"age":    func(r report.Row) string { return fmt.Sprintf("%012d", 1<<30-unknownAge(r)) },
		"due": func(r report.Row) string {
			if r.Due == nil {
				return ""
			}
			return r.Due.Format(time.RFC3339)
		},
		"bound":    func(r report.Row) string { return blankLast(strings.Join(r.Secrets, "\n")) },
		"rotation": func(r report.Row) string { return blankLast(r.Rotation) },
		"exempt":   func(r report.Row) string { return blankLast(r.Exempt) },
		"advice":   func(r report.Row) string { return blankLast(r.Advice) },
	} {
		rows := all(many)
		slices.SortStableFunc(rows, func(a, b report.Row) int {
			if d := strings.Compare(key(a), key(b)); d != 0 {
				return d
			}
			return unknownAge(b) - unknownAge(a)
		})
		title := fmt.Sprintf(`#rows th[data-name="%s"] button`, name)
		if name != "state" { // the table is sorted by it from the beginning
			b.click(title)
		}
		checkSorted(b, name, "ascending", rows, key)
		b.click(title)
		checkSorted(b, name, "descending", nil, nil)
		b.click(`#rows th[data-name="state"] button`)
	}
}

func blankLast(text string) string {
	if text == "" {
		return "\U0010FFFF"
	}
	return strings.ToLower(text)
}

// checkSorted compares the first page with the rows, and the title with the direction.
func checkSorted(b *tab, name, direction string, rows []report.Row, key func(report.Row) string) {
	b.t.Helper()
	if name == "age" { // the first click shows the oldest
		direction = map[string]string{"ascending": "descending", "descending": "ascending"}[direction]
	}
	sorts := eval[map[string]string](b, `Object.fromEntries([...document.querySelectorAll('#rows th')].map(
		(th) => [th.dataset.name, th.getAttribute('aria-sort')]))`)
	for n, got := range sorts {
		if want := map[bool]string{true: direction, false: "none"}[n == name]; got != want {
			b.t.Errorf("sorted by %s: the title %s says %s, want %s", name, n, got, want)
		}
	}
	got := b.column("owner")
	if len(got) != 100 {
		b.t.Fatalf("sorted by %s: the page has %d rows", name, len(got))
	}
	for i := range got {
		if rows != nil && owner(got[i]) != rows[i].UserName {
			b.t.Fatalf("sorted by %s: row %d is of %s, want %s (%s)", name, i, owner(got[i]), rows[i].UserName,
				key(rows[i]))
		}
	}
}

// owner is the name in the cell of an owner, without its badges.
func owner(cell string) string { return strings.Fields(cell)[0] }

func TestEveryFilterShowsWhatFits(t *testing.T) {
	b := openReport(t, sample(t, many), "", 1280, "light")
	rows := all(many)
	check := func(id, value string, fits func(report.Row) bool) {
		t.Helper()
		n := 0
		for _, r := range rows {
			if fits(r) {
				n++
			}
		}
		if n == 0 || n == len(rows) {
			t.Fatalf("%s %s fits %d rows", id, value, n)
		}
		b.choose("filter-"+id, value)
		b.until(fmt.Sprintf(`document.getElementById('shown').textContent === '%s of 1,204 credentials'`, comma(n)))
		if got := len(b.column("kind")); got != min(n, 100) {
			t.Errorf("%s %s: the table has %d rows, want %d", id, value, got, min(n, 100))
		}
		b.click("#clear")
		b.until(`document.getElementById('shown').textContent === 'All 1,204 credentials'`)
	}
	check("kind", "auth-token", func(r report.Row) bool { return r.Kind == "auth-token" })
	check("state", "not known", func(r report.Row) bool { return r.State == "not known" })
	check("domain", "Partners", func(r report.Row) bool { return r.Domain == "Partners" })
	check("bound", "yes", func(r report.Row) bool { return len(r.Secrets) > 0 })
	check("bound", "no", func(r report.Row) bool { return len(r.Secrets) == 0 })
	check("exempt", "yes", func(r report.Row) bool { return r.Exempt != "" })
	check("q", "ADEYEMI", func(r report.Row) bool { return strings.Contains(r.UserName, "adeyemi") })
	check("q", "svc prod", func(r report.Row) bool {
		return strings.Contains(r.UserName, "svc") && strings.Contains(r.UserName, "prod")
	})
	check("q", rows[5].ID[20:], func(r report.Row) bool { return r.ID == rows[5].ID })
	check("q", "find out", func(r report.Row) bool { return strings.HasPrefix(r.Advice, "Find out") })
}

func comma(n int) string {
	s := strconv.Itoa(n)
	if n >= 1000 {
		s = s[:len(s)-3] + "," + s[len(s)-3:]
	}
	return s
}

func TestAVerdictLeadsToItsCredentials(t *testing.T) {
	b := openReport(t, sample(t, many), "", 1280, "light")
	keys := map[string]int{}
	for _, r := range all(many) {
		if r.Kind == "api-key" {
			keys[r.User]++
		}
	}
	several := 0
	for _, n := range keys {
		if n > 1 {
			several += n
		}
	}
	seen := 0
	for _, v := range sampleReport(many).Verdicts {
		if v.Against == 0 {
			continue
		}
		seen++
		want := v.Against
		if v.Recommendation == "1.17" { // it counts users
			want = several
		}
		b.click(fmt.Sprintf(`.more a[href="#cis=%s"]`, v.Recommendation))
		b.until(fmt.Sprintf(`document.getElementById('shown').textContent === '%s of 1,204 credentials'`, comma(want)))
		if got := eval[string](b, `document.activeElement.id`); got != "credentials" {
			t.Errorf("%s: the focus is on %q, want the table", v.Recommendation, got)
		}
	}
	if seen < 4 {
		t.Errorf("%d verdicts have credentials against them; want 4 or more", seen)
	}
}

func TestTheAddressKeepsTheView(t *testing.T) {
	path := sample(t, many)
	b := openReport(t, path, "#q=svc&kind=api-key&sort=-owner&page=2", 1280, "light")
	first, shown := b.column("owner"), b.shown()
	if eval[string](b, `document.getElementById('page').value`) != "2" || len(first) == 0 ||
		!slices.IsSortedFunc(first, func(a, b string) int { return strings.Compare(owner(b), owner(a)) }) {
		t.Errorf("page %s has %v", eval[string](b, `document.getElementById('page').value`), first)
	}
	b.do(chromedp.Click(chromedp.CSS("#previous")))
	b.click(`#rows th[data-name="age"] button`)
	if got := eval[string](b, `location.hash`); got != "#q=svc&kind=api-key&sort=-age" {
		t.Errorf("the address is %s", got)
	}
	b.choose("filter-q", "no such name")
	b.until(`document.querySelector('#rows .none') !== null`)
	b.do(chromedp.Reload())
	b.until(ready)
	if got := b.shown(); got != "0 of 1,204 credentials" || got == shown {
		t.Errorf("after a reload it shows %s", got)
	}
}

func TestAnOddAddressShowsTheTableAllTheSame(t *testing.T) {
	b := openReport(t, sample(t, many), "#sort=nothing&page=-1&cis=constructor&kind=none%00", 1280, "light")
	if got := b.shown(); got != "0 of 1,204 credentials" {
		t.Errorf("it shows %s", got)
	}
	for odd, want := range map[string]string{"#page=9999999": "All", "#%E0%A4%A=": "All", "#q=((": "0 of",
		"#a=&=b&=": "All",
		"#sort=-":  "All", "#cis=1.8&cis=9.9": "0 of"} {
		eval[bool](b, `new Promise((done) => { addEventListener('hashchange', () => done(true), { once: true });
			location.hash = '`+odd+`'; })`)
		if got := b.shown(); !strings.HasPrefix(got, want) {
			t.Errorf("%s: it shows %s, want %s", odd, got, want)
		}
	}
}
