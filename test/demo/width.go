package main

import (
	"io"
	"os"
	"strconv"
)

// How many columns a line has: as many as the terminal, within what tables can be read in.
const (
	usualWidth    = 80
	leastWidth    = 60
	greatestWidth = 100
)

// widthOf is how many columns a line on w may have: COLUMNS, or what the terminal says, or else 80.
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
