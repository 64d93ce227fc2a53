package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"github.com/keyturn/keyturn/pkg/report"
	"github.com/keyturn/keyturn/test/need"
)

// The browser of all tests, and the folder of their reports.
var (
	shared struct {
		once   sync.Once
		ctx    context.Context
		cancel context.CancelFunc
		err    error
	}
	dir string
)

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(func() int {
		var err error
		dir, err = os.MkdirTemp("", "keyturn-browser")
		if err != nil {
			fmt.Fprintln(os.Stderr, "making a folder:", err)
			return 1
		}
		defer os.RemoveAll(dir)
		defer func() {
			if shared.cancel != nil {
				shared.cancel()
			}
		}()
		return m.Run()
	}())
}

// chromium starts the browser of all tests, once.
func chromium(t *testing.T) context.Context {
	t.Helper()
	path := need.Tool(t, "chromium")
	shared.once.Do(func() {
		shared.ctx, shared.cancel = newBrowser(context.Background(), path)
		shared.err = chromedp.Do(shared.ctx)
	})
	if shared.err != nil {
		t.Fatalf("starting Chromium: %v", shared.err)
	}
	return shared.ctx
}

// tab is a page in its own tab. It records what the page asks for and what it says.
type tab struct {
	t   *testing.T
	ctx context.Context

	mu       sync.Mutex
	requests []string
	dialogs  []string
	console  []string
}

// newTab makes a tab. At the end of the test it fails if the page asked for anything but itself, opened a dialog, or
// wrote to the console.
func newTab(t *testing.T) *tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(chromium(t))
	b := &tab{t: t, ctx: ctx}
	t.Cleanup(cancel)
	err := chromedp.Listen(ctx, func(ev any) {
		b.mu.Lock()
		defer b.mu.Unlock()
		switch ev := ev.(type) {
		case *network.EventRequestWillBeSent:
			b.requests = append(b.requests, ev.Request.URL)
		case *network.EventWebSocketCreated:
			b.requests = append(b.requests, ev.URL)
		case *page.EventJavascriptDialogOpening:
			b.dialogs = append(b.dialogs, ev.Message)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	messages := chromedp.Console(ctx)
	read := make(chan struct{})
	go func() {
		defer close(read)
		for m, err := range messages {
			if err != nil {
				return
			}
			b.mu.Lock()
			b.console = append(b.console, fmt.Sprint(m.Type, ": ", m.Text))
			b.mu.Unlock()
		}
	}()
	t.Cleanup(func() {
		cancel()
		<-read
	})
	return b
}

// openReport opens a report in a tab of that width, in light or dark colours.
func openReport(t *testing.T, path, address string, width int64, scheme string) *tab {
	t.Helper()
	b := newTab(t)
	url := "file://" + path + address
	if err := open(b.ctx, url, width, 900, scheme); err != nil {
		t.Fatalf("opening %s: %v", url, err)
	}
	t.Cleanup(func() { b.quiet("file://" + path) })
	return b
}

// quiet fails the test unless the page asked for nothing but itself, and said nothing.
func (b *tab) quiet(url string) {
	b.t.Helper()
	if b.t.Failed() {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.requests) == 0 {
		b.t.Error("not even the page's own request was seen")
	}
	for _, r := range b.requests {
		if before, _, _ := strings.Cut(r, "#"); before != url {
			b.t.Errorf("the page asks for %.200s", r)
		}
	}
	if len(b.dialogs) > 0 || len(b.console) > 0 {
		b.t.Errorf("dialogs: %q, console: %q", b.dialogs, b.console)
	}
}

// do runs steps in the tab.
func (b *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, steps...); err != nil {
		b.t.Fatal(err)
	}
}

// click clicks on an element, wherever it is.
func (b *tab) click(selector string) {
	b.t.Helper()
	eval[bool](b, fmt.Sprintf(`(document.querySelector(%q).click(), true)`, selector))
}

// eval returns the value of an expression in the page.
func eval[T any](b *tab, expression string) T {
	b.t.Helper()
	v, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatalf("%s: %v", expression, err)
	}
	return v
}

// until waits until an expression is true.
func (b *tab) until(expression string) {
	b.t.Helper()
	if _, err := chromedp.Run(b.ctx, chromedp.Poll[any](expression)); err != nil {
		b.t.Fatalf("waiting for %s: %v; the page says %q", expression, err,
			eval[string](b, `document.getElementById('shown').textContent`))
	}
}

// column returns the texts of a column of the table, by its title.
func (b *tab) column(name string) []string {
	b.t.Helper()
	return eval[[]string](b, fmt.Sprintf(
		`[...document.querySelectorAll('#rows tbody td.c-%s')].map((c) => c.textContent)`, name))
}

// shown is what the page says about the number of its rows.
func (b *tab) shown() string { return eval[string](b, `document.getElementById('shown').textContent`) }

// choose makes the page's list have a value, as a user does.
func (b *tab) choose(id, value string) {
	b.t.Helper()
	quoted, err := json.Marshal(value)
	if err != nil {
		b.t.Fatal(err)
	}
	eval[bool](b, fmt.Sprintf(`(() => { const e = document.getElementById(%q); e.value = %s;
		e.dispatchEvent(new Event('input', { bubbles: true })); return e.value === %s; })()`, id, quoted, quoted))
}

var written struct {
	mu    sync.Mutex
	paths map[string]string
}

// sample writes the sample report with so many rows, once.
func sample(t *testing.T, rows int) string {
	t.Helper()
	return write(t, fmt.Sprint("sample", rows), func(path string) error {
		return writeReport(path, sampleReport(rows))
	})
}

func write(t *testing.T, name string, make func(path string) error) string {
	t.Helper()
	written.mu.Lock()
	defer written.mu.Unlock()
	if path := written.paths[name]; path != "" {
		return path
	}
	path := filepath.Join(dir, name+".html")
	if err := make(path); err != nil {
		t.Fatal(err)
	}
	if written.paths == nil {
		written.paths = map[string]string{}
	}
	written.paths[name] = path
	return path
}

// all returns the rows of the sample.
func all(rows int) []report.Row {
	var out []report.Row
	for r := range sampleRows(rows) {
		out = append(out, r)
	}
	return out
}
