// Package layers tests the rules of the source tree that the compiler doesn't check: which package may import which,
// which code may read the environment, the maximum length of a file and a function, that every package has a comment,
// and that links have targets.
//
// It has only tests. If a rule is wrong, change it here instead of working around it.
package layers
