// Package show uses the package that is mutated.
package show

import "example.com/tiny/clamp"

// Show names a number.
func Show(n int) string { return clamp.Name(n) }
