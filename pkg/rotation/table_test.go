package rotation_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/rotation"
)

// The values of each column. A test compares them with the constants of the package's source.
var (
	origins = []credential.Origin{credential.Local, credential.Server, credential.Reset, credential.Chosen}
	orders  = []rotation.Order{rotation.OrderGiven, rotation.OrderNone}
	sights  = []rotation.Sight{rotation.SightNone, rotation.SightStale, rotation.SightFirst, rotation.SightAgain}
	guards  = []rotation.Guard{rotation.GuardAllows, rotation.GuardRefuses}
	olds    = []rotation.Old{rotation.OldAlive, rotation.OldGone, rotation.OldOwed, rotation.OldUnknown,
		rotation.OldUnlisted}
	mades = []rotation.Made{rotation.MadeNone, rotation.MadeHeld, rotation.MadeLost, rotation.MadeElsewhere,
		rotation.MadeStrange,
		rotation.MadeDoubtful, rotation.MadeLive}
	storeds = []rotation.Stored{rotation.StoredNotAsked, rotation.StoredNone, rotation.StoredIntent,
		rotation.StoredElsewhere,
		rotation.StoredUnsure, rotation.StoredPart, rotation.StoredAll, rotation.StoredPromotedIn,
		rotation.StoredCurrent,
		rotation.StoredReplaced, rotation.StoredWithdrawn, rotation.StoredUnread}
	proofs = []rotation.Proof{rotation.ProofTodo, rotation.ProofGood, rotation.ProofBad, rotation.ProofUnclear,
		rotation.ProofSilent}
	slots = []rotation.Slot{rotation.SlotFree, rotation.SlotFull, rotation.SlotUnclear, rotation.SlotRefused}
	rooms = []rotation.Room{rotation.RoomFree, rotation.RoomSpent, rotation.RoomTaken, rotation.RoomUnknown,
		rotation.RoomChanged, rotation.RoomBusy,
		rotation.RoomFull, rotation.RoomSwapped, rotation.RoomWrong, rotation.RoomForeign}
	troubles = []rotation.Trouble{rotation.TroubleNone, rotation.TroubleLater, rotation.TroubleFinal,
		rotation.TroubleBlocked}
	graces = []rotation.Grace{rotation.GraceOrdered, rotation.GraceRuns, rotation.GraceOver, rotation.GraceClaimed,
		rotation.GraceElsewhere, rotation.GraceLeft}
)

// answers returns the values of Replace, which matters only if the slots are full.
func answers(s rotation.Slot) []bool {
	if s == rotation.SlotFull {
		return []bool{false, true}
	}
	return []bool{false}
}

// orderedStates calls f with every state of a run that was ordered and allowed, has a fresh snapshot and no trouble.
// All other columns take all their values.
func orderedStates(f func(rotation.State)) {
	s := rotation.State{Order: rotation.OrderGiven, Sight: rotation.SightAgain, Guard: rotation.GuardAllows,
		Trouble: rotation.TroubleNone}
	for _, s.Origin = range origins {
		for _, s.Old = range olds {
			for _, s.Made = range mades {
				for _, s.Stored = range storeds {
					for _, s.Proof = range proofs {
						for _, s.Slot = range slots {
							for _, s.Room = range rooms {
								for _, s.Replace = range answers(s.Slot) {
									for _, s.Grace = range graces {
										f(s)
									}
								}
							}
						}
					}
				}
			}
		}
	}
}

// troubledStates calls f with every combination of the columns that the sections on sight, orders, trouble and the
// guard read: all but the proof, the slots, replace and the room.
func troubledStates(f func(rotation.State)) {
	s := rotation.State{Proof: rotation.ProofTodo, Slot: rotation.SlotFree, Room: rotation.RoomFree}
	for _, s.Origin = range origins {
		for _, s.Order = range orders {
			for _, s.Sight = range sights {
				for _, s.Guard = range guards {
					for _, s.Trouble = range troubles {
						for _, s.Old = range olds {
							for _, s.Made = range mades {
								for _, s.Stored = range storeds {
									for _, s.Grace = range []rotation.Grace{rotation.GraceOver, rotation.GraceLeft} {
										f(s)
									}
								}
							}
						}
					}
				}
			}
		}
	}
}

// drawnStates calls f with states drawn from all combinations of all columns, the same each time.
func drawnStates(n int, f func(rotation.State)) {
	r := rand.New(rand.NewPCG(13, 1))
	for range n {
		f(rotation.State{Origin: pick(r, origins), Order: pick(r, orders), Sight: pick(r, sights),
			Guard: pick(r, guards), Old: pick(r, olds),
			Made: pick(r, mades), Stored: pick(r, storeds), Proof: pick(r, proofs), Slot: pick(r, slots),
			Room:    pick(r, rooms),
			Trouble: pick(r, troubles), Replace: r.IntN(2) == 0, Grace: pick(r, graces)})
	}
}

