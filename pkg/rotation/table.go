package rotation

import (
	"slices"

	"github.com/keyturn/keyturn/pkg/credential"
)

// Reason says why a run ended as it did.
type Reason string

// The reasons of Decision and Result.
const (
	Rotated         Reason = "rotated"
	GraceRunning    Reason = "rotated, the old one stays for a while"
	AlreadyReset    Reason = "the password was reset after the problem was closed"
	ResetNotKept    Reason = "the password was reset, but its one-time value is in no secret"
	AlreadyGone     Reason = "the old credential no longer exists"
	NoFreeSlot      Reason = "no free slot"
	SecretTaken     Reason = "the secret holds another living credential"
	SecretUnknown   Reason = "the secret may hold another living credential"
	SecretsSwapped  Reason = "the two secrets are named the wrong way round"
	WrongContent    Reason = "the secret holds something else"
	MetadataForeign Reason = "the secret's metadata can't take the journal"
	SecretBlocked   Reason = "the secret takes no change"
	NamesSpent      Reason = "the secret has no version name left"
	NotOurs         Reason = "nothing shows that the new credential is this rotation's"
	LimitUnclear    Reason = "OCI says that a limit is reached"
	OtherSecret     Reason = "an earlier closure named another secret"
	SecretFull      Reason = "the secret takes no more versions"
	SecretReplaced  Reason = "the secret was changed meanwhile"
	Rejected        Reason = "the new credential does not work and was taken back"
	RejectedNoWay   Reason = "the new credential does not work, and the old one is already gone"
	CurrentRejected Reason = "the secret's CURRENT credential does not work"
	Failed          Reason = "a step failed permanently"
	Interrupted     Reason = "a step could not be finished"
	NotProvenYet    Reason = "the new credential is not accepted yet"
	Unprovable      Reason = "the new credential could not be tested"
	Doubtful        Reason = "nothing shows whether the old credential is gone"
	InProgress      Reason = "another delivery is at work"
)

// Row is one row of the decision table. An empty field fits every value, a list fits each of its values. The first row
// that fits decides.
type Row struct {
	Origin  []credential.Origin
	Order   Order
	Sight   []Sight
	Guard   Guard
	Old     []Old
	Made    []Made
	Stored  []Stored
	Proof   Proof
	Slot    Slot
	Replace string // "yes" or "no"
	Grace   Grace
	Room    Room
	Trouble []Trouble

	Then    Action
	Reason  Reason // set where the action ends the run
	Because string
}

var (
	local      = []credential.Origin{credential.Local}
	server     = []credential.Origin{credential.Server}
	reset      = []credential.Origin{credential.Reset}
	chosen     = []credential.Origin{credential.Chosen}
	generated  = []credential.Origin{credential.Local, credential.Chosen}
	passwords  = []credential.Origin{credential.Reset, credential.Chosen}
	noTrouble  = []Trouble{TroubleNone}
	anyTrouble = []Trouble{TroubleLater, TroubleFinal, TroubleBlocked}
	alive      = []Old{OldAlive}
	gone       = []Old{OldGone}
	needed     = []Old{OldAlive, OldOwed}
	notHeld    = []Made{MadeNone, MadeLost, MadeElsewhere, MadeStrange, MadeDoubtful, MadeLive}
	begun      = []Stored{StoredIntent, StoredPart, StoredAll, StoredPromotedIn}
	readable   = []Stored{StoredNone, StoredIntent, StoredElsewhere, StoredPart, StoredAll, StoredPromotedIn,
		StoredCurrent, StoredReplaced, StoredWithdrawn}
	notCurrent = []Stored{StoredPart, StoredAll, StoredPromotedIn}
)

func made(m ...Made) []Made       { return m }
func stored(s ...Stored) []Stored { return s }

// Section is a group of rows of the decision table.
type Section struct {
	Title string
	Rows  []Row
}

