package rotation

import (
	"github.com/keyturn/keyturn/pkg/credential"
)

// Reason says why a run ended as it did.
type Reason string

// Why a run ended.
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
	OtherSecret     Reason = "an earlier closure named another secret"
	SecretFull      Reason = "the secret takes no more versions"
	SecretReplaced  Reason = "somebody wrote to the secret meanwhile"
	Rejected        Reason = "the new credential does not work and was taken back"
	RejectedNoWay   Reason = "the new credential does not work, and the old one is already gone"
	CurrentRejected Reason = "the secret's CURRENT credential does not work"
	Failed          Reason = "a step failed for good"
	Interrupted     Reason = "a step could not be finished"
	NotProvenYet    Reason = "the new credential is not accepted yet"
	Unprovable      Reason = "the new credential could not be tested"
	Doubtful        Reason = "nothing shows whether the old credential is gone"
	InProgress      Reason = "another delivery is at work"
)

// Row is one line of the decision table. An empty field means that the column doesn't matter; several values in one
// field mean any of them. The first row that fits decides.
type Row struct {
	Kind    []credential.Kind
	Old     Old
	Made    []Made
	Stored  []Stored
	Proof   Proof
	Slot    Slot
	Room    Room
	Trouble []Trouble
	Replace string // "yes" or "no"
	Grace   Grace

	Then    Action
	Reason  Reason // set where the action ends the run
	Because string
}

var (
	apiKey     = []credential.Kind{credential.APIKey}
	serverMade = []credential.Kind{credential.AuthToken, credential.CustomerSecretKey}
	password   = []credential.Kind{credential.Password}
	anyTrouble = []Trouble{TroubleLater, TroubleFinal, TroubleBlocked}
	notHeld    = []Made{MadeNone, MadeLost, MadeElsewhere, MadeStrange, MadeLive}
	begun      = []Stored{StoredIntent, StoredPart, StoredAll, StoredPromotedIn}
)

func made(m ...Made) []Made       { return m }
func stored(s ...Stored) []Stored { return s }

// Section is a part of the decision table that belongs together.
type Section struct {
	Title string
	Rows  []Row
}

