package rotation

import (
	"fmt"
	"slices"
	"testing"

	"github.com/keyturn/keyturn/pkg/credential"
)

// truth is OCI in the abstract: what is really there, whoever looks.
type truth struct {
	kind    credential.Kind
	two     bool // two secrets take the value
	none    bool // no secret was named (a password)
	old     bool
	made    bool   // the new credential of the attempt exists
	vault   Stored // StoredNone, StoredPart, StoredAll, StoredPromotedIn, StoredCurrent
	fenced  bool   // the attempt is marked as undone
	orphan  maker  // a new credential whose value is nowhere
	intent  maker
	works   bool // new credentials are accepted
	others  bool // the user's other slots are taken
	replace bool
	given   bool // the old credential was deleted first
	word    bool // the secret says so
}

// maker is who left a trace: nobody, this process, one that may still be at work, or one that can't be.
type maker int

const (
	nobody maker = iota
	mine
	young
	aged
)

// memory is what a process knows beside OCI.
type memory struct {
	held    bool // it has made the credential and knows its value, which no secret has, as far as it knows
	unsure  bool // a write of that value was not answered
	proof   Proof
	trouble Trouble
	looks   int
}

// place is a node of the walk.
type place struct {
	truth
	memory
}

// walker goes everywhere that the table leads to.
type walker struct {
	table  []Row
	seen   map[place]bool
	edges  int
	faults []string
}

func (w *walker) fault(p place, format string, args ...any) {
	w.faults = append(w.faults, fmt.Sprintf(format, args...)+fmt.Sprintf(" in %+v", p))
}

// staged tells whether some secret holds the attempt's value.
func (t truth) staged() bool { return t.vault != StoredNone && t.vault != "" }

// state is what a process observes: the counterpart of run.state, written from the meaning of the columns.
func (p place) state() State {
	s := State{Kind: p.kind, Old: OldGone, Made: MadeNone, Stored: p.vault, Proof: p.proof, Slot: SlotFree, Room: RoomFree,
		Trouble: p.trouble, Replace: p.replace}
	if p.old {
		s.Old = OldAlive
	}
	ahead := p.kind == credential.APIKey && (p.vault == StoredPart || p.vault == StoredAll)
	finished := p.vault == StoredCurrent
	over := p.fenced || p.staged() && !p.made && !ahead && (p.old || !finished)
	if over {
		s.Stored = StoredNone
	}
	if s.Stored == StoredNone {
		switch {
		case p.none:
			s.Stored = StoredNotAsked
		case p.intent == mine || p.intent == aged && !p.old || p.intent == nobody && p.word && !p.old && p.kind != credential.APIKey:
			s.Stored = StoredIntent
		case p.intent == young:
			s.Stored = StoredElsewhere
		}
	}
	if p.unsure {
		s.Stored = StoredUnsure
	}
	lost := p.orphan == mine || p.orphan == aged || p.fenced && p.made
	switch {
	case p.held && p.trouble != TroubleNone:
		s.Made = MadeHeld
	case lost:
		s.Made = MadeLost
	case p.staged() && p.made && !over:
		s.Made = MadeLive
	case p.held:
		s.Made = MadeHeld
	case p.orphan == young:
		s.Made = MadeElsewhere
	}
	if p.slotsUsed() >= 2 {
		s.Slot = SlotFull
	}
	return s
}

// slotsUsed counts against a limit of two.
func (t truth) slotsUsed() int {
	n := 0
	for _, used := range []bool{t.old, t.made, t.orphan != nobody, t.others} {
		if used && t.kind != credential.Password {
			n++
		}
	}
	return n
}

// readable is the first invariant: something that works is in Vault or in the user's hands.
func (t truth) readable() bool {
	return t.kind == credential.Password || t.old || t.others || t.made && t.staged()
}

