// Command browser writes a sample report as HTML, or a picture or a print of it. Its tests open reports in a browser.
//
//	go run ./test/browser -rows 300000 -html report.html
//	go run ./test/browser -page report.html -png docs/report.png
//
// A picture or a print needs Chromium.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"

	"github.com/chromedp/chromedp"

	"github.com/keyturn/keyturn/pkg/report"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "browser:", err)
		os.Exit(1)
	}
}

// options are the flags.
type options struct {
	rows           int
	page           string
	html, png, pdf string
	width, height  int
	dark           bool
	address        string
}

func run(ctx context.Context) error {
	var o options
	flag.IntVar(&o.rows, "rows", 1204, "how many credentials the tenancy has")
	flag.StringVar(&o.page, "page", "", "draw this report (default: a sample)")
	flag.StringVar(&o.html, "html", "", "write the report to this file")
	flag.StringVar(&o.png, "png", "", "write a picture to this file")
	flag.StringVar(&o.pdf, "pdf", "", "write a print to this file")
	flag.IntVar(&o.width, "width", 1280, "the picture's width in pixels")
	flag.IntVar(&o.height, "height", 900, "the picture's height in pixels")
	flag.BoolVar(&o.dark, "dark", false, "make the picture in dark colours")
	flag.StringVar(&o.address, "address", "", "the part of the address after #")
	flag.Parse()
	if o.html == "" && o.png == "" && o.pdf == "" {
		return errors.New("nothing to do: give -html, -png or -pdf with a file")
	}
	dir, err := os.MkdirTemp("", "keyturn-report")
	if err != nil {
		return fmt.Errorf("making a folder: %w", err)
	}
	defer os.RemoveAll(dir)
	page := filepath.Join(dir, "report.html")
	if o.html != "" {
		page, err = filepath.Abs(o.html)
		if err != nil {
			return err
		}
	}
	if o.page != "" {
		page, err = filepath.Abs(o.page)
	} else {
		err = writeReport(page, sampleReport(o.rows))
	}
	if err != nil {
		return err
	}
	if o.png == "" && o.pdf == "" {
		return nil
	}
	return draw(ctx, o, "file://"+page+"#"+o.address)
}

func writeReport(path string, r report.Report) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(report.HTML(f, r, sampleRows(r.Rows)), f.Close())
}

// draw opens the page and makes a picture and a print of it.
func draw(ctx context.Context, o options, url string) error {
	ctx, cancel := newBrowser(ctx, "chromium")
	defer cancel()
	scheme := "light"
	if o.dark {
		scheme = "dark"
	}
	if err := open(ctx, url, int64(o.width), int64(o.height), scheme); err != nil {
		return fmt.Errorf("opening the report: %w", err)
	}
	if o.png != "" {
		if err := save(ctx, o.png, chromedp.CaptureScreenshot()); err != nil {
			return err
		}
	}
	if o.pdf == "" {
		return nil
	}
	return save(ctx, o.pdf, chromedp.PrintToPDF(chromedp.PDFPreferCSSPageSize()))
}

func save(ctx context.Context, path string, a chromedp.Action[[]byte]) error {
	data, err := chromedp.Run(ctx, a)
	if err != nil {
		return fmt.Errorf("making %s: %w", path, err)
	}
	return os.WriteFile(path, data, 0o644)
}
