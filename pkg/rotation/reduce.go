package rotation

import (
	"slices"
	"time"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
)

// Case is what a snapshot comes to: the state that the table decides on, and what its action needs to know.
type Case struct {
	State
	Attempt  int                  // 1 for the first
	Version  string               // name of the attempt's version
	Material *credential.Material // the new credential with its value; nil if it isn't known
	New      string               // id of the new credential; empty if it isn't known
	Lost     string               // id of the credential that Discard deletes
	RetireAt time.Time            // when the old credential goes; zero if no secret says it
	Why      string               // what stands in the way, in words
	// ProofSince and ProofUntil say since when the new credential should be accepted, and when it counts as failed if
	// it still isn't; zero if there is none.
	ProofSince, ProofUntil time.Time
	serverNow              time.Time
	newMade                time.Time // when the new credential was made; zero if it isn't listed
	graceEnd               time.Time // when the old credential goes by the grace period that a closure gave again
	graceAgain             bool
}

// view is a snapshot on its way to a case. It is a value, and its methods are pure.
type view struct {
	job     Job
	snap    Snapshot
	mem     Memory
	id      credential.RotationID
	issued  []credential.Issued // what the user has, with what this run knows for sure and a list may not show yet
	attempt int
	name    string               // of the attempt's version
	undone  string               // id of the credential of an attempt that was taken back
	new     string               // id of the attempt's credential
	value   *credential.Material // of it
}

// Reduce says what the snapshot and the run's memory come to. It is a pure function.
func Reduce(job Job, snap Snapshot, mem Memory) Case {
	if !snap.Seen { // a write may have got through, for all that anybody knows
		return Case{State: State{Origin: job.origin(), Stored: StoredUnsure,
			Trouble: (view{job: job, mem: mem}).trouble(), Sight: SightNone}}
	}
	v := newView(job, snap, mem)
	c := Case{Attempt: v.attempt, Version: v.name, Material: v.value, New: v.new, Lost: v.lost(),
		RetireAt: v.retireAt(), serverNow: v.now()}
	s := State{Origin: job.origin(), Order: job.order(), Sight: v.sight(), Guard: GuardAllows, Old: v.old(),
		Made: v.made(), Stored: v.stored(),
		Proof: v.proof(), Slot: v.slot(), Trouble: v.trouble(), Replace: job.Replace, Grace: v.grace()}
	if snap.Refusal != nil {
		s.Guard = GuardRefuses
	}
	s.Room, c.Why = v.room()
	switch s.Made {
	case MadeStrange, MadeDoubtful:
		_, c.Why = v.astray()
	}
	if s.Old == OldUnknown {
		c.Why = v.doubt()
	}
	c.State = s
	if made := v.listed(v.new); made != nil {
		c.newMade = made.Created
	}
	c.ProofSince, c.ProofUntil = v.proofWindow()
	c.graceEnd, c.graceAgain = v.graceGiven()
	return c
}

func (j Job) order() Order {
	if j.orphan != "" {
		return OrderNone
	}
	return OrderGiven
}

func newView(job Job, snap Snapshot, mem Memory) view {
	v := view{job: job, snap: snap, mem: mem, id: job.rotation()}
	v.issued = slices.DeleteFunc(slices.Clone(snap.Issued), func(c credential.Issued) bool {
		return slices.Contains(mem.Deleted, c.ID)
	})
	if m := mem.Made; m != nil && v.listed(m.ID) == nil && !slices.Contains(mem.Deleted, m.ID) &&
		snap.Local.Sub(mem.MadeAt) < SpreadTime {
		v.issued = append(v.issued, m.Issued)
	}
	newest, undone := v.newest()
	if v = v.at(max(newest, 1)); undone != "" || v.over() {
		v = v.at(v.attempt + 1)
	}
	v.undone = undone
	return v
}

// at is the view of one attempt.
func (v view) at(attempt int) view {
	v.attempt, v.name = attempt, v.id.VersionName(attempt)
	v.new, v.value = v.find()
	return v
}

// rotation is the id of the job's rotation: that of the mark, if a mark is all that is known of it.
func (j Job) rotation() credential.RotationID {
	if j.orphan != "" {
		return j.marked
	}
	return j.Ref.RotationID()
}

// now is the server's time.
func (v view) now() time.Time { return v.snap.At.Add(v.mem.Now.Sub(v.snap.Local)) }

func (v view) age(t time.Time) time.Duration { return v.now().Sub(t) }

// young: who left a trace at that time may still be at work. A time that lies ahead is no time that anybody has
// written.
func (v view) young(at *time.Time) bool {
	return at != nil && v.age(*at) < MakerLife && v.age(*at) > -MakerLife
}

func (v view) listed(id string) *credential.Issued {
	i := slices.IndexFunc(v.issued, func(c credential.Issued) bool { return c.ID == id })
	if id == "" || i < 0 {
		return nil
	}
	return &v.issued[i]
}

