package rotation

import (
	"slices"
	"time"
)

// grace returns the state of the overlap of the old and the new credential. The promotion records its end in the
// secrets. A user changes it by closing the problem again with another grace period.
func (v view) grace() Grace {
	after := v.retireAt()
	again, given := v.graceGiven()
	switch {
	case after.IsZero() && !v.hasRetireEntry():
		if v.job.Grace > 0 {
			return GraceOrdered
		}
		return GraceOver
	case v.oldGone() && !slices.Contains(v.mem.Deleted, v.job.Ref.ID):
		if v.mem.Tries[Settle] > 0 {
			return GraceOver
		}
		return GraceLeft
	case given && v.now().Before(again) && !again.Equal(after):
		return GraceOrdered
	case (!given || v.now().Before(again)) && v.now().Before(after):
		return GraceRuns
	}
	return v.claimState()
}

// claimState says which delivery claimed the deletion of the old credential after the overlap. If several deliveries
// have claimed it in different secrets, the one in the first secret goes on.
func (v view) claimState() Grace {
	mine := 0
	for _, s := range v.snap.Secrets {
		t := s.Journal.Retire.Of(v.job.Ref.ID)
		switch {
		case t == nil || t.Begun == nil:
		case t.Maker == v.mem.Maker:
			mine++
		case v.recent(t.Begun) && mine == 0:
			return GraceElsewhere
		}
	}
	if mine > 0 && mine == len(v.snap.Secrets) {
		return GraceClaimed
	}
	return GraceOver
}

// hasRetireEntry reports whether a secret has an entry for the old credential.
func (v view) hasRetireEntry() bool {
	for _, s := range v.snap.Secrets {
		if s.Journal.Retire.Of(v.job.Ref.ID) != nil {
			return true
		}
	}
	return false
}

// graceGiven returns when the old credential goes if a later closure gave a grace period during an overlap. The period
// counts from that closure, so that all its deliveries compute the same end. A grace period of zero ends it at once.
func (v view) graceGiven() (end time.Time, given bool) {
	set := time.Time{}
	for _, s := range v.snap.Secrets {
		t := s.Journal.Retire.Of(v.job.Ref.ID)
		if t == nil {
			continue
		}
		given = true
		at := t.Set
		if version := s.version(v.name); at == nil && version != nil { // written by an older version of Keyturn
			at = &version.Created
		}
		if at != nil && at.After(set) {
			set = *at
		}
	}
	if !given || !v.job.GraceGiven || !v.job.At.After(set) {
		return time.Time{}, false
	}
	if v.job.Grace == 0 {
		return set, true // in the past for every clock
	}
	return v.job.At.Add(v.job.Grace).UTC().Truncate(time.Second), true
}

// retireAt returns when the old credential goes, as recorded in the secrets; zero if it isn't. The latest time counts:
// it was written when the last secret got its new value. A consumer that reads all of them can't have switched earlier.
func (v view) retireAt() (latest time.Time) {
	for _, s := range v.snap.Secrets {
		if t := s.Journal.Retire.Of(v.job.Ref.ID); t != nil && t.After.After(latest) {
			latest = t.After
		}
	}
	return latest
}
