package rotation

import "github.com/keyturn/keyturn/pkg/credential"

// Old is the credential that is too old.
type Old string

// What can be true of the old credential.
const (
	OldAlive    Old = "alive"
	OldGone     Old = "gone"     // for a password: it was reset since the problem was closed
	OldOwed     Old = "owed"     // gone, and this rotation has deleted it first, or may have: it needs a successor
	OldUnknown  Old = "unknown"  // not in the list, which doesn't show that it is gone
	OldUnlisted Old = "unlisted" // the list can't be read
)

// Made is the credential that this rotation makes.
type Made string

// What can be true of the new credential.
const (
	MadeNone Made = "none"
	MadeHeld Made = "held" // it exists; only this process knows its value
	MadeLost Made = "lost" // it exists; nobody knows its value, and nobody who could is still at work
	// another delivery may be about to make it or to store its value, or the list doesn't show it yet
	MadeElsewhere Made = "elsewhere"
	MadeStrange   Made = "strange" // it exists; it was made for another secret, which may have its value
	// a secret names it, and IAM doesn't show that this rotation has made it; or its value may be in a version that is
	// deleted
	MadeDoubtful Made = "doubtful"
	MadeLive     Made = "live" // it exists, and its value is in Vault
)

// Stored is how far the new value came in the secrets of this rotation.
type Stored string

// What can be true of the secrets.
const (
	StoredNotAsked  Stored = "not asked" // no secret was named (a password only)
	StoredNone      Stored = "none"      // nothing of this attempt
	StoredIntent    Stored = "intent"    // the secret says that we are about to do what can't be undone
	StoredElsewhere Stored = "elsewhere" // the secret says that another delivery is about to
	// it may be staged: the answer to the write was lost, and OCI couldn't be looked at since
	StoredUnsure     Stored = "unsure"
	StoredPart       Stored = "part"         // staged in some of the secrets, not in all
	StoredAll        Stored = "all"          // staged (PENDING) in every secret
	StoredPromotedIn Stored = "part current" // CURRENT in some secrets, PENDING in the others
	StoredCurrent    Stored = "current"      // CURRENT in every secret, or the value of a later rotation is
	StoredReplaced   Stored = "replaced"     // it was there, and somebody put something else over it
	StoredWithdrawn  Stored = "withdrawn"    // this run has taken the announcement of a lost reset off the secret
	StoredUnread     Stored = "unread"       // a secret can't be read
)

// Proof is what is known of whether the new credential works.
type Proof string

// What can be known of the new credential.
const (
	ProofTodo    Proof = "todo"
	ProofGood    Proof = "good"    // it worked, or nobody asked for a proof
	ProofBad     Proof = "bad"     // refused several times, at least half an hour after it was made
	ProofUnclear Proof = "unclear" // neither, in the time that there was
	ProofSilent  Proof = "silent"  // for a day nobody could be asked whether it works
	// A password can't be tried out. Its proof is a last look: todo, good (it is still the user's), or bad (another
	// reset).
)

// Slot tells whether the user can have one more credential of the kind.
type Slot string

// What can be true of the slots.
const (
	SlotFree    Slot = "free"
	SlotFull    Slot = "full"    // the list itself shows it
	SlotUnclear Slot = "unclear" // OCI says that a limit is reached, and the list doesn't show it
	SlotRefused Slot = "refused" // so since half an hour after the order
)

// Room tells whether the secrets may take the new value.
type Room string

// What can be true of the secrets before anything was written to them.
const (
	RoomFree  Room = "free"
	RoomSpent Room = "spent" // no name is left for a version of this rotation
	RoomTaken Room = "taken" // the only readable copy of another living credential is in there
	// its content can't be read, and the user has another living credential that may be in there
	RoomUnknown Room = "unknown"
	RoomChanged Room = "changed" // somebody has made another version CURRENT since the rotation began
	RoomBusy    Room = "busy"    // another rotation is at work on it
	RoomFull    Room = "full"    // OCI keeps no more versions of it
	RoomSwapped Room = "swapped" // the two secrets of a pair hold each other's half
	RoomWrong   Room = "wrong"   // it holds something that this rotation would never write there
	RoomForeign Room = "foreign" // its metadata has somebody else's data in the journal's place, or is no object
)

