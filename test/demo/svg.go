package main

import (
	"errors"
	"fmt"
	"html"
	"os"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// The size of a character of the picture, in the SVG's units.
const (
	charWidth  = 8.4
	lineHeight = 18
)

// paints has the SVG attributes of each style.
var paints = map[style]string{
	bold:   ` font-weight="bold"`,
	dim:    ` fill="#6b7280"`,
	struck: ` fill="#6b7280" text-decoration="line-through"`,
	green:  ` fill="#15803d"`,
	red:    ` fill="#b91c1c"`,
}

var painted = regexp.MustCompile(`\x1b\[([0-9;]+)m(.*?)\x1b\[0m`)

// picture draws the output of a terminal as an SVG with monospaced text. Each piece of text has a position, so that a
// font can't shift the columns.
func picture(title, output string) string {
	lines := strings.Split(strings.TrimRight(output, "\n"), "\n")
	columns := 0
	for _, l := range lines {
		columns = max(columns, utf8.RuneCountInString(painted.ReplaceAllString(l, "$2")))
	}
	width, height := float64(columns+4)*charWidth, (len(lines)+2)*lineHeight
	var b strings.Builder
	fmt.Fprintf(&b,
		`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %.0f %d" font-family="ui-monospace, Menlo, Consolas, monospace" font-size="14" role="img" aria-labelledby="title">
<title id="title">%s</title>
<rect width="100%%" height="100%%" rx="8" fill="#fafaf9" stroke="#d6d3d1"/>
<g fill="#1c1917" xml:space="preserve">
`, width, height, html.EscapeString(title))
	for i, l := range lines {
		drawLine(&b, l, (i+2)*lineHeight)
	}
	b.WriteString("</g>\n</svg>\n")
	return b.String()
}

// drawLine draws one line at this height, a piece for each style.
func drawLine(b *strings.Builder, line string, y int) {
	column := 2
	piece := func(how style, text string) {
		inner := strings.TrimLeft(text, " ")
		x, n := column+len(text)-len(inner), utf8.RuneCountInString(strings.TrimRight(inner, " "))
		if n > 0 {
			fmt.Fprintf(b, `<text x="%.1f" y="%d" textLength="%.1f"%s>%s</text>`+"\n", float64(x)*charWidth, y,
				float64(n)*charWidth, paints[how], html.EscapeString(strings.TrimRight(inner, " ")))
		}
		column += utf8.RuneCountInString(text)
	}
	at := 0
	for _, m := range painted.FindAllStringSubmatchIndex(line, -1) {
		piece(normal, line[at:m[0]])
		piece(style(line[m[2]:m[3]]), line[m[4]:m[5]])
		at = m[1]
	}
	piece(normal, line[at:])
}

// draw writes the picture of the first rotation up to its mail, which would be too long.
func draw(file, output string) error {
	lines := strings.Split(output, "\n")
	from := slices.IndexFunc(lines, func(l string) bool { return strings.Contains(l, "1 of ") })
	to := slices.IndexFunc(lines, func(l string) bool { return strings.Contains(l, "mail to SecOps") })
	if from < 0 || to < from {
		return errors.New("no rotation was shown that could be drawn")
	}
	text := strings.Join(lines[from:to], "\n")
	if err := os.WriteFile(file, []byte(picture("A rotation in Keyturn's demo", text)), 0o644); err != nil {
		return fmt.Errorf("writing the picture: %w", err)
	}
	return nil
}
