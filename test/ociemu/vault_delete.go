package ociemu

import (
	"bytes"
	"net/http"
	"time"
)

// scheduleSecretDeletion puts a secret into PENDING_DELETION, where nothing can be read or written any more. What has
// passed its time of deletion stays PENDING_DELETION here.
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

// mayDelete reads the request to delete a secret or one of its versions, and checks the secret. The time is nil if the
// request names none.
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

// deletionAt is the time of a deletion: 30 days ahead unless another one is wanted.
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
