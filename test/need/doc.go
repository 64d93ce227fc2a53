// Package need decides where and when a test runs. A test asks first of all, before it has anything to clean up:
//
//	aws := need.Tool(t, "aws")        // the path of an optional tool
//	need.Suite(t, need.Images)        // this test is part of a named suite
//	need.Root(t)
//
// What a test needs and doesn't get ends it: with a skip that says how to get it, or with a failure where CI=true is
// set. A test never skips in another way, so CI skips nothing. tools.txt lists the optional tools; .ci/run installs
// what it lists and .ci/newcomer hides each of them.
package need