// effects are the truths that an action can lead to when it takes effect: the whole, and each part that a break in its
// middle leaves.
func (p place) effects(a Action) (whole truth, parts []truth) {
	t := p.truth
	switch a {
	case Stage:
		if p.kind != credential.APIKey && p.state().Stored != StoredPart {
			t.made = true
		}
		if t.fenced || t.staged() && p.state().Stored == StoredNone { // the next attempt
			t.fenced = false
			if p.kind == credential.APIKey {
				t.made = false
			}
			t.vault = StoredNone
		}
		t.intent = nobody
		if t.two && t.vault == StoredNone {
			part := t
			part.vault = StoredPart
			parts = append(parts, part)
		}
		t.vault = StoredAll
	case Promote:
		if t.two && t.vault == StoredAll {
			part := t
			part.vault = StoredPromotedIn
			parts = append(parts, part)
		}
		t.vault = StoredCurrent
	case Intend:
		t.intent, t.word = mine, true
	case Create, Reset:
		if t.kind == credential.AuthToken { // what a dead attempt has staged is not this one's
			t.vault, t.fenced = StoredNone, false
		}
		t.made = true
		if a == Reset {
			t.old = false
		}
	case Retire, Replace:
		t.old, t.given = false, a == Replace
	case Discard:
		switch {
		case p.held && p.trouble != TroubleNone:
			t.made = false
		case t.fenced && t.made:
			t.made = false
		default:
			t.orphan = nobody
		}
	case Fence:
		t.fenced = true
	}
	return t, parts
}

// orphaned is the truth when a credential that OCI made exists, and its value got lost with the answer or the process.
func (t truth) orphaned(by maker) truth {
	if t.kind != credential.APIKey && t.kind != credential.Password && t.made && !t.staged() {
		t.made, t.orphan = false, by
	}
	return t
}

// visit walks on from a place. path is the way of this process so far, to find circles.
func (w *walker) visit(p place, path []place) {
	if slices.Contains(path, p) {
		w.fault(p, "the path comes back to where it was")
		return
	}
	if !p.readable() {
		w.fault(p, "no working credential is readable")
		return
	}
	if w.seen[p] {
		return
	}
	w.seen[p] = true
	s := p.state()
	d := decide(w.table, s)
	if d.Row == 0 {
		w.fault(p, "no row fits %+v", s)
		return
	}
	if d.Action.Ends() {
		w.ended(p, d)
		w.restart(p.truth)
		return
	}
	if d.Action == Retire && !(p.made && p.works && p.vault == StoredCurrent) {
		w.fault(p, "the old credential goes before the new one is CURRENT and works")
	}
	if d.Action == Discard && p.held && p.made && p.staged() {
		w.fault(p, "a credential is deleted that another delivery may be promoting")
	}
	if d.Action == Promote && (!p.made || p.fenced || p.proof == ProofBad) {
		w.fault(p, "a dead or refused credential is promoted")
	}
	path = append(slices.Clone(path), p)
	for _, next := range w.outcomes(p, d.Action) {
		w.edges++
		w.visit(next, path)
	}
	whole, parts := p.effects(d.Action)
	for _, t := range append(parts, whole, p.truth) { // a crash before, in the middle and after
		w.edges++
		w.restart(t)
	}
}

// outcomes are where a process can be after an action that it survived.
func (w *walker) outcomes(p place, a Action) []place {
	whole, parts := p.effects(a)
	var out []place
	done := place{whole, p.memory}
	switch a {
	case Create, Reset:
		done.held = p.kind != credential.APIKey && !p.none
	case Stage:
		done.held = false
	case Prove:
		for _, proof := range []Proof{ProofGood, ProofBad} {
			if (proof == ProofGood) == p.works {
				q := done
				q.proof = proof
				out = append(out, q)
			}
		}
		silent := done
		silent.proof = ProofSilent
		out = append(out, silent)
		done.proof = ProofUnclear
	case Discard:
		done.held = done.held && !(p.held && p.trouble != TroubleNone)
	}
	out = append(out, done)
	// Failed: nothing happened, a part of it, or all of it without an answer. Then the process looks again, or, when it
	// has looked often enough, was refused for good, throttled, or ran out of time, has trouble.
	for _, t := range append(parts, p.truth, whole) {
		again := p.memory
		if a == Stage && t != p.truth {
			again.held = false
		}
		if a == Create || a == Reset {
			t = t.orphaned(mine)
		}
		if again.looks++; again.looks < 3 && p.trouble == TroubleNone {
			out = append(out, place{t, again})
		}
		for _, trouble := range []Trouble{TroubleLater, TroubleFinal, TroubleBlocked} {
			if p.trouble != TroubleNone && a == Discard { // what can't be taken back now is left to others
				t = t.orphaned(mine)
				again.held = false
			}
			if p.trouble == TroubleNone || p.trouble == trouble {
				again.trouble = trouble
				out = append(out, place{t, again})
			}
			if a == Stage && p.held && p.trouble == TroubleNone && trouble == TroubleLater { // no answer, and no second look
				out = append(out, place{t, memory{held: true, unsure: true, proof: p.proof, trouble: trouble, looks: again.looks}})
			}
		}
	}
	return out
}

