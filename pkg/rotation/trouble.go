package rotation

import (
	"context"

	"github.com/keyturn/keyturn/pkg/fault"
)

// weigh decides what a failed step means: another look (the default), or trouble.
func (r *run) weigh(a Action, err error, ctx context.Context) {
	r.stale = true
	r.result.Cause, r.result.FailedAt = err, a
	r.tries[a]++
	switch class := fault.Of(err); {
	case class == fault.Busy && (ctx.Err() != nil || r.tries[a] >= busyTries):
		if r.trouble = TroubleLater; r.overdue() {
			r.trouble = TroubleBlocked
		}
	case ctx.Err() != nil:
		r.trouble = TroubleLater
	case class == fault.Busy:
	case class == fault.Throttled: // the adapter has waited already
		r.trouble = TroubleLater
	case class == fault.Full && a == Create:
		r.slotsFull = true // perhaps with one of our own, whose answer was lost: the next look shows it
	case class == fault.Denied || class == fault.Absent || class == fault.Invalid || class == fault.Full:
		if r.tries[a] >= maxTries {
			r.trouble = TroubleFinal
		}
	case r.looks >= maxLooks:
		r.trouble = TroubleLater
	}
}

// overdue tells whether the rotation was ordered so long ago that what still keeps a secret from changing is no passing
// thing. What is counted from is in OCI's own records: the closure, or the journal of an interrupted rotation. Where
// neither says it, nothing bounds the waiting, and so there is none.
func (r *run) overdue() bool {
	since, now := r.job.Ordered, r.Clock.Now()
	if r.obs != nil && !r.obs.at.IsZero() {
		now = r.serverNow()
		if s := r.announced(); since.IsZero() && s != nil && s.At != nil {
			since = *s.At
		}
	}
	return now.Sub(since) >= BlockedTime
}

func (r *run) fail(t Trouble, a Action, err error) {
	r.trouble, r.result.Cause, r.result.FailedAt = t, err, a
}
