package cloudguard

import (
	"errors"
	"fmt"
	"strconv"
	"time"
)

// maxGrace is the longest time for which an old credential may stay: as long as
// Cloud Guard's rules let a credential live at all.
const maxGrace = 90 * 24 * time.Hour

var (
	graceForm = lazily(func() string { return `^(?:(\d{1,6})d)?(?:(\d{1,6})h)?(?:(\d{1,6})m)?$` })
	graceTalk = lazily(func() string { return `^(\d{1,6}) ?(?:(d|days?)|(h|hrs?|hours?)|(m|mins?|minutes?))$` })
)

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
	if m == nil || s == "" {
		return 0, errGrace
	}
	return sumGrace(m[1:])
}

// mendGrace reads what a person may have meant: "72 hours", "3 days".
func mendGrace(s string) (time.Duration, bool) {
	m := graceTalk().FindStringSubmatch(asciiLower(s))
	if m == nil {
		return 0, false
	}
	parts := []string{"", "", ""}
	for i, unit := range m[2:] {
		if unit != "" {
			parts[i] = m[1]
		}
	}
	d, err := sumGrace(parts)
	return d, err == nil
}

// sumGrace adds days, hours and minutes, each "" or at most six digits. It counts
// in minutes, since so many days in nanoseconds would overflow.
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

// formatGrace prints d, which is rounded to minutes, so that parseGrace reads it.
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