// Sections is the specification of a rotation. All decisions are made here.
var Sections = []Section{
	{"OCI has to be looked at first", []Row{
		{Sight: []Sight{SightNone, SightStale}, Trouble: noTrouble, Then: Look,
			Because: "a decision needs a fresh look"},
	}},
	{"A credential with the mark of a rotation that is no longer ordered", []Row{
		{Order: OrderNone, Trouble: anyTrouble, Then: Wait, Reason: Interrupted,
			Because: "a later sweep tries again"},
		{Order: OrderNone, Old: []Old{OldUnlisted}, Then: Refuse, Reason: Failed,
			Because: "the list that would show it can't be read"},
		{Order: OrderNone, Guard: GuardRefuses, Then: Refuse, Reason: Failed,
			Because: "it may not be touched"},
		{Order: OrderNone, Made: made(MadeLost), Room: RoomFree, Stored: stored(StoredNone, StoredIntent),
			Then:    Discard,
			Because: "it must not be used, and fills a slot: its value is lost, or it was rejected"},
		{Order: OrderNone, Made: made(MadeNone), Stored: stored(StoredNone, StoredIntent), Then: Done,
			Reason:  AlreadyGone,
			Because: "it is gone"},
		{Order: OrderNone, Made: made(MadeElsewhere), Then: Wait, Reason: InProgress,
			Because: "its maker may still be about to store its value"},
		{Order: OrderNone, Then: Refuse, Reason: NotOurs,
			Because: "its value may be in a version of the secret: it may be in use"},
	}},
	{"The rotation is finished", []Row{
		{Guard: GuardAllows, Old: gone, Made: made(MadeLost), Stored: stored(StoredCurrent, StoredReplaced),
			Trouble: noTrouble, Then: Discard,
			Because: "another delivery or attempt has finished with another new credential"},
		{Guard: GuardAllows, Old: gone, Stored: readable, Grace: GraceLeft, Trouble: noTrouble, Then: Settle,
			Because: "the old credential is gone, but the secrets still have its entry"},
		{Origin: reset, Stored: stored(StoredCurrent), Proof: ProofTodo, Trouble: noTrouble, Then: Prove,
			Because: "the reset of a process that died may have taken effect since"},
		{Origin: reset, Stored: stored(StoredCurrent), Proof: ProofBad, Then: Done, Reason: ResetNotKept,
			Because: "the password was reset again, so the stored one is invalid"},
		{Old: gone, Stored: stored(StoredCurrent), Then: Done, Reason: Rotated,
			Because: "the new value is CURRENT everywhere and the old credential is deleted"},
		{Old: gone, Stored: stored(StoredReplaced), Then: Done, Reason: Rotated,
			Because: "it was finished earlier, and the secret was changed since"},
		{Old: []Old{OldUnlisted}, Stored: stored(StoredCurrent), Then: Done, Reason: AlreadyGone,
			Because: "the secrets have the new value, but the user's credentials can't be listed"},
	}},
	{"Something went wrong in this invocation", []Row{
		{Origin: server, Made: made(MadeHeld), Stored: stored(StoredNone, StoredIntent), Trouble: anyTrouble,
			Then: Discard,
			Because: "its value can't be stored, and would be lost with this process. It isn't in use yet. " +
				"If it may have been stored, it stays, since another delivery may be promoting it"},
		{Origin: reset, Made: made(MadeHeld), Stored: stored(StoredNone, StoredIntent, StoredElsewhere),
			Trouble: anyTrouble, Then: Done, Reason: ResetNotKept,
			Because: "the one-time value is lost with this process; the user must set a new password in any case"},
		{Old: gone, Made: made(MadeNone), Stored: stored(StoredNone), Trouble: []Trouble{TroubleFinal, TroubleBlocked},
			Then: Done, Reason: AlreadyGone,
			Because: "there is nothing to replace any more"},
		{Trouble: []Trouble{TroubleFinal}, Then: Refuse, Reason: Failed,
			Because: "it would fail again. What is staged stays, and is used once the cause is fixed"},
		{Trouble: []Trouble{TroubleBlocked}, Then: Refuse, Reason: SecretBlocked,
			Because: "half an hour of waiting has not helped: a person has to look at the secret"},
		{Trouble: []Trouble{TroubleLater}, Then: Wait, Reason: Interrupted,
			Because: "another try may succeed; it continues from here"},
	}},
	{"Is the rotation allowed and possible?", []Row{
		{Origin: server, Guard: GuardRefuses, Made: made(MadeHeld), Stored: stored(StoredNone, StoredIntent),
			Then:    Discard,
			Because: "the guard forbids storing its value, which would be lost with this process"},
		{Origin: reset, Guard: GuardRefuses, Made: made(MadeHeld), Then: Done, Reason: ResetNotKept,
			Because: "the guard forbids storing its one-time value; the user must set a new password in any case"},
		{Origin: passwords, Old: gone, Guard: GuardRefuses, Then: Done, Reason: AlreadyReset,
			Because: "the password was reset after the problem was closed"},
		{Origin: passwords, Old: gone, Stored: stored(StoredUnread), Then: Done, Reason: AlreadyReset,
			Because: "the password was reset after the problem was closed"},
		{Old: gone, Guard: GuardRefuses, Then: Done, Reason: AlreadyGone,
			Because: "there is nothing to replace any more"},
		{Old: gone, Stored: stored(StoredUnread), Then: Done, Reason: AlreadyGone,
			Because: "there is nothing to replace any more"},
		{Guard: GuardRefuses, Then: Refuse, Reason: Failed,
			Because: "the guard's refusal says why"},
		{Old: []Old{OldUnlisted}, Then: Refuse, Reason: Failed,
			Because: "the user's credentials can't be listed"},
		{Stored: stored(StoredUnread), Then: Refuse, Reason: Failed,
			Because: "the new value would have no place"},
		{Old: []Old{OldUnknown}, Made: notHeld, Then: Refuse, Reason: Doubtful,
			Because: "the old credential might be alive"},
	}},
	{"The secrets don't fit the closure comment", []Row{
		{Old: needed, Made: notHeld, Room: RoomSwapped, Then: Refuse, Reason: SecretsSwapped,
			Because: "consumers would read the wrong half"},
		{Made: notHeld, Stored: begun, Room: RoomSwapped, Then: Refuse, Reason: SecretsSwapped,
			Because: "the journal says which half belongs where"},
		{Old: needed, Made: notHeld, Room: RoomWrong, Then: Refuse, Reason: WrongContent,
			Because: "its consumers expect something else than this rotation writes"},
		{Made: notHeld, Stored: begun, Room: RoomWrong, Then: Refuse, Reason: WrongContent,
			Because: "its consumers expect something else than this rotation writes"},
		{Old: needed, Made: notHeld, Room: RoomForeign, Then: Refuse, Reason: MetadataForeign,
			Because: "it would overwrite data that isn't Keyturn's"},
		{Old: needed, Made: notHeld, Room: RoomSpent, Then: Refuse, Reason: NamesSpent,
			Because: "Keyturn never makes that many attempts: a person has to look at the secret"},
	}},
	{"A password that OCI chooses: a reset can't be tested or undone, so it is announced in the secret first", []Row{
		{Origin: reset, Made: made(MadeElsewhere), Then: Wait, Reason: InProgress,
			Because: "a version holds a password that IAM's list doesn't show yet"},
		{Origin: reset, Old: alive, Stored: stored(StoredNotAsked, StoredIntent), Then: Reset,
			Because: "the password is still the old one, and no other delivery has announced a reset"},
		{Origin: reset, Old: alive, Stored: stored(StoredElsewhere), Then: Wait, Reason: InProgress,
			Because: "another delivery has announced the reset; two resets would send the user two links"},
		{Origin: reset, Old: alive, Room: RoomFull, Then: Refuse, Reason: SecretFull,
			Because: "the one-time password would have no place"},
		{Origin: reset, Old: alive, Room: RoomBusy, Then: Wait, Reason: InProgress,
			Because: "another rotation is writing to the secret"},
		{Origin: reset, Old: alive, Room: RoomTaken, Then: Refuse, Reason: SecretTaken,
			Because: "another credential in use would be overwritten"},
		{Origin: reset, Old: alive, Then: Intend,
			Because: "the first delivery to announce the reset does it; all others wait"},
		{Origin: reset, Made: made(MadeHeld), Stored: stored(StoredNotAsked), Then: Done, Reason: Rotated,
			Because: "the reset is done, and the closure names no secret for the one-time password"},
		{Origin: reset, Made: made(MadeHeld, MadeLive),
			Stored: stored(StoredNone, StoredIntent, StoredElsewhere, StoredPart), Then: Stage,
			Because: "the one-time password goes to Vault"},
		{Origin: reset, Made: made(MadeLive), Stored: stored(StoredAll, StoredPromotedIn), Then: Promote,
			Because: "it is already the user's password; there is nothing to prove"},
		{Origin: reset, Stored: stored(StoredElsewhere), Then: Wait, Reason: InProgress,
			Because: "the delivery that did the reset may be about to store the password"},
		{Origin: reset, Stored: stored(StoredIntent), Then: Withdraw,
			Because: "its value is lost; removing the announcement makes sure that this is reported only once"},
		{Origin: reset, Stored: stored(StoredWithdrawn), Then: Done, Reason: ResetNotKept,
			Because: "the process that did the reset died before it stored the value; a second reset could " +
				"overwrite a password that the user has set since"},
		{Origin: reset, Then: Done, Reason: AlreadyReset,
			Because: "the password was reset after the problem was closed"},
	}},
	{"A password that Keyturn chooses replaces only the one that the problem is about", []Row{
		{Origin: chosen, Old: gone, Made: made(MadeNone, MadeStrange), Then: Done, Reason: AlreadyReset,
			Because: "the password that the user has now is not overwritten"},
	}},
	{"Another delivery or an earlier closure has worked on the rotation", []Row{
		{Made: made(MadeElsewhere), Then: Wait, Reason: InProgress,
			Because: "its maker may still be running, or IAM's list may not show it yet"},
		{Made: made(MadeLost), Then: Discard,
			Because: "it is this rotation's and must not be used: its value is lost, or it was rejected"},
		{Made: made(MadeDoubtful), Then: Refuse, Reason: NotOurs,
			Because: "another user of the secret may have written that: the credential may be in use"},
		{Old: gone, Made: made(MadeStrange), Then: Done, Reason: AlreadyGone,
			Because: "an earlier closure named another secret, and that rotation is done"},
		{Made: made(MadeStrange), Then: Refuse, Reason: OtherSecret,
			Because: "an earlier closure named another secret, which may hold its value: it may be in use"},
		{Stored: stored(StoredElsewhere), Then: Wait, Reason: InProgress,
			Because: "another delivery has announced that it deletes first"},
		{Old: alive, Stored: stored(StoredReplaced), Then: Refuse, Reason: SecretReplaced,
			Because: "something else wrote to the secret during the rotation; its author decides which value is right"},
	}},
	{"No new credential exists: may it be made?", []Row{
		{Made: made(MadeNone), Stored: stored(StoredNone), Proof: ProofBad, Then: Refuse, Reason: Rejected,
			Because: "this run has just taken it back; another attempt now would end the same way"},
		{Old: gone, Made: made(MadeNone), Stored: stored(StoredNone), Then: Done, Reason: AlreadyGone,
			Because: "it was deleted; there is nothing to replace"},
		{Old: alive, Made: made(MadeNone), Room: RoomTaken, Then: Refuse, Reason: SecretTaken,
			Because: "overwriting it would leave a living credential without a readable value"},
		{Old: alive, Made: made(MadeNone), Room: RoomUnknown, Then: Refuse, Reason: SecretUnknown,
			Because: "the unreadable content may be the only copy of another living credential"},
		{Old: alive, Made: made(MadeNone), Room: RoomChanged, Then: Refuse, Reason: SecretReplaced,
			Because: "the user who wrote it decides which value is right"},
		{Made: made(MadeNone), Stored: stored(StoredNone), Room: RoomBusy, Then: Wait, Reason: InProgress,
			Because: "another rotation is writing to the secret"},
		{Made: made(MadeNone), Stored: stored(StoredNone, StoredIntent, StoredPart), Room: RoomFull, Then: Refuse,
			Reason:  SecretFull,
			Because: "the new value would have no place"},
		{Made: made(MadeNone), Stored: stored(StoredNone), Slot: SlotFull, Replace: "no", Then: Refuse,
			Reason:  NoFreeSlot,
			Because: "the owner decides which credential to delete"},
		{Made: made(MadeNone), Slot: SlotUnclear, Then: Wait, Reason: LimitUnclear,
			Because: "another delivery may have taken the slot; an error alone is no reason to delete a credential"},
		{Made: made(MadeNone), Slot: SlotRefused, Then: Refuse, Reason: NoFreeSlot,
			Because: "the limit isn't the user's slots, so deleting a credential would not help"},
	}},
	{"An API key or a password that Keyturn chooses: its value is stored before OCI gets it", []Row{
		{Origin: generated, Made: made(MadeNone), Stored: stored(StoredNone, StoredIntent, StoredPart), Then: Stage,
			Because: "the value is in Vault before OCI gets the public key or the password"},
		{Origin: chosen, Old: alive, Made: made(MadeNone), Stored: stored(StoredAll), Then: Reset,
			Because: "the value is in Vault, and the password is still the old one"},
		{Origin: local, Made: made(MadeNone), Stored: stored(StoredAll), Slot: SlotFree, Then: Create,
			Because: "the private key is in Vault"},
		{Origin: local, Old: alive, Made: made(MadeNone), Stored: stored(StoredAll), Slot: SlotFull, Replace: "yes",
			Then:    Replace,
			Because: "the private key is in Vault, the comment allows deleting first, and the user has another key"},
		{Origin: local, Made: made(MadeNone), Stored: stored(StoredAll), Then: Refuse, Reason: NoFreeSlot,
			Because: "the slot was filled in the meantime"},
	}},
	{"An auth token or customer secret key: OCI makes it, and shows its value once", []Row{
		{Origin: server, Old: alive, Made: made(MadeNone), Stored: stored(StoredNone), Slot: SlotFull, Then: Intend,
			Because: "if this process dies after the deletion, the announcement says what is left to do"},
		{Origin: server, Old: alive, Made: made(MadeNone), Stored: stored(StoredIntent), Slot: SlotFull, Replace: "yes",
			Then:    Replace,
			Because: "the comment allows deleting first, the secret says so, and the user has another one"},
		{Origin: server, Made: made(MadeNone), Stored: stored(StoredNone, StoredIntent), Slot: SlotFull, Then: Refuse,
			Reason:  NoFreeSlot,
			Because: "another credential fills the slot that the old one left"},
		{Origin: server, Made: made(MadeNone), Stored: stored(StoredNone, StoredIntent), Then: Create,
			Because: "there is a free slot, and the new credential carries Keyturn's mark from the start"},
		{Origin: server, Made: made(MadeHeld), Stored: stored(StoredNone, StoredIntent), Then: Stage,
			Because: "until it is in Vault, only this process has the value"},
	}},
	{"The value is in Vault, and the credential exists", []Row{
		{Made: made(MadeLive), Stored: notCurrent, Room: RoomTaken, Then: Refuse, Reason: SecretTaken,
			Because: "the secret now has the only readable value of another living credential"},
		{Made: made(MadeLive), Stored: notCurrent, Room: RoomUnknown, Then: Refuse, Reason: SecretUnknown,
			Because: "the unreadable content may be the only copy of another living credential"},
		{Made: made(MadeLive), Stored: notCurrent, Room: RoomChanged, Then: Refuse, Reason: SecretReplaced,
			Because: "the user who wrote it decides which value is right"},
		{Made: made(MadeLive), Stored: stored(StoredPart), Then: Stage,
			Because: "all secrets get the value before any is promoted"},
		{Made: made(MadeLive), Stored: stored(StoredPromotedIn), Then: Promote,
			Because: "the secrets must not stay with parts of different credentials"},
		{Made: made(MadeLive), Stored: stored(StoredAll, StoredCurrent), Proof: ProofTodo, Then: Prove,
			Because: "the old credential stays until the new one is proven"},
		{Made: made(MadeLive), Stored: stored(StoredAll, StoredCurrent), Proof: ProofUnclear, Then: Wait,
			Reason:  NotProvenYet,
			Because: "both credentials exist; a later delivery tests it again"},
		{Made: made(MadeLive), Stored: stored(StoredAll, StoredCurrent), Proof: ProofSilent, Then: Refuse,
			Reason:  Unprovable,
			Because: "both credentials exist; a person has to find out why the service can't be asked"},
		{Made: made(MadeLive), Stored: stored(StoredAll), Proof: ProofGood, Then: Promote,
			Because: "it works, or it can't be proven"},
		{Old: alive, Made: made(MadeLive), Stored: stored(StoredAll), Proof: ProofBad, Then: Fence,
			Because: "before it is deleted, it is marked as undone, so that no other delivery promotes it"},
		{Old: []Old{OldGone, OldOwed}, Made: made(MadeLive), Stored: stored(StoredAll), Proof: ProofBad, Then: Refuse,
			Reason:  RejectedNoWay,
			Because: "the old one is already gone; the new one stays staged for a person to look at"},
		{Made: made(MadeLive), Stored: stored(StoredCurrent), Proof: ProofBad, Then: Refuse, Reason: CurrentRejected,
			Because: "the old credential is the only one that works, and stays"},
		{Old: alive, Made: made(MadeLive), Stored: stored(StoredCurrent), Proof: ProofGood, Grace: GraceOrdered,
			Then:    Defer,
			Because: "the sweep has to know when to delete the old one"},
		{Old: alive, Made: made(MadeLive), Stored: stored(StoredCurrent), Proof: ProofGood, Grace: GraceRuns,
			Then: Done, Reason: GraceRunning,
			Because: "the new value is CURRENT; consumers have time to pick it up"},
		{Old: alive, Made: made(MadeLive), Stored: stored(StoredCurrent), Proof: ProofGood, Grace: GraceElsewhere,
			Then: Wait, Reason: InProgress,
			Because: "another delivery is deleting the old one, or IAM's list doesn't show yet that it has"},
		{Old: alive, Made: made(MadeLive), Stored: stored(StoredCurrent), Proof: ProofGood, Grace: GraceOver,
			Then:    Claim,
			Because: "the write fails if the secret has changed since it was read"},
		{Old: alive, Made: made(MadeLive), Stored: stored(StoredCurrent), Proof: ProofGood, Grace: GraceClaimed,
			Then:    Retire,
			Because: "the new value is CURRENT and works"},
	}},
}