// Sections are the specification of a rotation. Everything that is decided is decided here.
var Sections = []Section{
	{"It is over", []Row{
		{Kind: serverMade, Old: OldGone, Made: made(MadeLost), Stored: stored(StoredCurrent, StoredReplaced), Trouble: []Trouble{TroubleNone}, Then: Discard,
			Because: "it came too late: another delivery has finished with another one"},
		{Old: OldGone, Stored: stored(StoredCurrent), Then: Done, Reason: Rotated,
			Because: "the new value is CURRENT everywhere and the old credential is deleted"},
		{Old: OldGone, Stored: stored(StoredReplaced), Then: Done, Reason: Rotated,
			Because: "it was finished earlier, and the secret has moved on since"},
	}},
	{"Something went wrong in this invocation", []Row{
		{Kind: serverMade, Made: made(MadeHeld), Stored: stored(StoredNone, StoredIntent), Trouble: anyTrouble, Then: Discard,
			Because: "its value can't be stored and would be lost with this process; nobody uses it yet, and the old one is untouched or was given up on purpose. If it may have been stored, another delivery may be promoting it: then it stays"},
		{Kind: password, Made: made(MadeHeld), Stored: stored(StoredNone, StoredIntent, StoredElsewhere), Trouble: anyTrouble, Then: Done, Reason: ResetNotKept,
			Because: "the reset is done, and its one-time value goes with this process; the user sets a new password in any case"},
		{Trouble: []Trouble{TroubleFinal}, Then: Refuse, Reason: Failed,
			Because: "the same try would fail again; what is staged stays and is picked up once the cause is mended"},
		{Trouble: []Trouble{TroubleBlocked}, Then: Refuse, Reason: SecretBlocked,
			Because: "waiting has not helped for half an hour: a person has to look at the secret"},
		{Trouble: []Trouble{TroubleLater}, Then: Wait, Reason: Interrupted,
			Because: "another try may get through; what was done so far is found again"},
	}},
	{"The secrets are not what the closure comment takes them for", []Row{
		{Old: OldAlive, Made: notHeld, Room: RoomSwapped, Then: Refuse, Reason: SecretsSwapped,
			Because: "the consumers of both would read the wrong half"},
		{Made: notHeld, Stored: begun, Room: RoomSwapped, Then: Refuse, Reason: SecretsSwapped,
			Because: "the journal knows which is which: the sweep goes on with them the right way round"},
		{Old: OldAlive, Made: notHeld, Room: RoomWrong, Then: Refuse, Reason: WrongContent,
			Because: "its consumers expect something else than this rotation writes"},
		{Made: notHeld, Stored: begun, Room: RoomWrong, Then: Refuse, Reason: WrongContent,
			Because: "its consumers expect something else than this rotation writes"},
		{Old: OldAlive, Made: notHeld, Room: RoomForeign, Then: Refuse, Reason: MetadataForeign,
			Because: "somebody else's data would be written over"},
	}},
	{"A password: its reset can't be tried out or taken back, so it is announced in the secret first", []Row{
		{Kind: password, Old: OldAlive, Stored: stored(StoredNotAsked, StoredIntent), Then: Reset,
			Because: "the password is still the old one, and no other delivery is at it"},
		{Kind: password, Old: OldAlive, Stored: stored(StoredElsewhere), Then: Wait, Reason: InProgress,
			Because: "another delivery has announced the reset; two resets would send the user two links"},
		{Kind: password, Old: OldAlive, Room: RoomFull, Then: Refuse, Reason: SecretFull,
			Because: "the one-time password would have no place"},
		{Kind: password, Old: OldAlive, Room: RoomBusy, Then: Wait, Reason: InProgress,
			Because: "another rotation is writing to the secret"},
		{Kind: password, Old: OldAlive, Room: RoomTaken, Then: Refuse, Reason: SecretTaken,
			Because: "something else that is needed would be overwritten"},
		{Kind: password, Old: OldAlive, Then: Intend,
			Because: "whoever announces first resets; everybody else waits"},
		{Kind: password, Made: made(MadeHeld), Stored: stored(StoredNotAsked), Then: Done, Reason: Rotated,
			Because: "the reset is done and nobody asked to keep the one-time password"},
		{Kind: password, Made: made(MadeHeld, MadeLive), Stored: stored(StoredNone, StoredIntent, StoredElsewhere, StoredPart), Then: Stage,
			Because: "the one-time password goes to Vault"},
		{Kind: password, Made: made(MadeLive), Stored: stored(StoredAll, StoredPromotedIn), Then: Promote,
			Because: "it is the user's password already; there is nothing left to prove"},
		{Kind: password, Stored: stored(StoredElsewhere), Then: Wait, Reason: InProgress,
			Because: "the delivery that did the reset may be about to store it"},
		{Kind: password, Stored: stored(StoredIntent), Then: Done, Reason: ResetNotKept,
			Because: "the process that did the reset died before it could store the value; a second reset would undo what the user may have done since"},
		{Kind: password, Then: Done, Reason: AlreadyReset,
			Because: "somebody reset it since the problem was closed"},
	}},
	{"Somebody else is, or was, at work on the same rotation", []Row{
		{Made: made(MadeElsewhere), Then: Wait, Reason: InProgress,
			Because: "its maker may still be about to store its value"},
		{Made: made(MadeLost), Then: Discard,
			Because: "it has our mark, but its value is nowhere: nobody can ever use it, and it fills a slot"},
		{Made: made(MadeStrange), Then: Refuse, Reason: OtherSecret,
			Because: "an earlier closure named another secret, which may hold its value: it may be in use"},
		{Stored: stored(StoredElsewhere), Then: Wait, Reason: InProgress,
			Because: "another delivery has announced that it deletes first"},
		{Old: OldAlive, Stored: stored(StoredReplaced), Then: Refuse, Reason: SecretReplaced,
			Because: "a person wrote to the secret during the rotation; which value is wanted is theirs to say"},
	}},
	{"Nothing is made yet: may it begin?", []Row{
		{Made: made(MadeNone), Stored: stored(StoredNone), Proof: ProofBad, Then: Refuse, Reason: Rejected,
			Because: "this invocation has just taken it back; trying again at once would end the same way"},
		{Old: OldGone, Made: made(MadeNone), Stored: stored(StoredNone), Then: Done, Reason: AlreadyGone,
			Because: "somebody deleted it; there is nothing to replace"},
		{Made: made(MadeNone), Stored: stored(StoredNone), Room: RoomTaken, Then: Refuse, Reason: SecretTaken,
			Because: "overwriting it would leave a living credential without a readable value"},
		{Made: made(MadeNone), Stored: stored(StoredNone), Room: RoomUnknown, Then: Refuse, Reason: SecretUnknown,
			Because: "what can't be read may be the only copy of another living credential"},
		{Made: made(MadeNone), Stored: stored(StoredNone), Room: RoomBusy, Then: Wait, Reason: InProgress,
			Because: "another rotation is writing to the secret"},
		{Made: made(MadeNone), Stored: stored(StoredNone), Room: RoomFull, Then: Refuse, Reason: SecretFull,
			Because: "the new value would have no place"},
		{Made: made(MadeNone), Stored: stored(StoredNone), Slot: SlotFull, Replace: "no", Then: Refuse, Reason: NoFreeSlot,
			Because: "which credential to give up is the owner's to say"},
	}},
	{"An API key: its value is written ahead of it", []Row{
		{Kind: apiKey, Made: made(MadeNone), Stored: stored(StoredNone, StoredPart), Then: Stage,
			Because: "the private key is safe in Vault before OCI knows the public one"},
		{Kind: apiKey, Made: made(MadeNone), Stored: stored(StoredAll), Slot: SlotFree, Then: Create,
			Because: "the private key is in Vault"},
		{Kind: apiKey, Old: OldAlive, Made: made(MadeNone), Stored: stored(StoredAll), Replace: "yes", Then: Replace,
			Because: "the new private key is in Vault, and the comment allows deleting first"},
		{Kind: apiKey, Made: made(MadeNone), Stored: stored(StoredAll), Then: Refuse, Reason: NoFreeSlot,
			Because: "the slot was filled since; the staged key waits"},
	}},
	{"An auth token or customer secret key: OCI makes it, and shows its value once", []Row{
		{Kind: serverMade, Old: OldAlive, Made: made(MadeNone), Stored: stored(StoredNone), Slot: SlotFull, Then: Intend,
			Because: "a process that dies after the deletion leaves word of what has to follow"},
		{Kind: serverMade, Old: OldAlive, Made: made(MadeNone), Stored: stored(StoredIntent), Slot: SlotFull, Then: Replace,
			Because: "the comment allows deleting first, and the secret says so"},
		{Kind: serverMade, Made: made(MadeNone), Stored: stored(StoredIntent), Slot: SlotFull, Then: Refuse, Reason: NoFreeSlot,
			Because: "somebody filled the slot that the old one left"},
		{Kind: serverMade, Made: made(MadeNone), Stored: stored(StoredNone, StoredIntent), Then: Create,
			Because: "there is a free slot, and the new one carries our mark from the start"},
		{Kind: serverMade, Made: made(MadeHeld), Stored: stored(StoredNone, StoredIntent), Then: Stage,
			Because: "until it is in Vault only this process knows the value"},
	}},
	{"The value is in Vault, and the credential exists", []Row{
		{Made: made(MadeLive), Stored: stored(StoredPart), Then: Stage,
			Because: "the other secrets get theirs before anything is promoted"},
		{Made: made(MadeLive), Stored: stored(StoredPromotedIn), Then: Promote,
			Because: "halves that don't belong together must not be left"},
		{Made: made(MadeLive), Stored: stored(StoredAll, StoredCurrent), Proof: ProofTodo, Then: Prove,
			Because: "nothing is given up for a credential that nobody has seen work"},
		{Made: made(MadeLive), Stored: stored(StoredAll, StoredCurrent), Proof: ProofUnclear, Then: Wait, Reason: NotProvenYet,
			Because: "both credentials live; a later delivery asks again"},
		{Made: made(MadeLive), Stored: stored(StoredAll, StoredCurrent), Proof: ProofSilent, Then: Refuse, Reason: Unprovable,
			Because: "both credentials live; a person has to see why the service can't be asked"},
		{Made: made(MadeLive), Stored: stored(StoredAll), Proof: ProofGood, Then: Promote,
			Because: "it works"},
		{Old: OldAlive, Made: made(MadeLive), Stored: stored(StoredAll), Proof: ProofBad, Then: Fence,
			Because: "it is taken back; first so that nobody who still believes in it can promote it"},
		{Old: OldGone, Made: made(MadeLive), Stored: stored(StoredAll), Proof: ProofBad, Then: Refuse, Reason: RejectedNoWay,
			Because: "the old one was given up on purpose; the new one stays staged, for a person to look at"},
		{Made: made(MadeLive), Stored: stored(StoredCurrent), Proof: ProofBad, Then: Refuse, Reason: CurrentRejected,
			Because: "the old credential is the only one that works and is left alone"},
		{Old: OldAlive, Made: made(MadeLive), Stored: stored(StoredCurrent), Proof: ProofGood, Grace: GraceOrdered, Then: Defer,
			Because: "the sweep has to know when the old one may go"},
		{Old: OldAlive, Made: made(MadeLive), Stored: stored(StoredCurrent), Proof: ProofGood, Grace: GraceRuns, Then: Done, Reason: GraceRunning,
			Because: "the new value is CURRENT; consumers have time to pick it up"},
		{Old: OldAlive, Made: made(MadeLive), Stored: stored(StoredCurrent), Proof: ProofGood, Then: Retire,
			Because: "the new value is CURRENT and works"},
	}},
}