// ended checks how a run may end.
func (w *walker) ended(p place, d Decision) {
	switch {
	case d.Reason == Rotated && !p.none && (p.old || p.vault != StoredCurrent):
		w.fault(p, "done, but not rotated")
	case d.Reason == AlreadyGone && p.given:
		w.fault(p, "done, but the credential that was deleted first has no successor")
	case d.Reason == Rotated && p.orphan == mine && p.trouble == TroubleNone:
		w.fault(p, "done, but an orphan of this very run is left")
	case d.Action == Done && p.held && p.trouble == TroubleNone && !p.none:
		w.fault(p, "done, but the value is only in memory")
	}
}

// restart is a fresh process that finds the truth, at once or long after.
func (w *walker) restart(t truth) {
	for _, by := range []maker{young, aged} {
		next := t.orphaned(by)
		if next.orphan != nobody {
			next.orphan = by
		}
		if next.intent != nobody {
			next.intent = by
		}
		w.visit(place{next, memory{proof: ProofTodo, trouble: TroubleNone}}, nil)
	}
}

// walk goes everywhere from every start.
func walk(table []Row) *walker {
	w := &walker{table: table, seen: map[place]bool{}}
	bools := []bool{false, true}
	for _, kind := range []credential.Kind{credential.APIKey, credential.AuthToken, credential.Password} {
		for _, two := range bools {
			for _, works := range bools {
				for _, others := range bools {
					for _, replace := range bools {
						for _, none := range bools {
							if none && kind != credential.Password {
								continue
							}
							w.restart(truth{kind: kind, two: two, none: none, old: true, vault: StoredNone, works: works, others: others, replace: replace})
						}
					}
				}
			}
		}
	}
	return w
}

func TestNoPathThroughTheTableLosesACredentialOrRunsInCircles(t *testing.T) {
	w := walk(Table)
	for i, f := range w.faults {
		if i == 5 {
			t.Fatalf("and %d more", len(w.faults)-i)
		}
		t.Error(f)
	}
	t.Logf("walked %d states and %d edges", len(w.seen), w.edges)
	if len(w.seen) < 1000 {
		t.Errorf("only %d states", len(w.seen))
	}
}

func TestTheWalkFindsADeliberateFaultInTheTable(t *testing.T) {
	row := func(match func(Row) bool, change func(*Row)) []Row {
		table := slices.Clone(Table)
		i := slices.IndexFunc(table, match)
		if i < 0 {
			t.Fatal("no such row")
		}
		change(&table[i])
		return table
	}
	for name, table := range map[string][]Row{
		"retires before anything is promoted": row(func(r Row) bool { return r.Then == Promote && r.Proof == ProofGood },
			func(r *Row) { r.Then = Retire }),
		"retires instead of proving": row(func(r Row) bool { return r.Then == Prove }, func(r *Row) { r.Then = Retire }),
		"leaves a value that can't be stored": row(func(r Row) bool { return r.Then == Discard && len(r.Trouble) == 3 },
			func(r *Row) { r.Then, r.Reason = Done, Rotated }),
		"takes back what may be in Vault": row(func(r Row) bool { return r.Then == Discard && len(r.Trouble) == 3 },
			func(r *Row) { r.Stored = append(slices.Clone(r.Stored), StoredUnsure) }),
		"deletes first without a word in the secret": row(func(r Row) bool { return r.Then == Intend && r.Slot == SlotFull },
			func(r *Row) { r.Then = Replace }),
		"proves for ever": row(func(r Row) bool { return r.Then == Wait && r.Reason == NotProvenYet },
			func(r *Row) { r.Then = Prove }),
		"promotes what was undone": row(func(r Row) bool { return r.Then == Fence }, func(r *Row) { r.Then = Promote }),
	} {
		t.Run(name, func(t *testing.T) {
			if w := walk(table); len(w.faults) == 0 {
				t.Errorf("not found in %d states", len(w.seen))
			}
		})
	}
}