func pick[T any](r *rand.Rand, of []T) T { return of[r.IntN(len(of))] }

func everyState(f func(rotation.State)) {
	orderedStates(f)
	troubledStates(f)
	drawnStates(500_000, f)
}

// asks reports whether the action changes nothing.
func asks(a rotation.Action) bool {
	return a.Ends() || a == rotation.Look || a == rotation.Prove
}

func is[T comparable](v T, some ...T) bool { return slices.Contains(some, v) }

// password reports whether the state is of a password.
func password(s rotation.State) bool { return is(s.Origin, credential.Reset, credential.Chosen) }

// possible excludes the states that the meaning of the columns rules out.
func possible(s rotation.State) bool {
	switch {
	case s.Origin != credential.Reset && is(s.Stored, rotation.StoredNotAsked, rotation.StoredWithdrawn),
		s.Origin == credential.Chosen && is(s.Old, rotation.OldOwed, rotation.OldUnknown),
		s.Stored == rotation.StoredUnsure:
		return false
	case s.Old == rotation.OldAlive && s.Grace == rotation.GraceLeft,
		is(s.Old, rotation.OldOwed, rotation.OldUnknown) &&
			is(s.Stored, rotation.StoredCurrent, rotation.StoredReplaced):
		return false
	case s.Origin == credential.Reset:
		return is(s.Old, rotation.OldAlive, rotation.OldGone, rotation.OldUnlisted)
	case is(s.Origin, credential.Local, credential.Chosen) && s.Made == rotation.MadeHeld:
		return false
	case s.Made == rotation.MadeHeld:
		return is(s.Stored, rotation.StoredNone, rotation.StoredIntent)
	case s.Made == rotation.MadeLive:
		return is(s.Stored, rotation.StoredPart, rotation.StoredAll, rotation.StoredPromotedIn, rotation.StoredCurrent,
			rotation.StoredReplaced)
	case s.Made == rotation.MadeNone:
		return is(s.Stored, rotation.StoredNone, rotation.StoredIntent) ||
			is(s.Origin, credential.Local, credential.Chosen) && is(s.Stored, rotation.StoredPart, rotation.StoredAll)
	}
	return true
}

