package main

import (
	"context"
	"fmt"
	"os"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/performance"
	"github.com/chromedp/chromedp"
)

// A tenancy of 100,000 users.
const large = 300_000

// The log has the times for the reader: on a busy machine they say little, but the times of the processor do.
func TestALargeReportCanBeUsed(t *testing.T) {
	path := sample(t, large)
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	b := newTab(t)
	t.Cleanup(func() { b.quiet("file://" + path) })
	b.do(chromedp.Func(func(ctx context.Context, tg *chromedp.Target) error {
		_, err := cdp.Call(ctx, tg, performance.Enable,
			performance.EnableParams{TimeDomain: performance.EnableTimeDomainThreadTicks})
		return err
	}))
	if err := open(b.ctx, "file://"+path, 1280, 900, "light"); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d rows, %d MB: the table is there after %.0f ms; %s", large, info.Size()/1e6,
		eval[float64](b, `performance.now()`), metrics(b))
	if got := b.shown(); got != "All 300,000 credentials" || len(b.column("owner")) != 100 {
		t.Errorf("it shows %s", got)
	}
	for _, name := range []string{"owner", "age", "advice"} {
		took := eval[float64](b, `(() => { const begin = performance.now();
			document.querySelector('#rows th[data-name="`+name+`"] button').click(); return performance.now() - begin; })()`)
		t.Logf("sorting by %s: %.0f ms; %s", name, took, metrics(b))
		sorted := eval[string](b, `document.querySelector('#rows th[data-name="`+name+`"]').ariaSort`)
		if sorted == "none" {
			t.Errorf("it isn't sorted by %s", name)
		}
	}
	begin := eval[float64](b, `performance.now()`)
	b.choose("filter-q", "svc-backup prod")
	b.until(`/^[1-9].* of 300,000 credentials$/.test(document.getElementById('shown').textContent)`)
	t.Logf("filtering by text: %.0f ms; %s", eval[float64](b, `performance.now()`)-begin, metrics(b))
	b.click("#clear")
	b.click("#last")
	if got := eval[string](b, `document.getElementById('page').value`); got != "3000" {
		t.Errorf("the last page is %s", got)
	}
}

// metrics says how much the page has used since its beginning.
func metrics(b *tab) string {
	b.t.Helper()
	m, err := chromedp.Run(b.ctx, func(ctx context.Context, tg *chromedp.Target) (performance.GetMetricsResult, error) {
		return cdp.Call(ctx, tg, performance.GetMetrics, cdp.Empty{})
	})
	if err != nil {
		b.t.Fatal(err)
	}
	of := map[string]float64{}
	for _, metric := range m.Metrics {
		of[metric.Name] = metric.Value
	}
	return fmt.Sprintf("in all %.1f s of the processor, and a heap of %.0f MB", of["TaskDuration"],
		of["JSHeapUsedSize"]/1e6)
}
