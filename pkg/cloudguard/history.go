package cloudguard

import (
	"slices"
	"strings"
	"time"
)

// Change is one record of a problem's history.
type Change struct {
	At        time.Time
	Actor     string // name of the user or service
	ActorKind string // Cloud Guard's actorType: USER, RESPONDER, CORRELATION, CLOUD_GUARD_SERVICE
	Detail    string // the new lifecycleDetail: OPEN, RESOLVED, DISMISSED, DELETED
	Comment   string
}

// Closure returns the record by which a user closed the problem as resolved; false if the problem isn't closed now.
// That record has the comment to follow and the actor to name.
//
// It reads the RESOLVED records at the end of the history, from the newest back to the first record of another state.
// Earlier comments don't count, because the problem was open, re-opened or dismissed after them.
//
//   - Records of Cloud Guard and of responders are skipped. Cloud Guard adds a second RESOLVED record when its next
//     scan finds the problem gone, and may update a resolved problem without opening it.
//   - The newest record of a user with a comment is the closure. A later closure with a comment replaces the comment.
//     One without a comment doesn't.
//   - If no user wrote a comment, the newest record of a user is the closure.
//
// Without a record of a user there is no closure.
//
// Records may be in any order. Of records with the same time the earlier in the slice is the newer, because Cloud Guard
// lists the newest first.
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
