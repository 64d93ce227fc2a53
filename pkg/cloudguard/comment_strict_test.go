package cloudguard_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/keyturn/keyturn/pkg/cloudguard"
	"github.com/keyturn/keyturn/pkg/config"
)

// spelling makes spellings of an option or a configuration key with a value.
type spelling struct{ *rand.Rand }

func (s spelling) of(from ...string) string { return from[s.IntN(len(from))] }

// wanted reports whether a comment has the option's effect. It is false for a configuration key, which a comment can't
// set.
type wanted func(c cloudguard.Comment) bool

func (s spelling) option() (words []string, value string, does wanted) {
	grace := func(c cloudguard.Comment) bool { return c.Grace != nil && *c.Grace > 0 }
	switch n := s.IntN(12); {
	case n < 4:
		return []string{"dry", "run"}, s.of("yes", "true", "on", "1", "YES", "please", ""),
			func(c cloudguard.Comment) bool { return c.DryRun }
	case n < 6:
		return []string{"grace"}, s.of("72h", "3d", "3 days", "72 hours", "90m", "a week", "91d", "soon"), grace
	case n < 7:
		return []string{"grace", "period"}, s.of("72h", "3d", "3 days"), grace
	case n < 8:
		return []string{"replace"}, s.of("yes", "true", "on", "first"), func(c cloudguard.Comment) bool {
			return c.Replace
		}
	case n < 10:
		return []string{"rotate"}, s.of("no", "false", "off", "later", "never", "next week"),
			func(c cloudguard.Comment) bool { return c.Rotate != nil && !*c.Rotate }
	}
	keys := config.Keys()
	key := keys[s.IntN(len(keys))].Name
	if key == "dry_run" {
		return []string{"dry", "run"}, "yes", func(c cloudguard.Comment) bool { return c.DryRun }
	}
	return strings.Split(key, "_"), s.of("off", "warn", "4096", "7", "x", ""), func(cloudguard.Comment) bool {
		return false
	}
}

func (s spelling) letterCase(word string) string {
	switch s.IntN(5) {
	case 0:
		return strings.ToUpper(word)
	case 1:
		return strings.ToUpper(word[:1]) + word[1:]
	case 2:
		return strings.Map(func(r rune) rune {
			if s.IntN(2) == 0 {
				return unicode.ToUpper(r)
			}
			return r
		}, word)
	}
	return word
}

// english are harmless words that a typo can make of an option's name.
var english = []string{"trace", "grade", "brace", "grape", "grave", "graze", "race", "place", "rotates", "rotated",
	"replaced", "replaces", "notate"}

// typo changes one letter of a word of five or more.
func (s spelling) typo(word string) string {
	r := []rune(word)
	i, letter := s.IntN(len(r)-1), rune('a'+s.IntN(26))
	switch s.IntN(4) {
	case 0:
		r[i], r[i+1] = r[i+1], r[i]
	case 1:
		r = slices.Delete(r, i, i+1)
	case 2:
		r = slices.Insert(r, i, letter)
	default:
		r[i] = letter
	}
	if slices.Contains(english, string(r)) {
		return word
	}
	return string(r)
}

// disguise writes the letters in another encoding, alphabet or style.
func (s spelling) disguise(word string) string {
	each := func(one func(r rune) string) string {
		var b strings.Builder
		for _, r := range word {
			if unicode.IsLetter(r) && r < unicode.MaxASCII {
				b.WriteString(one(r))
			} else {
				b.WriteRune(r)
			}
		}
		return b.String()
	}
	switch s.IntN(16) {
	case 0:
		return each(func(r rune) string { return fmt.Sprintf("&#%d;", r) })
	case 1:
		return each(func(r rune) string { return fmt.Sprintf("&#x%x;", r) })
	case 2:
		return each(func(r rune) string { return fmt.Sprintf("%%%02X", r) })
	case 3:
		return each(func(r rune) string { return string(r + 0xfee0) })
	case 4:
		return each(func(r rune) string { return string(unicode.ToLower(r) - 'a' + 0x1d41a) })
	case 5:
		return each(func(r rune) string { return string(r) + s.of("", "\u200b", "\u00ad", "\u0301") })
	case 6:
		return strings.NewReplacer("a", "\u0430", "e", "\u0435", "o", "\u043e", "c", "\u0441", "y", "\u0443").Replace(
			word)
	case 7:
		return strings.NewReplacer("a", "\u00e1", "e", "\u00e8", "o", "\u00f6", "u", "\u00fc", "n", "\u00f1").Replace(
			word)
	}
	return word
}

// text is the option in one of many forms.
func (s spelling) text() (text string, does wanted) {
	words, value, does := s.option()
	if s.IntN(8) == 0 {
		return strings.Join(words, "_") + ":" + value, does
	}
	name := strings.Join(words, s.of("_", "_", " ", "-", "", ".", "\u2013", " _ ", "\u00a0", "\uff3f", "/", "+"))
	if len(words) < 2 && len(name) >= 6 && s.IntN(4) == 0 && name != "metrics" {
		name = s.typo(name)
	}
	name = s.disguise(s.letterCase(name))
	if mark := s.of("", "", "", "**", "`", "\"", "'", "_", "\u201c", "~"); mark != "" {
		name = mark + name + mark
	}
	assign := s.of(":", ":", "=", " ", "\uff1a", " : ", " = ", "\u2192", " -> ", "=>", "\t", " | ", ": ", "::", ":=",
		"\n", "\uff1d")
	text = name + assign + value
	if s.IntN(6) == 0 {
		text = value + s.of(" ", ":", " = ") + name
	}
	if value == "" {
		text = name
	}
	return s.of("", "", "", "please ", "- ", "* ", "1. ", "2) ", "--", "with ", "CHG-1 ", "(", "{", "| ", "> ", "> - ",
		"[x] ") + text + s.of("", "", " please", ".", "!", ")", "}", " |", " thanks"), does
}

func TestAnOptionInAnySpellingIsFollowedOrRefused(t *testing.T) {
	s := spelling{rand.New(rand.NewPCG(12, 2026))}
	understood := 0
	for range 4000 {
		text, does := s.text()
		if s.IntN(2) == 0 {
			text = "auth_secret_ocid:" + one + s.of(",", ", ", "\n", ";") + text
		} else {
			text += s.of(",", ", ", "\n", ";") + "auth_secret_ocid:" + one
		}
		c, err := cloudguard.ParseComment(token, text)
		if refused, ok := errors.AsType[*cloudguard.CommentError](err); ok {
			checkRefused(t, token, refused)
			continue
		}
		understood++
		if !does(c) {
			t.Errorf("%q was read as %q", text, c)
		}
	}
	if understood < 50 {
		t.Errorf("only %d spellings were understood exactly", understood)
	}
}

func TestEveryConfigurationKeyIsRecognisedInAComment(t *testing.T) {
	for _, k := range config.Keys() {
		for _, text := range []string{k.Name, k.Name + ":" + k.Default, strings.ToUpper(k.Name) + "=x",
			strings.ReplaceAll(k.Name, "_", " "), strings.ReplaceAll(k.Name, "_", "-") + " x"} {
			if c, err := cloudguard.ParseComment(token, text); err == nil && (k.Name != "dry_run" || len(c.Free) > 0) {
				t.Errorf("%q was read as %q", text, c)
			}
		}
	}
}
