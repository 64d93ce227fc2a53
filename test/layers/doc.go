// Package layers holds the rules of the house, which no compiler knows: which package may import which, who may read
// the environment, how long a file and a function may be, that every package says what it is for, that links lead
// somewhere.
//
// It has tests only. A rule that stands in the way is changed here, in the open, not worked around.
package layers