// Table is all rows in their order.
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

// Next decides. It is a pure function: the first row of Table that fits. A state that no row fits can't come about;
// it is refused all the same, so that nothing is touched (a test enumerates every state that can).
func Next(s State) Decision { return decide(Table, s) }

func decide(table []Row, s State) Decision {
	for i, r := range table {
		if r.fits(s) {
			return Decision{Action: r.Then, Reason: r.Reason, Row: i + 1, Because: r.Because}
		}
	}
	return Decision{Action: Refuse, Reason: Failed, Because: "this combination is not in the decision table"}
}

func (r Row) fits(s State) bool {
	return oneOf(r.Kind, s.Kind) && same(r.Old, s.Old) && oneOf(r.Made, s.Made) && oneOf(r.Stored, s.Stored) &&
		same(r.Proof, s.Proof) && same(r.Slot, s.Slot) && same(r.Room, s.Room) && oneOf(r.Trouble, s.Trouble) &&
		yesNo(r.Replace, s.Replace) && same(r.Grace, s.Grace)
}

func same[T ~string](want, have T) bool { return want == "" || want == have }

func oneOf[T ~string](want []T, have T) bool {
	for _, w := range want {
		if w == have {
			return true
		}
	}
	return len(want) == 0
}

func yesNo(want string, have bool) bool { return want == "" || (want == "yes") == have }
