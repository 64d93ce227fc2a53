package rotation

import "github.com/keyturn/keyturn/pkg/credential"

// Old is the credential that is too old.
type Old string

// The states of the old credential.
const (
	OldAlive    Old = "alive"
	OldGone     Old = "gone"     // a password: it was reset after the problem was closed
	OldOwed     Old = "owed"     // gone, and this rotation deleted it first, or may have: it needs a successor
	OldUnknown  Old = "unknown"  // not in the list, but that doesn't prove that it is gone
	OldUnlisted Old = "unlisted" // the list can't be read
)

// Made is the credential that this rotation makes.
type Made string

// The states of the new credential.
const (
	MadeNone      Made = "none"
	MadeHeld      Made = "held"      // it exists; only this process has its value
	MadeLost      Made = "lost"      // it must not be used: its value is lost, or it was rejected
	MadeElsewhere Made = "elsewhere" // another delivery may be making or storing it, or the list doesn't show it yet
	MadeStrange   Made = "strange"   // it exists; it was made for another secret, which may have its value
	// MadeDoubtful: a secret names it, but IAM doesn't show that this rotation made it; or its value may be in a
	// deleted version.
	MadeDoubtful Made = "doubtful"
	MadeLive     Made = "live" // it exists, and its value is in Vault
)

// Stored is the progress of the new value in the secrets of this rotation.
type Stored string

// How far the new value came.
const (
	StoredNotAsked Stored = "not asked" // no secret was named (a password only)
	StoredNone     Stored = "none"      // nothing of this attempt
	// StoredIntent: an action that can't be undone is announced, and this delivery may carry it out or continue it.
	StoredIntent     Stored = "intent"
	StoredElsewhere  Stored = "elsewhere"    // another delivery has announced one
	StoredUnsure     Stored = "unsure"       // perhaps staged: a write was not answered, and no look succeeded since
	StoredPart       Stored = "part"         // staged in some of the secrets, not in all
	StoredAll        Stored = "all"          // staged (PENDING) in every secret
	StoredPromotedIn Stored = "part current" // CURRENT in some secrets, PENDING in the others
	StoredCurrent    Stored = "current"      // CURRENT in every secret, or the value of a later rotation is
	StoredReplaced   Stored = "replaced"     // it was CURRENT, and something else was written over it
	StoredWithdrawn  Stored = "withdrawn"    // this run removed the announcement of a lost reset from the secret
	StoredUnread     Stored = "unread"       // a secret can't be read
)

// Proof is what is known about whether the new credential works.
type Proof string

// The results of a proof.
const (
	ProofTodo    Proof = "todo"
	ProofGood    Proof = "good"    // it worked, or no proof is required
	ProofBad     Proof = "bad"     // refused several times, at least half an hour after it was made
	ProofUnclear Proof = "unclear" // neither, in the time available
	ProofSilent  Proof = "silent"  // for a day the service could not be asked whether it works
	// A password can't be tested. Its proof is a last look at the list: todo, good (it is still the user's), or bad (it
	// was reset again).
)

// Slot says whether the user can have one more credential of the kind.
type Slot string

// The states of the slots.
const (
	SlotFree    Slot = "free"
	SlotFull    Slot = "full"    // the list shows it
	SlotUnclear Slot = "unclear" // OCI says that a limit is reached, but the list doesn't show it
	SlotRefused Slot = "refused" // unclear, half an hour after the order
)

// Room says whether the new value may be written to the secrets.
type Room string

// Whether the new value may be written to the secrets, and why not.
const (
	RoomFree    Room = "free"
	RoomSpent   Room = "spent"   // this rotation has no version name left
	RoomTaken   Room = "taken"   // it holds the only readable copy of another living credential
	RoomUnknown Room = "unknown" // its content can't be read, and may be another living credential
	RoomChanged Room = "changed" // another version became CURRENT since the rotation began
	RoomBusy    Room = "busy"    // another rotation is writing to it
	RoomFull    Room = "full"    // OCI keeps no more versions of it
	RoomSwapped Room = "swapped" // the two secrets of a pair hold each other's half
	RoomWrong   Room = "wrong"   // it holds something that this rotation would never write there
	RoomForeign Room = "foreign" // its metadata is no object, or has other data under the journal's key
)

// Grace says whether the old credential has to stay for a while.
type Grace string

// The states of the overlap of the old and the new credential.
const (
	GraceOrdered   Grace = "ordered"   // ordered and not yet recorded, or a later closure gave another period
	GraceRuns      Grace = "runs"      // recorded in the secrets, and not over
	GraceOver      Grace = "over"      // it is over, or none was ordered
	GraceClaimed   Grace = "claimed"   // over, and this run has recorded in the secrets that it deletes the old one
	GraceElsewhere Grace = "elsewhere" // over, and another delivery has recorded that
	GraceLeft      Grace = "left"      // the old one is gone, but the secrets still have its entry
)

