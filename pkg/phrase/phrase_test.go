package phrase_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/keyturn/keyturn/pkg/phrase"
)

func TestATextIsClippedBetweenCharacters(t *testing.T) {
	for _, s := range []string{"", "short", strings.Repeat("long ", 20), strings.Repeat("日本", 30),
		"a" + strings.Repeat("é", 40)} {
		for n := 3; n < 70; n++ {
			got := phrase.Clip(s, n)
			switch whole := len(s) <= n; {
			case whole && got != s:
				t.Errorf("%q fits into %d bytes and became %q", s, n, got)
			case !whole && (len(got) > n || len(got) < n-6 || !utf8.ValidString(got) ||
				!strings.HasSuffix(got, "...") || !strings.HasPrefix(s, strings.TrimSuffix(got, "..."))):
				t.Errorf("%q was clipped to %d bytes as %q", s, n, got)
			}
		}
	}
}

func TestATextIsClippedBetweenWordsIfAThirdIsLeft(t *testing.T) {
	for _, c := range []struct {
		s    string
		n    int
		want string
	}{{"two words", 9, "two words"}, {"three words here", 14, "three..."}, {"a longwordhere", 12, "a longwor..."},
		{"onelongwordhere", 8, "onelo..."}} {
		if got := phrase.ClipWords(c.s, c.n); got != c.want {
			t.Errorf("%q became %q in %d bytes, want %q", c.s, got, c.n, c.want)
		}
	}
}

func TestAPrefixEndsBetweenCharacters(t *testing.T) {
	for n, want := range map[int]string{0: "", 1: "a", 2: "a", 3: "aé", 4: "aéb", 9: "aéb"} {
		if got := phrase.Prefix("aéb", n); got != want {
			t.Errorf("the prefix of %d bytes is %q, want %q", n, got, want)
		}
	}
}

func TestATypoIsOneChange(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"grace", "grace", 0}, {"", "abc", 3}, {"grace", "grce", 1}, {"grace", "graace", 1},
		{"grace", "grbce", 1}, {"grace", "garce", 1},
		{"grace", "gcare", 2}, {"abcdef", "badcfe", 3}, {"rotate", "replace", 4}, {"kitten", "sitting", 3},
	} {
		if got := phrase.Distance(c.a, c.b); got != c.want || phrase.Distance(c.b, c.a) != got {
			t.Errorf("%q and %q are %d apart, want %d", c.a, c.b, got, c.want)
		}
		for limit := range 5 {
			if got := phrase.Near(c.a, c.b, limit); got != (c.want <= limit) {
				t.Errorf("%q and %q are near with a limit of %d: %v", c.a, c.b, limit, got)
			}
		}
	}
}
