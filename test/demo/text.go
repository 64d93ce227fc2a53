package main

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// ocids finds OCIDs whose unique part is long enough to be shortened.
var ocids = regexp.MustCompile(`(ocid1\.[a-z0-9]+\.[a-z0-9-]*\.[a-z0-9-]*\.)([a-z0-9]{4})[a-z0-9]{8,}([a-z0-9]{3})`)

// hexIDs finds access keys, which are 40 hexadecimal digits.
var hexIDs = regexp.MustCompile(`\b([0-9a-f]{8})[0-9a-f]{28}([0-9a-f]{4})\b`)

// shorten cuts the middle out of all OCIDs and access keys of a text.
func shorten(text string) string {
	return hexIDs.ReplaceAllString(ocids.ReplaceAllString(text, "$1$2…$3"), "$1…$2")
}

// wrap breaks one line into lines of at most n columns: between words, else after a comma, slash or colon, else
// anywhere. Further lines are indented like the first, those of a list's item like its text. Control characters, which could move a terminal's cursor, become blanks.
func wrap(text string, n int) []string {
	text = strings.TrimRight(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, text), " ")
	indent := text[:len(text)-len(strings.TrimLeft(text, " "))]
	if strings.HasPrefix(text[len(indent):], "- ") {
		indent += "  "
	}
	if len(indent) > n/2 {
		indent = indent[:n/2]
	}
	var lines []string
	rest := text
	for utf8.RuneCountInString(rest) > n {
		cut := breakAt([]rune(rest), len(indent), n)
		head, tail := string([]rune(rest)[:cut]), string([]rune(rest)[cut:])
		lines = append(lines, strings.TrimRight(head, " "))
		rest = indent + strings.TrimLeft(tail, " ")
	}
	return append(lines, rest)
}

// breakAt gives how many characters the first line takes, more than from and at most n.
func breakAt(text []rune, from, n int) int {
	if text[n] == ' ' {
		return n
	}
	for _, mark := range " ,/:" {
		for i := n; i > from+1; i-- {
			if text[i-1] == mark {
				return i
			}
		}
	}
	return n
}
