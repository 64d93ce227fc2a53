// Package phrase has what several packages do with texts for people: shorten one, and recognize a word with a typo.
package phrase

import "unicode/utf8"

// Clip returns s if it has at most n bytes, and else its beginning with "..." after it, in at most n bytes. It cuts
// between characters.
func Clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	cut := max(n-len("..."), 0)
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "..."
}

// Excerpt is the beginning of a text that comes from outside, short enough to be quoted in an error.
func Excerpt(s string) string { return Clip(s, 63) }

// Near reports whether two words differ by at most limit characters put in, left
// out, changed, or swapped with their neighbour.
func Near(a, b string, limit int) bool {
	if d := len(a) - len(b); d > limit || -d > limit || unshared(a, b) > 2*limit {
		return false
	}
	return Distance(a, b) <= limit
}

// unshared is how many letters are in one of two words only: a lower bound, without
// much work, of twice their distance.
func unshared(a, b string) (n int) {
	var count [256]int8
	for i := range len(a) {
		count[a[i]]++
	}
	for i := range len(b) {
		count[b[i]]--
	}
	for _, c := range count {
		n += int(max(c, -c))
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