// Grace tells whether the old credential has to stay for a while.
type Grace string

// What can be true of the overlap of the old and the new credential.
const (
	GraceOrdered   Grace = "ordered"   // ordered, but no secret knows until when
	GraceRuns      Grace = "runs"      // the secrets know until when
	GraceOver      Grace = "over"      // it is over, or none was ordered
	GraceClaimed   Grace = "claimed"   // over, and this run has written into the secrets that it deletes the old one
	GraceElsewhere Grace = "elsewhere" // over, and another delivery has written that
	GraceLeft      Grace = "left"      // the old one is gone, and the secrets' entry is still there
)

// Sight is how fresh the picture of OCI is.
type Sight string

// What a run has seen.
const (
	SightNone  Sight = "none"
	SightStale Sight = "stale" // something failed since
	SightFirst Sight = "first"
	SightAgain Sight = "again" // this run has looked more than once
)

// Guard tells whether the rotation may be done.
type Guard string

// The answers of Job.Authorize.
const (
	GuardAllows  Guard = "allows"
	GuardRefuses Guard = "refuses"
)

// Order tells whether anybody has asked for the rotation.
type Order string

// Whether there is an order.
const (
	OrderGiven Order = "given"
	OrderNone  Order = "none" // a mark is all that is known of the rotation
)

// Trouble is what went wrong in this invocation.
type Trouble string

// Whether another try may help.
const (
	TroubleNone    Trouble = "none"
	TroubleLater   Trouble = "later"   // throttled, no answer, out of time: another delivery may get through
	TroubleFinal   Trouble = "final"   // not allowed, not valid: the same again every time
	TroubleBlocked Trouble = "blocked" // a secret has taken no change for half an hour, though nobody is changing it
)

// State is all that a decision depends on. It holds no id, no value and no time: every combination can be enumerated.
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

// The actions that change something in OCI, the one that asks (Prove), and the three that end a run.
const (
	Look     Action = "look"     // look at OCI, and ask the guard
	Stage    Action = "stage"    // write the value to Vault as PENDING (an API key is generated first)
	Intend   Action = "intend"   // write into the secret what we are about to do
	Create   Action = "create"   // make the new credential (an API key: upload its public half)
	Reset    Action = "reset"    // reset the password
	Prove    Action = "prove"    // use the new credential once
	Promote  Action = "promote"  // make the staged version CURRENT
	Defer    Action = "defer"    // write into the secrets when the old credential goes
	Claim    Action = "claim"    // write into the secrets that this delivery deletes the old credential
	Retire   Action = "retire"   // delete the old credential
	Settle   Action = "settle"   // take the entry of a credential that is gone off the secrets
	Replace  Action = "replace"  // delete the old credential first, as replace:yes allows
	Discard  Action = "discard"  // delete a new credential that nobody can use
	Withdraw Action = "withdraw" // take the announcement of a lost reset off the secret
	Fence    Action = "fence"    // mark the staged version as undone, so that nobody promotes it
	Done     Action = "done"
	Refuse   Action = "refuse"
	Wait     Action = "wait" // leave the rest to a later delivery
)

// Ends tells whether the action ends a run.
func (a Action) Ends() bool { return a == Done || a == Refuse || a == Wait }

// After is the state that follows when the action has done what it is meant to do. The engine doesn't need it (it
// looks at OCI); a dry run and the tests of the table do.
func (s State) After(a Action) State {
	switch a {
	case Look:
		s.Sight = SightAgain
	case Stage:
		s.Stored = StoredAll
		if s.Origin != credential.Local {
			s.Made = MadeLive
		}
	case Intend:
		s.Stored = StoredIntent
	case Create:
		if s.Made = MadeHeld; s.Origin == credential.Local {
			s.Made = MadeLive
		}
	case Reset:
		s.Made, s.Old = MadeHeld, OldGone
	case Prove:
		s.Proof = ProofGood
	case Promote:
		if s.Stored = StoredCurrent; s.Old == OldOwed {
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
