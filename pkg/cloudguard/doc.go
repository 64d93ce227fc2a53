// Package cloudguard reads what Cloud Guard says about a credential that is too
// old: the event of a remediated problem, the closure comment that a person
// wrote, and the problem's history. Bytes and plain values go in, typed values
// come out; the package has no network, no clock and no state.
//
// Start with [ParseEvent], ask [Event.Ours] whether the event is about one of
// the four rules, then [Event.Validate]. The words of the person who closed the
// problem go through [ParseComment]; [Closure] finds them in the history.
//
// What it guarantees: an identifier that passed Validate or [ParseOCID] holds no
// character that could change the path of a URL; a comment is either understood
// completely or refused with the comment to write instead; nothing here panics
// on any input.
//
// What it is not for: deciding whether to act. Whoever may invoke the function
// can forge an event, so all of it is a hint until Cloud Guard's own record of
// the problem says the same.
package cloudguard
