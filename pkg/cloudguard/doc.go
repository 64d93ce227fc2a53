// Package cloudguard reads what Cloud Guard says about a credential that is too
// old: the event of a remediated problem, the closure comment that a person
// wrote, and the problem's history. Bytes and plain values go in, typed values
// come out; the package has no network, no clock and no state.
//
// Start with [ParseEvent], ask [Event.Ours] whether the event may be about one
// of the four rules, then [Event.Validate]. [Problem.Subject] reads the same
// facts out of Cloud Guard's own record, and [Subject.Contradicts] compares the
// two. The words of the person who closed the problem go through [ParseComment];
// [Problem.ClosureComment] finds them.
//
// What it guarantees: an identifier in a [Subject], or one that passed Validate
// or [ParseOCID], holds no character that could change the path of a URL; a comment is either understood
// completely or refused with the comment to write instead; nothing here panics
// on any input.
//
// What it is not for: deciding whether to act. Whoever may invoke the function
// can forge an event, so all of it is a hint until Cloud Guard's own record of
// the problem says the same.
package cloudguard
