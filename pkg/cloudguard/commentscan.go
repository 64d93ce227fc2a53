package cloudguard

import (
	"slices"
	"strings"
	"unicode"
)

// quotes are what people leave around keys and values, the angle brackets of
// printed instructions included.
const quotes = "\"'`<>\u2018\u2019\u201c\u201d\u00ab\u00bb"

var (
	// pairStart matches a known key with its colon.
	pairStart = lazily(func() string { return `[` + quotes + `]*\b(` + keyNames() + `)[` + quotes + ` \n]*:` })
	// secretOCID matches what begins like the OCID of a Vault secret.
	secretOCID = lazily(func() string { return anyCase("ocid1") + `\.` + anyCase("vaultsecret") + `\.[A-Za-z0-9._-]*` })
)

func keyNames() string {
	var names []string
	for _, k := range secretKeys {
		names = append(names, anyCase(k.name))
	}
	for _, option := range options {
		names = append(names, anyCase(option))
	}
	return strings.Join(names, "|")
}

// anyCase returns a pattern for word in any case. It is not (?i), which also
// matches the long s and the Kelvin sign, letters that asciiLower leaves alone.
func anyCase(word string) string {
	var b strings.Builder
	for _, r := range word {
		if unicode.IsLetter(r) {
			b.WriteString("[" + string(r) + string(unicode.ToUpper(r)) + "]")
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// splitItems cuts a comment into its items, without blank ones. Blanks within an
// item become single spaces.
func splitItems(text string) []string {
	var items []string
	for _, item := range strings.FieldsFunc(joinPairs(plain(text)), func(r rune) bool {
		return r == ',' || r == ';' || r == '\n'
	}) {
		if item = strings.Join(strings.Fields(item), " "); item != "" {
			items = append(items, item)
		}
	}
	return items
}

// plain drops invisible characters and bytes that aren't UTF-8, and leaves of all
// blanks only the space and the line feed.
func plain(text string) string {
	text = strings.ReplaceAll(strings.ToValidUTF8(text, ""), "\r\n", "\n")
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n', r == '\r', r == '\v', r == '\f', r == '\u0085', r == '\u2028', r == '\u2029':
			return '\n'
		case invisible(r):
			return -1
		case unicode.IsSpace(r), unicode.IsControl(r):
			return ' '
		}
		return r
	}, text)
}

// joinPairs makes spaces of the line breaks beside a colon, except of those that
// a known key with its colon follows.
func joinPairs(text string) string {
	lines := slices.DeleteFunc(strings.Split(text, "\n"), func(line string) bool { return strings.TrimSpace(line) == "" })
	var b strings.Builder
	for i, line := range lines {
		line = strings.TrimSpace(line)
		if i > 0 {
			before := strings.TrimSpace(lines[i-1])
			beside := strings.HasSuffix(before, ":") || strings.HasPrefix(line, ":")
			if beside && !startsPair(line+"\n"+strings.TrimSpace(strings.Join(lines[i+1:min(i+2, len(lines))], ""))) {
				b.WriteByte(' ')
			} else {
				b.WriteByte('\n')
			}
		}
		b.WriteString(line)
	}
	return b.String()
}

// startsPair reports whether text begins with a known key and its colon.
func startsPair(text string) bool {
	at := pairStart().FindStringIndex(text)
	return at != nil && at[0] == 0
}

// segment is an item or, where separators are missing in it, a part of one that
// begins with a known key.
type segment struct {
	text  string
	glued bool // no separator stands before it
}

// splitGlued cuts an item before each known key that has no separator before it.
// In free text an option's key counts only with a value that it can have, since
// "grace" and "replace" are words of their own.
func splitGlued(item string) []segment {
	starts := pairStart().FindAllStringSubmatchIndex(item, -1)
	inPair := len(starts) > 0 && starts[0][0] == 0
	cuts := []int{0}
	for _, s := range starts {
		key := asciiLower(item[s[2]:s[3]])
		if s[0] > 0 && (inPair || isSecretKey(key) || goodOption(key, firstWord(item[s[1]:]))) {
			cuts = append(cuts, s[0])
			inPair = true
		}
	}
	var segments []segment
	for i, from := range cuts {
		to := len(item)
		if i+1 < len(cuts) {
			to = cuts[i+1]
		}
		text := strings.TrimSpace(item[from:to])
		if i == 0 && len(cuts) > 1 && !strings.ContainsFunc(text, wordRune) {
			continue // the bullet of a list
		}
		segments = append(segments, segment{text, len(segments) > 0})
	}
	return segments
}

func wordRune(r rune) bool { return unicode.IsLetter(r) || unicode.IsNumber(r) }

func isSecretKey(key string) bool { return strings.HasSuffix(key, "_secret_ocid") }

func firstWord(s string) string {
	if words := strings.Fields(s); len(words) > 0 {
		return unquote(words[0])
	}
	return ""
}

// unquote cuts blanks and quotes off both ends.
func unquote(s string) string { return strings.Trim(s, quotes+" ") }

// knownPair splits a segment that begins with a known key and a colon. The key
// is in lower case, the value without quotes.
func knownPair(text string) (key, value string, ok bool) {
	at := pairStart().FindStringSubmatchIndex(text)
	if at == nil || at[0] != 0 {
		return "", "", false
	}
	return asciiLower(text[at[2]:at[3]]), text[at[1]:], true
}

// likePair splits any text at its first ':' or '=', or two words of which the
// second is an OCID between them. ok is false for any other text.
func likePair(text string) (key, value string, ok bool) {
	if i := strings.IndexAny(text, ":="); i >= 0 {
		return unquote(text[:i]), text[i+1:], true
	}
	key, value, ok = strings.Cut(text, " ")
	if at := secretOCID().FindStringIndex(value); ok && at != nil && at[0] == 0 {
		return unquote(key), value, true
	}
	return "", "", false
}

// distance is the optimal string alignment distance of two words: the number of
// characters to insert, drop, change or swap with their neighbour.
func distance(a, b string) int {
	x, y := []rune(a), []rune(b)
	rows := make([][]int, len(x)+1)
	for i := range rows {
		rows[i] = make([]int, len(y)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(x); i++ {
		for j := 1; j <= len(y); j++ {
			change := 1
			if x[i-1] == y[j-1] {
				change = 0
			}
			d := min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+change)
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				d = min(d, rows[i-2][j-2]+1)
			}
			rows[i][j] = d
		}
	}
	return rows[len(x)][len(y)]
}
