package report

import (
	"bufio"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"iter"
)

// What the page is made of.
var (
	//go:embed report.html
	pageHTML string
	//go:embed report.css
	pageCSS string
	//go:embed report_rows.js
	rowsJS string
	//go:embed report.js
	pageJS string
)

// pageTemplate has the two halves of the page: "top" is what comes before the rows, and "bottom" what comes after.
var pageTemplate = template.Must(template.New("report").Funcs(template.FuncMap{
	"visible": visible, "number": number, "instant": instant, "class": resultClass, "word": resultWord,
	"plural": plural, "kind": kindName,
}).Parse(pageHTML))

// HTML writes the report as one HTML file that needs nothing else: it makes no request, and its Content-Security-Policy
// lets the browser run only the script and the styles that are in it. What was not read, the verdicts and the counts
// are plain HTML, which needs no script. The rows are compressed data, which the script shows in pages.
//
// HTML writes rows as they come, so its memory doesn't grow with their number. An error of rows, or another number of
// rows than r.Rows, is returned, and the file isn't finished: its reader shows that it is cut off. The same report is
// always written as the same bytes.
func HTML(w io.Writer, r Report, rows iter.Seq2[Row, error]) error {
	out := bufio.NewWriterSize(w, 64<<10)
	p := newHTMLPage(r)
	if err := pageTemplate.ExecuteTemplate(out, "top", p); err != nil {
		return fmt.Errorf("writing the report's HTML: %w", err)
	}
	b := newRowBlocks(out)
	for row, err := range rows {
		if err != nil {
			return fmt.Errorf("reading the report's rows: %w", err)
		}
		if err := b.add(row); err != nil {
			return fmt.Errorf("writing the report's rows: %w", err)
		}
	}
	if err := b.flush(); err != nil {
		return fmt.Errorf("writing the report's rows: %w", err)
	}
	if b.written != r.Rows {
		return fmt.Errorf("the report says that it has %d credentials, but %d were written", r.Rows, b.written)
	}
	if err := pageTemplate.ExecuteTemplate(out, "bottom", p); err != nil {
		return fmt.Errorf("writing the report's HTML: %w", err)
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("writing the report's HTML: %w", err)
	}
	return nil
}

// pageScript is the page's script, and pagePolicy its Content-Security-Policy: only the script and the styles with
// these hashes, no request, no form that is sent, and no HTML made from text.
var (
	pageScript = rowsJS + pageJS
	pagePolicy = "default-src 'none'; script-src " + sourceHash(pageScript) + "; style-src " + sourceHash(pageCSS) +
		"; base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)

// sourceHash is the expression of a Content-Security-Policy for an inline script or style.
func sourceHash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}