// Sight says how fresh the snapshot of OCI is.
type Sight string

// How fresh a snapshot can be.
const (
	SightNone  Sight = "none"
	SightStale Sight = "stale" // an action has failed since
	SightFirst Sight = "first"
	SightAgain Sight = "again" // not the run's first look
)

// Guard says whether the rotation is allowed.
type Guard string

// The answers of Job.Authorize.
const (
	GuardAllows  Guard = "allows"
	GuardRefuses Guard = "refuses"
)

// Order says whether a closure asked for the rotation.
type Order string

// Whether a closure asked for it.
const (
	OrderGiven Order = "given"
	OrderNone  Order = "none" // only a credential's mark names the rotation
)

// Trouble is what went wrong in this invocation.
type Trouble string

// Whether another attempt may help.
const (
	TroubleNone    Trouble = "none"
	TroubleLater   Trouble = "later"   // throttled, no answer, out of time: another delivery may succeed
	TroubleFinal   Trouble = "final"   // not allowed, not valid: it would fail the same way again
	TroubleBlocked Trouble = "blocked" // a secret has refused changes for half an hour, though nothing is changing it
)

// State is everything that a decision depends on. It holds no id, no value and no time, so that tests can enumerate it.
type State struct {
	Origin  credential.Origin
	Order   Order
	Sight   Sight
	Guard   Guard
	Old     Old
	Made    Made
	Stored  Stored
	Proof   Proof
	Slot    Slot
	Room    Room
	Trouble Trouble
	Replace bool // the closure comment allows deleting first (replace:yes)
	Grace   Grace
}

// Action is what to do next.
type Action string

// The actions. Look and Prove change nothing in OCI; Done, Refuse and Wait end a run.
const (
	Look     Action = "look"     // look at OCI, and ask the guard
	Stage    Action = "stage"    // write the value to Vault as PENDING (after generating it, if Keyturn does)
	Intend   Action = "intend"   // announce in the secret what is about to be done
	Create   Action = "create"   // make the new credential (an API key: upload its public half)
	Reset    Action = "reset"    // reset the password, or set the chosen one
	Prove    Action = "prove"    // use the new credential once
	Promote  Action = "promote"  // make the staged version CURRENT
	Defer    Action = "defer"    // record in the secrets when the old credential goes
	Claim    Action = "claim"    // record in the secrets that this delivery deletes the old credential
	Retire   Action = "retire"   // delete the old credential
	Settle   Action = "settle"   // remove the entry of a credential that is gone from the secrets
	Replace  Action = "replace"  // delete the old credential first, as replace:yes allows
	Discard  Action = "discard"  // delete a new credential that must not be used: its value is lost, or it was rejected
	Withdraw Action = "withdraw" // remove the announcement of a lost reset from the secret
	Fence    Action = "fence"    // mark the staged version as undone, so that no delivery promotes it
	Done     Action = "done"
	Refuse   Action = "refuse"
	Wait     Action = "wait" // leave the rest to a later delivery
)

// Ends reports whether the action ends a run.
func (a Action) Ends() bool { return a == Done || a == Refuse || a == Wait }

// After returns the state after the action succeeded. A dry run and the tests of the table use it; a real run looks at
// OCI instead.
func (s State) After(a Action) State {
	switch a {
	case Look:
		s.Sight = SightAgain
	case Stage:
		s.Stored = StoredAll
		if !s.generates() {
			s.Made = MadeLive
		}
	case Intend:
		s.Stored = StoredIntent
	case Create:
		s.Made = MadeHeld
		if s.Origin == credential.Local {
			s.Made = MadeLive
		}
	case Reset:
		s.Made, s.Old = MadeHeld, OldGone
		if s.Origin == credential.Chosen {
			s.Made = MadeLive
		}
	case Prove:
		s.Proof = ProofGood
	case Promote:
		s.Stored = StoredCurrent
		if s.Old == OldOwed {
			s.Old = OldGone
		}
		switch s.Grace {
		case GraceOrdered:
			s.Grace = GraceRuns
		case GraceOver:
			s.Grace = GraceClaimed
		}
	case Defer:
		s.Grace = GraceRuns
	case Claim:
		s.Grace = GraceClaimed
	case Retire:
		s.Old, s.Grace = OldGone, GraceOver
	case Replace:
		s.Old, s.Slot = OldOwed, SlotFree
	case Discard:
		s.Made, s.Slot = MadeNone, SlotFree
	case Fence:
		s.Stored, s.Made = StoredNone, MadeLost
	case Settle:
		s.Grace = GraceOver
	case Withdraw:
		s.Stored = StoredWithdrawn
	}
	return s
}
