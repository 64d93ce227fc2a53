package cloudguard

import (
	"regexp"
	"sync"
)

// lazily returns a function that compiles the pattern on its first call. Compiling this package's patterns at the start
// of the process took longer than the initialization of all other packages.
func lazily(pattern string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(pattern) })
}