// Table has all rows in order.
var Table = func() (rows []Row) {
	for _, s := range Sections {
		rows = append(rows, s.Rows...)
	}
	return rows
}()

// Decision is what Next decides.
type Decision struct {
	Action  Action
	Reason  Reason // why the run ends; empty while it goes on
	Row     int    // the row that decided, from 1
	Because string
}

// Next decides on the next action, according to the first row of Table that fits. It is a pure function. A run looks at
// OCI a second time before it refuses or waits, since another delivery may have finished in the meantime. It doesn't if
// it has tested the new credential in vain, which took long enough. A state that no row fits is refused. A test shows
// that none is possible.
func Next(s State) Decision {
	d := decide(Table, s)
	tested := d.Reason == NotProvenYet || d.Reason == Unprovable
	if (d.Action == Refuse || d.Action == Wait) && s.Sight == SightFirst && s.Trouble == TroubleNone && !tested {
		return Decision{Action: Look, Row: d.Row, Because: "the run looks again before it ends without a rotation"}
	}
	return d
}

func decide(table []Row, s State) Decision {
	for i, r := range table {
		if r.fits(s) {
			return Decision{Action: r.Then, Reason: r.Reason, Row: i + 1, Because: r.Because}
		}
	}
	return Decision{Action: Refuse, Reason: Failed, Because: "this combination is not in the decision table"}
}

func (r Row) fits(s State) bool {
	return oneOf(r.Origin, s.Origin) && same(r.Order, s.Order) && oneOf(r.Sight, s.Sight) && same(r.Guard, s.Guard) &&
		oneOf(r.Old, s.Old) && oneOf(r.Made, s.Made) && oneOf(r.Stored, s.Stored) && same(r.Proof, s.Proof) &&
		same(r.Slot, s.Slot) && same(r.Room, s.Room) && oneOf(r.Trouble, s.Trouble) &&
		yesNo(r.Replace, s.Replace) && same(r.Grace, s.Grace)
}

func same[T ~string](want, have T) bool { return want == "" || want == have }

func oneOf[T ~string](want []T, have T) bool { return len(want) == 0 || slices.Contains(want, have) }

func yesNo(want string, have bool) bool { return want == "" || (want == "yes") == have }
