package cloudguard

import (
	"html"
	"strconv"
	"strings"
	"sync"
	"unicode"
)

// fold brings text into plain lower-case ASCII as far as its letters look like it,
// so that one word is found in all its spellings: encoded for HTML, URLs or JSON, in
// full-width or mathematical letters, with accents, or with letters of another
// alphabet that look the same. What has no such look stays as it is. The result is
// for recognising words only; nothing of it is ever carried out.
func fold(text string) string {
	return strings.Map(foldRune, plain(decode(text)))
}

var (
	percentForm = lazily(func() string { return `%[0-9A-Fa-f]{2}` })
	unicodeForm = lazily(func() string { return `\\[uU]\+?\{?([0-9A-Fa-f]{4})\}?` })
)

// decode undoes the encodings of HTML, URLs and JSON, also where one is in another.
func decode(text string) string {
	for range 3 {
		before := text
		text = html.UnescapeString(text)
		text = percentForm().ReplaceAllStringFunc(text, func(code string) string { return codePoint(code[1:], code) })
		text = unicodeForm().ReplaceAllStringFunc(text, func(code string) string {
			return codePoint(unicodeForm().FindStringSubmatch(code)[1], code)
		})
		if text == before {
			break
		}
	}
	return text
}

// codePoint is the character with the number in hex; orElse where it isn't one.
func codePoint(hex, orElse string) string {
	if n, err := strconv.ParseUint(hex, 16, 16); err == nil && n < unicode.MaxASCII && n > 0 {
		return string(rune(n))
	}
	return orElse
}

// looks lists, after each ASCII character, the lower-case letters and the marks that
// look like it.
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

func foldRune(r rune) rune {
	switch {
	case r < unicode.MaxASCII:
		return unicode.ToLower(r)
	case unicode.Is(unicode.Mn, r):
		return -1
	case r >= '\uff01' && r <= '\uff5e': // full width
		r -= 0xfee0
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

// token is one word of a folded text: letters and digits without any other
// character between them, apart from apostrophes, which are left out.
type token struct {
	word     string
	from, to int // in the text
}

func tokens(text string) []token {
	var all []token
	var word strings.Builder
	from := -1
	end := func(at int) {
		if word.Len() > 0 {
			all = append(all, token{word.String(), from, at})
		}
		word.Reset()
		from = -1
	}
	for i, r := range text {
		switch {
		case unicode.IsLetter(r), unicode.IsNumber(r):
			if from < 0 {
				from = i
			}
			word.WriteRune(r)
		case r == '\'' && from >= 0:
		default:
			end(i)
		}
	}
	end(len(text))
	return all
}

// mixed reports whether a word has letters of two alphabets of which some look the
// same, so that no reader can know what it says.
func mixed(text string) bool {
	latin, other := false, false
	for _, r := range text {
		switch {
		case !unicode.IsLetter(r):
			if r != '_' && r != '-' && r != '.' {
				latin, other = false, false
			}
		case unicode.Is(unicode.Latin, r):
			latin = true
		case unicode.In(r, unicode.Cyrillic, unicode.Greek, unicode.Armenian, unicode.Cherokee, unicode.Coptic):
			other = true
		}
		if latin && other {
			return true
		}
	}
	return false
}
