package cloudguard

import (
	"html"
	"strconv"
	"strings"
	"sync"
	"unicode"
)

// decode undoes the encodings of HTML, URLs and JSON, also where one is in another.
func decode(text string) string {
	for range 6 {
		decoded := encoded().ReplaceAllStringFunc(html.UnescapeString(text), func(code string) string {
			hex := encoded().FindStringSubmatch(code)
			if n, err := strconv.ParseUint(hex[1]+hex[2], 16, 16); err == nil && n < unicode.MaxASCII && n > 0 {
				return string(rune(n))
			}
			return code
		})
		if decoded == text {
			break
		}
		text = decoded
	}
	return text
}

// looks lists, after each ASCII character, the lower-case letters and marks that look like it.
var looks = sync.OnceValue(func() map[rune]rune {
	all := map[rune]rune{}
	for _, line := range []string{
		"aàáâãäåāăąǎạảấầậắặаαɑ", "bьв", "cçćĉċčсϲ", "dďđԁ", "eèéêëēĕėęěẹẻẽếềệеєёε", "gĝğġģɡ", "hĥħнһ",
		"iìíîïĩīĭįıǐịỉіїι", "jĵј", "kķкκ",
		"lĺļľŀłӏ", "mм", "nñńņňŋпηո", "oòóôõöøōŏőơǒọỏốồộớờợоοօσ", "pрρ", "qԛ", "rŕŗřг", "sśŝşšșſѕ", "tţťŧțтτ",
		"uùúûüũūŭůűųưǔụủứừựυս",
		"vνѵ", "wŵԝω", "xхχ", "yýÿŷуγ", "zźżžᴢ", "0०٠۰", ":\u02d0\u0589\u05c3\u2236\ua789\ufe13\ufe30\ufe55",
		"=\ufe66\u2261\u207c", ",\u3001\u060c\ufe50\uff64",
		";\u061b\ufe54", ".\u3002\uff61", "'\u2018\u2019\u201a\u02bc\u00b4`", "\"\u201c\u201d\u201e\u00ab\u00bb",
		"-\u2212", "_\u203f\ufe4d",
	} {
		letters := []rune(line)
		for _, r := range letters[1:] {
			all[r] = letters[0]
		}
	}
	return all
})

// halfWidth turns full-width characters into ASCII.
func halfWidth(r rune) rune {
	if r >= '\uff01' && r <= '\uff5e' {
		return r - 0xfee0
	}
	return r
}

// foldRune turns a character into the plain lower-case ASCII that it looks like, so that one word is found in all its
// spellings: in full-width or mathematical letters, with accents, or with letters of another alphabet that look the
// same. Other characters stay as they are. The result is for recognising words only; none of it is ever carried out.
func foldRune(r rune) rune {
	switch {
	case r < unicode.MaxASCII:
		return unicode.ToLower(r)
	case r != halfWidth(r):
		r = halfWidth(r)
	case unicode.Is(unicode.Mn, r):
		return -1
	case r >= 0x1d400 && r <= 0x1d6a3: // mathematical letters, 13 alphabets of 52
		return 'a' + (r-0x1d400)%26
	case r >= 0x1d7ce && r <= 0x1d7ff: // mathematical digits
		return '0' + (r-0x1d7ce)%10
	case r >= '\u24b6' && r <= '\u24e9': // in circles
		return 'a' + (r-'\u24b6')%26
	case r >= '\u249c' && r <= '\u24b5': // in brackets
		return 'a' + r - '\u249c'
	case r >= 0x1f130 && r <= 0x1f189: // in squares
		return 'a' + (r-0x1f130)%32%26
	case unicode.Is(unicode.Pd, r):
		return '-'
	}
	r = unicode.ToLower(r)
	if plain, ok := looks()[r]; ok {
		return plain
	}
	return r
}

// token is one word of a folded text: letters and digits. Apostrophes in it are left out.
type token struct {
	word     string
	from, to int // in the text
}

func tokens(text string) []token {
	var all []token
	from := -1
	for i, r := range text + " " {
		letter := unicode.IsLetter(r) || unicode.IsNumber(r)
		if letter && from < 0 {
			from = i
		} else if from >= 0 && !letter && r != '\'' {
			all = append(all, token{strings.ReplaceAll(text[from:i], "'", ""), from, i})
			from = -1
		}
	}
	return all
}

func wordsOf(text string) []string {
	var words []string
	for _, t := range tokens(text) {
		words = append(words, t.word)
	}
	return words
}
