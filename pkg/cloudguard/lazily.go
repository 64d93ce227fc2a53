package cloudguard

import (
	"regexp"
	"sync"
)

// lazily returns the function that compiles a pattern when it is first asked for it, and keeps it. Compiled at the
// start of the process, this package's patterns took longer than all other packages' variables together.
func lazily(pattern string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(pattern) })
}
