package phrase

import (
	"regexp"
	"strconv"
	"strings"
	"sync"
)

var timeForm = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(?:([0-9]{1,6})d)?(?:([0-9]{1,6})h)?(?:([0-9]{1,6})m)?$`)
})

// Minutes reads a length of time in days, hours and minutes, such as 72h, 3d, 90m or 1d12h, in any case; "0" and "" are
// none. It counts in minutes, because 999,999 days in nanoseconds would overflow.
func Minutes(text string) (sum int, ok bool) {
	if text == "0" {
		return 0, true
	}
	m := timeForm().FindStringSubmatch(strings.ToLower(text))
	if m == nil {
		return 0, false
	}
	for i, minutes := range []int{24 * 60, 60, 1} {
		n, err := strconv.Atoi("0" + m[i+1]) // at most six digits; none count as 0
		if err != nil {
			return 0, false
		}
		sum += n * minutes
	}
	return sum, true
}
