package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/chromedp"

	"github.com/keyturn/keyturn/test/need"
)

func TestThePageFitsANarrowScreen(t *testing.T) {
	b := openReport(t, sample(t, many), "#q=svc", 1280, "light")
	b.click("#rows .detail")
	for _, width := range []int64{320, 360, 768, 1280} {
		b.do(chromedp.EmulateViewport(width, 900))
		// An element may only be wider than the screen if it scrolls on its own.
		wide := eval[[]string](b, `(() => {
			const inside = (e) => e && (e.matches('.scroll, .skip') || inside(e.parentElement));
			return [...document.body.querySelectorAll('*')].filter((e) => e.getBoundingClientRect().right > innerWidth + 1
				&& !inside(e)).map((e) => e.outerHTML.slice(0, 120));
		})()`)
		if got := eval[int64](b, `document.scrollingElement.scrollWidth`); got > width || len(wide) > 0 {
			t.Errorf("a screen of %d pixels scrolls to %d; too wide: %q", width, got, wide)
		}
		if eval[string](b, `document.querySelector('#rows tbody td.c-owner').innerText`) == "" {
			t.Errorf("%d pixels: the rows aren't shown", width)
		}
		titles := eval[bool](b, `document.querySelector('#rows thead').checkVisibility()`)
		list := eval[bool](b, `document.getElementById('sort').checkVisibility()`)
		if titles == list {
			t.Errorf("%d pixels: the titles are visible: %v, and the list that sorts: %v", width, titles, list)
		}
	}
}

// contrast returns the texts with less contrast than WCAG asks for: 4.5 to 1, or 3 to 1 for large ones.
const contrast = `(() => {
	const rgb = (s) => s.match(/[\d.]+/g).map(Number);
	const light = ([r, g, b]) => [r, g, b].map((v) => v / 255).map((v) => v <= 0.04045 ? v / 12.92
		: ((v + 0.055) / 1.055) ** 2.4).reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
	const behind = (e) => {
		for (; e; e = e.parentElement) {
			const c = rgb(getComputedStyle(e).backgroundColor);
			if (c.length === 3 || c[3] === 1) { return c; }
		}
		return [255, 255, 255];
	};
	let seen = 0;
	const bad = new Set();
	const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
	while (walk.nextNode()) {
		const e = walk.currentNode.parentElement;
		if (walk.currentNode.data.trim() === '' || !e.checkVisibility() || e.closest('script, noscript, option')) { continue; }
		const style = getComputedStyle(e);
		const [a, b] = [light(rgb(style.color)), light(behind(e))].sort((x, y) => y - x);
		const size = parseFloat(style.fontSize);
		const large = size >= 24 || size >= 18.66 && Number(style.fontWeight) >= 600;
		seen++;
		if ((a + 0.05) / (b + 0.05) < (large ? 3 : 4.5)) {
			bad.add(e.className + ' ' + style.color + ' on ' + behind(e) + ': ' + walk.currentNode.data.slice(0, 30));
		}
	}
	return [String(seen), ...bad];
})()`

func TestEveryTextHasEnoughContrast(t *testing.T) {
	backs := map[string]bool{}
	b := openReport(t, sample(t, many), "", 1280, "light")
	b.click("#rows .detail")
	for _, scheme := range []string{"light", "dark"} {
		b.do(colours(scheme))
		got := eval[[]string](b, contrast)
		if len(got) > 1 || len(got[0]) < 3 { // fewer than 100 texts
			t.Errorf("%s: %s texts were looked at; too faint: %q", scheme, got[0], got[1:])
		}
		backs[eval[string](b, `getComputedStyle(document.body).backgroundColor`)] = true
	}
	if len(backs) != 2 {
		t.Errorf("light and dark have the background %v", backs)
	}
}

func TestThePrintHasTheVerdictsAndTheRowsThatFit(t *testing.T) {
	tool := need.Tool(t, "pdftotext")
	b := openReport(t, sample(t, many), "#state=old&kind=api-key", 1280, "dark")
	text := printed(b, tool)
	has := func(want string) bool { return strings.Contains(text, strings.ReplaceAll(want, " ", "")) }
	r := sampleReport(many)
	for _, want := range []string{"harbour-logistics", "the secrets of the region ap-tokyo-1",
		"Why: the region didn't answer", "auditor@harbour.example", "eu-amsterdam-1",
		"Only rows with kind “api-key”, state “old”.", "End of the report"} {
		if !has(want) {
			t.Errorf("the print doesn't have %q", want)
		}
	}
	for _, v := range r.Verdicts {
		if !has(v.Recommendation) || !has(v.Why) {
			t.Errorf("the print doesn't have the verdict %s, %q", v.Recommendation, v.Why)
		}
	}
	n := 0
	for _, row := range all(many) {
		if row.State == "old" && row.Kind == "api-key" {
			n++
			if !has(row.ID) {
				t.Fatalf("the print doesn't have the whole id %s", row.ID)
			}
		}
	}
	if !has(fmt.Sprintf("All %d rows", n)) || has("Export these") || has("Clear filters") {
		t.Errorf("the print doesn't have all %d rows, or has buttons", n)
	}
	b.click("#clear")
	limit := eval[string](b, `(dispatchEvent(new Event('beforeprint')), document.getElementById('printed').textContent)`)
	if limit != "The first 500 of 1,204 rows in the order shown. The file has the rest." {
		t.Errorf("the print says %q", limit)
	}
	if got := len(b.column("owner")); got != 500 {
		t.Errorf("%d rows are printed", got)
	}
	eval[bool](b, `dispatchEvent(new Event('afterprint'))`)
	if got := len(b.column("owner")); got != 100 {
		t.Errorf("after printing the table has %d rows", got)
	}
}

