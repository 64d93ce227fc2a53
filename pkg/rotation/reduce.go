package rotation

import (
	"slices"
	"time"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
)

// Case is the result of Reduce: the state that the table decides on, and the data that its action needs.
type Case struct {
	State
	Attempt  int                  // 1 for the first
	Version  string               // name of the attempt's version
	Material *credential.Material // the new credential with its value; nil if it isn't known
	New      string               // id of the new credential; empty if it isn't known
	Lost     string               // id of the credential that Discard deletes
	RetireAt time.Time            // when the old credential goes; zero if no secret says it
	Why      string               // the obstacle, for a person
	// ProofSince and ProofUntil say since when the new credential should be accepted, and when it counts as rejected if
	// it isn't; zero if there is none.
	ProofSince, ProofUntil time.Time
	serverNow              time.Time
	newMade                time.Time // when the new credential was made; zero if it isn't listed
	graceEnd               time.Time // when the old credential goes according to a later closure; see graceGiven
	graceAgain             bool
}

// view is a snapshot and what was computed from it so far. It is a value, and its methods are pure.
type view struct {
	job     Job
	snap    Snapshot
	mem     Memory
	id      credential.RotationID
	issued  []credential.Issued // the user's credentials: the list, corrected by this run's own changes
	attempt int
	name    string               // of the attempt's version
	undone  string               // id of the credential of the previous attempt, if that was fenced
	new     string               // id of the attempt's credential
	value   *credential.Material // of that credential; nil if it isn't known
}

// Reduce computes the case from a snapshot and the run's memory. It is a pure function.
func Reduce(job Job, snap Snapshot, mem Memory) Case {
	if !snap.Seen { // nothing is known about earlier writes
		return Case{State: State{Origin: job.origin(), Stored: StoredUnsure,
			Trouble: (view{job: job, mem: mem}).trouble(), Sight: SightNone}}
	}
	v := newView(job, snap, mem)
	c := Case{Attempt: v.attempt, Version: v.name, Material: v.value, New: v.new, Lost: v.lost(),
		RetireAt: v.retireAt(), serverNow: v.now()}
	s := State{Origin: v.origin(), Order: job.order(), Sight: v.sight(), Guard: GuardAllows, Old: v.old(),
		Made: v.made(), Stored: v.stored(), Proof: v.proof(), Slot: v.slot(), Trouble: v.trouble(),
		Replace: job.Replace, Grace: v.grace()}
	if snap.Refusal != nil {
		s.Guard = GuardRefuses
	}
	s.Room, c.Why = v.room()
	switch s.Made {
	case MadeStrange, MadeDoubtful:
		_, c.Why = v.misplaced()
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
	m := mem.Made
	if m != nil && v.listed(m.ID) == nil && !slices.Contains(mem.Deleted, m.ID) &&
		snap.Local.Sub(mem.MadeAt) < SpreadTime && !v.setSince(*m) {
		v.issued = append(v.issued, m.Issued)
	}
	newest, undone := v.newest()
	v = v.at(max(newest, 1))
	if undone != "" || v.dead() {
		v = v.at(v.attempt + 1)
	}
	v.undone = undone
	return v
}

// at returns the view of an attempt.
func (v view) at(attempt int) view {
	v.attempt, v.name = attempt, v.id.VersionName(attempt)
	v.new, v.value = v.find()
	v.issued = v.withChosen()
	return v
}

// rotation returns the id of the job's rotation: for an orphan, the one in its mark.
func (j Job) rotation() credential.RotationID {
	if j.orphan != "" {
		return j.marked
	}
	if j.begun != "" {
		return j.begun
	}
	return j.Ref.RotationID()
}

// now returns the server's time.
func (v view) now() time.Time { return v.snap.At.Add(v.mem.Now.Sub(v.snap.Local)) }

func (v view) age(t time.Time) time.Duration { return v.now().Sub(t) }

// recent reports whether the process that wrote the time may still be running. It ignores times in the future: no
// process of Keyturn has written them.
func (v view) recent(at *time.Time) bool {
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

// trouble evaluates the failures of this run: TroubleNone means that another look may help.
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
	case f.TimeUp, class == fault.Throttled: // pkg/oci has already retried
		return TroubleLater
	case class == fault.Busy, class == fault.Full && f.Action == Create, f.Action == Settle, f.Action == Withdraw:
	case class == fault.Absent && deletes && tries >= maxTries && !v.overdue():
		return TroubleLater // it may be gone, but still in IAM's list
	case class == fault.Denied || class == fault.Absent || class == fault.Invalid || class == fault.Full:
		switch {
		case tries < maxTries:
		case v.chooses() && f.Action == Reset && v.mem.Unanswered:
			return TroubleLater // perhaps it is refused because an earlier request has set it
		default:
			return TroubleFinal
		}
	case v.mem.Looks+v.mem.Tries[Look] >= maxLooks:
		return TroubleLater
	}
	return TroubleNone
}

// overdue reports whether the rotation was ordered so long ago that what blocks it can't be temporary. The time counts
// from the closure, or from the journal of an interrupted rotation. If neither is known, the rotation is overdue.
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

// old returns the state of the old credential: what the list shows, or what its absence means.
func (v view) old() Old {
	switch {
	case v.snap.Unseen != nil:
		return OldUnlisted
	case !v.oldGone():
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

// owed reports whether this rotation deleted the old credential first, or may have, so that it needs a successor.
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
	return v.job.Replace && v.snap.unreadable() == nil && v.snap.Refusal == nil && v.completeSince(v.job.At) &&
		!v.inEarlierSecret()
}

// mayBeOwed reports whether the secrets that would show it can't be read, or have lost versions.
func (v view) mayBeOwed() bool {
	return v.job.origin() != credential.Reset && (v.snap.unreadable() != nil || v.snap.Refusal != nil ||
		v.job.origin() != credential.Local && !v.inEarlierSecret() && !v.completeSince(v.job.At))
}

func (v view) completeSince(t time.Time) bool {
	return !slices.ContainsFunc(v.snap.Secrets, func(s Seen) bool { return !s.complete(t) })
}

// resetSince reports whether the password is newer than the problem's closure, or than Cloud Guard's last detection.
// The second is for a problem that is closed twice.
func (v view) resetSince() bool {
	return slices.ContainsFunc(v.issued, v.isReset)
}

func (v view) isReset(c credential.Issued) bool {
	return slices.ContainsFunc(v.job.ResetAfter, func(t time.Time) bool { return !t.IsZero() && !c.Created.Before(t) })
}

// oldMade returns when the old credential was made; zero if it isn't listed. A user has one password.
func (v view) oldMade() time.Time {
	for _, c := range v.snap.Issued {
		if c.ID == v.job.Ref.ID || v.job.origin() == credential.Reset {
			return c.Created
		}
	}
	return time.Time{}
}
