package cloudguard

import (
	"slices"
	"strings"
	"time"
)

// Change is one record of a problem's history.
type Change struct {
	At        time.Time
	Actor     string // name of who did it
	ActorKind string // Cloud Guard's actorType: USER, RESPONDER, CORRELATION, CLOUD_GUARD_SERVICE
	Detail    string // the lifecycleDetail that the problem had from then on: OPEN, RESOLVED, DISMISSED, DELETED
	Comment   string
}

// Closure finds, in a problem's history, the record by which a person closed
// the problem as resolved, if it is closed so now. The comment of that record is
// the one to obey, and its actor the one to name.
//
// It walks from the newest record back, through the run of RESOLVED records that
// ends the history, and stops at the first record of another state: what was
// said before the problem was open, re-opened or dismissed no longer counts.
// Within the run
//
//   - records of Cloud Guard itself and of responders are passed over. Cloud
//     Guard adds a second RESOLVED record when its next scan sees that the
//     problem has gone, and may update a resolved problem without opening it;
//   - the newest record of a user that has a comment is the closure: closing
//     again with other words replaces the words, closing again without a word
//     doesn't take them back;
//   - if no user wrote a comment, the newest record of a user is the closure.
//
// A run without any record of a user was no person's doing: there is no closure.
//
// Records may come in any order. Of records with the same time the earlier in
// the slice counts as the newer, since Cloud Guard lists the newest first.
func Closure(history []Change) (Change, bool) {
	sorted := slices.Clone(history)
	slices.SortStableFunc(sorted, func(a, b Change) int { return b.At.Compare(a.At) })
	var found Change
	ok := false
	for _, c := range sorted {
		if !strings.EqualFold(trim(c.Detail), "RESOLVED") {
			break
		}
		if !strings.EqualFold(trim(c.ActorKind), "USER") {
			continue
		}
		if trim(c.Comment) != "" {
			return c, true
		}
		if !ok {
			found, ok = c, true
		}
	}
	return found, ok
}
