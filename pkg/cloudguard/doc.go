// Package cloudguard reads what Cloud Guard reports about a credential that is too old: the event of a remediated
// problem, the closure comment, and the problem's history. It turns bytes and plain values into typed values, and has
// no network, clock or state.
//
// Start with [ParseEvent]. [Event.Ours] reports whether the event may be about one of the four rules; then call
// [Event.Validate]. [Problem.Subject] reads the same facts from Cloud Guard's own record, and [Subject.Contradicts]
// compares the two. [Problem.ClosureComment] finds the closure comment, and [ParseComment] reads it.
//
// Guarantees: an identifier in a [Subject], or one that passed Validate or [ParseOCID], has no character that could
// change the path of a URL. A comment is either understood completely, or refused with the comment to write instead. No
// input causes a panic.
//
// The package doesn't decide whether to act. Anyone who may invoke the function can forge an event, so an event is only
// a hint until Cloud Guard's own record of the problem confirms it.
package cloudguard