func (v view) sight() Sight {
	switch {
	case v.mem.Looks == 0:
		return SightNone
	case !v.mem.Fresh:
		return SightStale
	case v.mem.Looks == 1:
		return SightFirst
	}
	return SightAgain
}

// trouble is what the failures of this run come to: another look may help, or none does.
func (v view) trouble() Trouble {
	f := v.mem.Failure
	if f == nil {
		return TroubleNone
	}
	tries, class := v.mem.Tries[f.Action], fault.Of(f.Err)
	deletes := f.Action == Retire || f.Action == Replace || f.Action == Discard
	switch {
	case class == fault.Busy && (f.TimeUp || tries >= busyTries):
		if v.overdue() {
			return TroubleBlocked
		}
		return TroubleLater
	case f.TimeUp, class == fault.Throttled: // the adapter has waited already
		return TroubleLater
	case class == fault.Busy, class == fault.Full && f.Action == Create, f.Action == Settle, f.Action == Withdraw:
	case class == fault.Absent && deletes && tries >= maxTries && !v.overdue():
		return TroubleLater // it may be gone, and IAM's list may not show that yet
	case class == fault.Denied || class == fault.Absent || class == fault.Invalid || class == fault.Full:
		if tries >= maxTries {
			return TroubleFinal
		}
	case v.mem.Looks+v.mem.Tries[Look] >= maxLooks:
		return TroubleLater
	}
	return TroubleNone
}

// overdue tells whether the rotation was ordered so long ago that what still keeps it from going on is no passing
// thing. What is counted from is in OCI's own records: the closure, or the journal of an interrupted rotation. Where
// neither says it, nothing bounds the waiting, and so there is none.
func (v view) overdue() bool {
	since, now := v.job.At, v.mem.Now
	if v.snap.Seen {
		now = v.now()
		if s := v.announced(); since.IsZero() && s != nil && s.At != nil {
			since = *s.At
		}
	}
	return now.Sub(since) >= BlockedTime
}

func (v view) slot() Slot {
	limit := v.job.Ref.Kind.Limit()
	switch {
	case limit > 0 && len(v.issued) >= limit:
		return SlotFull
	case v.mem.Limited != nil && v.overdue():
		return SlotRefused
	case v.mem.Limited != nil:
		return SlotUnclear
	}
	return SlotFree
}

// old is what the list shows of the old credential, and what its absence means.
func (v view) old() Old {
	switch {
	case v.snap.Unseen != nil:
		return OldUnlisted
	case v.job.origin() == credential.Reset && !v.resetSince() && !v.staged(),
		v.job.origin() != credential.Reset && v.listed(v.job.Ref.ID) != nil:
		return OldAlive
	case v.finished(), v.job.orphan != "":
		return OldGone
	case v.job.Doubt != nil && v.job.Doubt(v.issued) != "":
		return OldUnknown
	case v.owed():
		return OldOwed
	case v.job.Replace && v.mayBeOwed():
		return OldUnknown
	}
	return OldGone
}

func (v view) doubt() string {
	if v.job.Doubt != nil {
		if why := v.job.Doubt(v.issued); why != "" {
			return why
		}
	}
	return "the closure comment allows deleting first, and the secrets don't show whether that was done"
}

// owed: the old credential is gone, and this rotation has deleted it first, or may have: it has to have a successor.
func (v view) owed() bool {
	if s := v.announced(); s != nil && (s.GivenUp || s.Phase == PhaseIntent) {
		return v.job.origin() != credential.Reset
	}
	switch v.job.origin() {
	case credential.Reset:
		return false
	case credential.Local: // nothing is deleted before the successor's version is there
		newest, _ := v.newest()
		return v.job.Replace && newest > 0
	}
	return v.job.Replace && v.snap.unreadable() == nil && v.snap.Refusal == nil && v.wholeSince(v.job.At) &&
		!v.elsewhere()
}

// mayBeOwed: where a version of this rotation would be can't be seen.
func (v view) mayBeOwed() bool {
	return v.job.origin() != credential.Reset && (v.snap.unreadable() != nil || v.snap.Refusal != nil ||
		v.job.origin() != credential.Local && !v.elsewhere() && !v.wholeSince(v.job.At))
}

func (v view) wholeSince(t time.Time) bool {
	return !slices.ContainsFunc(v.snap.Secrets, func(s Seen) bool { return !s.whole(t) })
}

// resetSince: the password is younger than the closure of the problem, or than the last time that Cloud Guard saw it
// too old. The second covers a problem that is closed twice.
func (v view) resetSince() bool {
	for _, c := range v.issued {
		for _, t := range v.job.ResetAfter {
			if !t.IsZero() && !c.Created.Before(t) {
				return true
			}
		}
	}
	return false
}

// oldMade is when the old credential was made; zero if this isn't seen. A user has one password.
func (v view) oldMade() time.Time {
	for _, c := range v.snap.Issued {
		if c.ID == v.job.Ref.ID || v.job.origin() == credential.Reset {
			return c.Created
		}
	}
	return time.Time{}
}
