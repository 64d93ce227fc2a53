package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// minLast is how many columns the last column of a table has at least.
const minLast = 10

// style is a way to write on a terminal, as the parameter of the SGR control sequence (ECMA-48).
type style string

const (
	normal style = ""
	bold   style = "1"
	dim    style = "2"
	struck style = "2;9" // dim and struck out
	green  style = "32"
	red    style = "31"
)

// screen writes whole lines. It is safe for concurrent use. The output is readable without colours.
type screen struct {
	colour bool
	width  int // columns

	mu  sync.Mutex
	w   io.Writer
	err error
}

func newScreen(w io.Writer) *screen {
	return &screen{w: w, colour: wantsColour(w), width: widthOf(w, os.Getenv("COLUMNS"))}
}

// wantsColour reports whether w is a terminal that wants colours (https://no-color.org).
func wantsColour(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok || os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb" {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

func (s *screen) paint(how style, text string) string {
	if !s.colour || how == normal || text == "" {
		return text
	}
	return "\x1b[" + string(how) + "m" + text + "\x1b[0m"
}

// line writes one or more lines.
func (s *screen) line(lines ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var b strings.Builder
	for _, l := range lines {
		b.WriteString(strings.TrimRight(l, " ") + "\n")
	}
	if _, err := io.WriteString(s.w, b.String()); err != nil && s.err == nil {
		s.err = fmt.Errorf("writing the output: %w", err)
	}
}

// failed is the first error of writing.
func (s *screen) failed() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// rule writes a heading with a line up to the right edge.
func (s *screen) rule(heading, after string) {
	line := strings.Repeat("─", max(0, s.width-len("  ")-utf8.RuneCountInString(heading+after)))
	s.line("", s.paint(bold, heading)+after+"  "+s.paint(dim, line), "")
}

// cell is one field of a table.
type cell struct {
	text string
	how  style
}

func plain(text string) cell { return cell{text, normal} }

// table writes rows with aligned columns, two blanks apart. The last column is wrapped.
func (s *screen) table(indent string, rows [][]cell) {
	var widths []int
	for _, row := range rows {
		for i, c := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			if i < len(row)-1 {
				widths[i] = max(widths[i], utf8.RuneCountInString(c.text))
			}
		}
	}
	var lines []string
	for _, row := range rows {
		text, offset := indent, len(indent)
		for i, c := range row[:len(row)-1] {
			text += s.paint(c.how, c.text) + strings.Repeat(" ", widths[i]-utf8.RuneCountInString(c.text)+2)
			offset += widths[i] + 2
		}
		last := row[len(row)-1]
		for _, part := range wrap(last.text, max(s.width-offset, minLast)) {
			lines = append(lines, text+s.paint(last.how, part))
			text = strings.Repeat(" ", offset)
		}
	}
	s.line(lines...)
}

// text writes a paragraph, wrapped.
func (s *screen) text(indent, paragraph string) { s.line(wrap(indent+paragraph, s.width)...) }

// box writes a text with a line at its left side. Only the title is wrapped: the text's lines stay whole, so that
// OCIDs, addresses and commands can be copied.
func (s *screen) box(label, title, body string) {
	edge := s.paint(dim, "  │ ")
	lines := []string{s.paint(dim, "  ╭─ ") + s.paint(dim, label)}
	if title != "" {
		for _, l := range wrap(title, s.width-4) {
			lines = append(lines, edge+s.paint(bold, l))
		}
		lines = append(lines, edge)
	}
	for text := range strings.Lines(strings.TrimRight(body, "\n")) {
		lines = append(lines, edge+printable(strings.TrimRight(text, "\n")))
	}
	s.line(append(lines, s.paint(dim, "  ╰─"))...)
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }
