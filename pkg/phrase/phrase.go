// Package phrase shortens texts for people, writes numbers with their nouns, and recognizes words with a typo and
// lengths of time.
package phrase

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// Prefix returns the longest beginning of s that has at most n bytes and ends between characters.
func Prefix(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// Clip returns s if it has at most n bytes. A longer s is cut between characters and ends with "...", in at most n
// bytes; n must be at least 3.
func Clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return Prefix(s, max(n-len("..."), 0)) + "..."
}

// ClipWords is Clip, but cuts after a word if that keeps more than a third of n bytes.
func ClipWords(s string, n int) string {
	if len(s) <= n {
		return s
	}
	s = Clip(s, n)
	if cut := strings.LastIndexByte(s, ' '); cut > n/3 {
		return s[:cut] + "..."
	}
	return s
}

// Excerpt is the start of a text from outside, short enough to quote in an error.
func Excerpt(s string) string { return Clip(s, 63) }

// Count writes a number with its noun. The plural adds an s, unless many gives it.
func Count(n int, one string, many ...string) string {
	switch {
	case n == 1:
		return "1 " + one
	case len(many) > 0:
		return strconv.Itoa(n) + " " + many[0]
	}
	return strconv.Itoa(n) + " " + one + "s"
}

// Near reports whether two words differ by at most limit typos: a character inserted, left out, changed, or swapped
// with its neighbour.
func Near(a, b string, limit int) bool {
	if d := len(a) - len(b); d > limit || -d > limit || unshared(a, b) > 2*limit {
		return false
	}
	return Distance(a, b) <= limit
}

// unshared counts the letters that are in only one of two words. Half of it is a lower bound of their distance, and
// fast to compute.
func unshared(a, b string) (n int) {
	var count [256]int32
	for i := range len(a) {
		count[a[i]]++
	}
	n = len(a) + len(b)
	for i := range len(b) {
		if count[b[i]] > 0 {
			count[b[i]]--
			n -= 2
		}
	}
	return n
}

// Distance is the optimal string alignment distance of two words, in bytes.
func Distance(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			change := 1
			if a[i-1] == b[j-1] {
				change = 0
			}
			d := min(last[j]+1, row[j-1]+1, last[j-1]+change)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				d = min(d, before[j-2]+1)
			}
			row[j] = d
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