// printed prints the page and returns its text, without spaces.
func printed(b *tab, tool string) string {
	b.t.Helper()
	data, err := chromedp.Run(b.ctx, chromedp.PrintToPDF(chromedp.PDFPreferCSSPageSize()))
	if err != nil {
		b.t.Fatal(err)
	}
	path := filepath.Join(b.t.TempDir(), "report.pdf")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		b.t.Fatal(err)
	}
	text, err := exec.CommandContext(b.t.Context(), tool, "-raw", path, "-").Output()
	if err != nil {
		b.t.Fatal(err)
	}
	return strings.Join(strings.Fields(string(text)), "")
}

func TestTheKeyboardReachesEverythingAndTheFocusIsVisible(t *testing.T) {
	b := openReport(t, sample(t, many), "", 1280, "light")
	var reached []string
	for range 60 {
		b.do(chromedp.KeyEvent("\t"))
		at := eval[[]string](b, `(() => { const e = document.activeElement, s = getComputedStyle(e);
			return [e.id || e.parentElement.dataset.name || e.className || e.getAttribute('href') || e.tagName,
				s.outlineStyle === 'none' || parseFloat(s.outlineWidth) < 2 ? 'hidden' : 'visible']; })()`)
		if at[1] != "visible" {
			t.Errorf("the focus on %s can't be seen", at[0])
		}
		reached = append(reached, at[0])
		if at[0] == "detail" {
			break
		}
	}
	for _, want := range []string{"skip", "#not-asked", "#cis=1.8", "scroll", "filter-q", "filter-cis", "clear",
		"export", "state", "advice", "detail"} {
		if !slices.Contains(reached, want) {
			t.Errorf("the tab key doesn't reach %s; it reaches %v", want, reached)
		}
	}
	b.do(chromedp.KeyEvent("\r"))
	details := eval[string](b, `document.activeElement.getAttribute('aria-expanded')
		+ document.querySelector('.details').innerText`)
	if !strings.HasPrefix(details, "true") || !strings.Contains(details, "ocid1.user.oc1") {
		t.Errorf("enter shows the details %q", details)
	}
	b.do(chromedp.Focus(chromedp.CSS(`#rows th[data-name="owner"] button`)), chromedp.KeyEvent(" "))
	if got := eval[string](b, `document.activeElement.parentElement.getAttribute('aria-sort')`); got != "ascending" {
		t.Errorf("space sorts %s", got)
	}
	b.do(chromedp.Focus(chromedp.CSS("#last")), chromedp.KeyEvent("\r"))
	if got := eval[string](b, `document.activeElement.id + document.getElementById('page').value`); got != "last13" {
		t.Errorf("at the end the focus and the page are %s", got)
	}
}

func TestEveryControlAndRegionHasAName(t *testing.T) {
	b := openReport(t, sample(t, many), "", 1280, "light")
	tree, err := chromedp.Run(b.ctx, func(ctx context.Context, tg *chromedp.Target) (
		accessibility.GetFullAXTreeResult, error) {
		return cdp.Call(ctx, tg, accessibility.GetFullAXTree, accessibility.GetFullAXTreeParams{})
	})
	if err != nil {
		t.Fatal(err)
	}
	named := []string{"button", "link", "combobox", "searchbox", "spinbutton", "table", "region", "search",
		"navigation", "columnheader", "heading"}
	seen := map[string]int{}
	for _, n := range tree.Nodes {
		if n.Ignored || n.Role == nil {
			continue
		}
		role := strings.Trim(string(n.Role.Value), `"`)
		seen[role]++
		if slices.Contains(named, role) && (n.Name == nil || strings.Trim(string(n.Name.Value), `" `) == "") {
			t.Errorf("a %s has no name: %s", role, n.NodeID)
		}
	}
	for _, role := range append(named, "rowheader", "row", "cell", "article") {
		if seen[role] == 0 {
			t.Errorf("nothing has the role %s; there are %v", role, seen)
		}
	}
	levels := strings.Join(eval[[]string](b, `[...document.querySelectorAll('h1, h2, h3, h4')].map(
		(h) => h.tagName[1])`), "")
	if !regexp.MustCompile(`^1(2(3(4)?)*)+$`).MatchString(levels) {
		t.Errorf("the headings have the levels %s", levels)
	}
	if got := eval[string](b, `document.documentElement.lang`); got != "en" {
		t.Errorf("the language is %q", got)
	}
}