func TestTheTableKeepsItsPromisesAndUsesEveryRow(t *testing.T) {
	live := func(s rotation.State) bool {
		return s.Old == rotation.OldAlive && s.Made == rotation.MadeLive && s.Stored == rotation.StoredCurrent &&
			s.Proof == rotation.ProofGood
	}
	undecided := func(s rotation.State) bool { return s.Sight == rotation.SightNone || s.Sight == rotation.SightStale }
	heldInVain := func(s rotation.State) bool {
		return s.Made == rotation.MadeHeld && is(s.Stored, rotation.StoredNone, rotation.StoredIntent) &&
			(s.Trouble != rotation.TroubleNone || s.Guard == rotation.GuardRefuses)
	}
	only := []struct {
		name   string
		action rotation.Action
		if_    func(rotation.State) bool
	}{
		{"the old credential goes only when the new one is CURRENT everywhere, alive and proven, and the secrets " +
			"say who deletes it", rotation.Retire,
			func(s rotation.State) bool { return live(s) && s.Grace == rotation.GraceClaimed }},
		{"a deletion is claimed only when nothing else stands in its way", rotation.Claim,
			func(s rotation.State) bool { return live(s) && s.Grace == rotation.GraceOver }},
		{"a grace is written down only for a new credential that is CURRENT and proven", rotation.Defer,
			func(s rotation.State) bool { return live(s) && s.Grace == rotation.GraceOrdered }},
		{"the old credential goes first only if it lives, the list shows the limit reached, the comment allows it, " +
			"and word of it is in Vault", rotation.Replace,
			func(s rotation.State) bool {
				return s.Old == rotation.OldAlive && s.Made == rotation.MadeNone && s.Slot == rotation.SlotFull &&
					s.Replace && !password(s) &&
					s.Stored == map[bool]rotation.Stored{true: rotation.StoredAll,
						false: rotation.StoredIntent}[s.Origin == credential.Local]
			}},
		{"nothing is promoted unless its credential lives and was proven, or its other half is CURRENT already",
			rotation.Promote,
			func(s rotation.State) bool {
				return s.Made == rotation.MadeLive && is(s.Stored, rotation.StoredAll, rotation.StoredPromotedIn) &&
					(s.Proof == rotation.ProofGood || s.Stored == rotation.StoredPromotedIn ||
						s.Origin == credential.Reset)
			}},
		{"nothing is promoted over what is needed or unknown", rotation.Promote,
			func(s rotation.State) bool {
				return s.Origin == credential.Reset || !is(s.Room, rotation.RoomTaken, rotation.RoomUnknown,
					rotation.RoomSwapped, rotation.RoomWrong)
			}},
		{"a credential is made only if there is none and a slot is seen to be free", rotation.Create,
			func(s rotation.State) bool {
				return s.Made == rotation.MadeNone && s.Slot == rotation.SlotFree && !password(s)
			}},
		{"an API key's value is in every secret before OCI knows its public half", rotation.Create,
			func(s rotation.State) bool { return s.Origin != credential.Local || s.Stored == rotation.StoredAll }},
		{"no credential is made for one that is gone, unless this rotation has deleted it", rotation.Create,
			func(s rotation.State) bool { return s.Old != rotation.OldGone || s.Stored != rotation.StoredNone }},
		{"a value made by OCI is staged once it exists", rotation.Stage,
			func(s rotation.State) bool {
				return is(s.Origin, credential.Local, credential.Chosen) && s.Made == rotation.MadeNone ||
					s.Made == rotation.MadeHeld || s.Made == rotation.MadeLive
			}},
		{"a password is reset once, and only after it was announced or is in every secret", rotation.Reset,
			func(s rotation.State) bool {
				return s.Old == rotation.OldAlive && (s.Origin == credential.Reset &&
					is(s.Stored, rotation.StoredNotAsked, rotation.StoredIntent) ||
					s.Origin == credential.Chosen && s.Made == rotation.MadeNone && s.Stored == rotation.StoredAll)
			}},
		{"only a useless credential is discarded", rotation.Discard,
			func(s rotation.State) bool { return s.Made == rotation.MadeLost || heldInVain(s) }},
		{"a staged version is undone only when it was refused and the old credential lives", rotation.Fence,
			func(s rotation.State) bool {
				return s.Proof == rotation.ProofBad && s.Old == rotation.OldAlive && s.Made == rotation.MadeLive &&
					s.Stored == rotation.StoredAll
			}},
		{"an entry is taken off only when its credential is gone", rotation.Settle,
			func(s rotation.State) bool { return s.Old == rotation.OldGone && s.Grace == rotation.GraceLeft }},
		{"only the announcement of a password's reset is withdrawn", rotation.Withdraw,
			func(s rotation.State) bool {
				return s.Origin == credential.Reset && s.Old != rotation.OldAlive && s.Stored == rotation.StoredIntent
			}},
	}
	never := []struct {
		name string
		is   func(rotation.State, rotation.Decision) bool
	}{
		{"something is changed on a picture that may be another by now",
			func(s rotation.State, d rotation.Decision) bool {
				return undecided(s) && s.Trouble == rotation.TroubleNone && d.Action != rotation.Look
			}},
		{"a run looks for ever", func(s rotation.State, d rotation.Decision) bool {
			return s.Sight == rotation.SightAgain && d.Action == rotation.Look
		}},
		{"something is changed that the guard refuses", func(s rotation.State, d rotation.Decision) bool {
			return s.Guard == rotation.GuardRefuses && !asks(d.Action) &&
				!(d.Action == rotation.Discard && heldInVain(s))
		}},
		{"something is changed without an order but a lost credential",
			func(s rotation.State, d rotation.Decision) bool {
				return s.Order == rotation.OrderNone && !asks(d.Action) &&
					!(d.Action == rotation.Discard && s.Made == rotation.MadeLost &&
						is(s.Stored, rotation.StoredNone, rotation.StoredIntent) && s.Trouble == rotation.TroubleNone)
			}},
		{"a run refuses or waits at first sight", func(s rotation.State, d rotation.Decision) bool {
			return s.Sight == rotation.SightFirst && s.Trouble == rotation.TroubleNone &&
				is(d.Action, rotation.Refuse, rotation.Wait) &&
				d.Reason != rotation.NotProvenYet && d.Reason != rotation.Unprovable
		}},
		{"trouble is answered by going on", func(s rotation.State, d rotation.Decision) bool {
			return s.Trouble != rotation.TroubleNone && !d.Action.Ends() &&
				!(d.Action == rotation.Discard && heldInVain(s))
		}},
		{"something is written to a secret that can't be read", func(s rotation.State, d rotation.Decision) bool {
			return s.Stored == rotation.StoredUnread && !asks(d.Action) && d.Action != rotation.Discard
		}},
		{"something is changed though the list of credentials can't be read",
			func(s rotation.State, d rotation.Decision) bool {
				return s.Old == rotation.OldUnlisted && !asks(d.Action) && d.Action != rotation.Discard
			}},
		{"a rotation begins where the old credential may be alive unseen",
			func(s rotation.State, d rotation.Decision) bool {
				return s.Order == rotation.OrderGiven && s.Old == rotation.OldUnknown && s.Made != rotation.MadeHeld &&
					!asks(d.Action)
			}},
		{"done is said of a rotation whose old credential is alive, unless its grace runs",
			func(s rotation.State, d rotation.Decision) bool {
				return s.Order == rotation.OrderGiven && d.Action == rotation.Done && s.Old == rotation.OldAlive &&
					d.Reason != rotation.GraceRunning && s.Origin != credential.Reset
			}},
		{"a credential that needs a successor is called gone", func(s rotation.State, d rotation.Decision) bool {
			return s.Order == rotation.OrderGiven && is(d.Reason, rotation.AlreadyGone, rotation.Rotated) &&
				is(s.Old, rotation.OldOwed, rotation.OldUnknown) && s.Origin != credential.Reset
		}},
		{"a secret that is not what it is taken for is written to", func(s rotation.State, d rotation.Decision) bool {
			return is(s.Room, rotation.RoomSwapped, rotation.RoomWrong, rotation.RoomForeign, rotation.RoomSpent) &&
				s.Old == rotation.OldAlive &&
				s.Made != rotation.MadeHeld && s.Order == rotation.OrderGiven && !asks(d.Action)
		}},
		{"what may be needed is about to be overwritten", func(s rotation.State, d rotation.Decision) bool {
			return is(s.Room, rotation.RoomTaken, rotation.RoomUnknown) && s.Made == rotation.MadeNone &&
				s.Old == rotation.OldAlive &&
				s.Origin != credential.Reset && s.Order == rotation.OrderGiven && !asks(d.Action)
		}},
		{"anything is done twice in parallel with another delivery", func(s rotation.State, d rotation.Decision) bool {
			return (s.Made == rotation.MadeElsewhere || s.Stored == rotation.StoredElsewhere &&
				s.Made != rotation.MadeHeld) &&
				is(d.Action, rotation.Create, rotation.Reset, rotation.Replace, rotation.Retire, rotation.Promote)
		}},
		{"what nothing in IAM shows to be ours is used or deleted", func(s rotation.State, d rotation.Decision) bool {
			return is(s.Made, rotation.MadeDoubtful, rotation.MadeStrange) && s.Origin != credential.Reset &&
				is(d.Action, rotation.Create, rotation.Promote, rotation.Retire, rotation.Discard, rotation.Replace,
					rotation.Stage)
		}},
		{"a value that Keyturn chose is called lost", func(s rotation.State, d rotation.Decision) bool {
			return s.Origin == credential.Chosen && d.Reason == rotation.ResetNotKept
		}},
		{"a password of the user's own choice is overwritten", func(s rotation.State, d rotation.Decision) bool {
			return s.Origin == credential.Chosen && s.Old == rotation.OldGone && s.Made != rotation.MadeLive &&
				is(d.Action, rotation.Stage, rotation.Reset, rotation.Promote)
		}},
		{"no row fits", func(s rotation.State, d rotation.Decision) bool { return d.Row == 0 && possible(s) }},
	}
	used := map[int]bool{}
	states, seen, failed := 0, map[rotation.Action]int{}, map[string]bool{}
	everyState(func(s rotation.State) {
		states++
		d := rotation.Next(s)
		seen[d.Action]++
		used[d.Row] = true
		for _, r := range only {
			if d.Action == r.action && !failed[r.name] &&
				(!r.if_(s) || undecided(s) && s.Trouble == rotation.TroubleNone || s.Guard == rotation.GuardRefuses &&
					!heldInVain(s)) {
				failed[r.name] = true
				t.Errorf("%s: row %d decides %s in %+v", r.name, d.Row, d.Action, s)
			}
		}
		for _, r := range never {
			if !failed[r.name] && r.is(s, d) {
				failed[r.name] = true
				t.Errorf("%s: row %d decides %s (%s) in %+v", r.name, d.Row, d.Action, d.Reason, s)
			}
		}
	})
	for _, r := range only {
		if seen[r.action] == 0 {
			t.Errorf("%s: no state leads to %s", r.name, r.action)
		}
	}
	everyRow(t, used)
	t.Logf("%d states", states)
}

// everyRow checks that each row of the table decides something.
func everyRow(t *testing.T, used map[int]bool) {
	for i, row := range rotation.Table {
		if !used[i+1] {
			t.Errorf("row %d (%s, %s) never decides", i+1, row.Then, row.Because)
		}
		if row.Because == "" || row.Then.Ends() != (row.Reason != "") {
			t.Errorf("row %d: it has no explanation, or a reason though it doesn't end the run, or none though it does",
				i+1)
		}
	}
}
