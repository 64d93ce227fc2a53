package rotation_test

import (
	"testing"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/rotation"
)

// everyState calls f with every combination of every column.
func everyState(f func(rotation.State)) {
	bools := []bool{false, true}
	for _, kind := range credential.Kinds() {
		for _, old := range []rotation.Old{rotation.OldAlive, rotation.OldGone} {
			for _, made := range []rotation.Made{rotation.MadeNone, rotation.MadeHeld, rotation.MadeLost, rotation.MadeElsewhere, rotation.MadeStrange, rotation.MadeLive} {
				for _, stored := range []rotation.Stored{rotation.StoredNotAsked, rotation.StoredNone, rotation.StoredIntent, rotation.StoredElsewhere,
					rotation.StoredUnsure, rotation.StoredPart, rotation.StoredAll, rotation.StoredPromotedIn, rotation.StoredCurrent, rotation.StoredReplaced} {
					for _, proof := range []rotation.Proof{rotation.ProofTodo, rotation.ProofGood, rotation.ProofBad, rotation.ProofUnclear, rotation.ProofSilent} {
						for _, slot := range []rotation.Slot{rotation.SlotFree, rotation.SlotFull} {
							for _, room := range []rotation.Room{rotation.RoomFree, rotation.RoomTaken, rotation.RoomUnknown, rotation.RoomBusy, rotation.RoomFull,
								rotation.RoomSwapped, rotation.RoomWrong, rotation.RoomForeign} {
								for _, trouble := range []rotation.Trouble{rotation.TroubleNone, rotation.TroubleLater, rotation.TroubleFinal, rotation.TroubleBlocked} {
									for _, replace := range bools {
										for _, grace := range []rotation.Grace{rotation.GraceNone, rotation.GraceOrdered, rotation.GraceRuns} {
											f(rotation.State{Kind: kind, Old: old, Made: made, Stored: stored, Proof: proof, Slot: slot,
												Room: room, Trouble: trouble, Replace: replace, Grace: grace})
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
}

func TestWhatTheTableMayNeverDo(t *testing.T) {
	rules := []struct {
		name   string
		action rotation.Action
		only   func(rotation.State) bool
	}{
		{"the old credential goes only when the new value is CURRENT everywhere, alive, and proven", rotation.Retire, func(s rotation.State) bool {
			return s.Old == rotation.OldAlive && s.Stored == rotation.StoredCurrent && s.Made == rotation.MadeLive && s.Proof == rotation.ProofGood && s.Grace == rotation.GraceNone
		}},
		{"the old credential goes first only after word of it is in Vault", rotation.Replace, func(s rotation.State) bool {
			return s.Old == rotation.OldAlive && s.Slot == rotation.SlotFull &&
				(s.Stored == rotation.StoredIntent || s.Stored == rotation.StoredAll && s.Kind == credential.APIKey && s.Replace)
		}},
		{"nothing is promoted unless its credential lives and was proven, or its other half is CURRENT already", rotation.Promote, func(s rotation.State) bool {
			return s.Made == rotation.MadeLive && (s.Proof == rotation.ProofGood || s.Stored == rotation.StoredPromotedIn || s.Kind == credential.Password)
		}},
		{"an API key's value is in every secret before OCI knows its public half; a password is never created", rotation.Create, func(s rotation.State) bool {
			return s.Kind != credential.Password && s.Made == rotation.MadeNone && (s.Kind != credential.APIKey || s.Stored == rotation.StoredAll)
		}},
		{"a value made by OCI is staged as soon as it exists", rotation.Stage, func(s rotation.State) bool {
			return s.Kind == credential.APIKey || s.Made == rotation.MadeHeld || s.Made == rotation.MadeLive
		}},
		{"a password is reset once, and only after it was announced", rotation.Reset, func(s rotation.State) bool {
			return s.Kind == credential.Password && s.Old == rotation.OldAlive && (s.Stored == rotation.StoredNotAsked || s.Stored == rotation.StoredIntent)
		}},
		{"only a credential that nobody can use is discarded", rotation.Discard, func(s rotation.State) bool {
			return s.Made == rotation.MadeLost || s.Made == rotation.MadeHeld && s.Trouble != rotation.TroubleNone && s.Stored != rotation.StoredUnsure
		}},
		{"a staged version is undone only when it was refused and the old credential lives", rotation.Fence, func(s rotation.State) bool {
			return s.Proof == rotation.ProofBad && s.Old == rotation.OldAlive && s.Stored == rotation.StoredAll
		}},
	}
	states, seen := 0, map[rotation.Action]int{}
	everyState(func(s rotation.State) {
		states++
		d := rotation.Next(s)
		seen[d.Action]++
		for _, r := range rules {
			if d.Action == r.action && !r.only(s) {
				t.Fatalf("%s: row %d decides %s in %+v", r.name, d.Row, d.Action, s)
			}
		}
		wrong := s.Room == rotation.RoomSwapped || s.Room == rotation.RoomWrong || s.Room == rotation.RoomForeign
		if wrong && s.Old == rotation.OldAlive && s.Made != rotation.MadeHeld && !d.Action.Ends() {
			t.Fatalf("the secret is not what it is taken for, and row %d goes on with %s in %+v", d.Row, d.Action, s)
		}
		if s.Room == rotation.RoomUnknown && s.Made == rotation.MadeNone && s.Stored == rotation.StoredNone && !d.Action.Ends() && s.Kind != credential.Password {
			t.Fatalf("what is in the secret may be needed, and row %d goes on with %s in %+v", d.Row, d.Action, s)
		}
		if s.Trouble != rotation.TroubleNone && !d.Action.Ends() && d.Action != rotation.Discard {
			t.Fatalf("something went wrong, and row %d goes on with %s in %+v", d.Row, d.Action, s)
		}
	})
	for _, r := range rules {
		if seen[r.action] == 0 {
			t.Errorf("%s: no state leads to %s", r.name, r.action)
		}
	}
	t.Logf("%d states", states)
}

func TestEveryRowOfTheTableDecidesSomething(t *testing.T) {
	used := make([]bool, len(rotation.Table)+1)
	everyState(func(s rotation.State) { used[rotation.Next(s).Row] = true })
	for i, row := range rotation.Table {
		if !used[i+1] {
			t.Errorf("row %d (%s, %s) never decides", i+1, row.Then, row.Because)
		}
		if row.Because == "" || (row.Then.Ends() && row.Reason == "" && len(row.Trouble) == 0) {
			t.Errorf("row %d gives no reason", i+1)
		}
	}
}
