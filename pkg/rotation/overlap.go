package rotation

import (
	"slices"
	"time"
)

// grace is how far the overlap of the old and the new credential is. Once a secret knows until when the old one stays,
// that counts. The period begins with the promotion, which writes it down. A person changes it by closing the problem
// again with another one.
func (v view) grace() Grace {
	after := v.retireAt()
	again, given := v.graceGiven()
	switch {
	case after.IsZero() && !v.entered():
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
	return v.begun()
}

// begun tells who was about to delete the old credential, when the overlap was over. Of several deliveries that have
// written that into one secret each, the one in the first secret goes on.
func (v view) begun() Grace {
	mine := 0
	for _, s := range v.snap.Secrets {
		t := s.Journal.Retire.Of(v.job.Ref.ID)
		switch {
		case t == nil || t.Begun == nil:
		case t.Maker == v.mem.Maker:
			mine++
		case v.young(t.Begun) && mine == 0:
			return GraceElsewhere
		}
	}
	if mine > 0 && mine == len(v.snap.Secrets) {
		return GraceClaimed
	}
	return GraceOver
}

// entered: some secret has an entry for the old credential.
func (v view) entered() bool {
	for _, s := range v.snap.Secrets {
		if s.Journal.Retire.Of(v.job.Ref.ID) != nil {
			return true
		}
	}
	return false
}

// graceGiven is when the old credential goes if a closure has given a grace period again while one was running: the
// period counts from that closure, so that every delivery of it finds the same end. Zero ends it at once.
func (v view) graceGiven() (end time.Time, given bool) {
	set := time.Time{}
	for _, s := range v.snap.Secrets {
		t := s.Journal.Retire.Of(v.job.Ref.ID)
		if t == nil {
			continue
		}
		given = true
		at := t.Set
		if version := s.version(v.name); at == nil && version != nil { // written by an older Keyturn
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
		return set, true // whatever the clocks say
	}
	return v.job.At.Add(v.job.Grace).UTC().Truncate(time.Second), true
}

// retireAt is when the old credential goes, as the secrets say; zero if none says it. The latest counts: it was written
// when the last secret got its new value, and a consumer that needs all of them can't have changed over before.
func (v view) retireAt() (latest time.Time) {
	for _, s := range v.snap.Secrets {
		if t := s.Journal.Retire.Of(v.job.Ref.ID); t != nil && t.After.After(latest) {
			latest = t.After
		}
	}
	return latest
}
