package main

import (
	"io"
	"os"
	"strconv"
)

// The limits of a line's width, in columns.
const (
	usualWidth    = 80
	leastWidth    = 60
	greatestWidth = 100
)

// widthOf returns the width of lines on w: COLUMNS, or else the terminal's, or else 80.
func widthOf(w io.Writer, columns string) int {
	n, err := strconv.Atoi(columns)
	if err != nil || n <= 0 {
		n = 0
		if f, ok := w.(*os.File); ok {
			n = terminalWidth(f.Fd())
		}
	}
	if n <= 0 {
		n = usualWidth
	}
	return min(max(n, leastWidth), greatestWidth)
}
