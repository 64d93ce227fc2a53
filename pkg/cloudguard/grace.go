package cloudguard

import (
	"errors"
	"fmt"
	"strconv"
	"time"
)

// maxGrace is the longest grace: the age at which Cloud Guard's rules report a credential.
const maxGrace = 90 * 24 * time.Hour

var graceForm = lazily(`^(?:(\d{1,6})d)?(?:(\d{1,6})h)?(?:(\d{1,6})m)?$`)

var (
	errGrace   = errors.New("is not a time: write 72h, 3d or 90m, or 0 for none")
	errNoGrace = errors.New("has no value: write 72h, 3d or 90m, or 0 for none")
)

// parseGrace reads "72h", "3d", "90m", "1d12h" or "0".
func parseGrace(s string) (time.Duration, error) {
	s = asciiLower(s)
	if s == "0" {
		return 0, nil
	}
	m := graceForm().FindStringSubmatch(s)
	switch {
	case s == "":
		return 0, errNoGrace
	case m == nil:
		return 0, errGrace
	}
	return sumGrace(m[1:])
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

// sumGrace adds days, hours and minutes, each "" or at most six digits. It counts in minutes, because 999,999 days in
// nanoseconds would overflow.
func sumGrace(parts []string) (time.Duration, error) {
	sum := 0
	for i, minutes := range []int{24 * 60, 60, 1} {
		if parts[i] == "" {
			continue
		}
		n, err := strconv.Atoi(parts[i])
		if err != nil {
			return 0, errGrace
		}
		sum += n * minutes
	}
	if sum > int(maxGrace/time.Minute) {
		return 0, fmt.Errorf("is longer than %d days", maxGrace/(24*time.Hour))
	}
	return time.Duration(sum) * time.Minute, nil
}

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
