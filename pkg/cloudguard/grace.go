package cloudguard

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/keyturn/keyturn/pkg/phrase"
)

// maxGrace is the longest grace: the age at which Cloud Guard's rules report a credential.
const maxGrace = 90 * 24 * time.Hour

var (
	errGrace   = errors.New("is not a time: write 72h, 3d or 90m, or 0 for none")
	errNoGrace = errors.New("has no value: write 72h, 3d or 90m, or 0 for none")
)

// parseGrace reads "72h", "3d", "90m", "1d12h" or "0".
func parseGrace(s string) (time.Duration, error) {
	minutes, ok := phrase.Minutes(s)
	switch {
	case s == "":
		return 0, errNoGrace
	case !ok:
		return 0, errGrace
	case minutes > int(maxGrace/time.Minute):
		return 0, fmt.Errorf("is longer than %d days", maxGrace/(24*time.Hour))
	}
	return time.Duration(minutes) * time.Minute, nil
}

// durationIn is the longest length of time in a folded text, at most maxGrace.
func durationIn(text string) (longest time.Duration, ok bool) {
	for _, m := range duration().FindAllStringSubmatch(text, -1) {
		n, err := strconv.Atoi(m[1])
		if err != nil {
			n = max(1, numberWords[m[1]])
		}
		for i, unit := range []time.Duration{24 * time.Hour, time.Hour, time.Minute, 7 * 24 * time.Hour,
			30 * 24 * time.Hour} {
			if m[i+2] != "" {
				d := maxGrace
				if n < int(maxGrace/unit) {
					d = time.Duration(n) * unit
				}
				longest, ok = max(longest, d), true
			}
		}
	}
	return longest, ok
}

var numberWords = map[string]int{"two": 2, "couple of": 2, "three": 3, "few": 3, "some": 3, "four": 4, "five": 5,
	"six": 6, "seven": 7, "ten": 10}

// formatGrace prints whole minutes for parseGrace.
func formatGrace(d time.Duration) string {
	minutes := int64(d / time.Minute)
	switch {
	case minutes == 0:
		return "0"
	case minutes%60 == 0:
		return strconv.FormatInt(minutes/60, 10) + "h"
	default:
		return strconv.FormatInt(minutes, 10) + "m"
	}
}
