package ociemu

import (
	"bytes"
	"net/http"
	"time"
)

// scheduleSecretDeletion puts a secret into PENDING_DELETION, where nothing can be read or written any more. What has
// passed its time of deletion stays PENDING_DELETION here.
func scheduleSecretDeletion(x *exchange, s *secret) reply {
	var details struct{ TimeOfDeletion *time.Time }
	if len(bytes.TrimSpace(x.body)) > 0 {
		if refused := x.read(&details); refused != nil {
			return refused.reply()
		}
	}
	if refused := x.checkEtag(s.etagNow(x.now)); refused != nil {
		return refused.reply()
	}
	if state := s.state(x.now); state != "ACTIVE" {
		return errState.because("The secret is " + state + ", not ACTIVE.").reply()
	}
	at := x.now.Add(30 * 24 * time.Hour)
	if details.TimeOfDeletion != nil {
		at = *details.TimeOfDeletion
		if at.Before(x.now.Add(24*time.Hour)) || at.After(x.now.Add(31*24*time.Hour)) {
			return errInvalid.because("The time of deletion must be 1 to 30 days ahead.").reply()
		}
	}
	s.deletion, s.fixedState = at, "PENDING_DELETION"
	s.etag, s.settledEtag = x.e.state.ids.etag(), ""
	x.changed = true
	return reply{status: http.StatusNoContent}.with("etag", s.etag)
}
