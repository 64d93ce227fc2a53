// Package need decides whether a test runs. A test calls it first, before it has anything to clean up:
//
//	aws := need.Tool(t, "aws")        // the path of an optional tool
//	need.Suite(t, need.Images)        // this test is part of a named suite
//	need.Root(t)                      // this test needs root
//
// If something is missing, the test is skipped with a hint how to get it, or fails if CI=true is set. No other package
// skips tests, so CI skips nothing. tools.txt lists the optional tools: .ci/run installs them, and .ci/newcomer hides
// each of them.
package need
