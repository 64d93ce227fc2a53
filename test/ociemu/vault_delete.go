package ociemu

import (
	"bytes"
	"net/http"
	"time"
)

// scheduleSecretDeletion makes a secret PENDING_DELETION: it can't be read or written any more. Here it stays so even
// after the time of its deletion.
func scheduleSecretDeletion(x *exchange, s *secret) reply {
	wanted, refused := x.mayDelete(s)
	if refused != nil {
		return refused.reply()
	}
	at, refused := x.deletionAt(wanted)
	if refused != nil {
		return refused.reply()
	}
	s.deletion, s.fixedState = at, "PENDING_DELETION"
	s.etag, s.settledEtag = x.e.state.ids.etag(), ""
	x.changed = true
	return reply{status: http.StatusNoContent}.with("etag", s.etag)
}

// mayDelete reads a request to delete a secret or a version, and checks the secret. The time is nil if the request has
// none.
func (x *exchange) mayDelete(s *secret) (*time.Time, *refusal) {
	var details struct{ TimeOfDeletion *time.Time }
	if len(bytes.TrimSpace(x.body)) > 0 {
		if refused := x.read(&details); refused != nil {
			return nil, refused
		}
	}
	if refused := x.checkEtag(s.etagNow(x.now)); refused != nil {
		return nil, refused
	}
	if state := s.state(x.now); state != "ACTIVE" {
		refused := errState.because("The secret is " + state + ", not ACTIVE.")
		return nil, &refused
	}
	return details.TimeOfDeletion, nil
}

// deletionAt is the time of a deletion; by default in 30 days.
func (x *exchange) deletionAt(wanted *time.Time) (time.Time, *refusal) {
	if wanted == nil {
		return x.now.Add(30 * 24 * time.Hour), nil
	}
	if wanted.Before(x.now.Add(24*time.Hour)) || wanted.After(x.now.Add(31*24*time.Hour)) {
		refused := errInvalid.because("The time of deletion must be 1 to 30 days ahead.")
		return time.Time{}, &refused
	}
	return *wanted, nil
}
