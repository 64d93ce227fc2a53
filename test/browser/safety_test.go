package main

import (
	"context"
	"encoding/csv"
	"iter"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/report"
)

// hostile are texts that try to become more than text in a page or a spreadsheet.
var hostile = []string{
	`</script><script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `<svg onload=alert(1)>`, "=1+1|cmd",
	`=HYPERLINK("https://example.com")`, "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "a\u2028b", "user\u202Egnp.exe",
	`"quoted", and more`, "two\nlines", "__proto__", "constructor", "ünïcode 漢字",
}

// hostileRows has rows in which every text is hostile.
func hostileRows() iter.Seq2[report.Row, error] {
	return func(yield func(report.Row, error) bool) {
		for _, s := range hostile {
			if !yield(report.Row{Kind: credential.Kind(s), ID: s, Domain: s, User: s, UserName: s, UserState: s,
				Administrator: s, Description: s, AgeDays: -1, Secrets: []string{s}, Rotation: s, Problem: s, Exempt: s,
				ExemptFlaw: s, State: s, Advice: s}, nil) {
				return
			}
		}
	}
}

func hostileReport(t *testing.T) string {
	return write(t, "hostile", func(path string) error {
		r := sampleReport(10)
		r.Rows = len(hostile)
		r.Name, r.ByName, r.Version, r.Domains = hostile[0], hostile[1], hostile[2], hostile
		r.NotAsked = []report.Gap{{What: hostile[0], Why: hostile[1], Remedy: hostile[11]}}
		r.Verdicts[0].Why, r.Verdicts[0].Examples = hostile[1], hostile
		f, err := os.Create(path)
		if err != nil {
			return err
		}
		defer f.Close()
		return report.HTML(f, r, hostileRows())
	})
}

func TestHostileTextsStayTexts(t *testing.T) {
	b := openReport(t, hostileReport(t), "", 1280, "light")
	b.click("#rows .detail")
	eval[bool](b, `(dispatchEvent(new Event('beforeprint')), dispatchEvent(new Event('afterprint')), true)`)
	if got := b.column("advice"); len(got) != len(hostile) {
		t.Fatalf("the table has %d rows, want %d", len(got), len(hostile))
	}
	text := strings.Join(b.column("advice"), "\n")
	for _, want := range []string{hostile[0], hostile[1], "a‹U+2028›b", "user‹U+202E›gnp.exe", "two‹U+000A›lines",
		"__proto__"} {
		if !strings.Contains(text, want) {
			t.Errorf("the table doesn't show %q:\n%s", want, text)
		}
	}
	if n := eval[int](b, `document.querySelectorAll('img, svg, iframe, object').length`); n != 0 {
		t.Errorf("%d elements came from texts", n)
	}
	for _, s := range hostile[:4] {
		b.choose("filter-q", s)
		b.until(`document.querySelectorAll('#rows tbody tr').length === 1 && document.querySelector('#rows td.c-advice') !== null`)
	}
	b.choose("filter-q", "")
	b.choose("filter-kind", "__proto__")
	b.until(`document.getElementById('shown').textContent === '1 of 17 credentials'`)
}

func TestTheExportedRowsAreSafeInASpreadsheet(t *testing.T) {
	b := openReport(t, hostileReport(t), "#sort=advice", 1280, "light")
	rows := exported(b)
	if len(rows) != len(hostile)+1 || rows[0][0] != "kind" || len(rows[0]) != 19 {
		t.Fatalf("the file has %d rows; the first is %q", len(rows), rows[0])
	}
	found := map[string]bool{}
	for _, row := range rows[1:] {
		for _, cell := range row {
			if cell != "" && strings.ContainsAny(cell[:1], "=+-@\t\r\n") {
				t.Errorf("the cell %q would be run", cell)
			}
		}
		found[row[18]] = true
	}
	for _, want := range []string{"'=1+1|cmd", "'+1", "'@SUM(A1)", "'\t=1", `"quoted", and more`, "two\nlines",
		"ünïcode 漢字", "user\u202Egnp.exe"} {
		if !found[want] {
			t.Errorf("the file doesn't have %q: %v", want, found)
		}
	}
	b = openReport(t, sample(t, many), "#kind=auth-token&sort=-age", 1280, "light")
	rows = exported(b)
	for i, want := range b.column("owner") {
		if got := rows[i+1]; got[0] != "auth-token" || got[4] != owner(want) {
			t.Fatalf("row %d of the file is %q; the table shows %s", i, got, want)
		}
	}
	if n := len(rows) - 1; !strings.HasPrefix(b.shown(), comma(n)+" of ") {
		t.Errorf("the file has %d rows, the page says %s", n, b.shown())
	}
	if created := rows[len(rows)-1][8]; !strings.HasSuffix(created, "Z") || len(created) != 20 {
		t.Errorf("a credential was created at %q", created)
	}
}

// exported clicks on the button that exports, and returns the file's rows.
func exported(b *tab) [][]string {
	b.t.Helper()
	dir := b.t.TempDir()
	_, err := chromedp.CallBrowser(b.ctx, browser.SetDownloadBehavior, browser.SetDownloadBehaviorParams{
		Behavior: browser.SetDownloadBehaviorBehaviorAllow, DownloadPath: dir, EventsEnabled: new(true)})
	if err != nil {
		b.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.ctx)
	defer cancel()
	progress := chromedp.BrowserEvents(ctx, browser.DownloadProgress)
	b.click("#export")
	for ev, err := range progress {
		if err != nil {
			b.t.Fatal(err)
		}
		if ev.State == browser.DownloadProgressStateCompleted {
			break
		}
	}
	text, err := os.ReadFile(filepath.Join(dir, "keyturn-report-2026-11-29.csv"))
	if err != nil {
		b.t.Fatal(err)
	}
	rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(string(text), "\uFEFF"))).ReadAll()
	if err != nil {
		b.t.Fatal(err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for i, r := range b.requests {
		if strings.HasPrefix(r, "blob:") { // the file that was just made, in the page's memory
			b.requests[i] = b.requests[0]
		}
	}
	return rows
}

func TestThePolicyStopsWhatAMistakeWouldLetThrough(t *testing.T) {
	var hits atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { hits.Add(1) }))
	defer server.Close()
	b := newTab(t)
	if err := open(b.ctx, "file://"+sample(t, many), 1280, 900, "light"); err != nil {
		t.Fatal(err)
	}
	got := eval[[]string](b, `(async () => {
		const url = '`+server.URL+`', out = [];
		await fetch(url).then(() => out.push('fetch'), () => {});
		const image = await new Promise((done) => { const i = new Image(); i.onload = i.onerror = (e) => done(e.type); i.src = url; });
		if (image === 'load') { out.push('image'); }
		navigator.sendBeacon(url);
		const s = document.createElement('script');
		try { s.text = 'document.title = "run"'; document.body.append(s); } catch (e) {}
		try { document.body.innerHTML = '<b>'; out.push('html'); } catch (e) {}
		try { eval('1'); out.push('eval'); } catch (e) {}
		const f = document.createElement('form'); f.action = url; document.body.append(f); f.submit();
		if (document.title === 'run') { out.push('script'); }
		return out;
	})()`)
	if len(got) != 0 || hits.Load() != 0 {
		t.Errorf("the policy lets %v through, and %d requests reached a server", got, hits.Load())
	}
}

func TestADamagedFileSaysSo(t *testing.T) {
	whole, err := os.ReadFile(sample(t, many))
	if err != nil {
		t.Fatal(err)
	}
	text := string(whole)
	block := strings.Index(text, `<script type="text/plain"`)
	at := block + 300
	for what, damaged := range map[string]string{
		"is cut off in a row":     text[:at],
		"is cut off at the end":   text[:strings.Index(text, "<footer")],
		"lacks a block":           text[:block] + text[strings.Index(text, "<footer"):],
		"has a changed character": text[:at] + string(text[at]^1) + text[at+1:],
	} {
		path := filepath.Join(t.TempDir(), "damaged.html")
		if err := os.WriteFile(path, []byte(damaged), 0o600); err != nil {
			t.Fatal(err)
		}
		b := newTab(t)
		b.do(chromedp.Navigate("file://"+path), chromedp.WaitVisible(chromedp.CSS("#cut")))
		if got := eval[string](b, `document.getElementById('cut').innerText`); !strings.Contains(got, "not whole") {
			t.Errorf("a file that %s says %q", what, got)
		}
		if eval[bool](b, `document.getElementById('rows').checkVisibility()`) {
			t.Errorf("a file that %s shows a table", what)
		}
	}
}

func TestWithoutScriptThePageStillHasTheVerdicts(t *testing.T) {
	b := newTab(t)
	off := chromedp.Func(func(ctx context.Context, tg *chromedp.Target) error {
		_, err := cdp.Call(ctx, tg, emulation.SetScriptExecutionDisabled,
			emulation.SetScriptExecutionDisabledParams{Value: true})
		return err
	})
	b.do(off, chromedp.Navigate("file://"+sample(t, many)))
	text := eval[string](b, `document.body.innerText`)
	for _, want := range []string{"Not asked: 2 parts", "1.8 API keys rotate", "Not met", "All kinds",
		"needs JavaScript"} {
		if !strings.Contains(text, want) {
			t.Errorf("without script the page doesn't show %q", want)
		}
	}
	for _, want := range []string{"Reading the rows", "Clear filters", "Show the credentials"} {
		if strings.Contains(text, want) {
			t.Errorf("without script the page shows %q", want)
		}
	}
}

func TestAnOlderBrowserShowsTheTableOrSaysWhyNot(t *testing.T) {
	b := newTab(t)
	without := func(name string) chromedp.Action[chromedp.Void] {
		return chromedp.Func(func(ctx context.Context, tg *chromedp.Target) error {
			_, err := cdp.Call(ctx, tg, page.AddScriptToEvaluateOnNewDocument,
				page.AddScriptToEvaluateOnNewDocumentParams{Source: "delete " + name})
			return err
		})
	}
	b.do(without("Uint8Array.fromBase64"))
	if err := open(b.ctx, "file://"+sample(t, many), 1280, 900, "light"); err != nil {
		t.Fatal(err)
	}
	if got := len(b.column("owner")); got != 100 {
		t.Errorf("without fromBase64 the table has %d rows", got)
	}
	b.do(without("globalThis.DecompressionStream"), chromedp.Reload())
	b.until(`document.getElementById('loading').innerText.includes('too old to show the table')`)
	if eval[bool](b, `document.getElementById('rows').checkVisibility()`) {
		t.Error("it shows a table without rows")
	}
}
