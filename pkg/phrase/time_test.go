package phrase_test

import (
	"testing"

	"github.com/keyturn/keyturn/pkg/phrase"
)

func TestALengthOfTimeIsReadInMinutes(t *testing.T) {
	for text, want := range map[string]int{"0": 0, "72h": 72 * 60, "3D": 3 * 24 * 60, "90m": 90, "1d12h": 36 * 60,
		"1d1h1m": 25*60 + 1, "008m": 8, "999999d": 999_999 * 24 * 60, "0d": 0,
		"72": -1, "h": -1, "1h1d": -1, "3 d": -1, "-1d": -1, "1.5h": -1, "1000000d": -1, "1w": -1, "00": -1} {
		got, ok := phrase.Minutes(text)
		if ok != (want >= 0) || ok && got != want {
			t.Errorf("%q is %d, %v; want %d", text, got, ok, want)
		}
	}
}

func TestANumberHasItsNounInSingularOrPlural(t *testing.T) {
	for want, got := range map[string]string{"0 keys": phrase.Count(0, "key"), "1 key": phrase.Count(1, "key"),
		"2 keys": phrase.Count(2, "key"), "1 key is": phrase.Count(1, "key is", "keys are"),
		"3 keys are": phrase.Count(3, "key is", "keys are")} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
