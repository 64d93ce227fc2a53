package layers

import (
	"bytes"
	"go/scanner"
	"go/token"
	"strings"
	"testing"
	"unicode/utf8"
)

const (
	maxWidth = 120 // columns
	tabWidth = 4
)

// Only a raw string may be wider, because it can't always be wrapped.
func TestNoLineIsTooWide(t *testing.T) {
	seen := 0
	for _, s := range sources(t) {
		text := []byte(read(t, s.path))
		raw := rawLines(text)
		for i, line := range strings.Split(string(text), "\n") {
			seen++
			width := utf8.RuneCountInString(line) + (tabWidth-1)*strings.Count(line, "\t")
			if width > maxWidth && !raw[i+1] {
				t.Errorf("%s:%d has %d columns, more than %d", s.path, i+1, width, maxWidth)
			}
		}
	}
	if seen < 80000 {
		t.Errorf("%d lines were checked, want 80000 or more", seen)
	}
}

// rawLines returns the numbers of the lines with a part of a raw string.
func rawLines(text []byte) map[int]bool {
	files := token.NewFileSet()
	file := files.AddFile("", -1, len(text))
	var s scanner.Scanner
	s.Init(file, text, nil, 0)
	raw := map[int]bool{}
	for {
		pos, kind, literal := s.Scan()
		if kind == token.EOF {
			return raw
		}
		if kind != token.STRING || !strings.HasPrefix(literal, "`") {
			continue
		}
		first := file.Line(pos)
		for i := range bytes.Count([]byte(literal), []byte("\n")) + 1 {
			raw[first+i] = true
		}
	}
}
