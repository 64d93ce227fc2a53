package main

import (
	"regexp"
	"strings"
	"unicode"
)

// ocids finds OCIDs whose unique part is long enough to be shortened.
var ocids = regexp.MustCompile(`(ocid1\.[a-z0-9]+\.[a-z0-9-]*\.[a-z0-9-]*\.)([a-z0-9]{4})[a-z0-9]{8,}([a-z0-9]{3})`)

// hexIDs finds access keys, which are 40 hexadecimal digits.
var hexIDs = regexp.MustCompile(`\b([0-9a-f]{8})[0-9a-f]{28}([0-9a-f]{4})\b`)

// marks finds the marks that Keyturn puts into descriptions.
var marks = regexp.MustCompile(`\[keyturn ([a-z2-7]{4})[^\]]*\]`)

// shorten cuts the middle out of all OCIDs, access keys and marks of a text.
func shorten(text string) string {
	text = marks.ReplaceAllString(text, "[keyturn $1…]")
	return hexIDs.ReplaceAllString(ocids.ReplaceAllString(text, "$1$2…$3"), "$1…$2")
}

// printable replaces control characters, which could move the terminal's cursor, by blanks.
func printable(text string) string {
	return strings.TrimRight(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, text), " ")
}

// wrap breaks one line into lines of at most n columns, between words or after a comma. A longer word, such as an OCID,
// gets its own line and is never broken. Further lines are indented like the first, or like the text of a list's item.
func wrap(text string, n int) []string {
	text = printable(text)
	indent := text[:len(text)-len(strings.TrimLeft(text, " "))]
	if strings.HasPrefix(text[len(indent):], "- ") {
		indent += "  "
	}
	if len(indent) > n/2 {
		indent = indent[:n/2]
	}
	var lines []string
	rest := []rune(text)
	for len(rest) > n {
		cut := breakAt(rest, len(indent), n)
		if cut >= len(rest) {
			break
		}
		lines = append(lines, strings.TrimRight(string(rest[:cut]), " "))
		rest = []rune(indent + strings.TrimLeft(string(rest[cut:]), " "))
	}
	return append(lines, string(rest))
}

// breakAt returns how many characters the first line takes: more than from, and at most n if it can be broken there.
func breakAt(text []rune, from, n int) int {
	may := func(i int) bool { return i < len(text) && (text[i] == ' ' || text[i-1] == ' ' || text[i-1] == ',') }
	for i := n; i > from+1; i-- {
		if may(i) && strings.TrimLeft(string(text[:i]), " -") != "" {
			return i
		}
	}
	for i := max(n, from) + 1; i < len(text); i++ {
		if may(i) {
			return i
		}
	}
	return len(text)
}
