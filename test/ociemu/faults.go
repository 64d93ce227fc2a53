package ociemu

import (
	"slices"
	"sync"
	"time"
)

// When says whether a fault happens before or after the operation's effect.
type When int

// With Before, the fault happens before the operation takes effect; with Answer and Cut it never takes effect. With
// After, the fault happens after it took effect or was refused.
const (
	Before When = iota
	After
)

// Action is what a fault does to a call.
type Action struct {
	kind   actionKind
	status int
	code   string
	delay  time.Duration
	hold   <-chan struct{}
	began  func()
}

type actionKind int

const (
	actionNone actionKind = iota
	actionAnswer
	actionCut
	actionDelay
	actionHold
	actionLate
	actionStale
)

// Cut closes the client's TCP connection instead of answering. Late does too, but the operation takes effect when
// [Emulator.ReleaseLate] is called.
var (
	Cut  = Action{kind: actionCut}
	Late = Action{kind: actionLate}
)

// Answer replaces the operation's answer by this status and error code.
func Answer(status int, code string) Action {
	return Action{kind: actionAnswer, status: status, code: code}
}

// Delay waits and continues.
func Delay(d time.Duration) Action { return Action{kind: actionDelay, delay: d} }

// Hold waits until the channel is closed or receives a value, and continues even if the client has given up.
func Hold(until <-chan struct{}) Action { return Action{kind: actionHold, hold: until} }

// Begin returns the action with a function that is called when it begins: with After, the operation has taken effect by
// then.
func (a Action) Begin(f func()) Action {
	a.began = f
	return a
}

// StaleList makes a list of a user's credentials, or the information about a password, show the state of that long ago,
// or of Options.ListLag ago if that is longer. It needs Before, and affects no other call.
func StaleList(d time.Duration) Action { return Action{kind: actionStale, delay: d} }

// Fault says which calls to disturb, and how.
type Fault struct {
	// Operation is the SDK's name of the operation; empty: any.
	Operation string
	// Match, if set, must also match the call.
	Match func(Call) bool
	// Skip is how many matching calls pass first.
	Skip int
	// Times is how many calls are disturbed. 0: one; -1: all.
	Times int
	When  When
	Do    Action
}

// Injection is a fault that has been injected.
type Injection struct {
	book  *faultBook
	fault Fault
	hits  int
	gone  bool
}

// Hits is how many calls the fault has disturbed.
func (i *Injection) Hits() int {
	i.book.mu.Lock()
	defer i.book.mu.Unlock()
	return i.hits
}

// Remove ends the fault.
func (i *Injection) Remove() {
	i.book.mu.Lock()
	defer i.book.mu.Unlock()
	i.gone = true
}

// faultBook keeps the injected faults, and the calls whose effect is delayed by Late.
type faultBook struct {
	mu   sync.Mutex
	open []*Injection
	late []func()
}

// Inject adds a fault. Several faults may hit one call; they act in the order of injection, until one ends the call.
// Calls that fail authentication or match no operation are not disturbed or counted.
func (e *Emulator) Inject(f Fault) *Injection {
	b := &e.faults
	b.mu.Lock()
	defer b.mu.Unlock()
	i := &Injection{book: b, fault: f}
	b.open = append(b.open, i)
	return i
}

// ClearFaults ends all faults.
func (e *Emulator) ClearFaults() {
	b := &e.faults
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, i := range b.open {
		i.gone = true
	}
	b.open = nil
}

// ReleaseLate makes the calls that Late cut take effect, in the order of arrival, and returns their number.
func (e *Emulator) ReleaseLate() int {
	b := &e.faults
	b.mu.Lock()
	late := b.late
	b.late = nil
	b.mu.Unlock()
	for _, effect := range late {
		effect()
	}
	return len(late)
}

func (b *faultBook) putOff(effect func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.late = append(b.late, effect)
}

// arm returns the actions for a call and counts it.
func (b *faultBook) arm(c Call) (before, after []Action) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.open = slices.DeleteFunc(b.open, func(i *Injection) bool { return i.gone })
	for _, i := range b.open {
		f := &i.fault
		if f.Operation != "" && f.Operation != c.Operation || f.Match != nil && !f.Match(c) {
			continue
		}
		if f.Skip > 0 {
			f.Skip--
			continue
		}
		i.hits++
		i.gone = f.Times >= 0 && i.hits >= max(1, f.Times)
		if f.When == After {
			after = append(after, f.Do)
		} else {
			before = append(before, f.Do)
		}
	}
	return before, after
}
