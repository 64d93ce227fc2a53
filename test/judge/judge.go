// Package judge observes a rotation from outside, at every change in the emulator, and reports broken promises. The
// fault matrix, the soak and the end-to-end tests use it.
//
// It distinguishes the changes of a function from those of an operator. An operator may delete a credential or write to
// a secret. It is a fault if a function then overwrites that.
package judge

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/keyturn/keyturn/test/ociemu"
	"github.com/keyturn/keyturn/test/tenancy"
)

// History judges each state of a rotation.
type History struct {
	c        *tenancy.Case
	old      string
	known    []string // ids of credentials whose values the user has: the old one and the bystanders
	separate []string // ids of known credentials with their own problems

	mu       sync.Mutex
	last     *State
	created  map[string]bool // ids of new credentials
	resets   map[time.Time]bool
	promoted map[string]map[int64]bool // secret -> the versions that functions made CURRENT
	written  map[string]bool           // secrets that functions wrote
	// secret whose CURRENT version an operator chose, after a function's write and the last closure -> the version
	// before
	chosen   map[string]int64
	undone   int  // new credentials that an operator deleted; each may have a successor
	deleted  bool // an operator deleted a credential of the user
	inFlight int  // calls up to this number were sent before the operator's last action
	lost     []string
	faults   []string
}

// New returns a judge for the case's next rotation.
func New(c *tenancy.Case) *History {
	return &History{c: c, old: c.OldID, known: append([]string{c.OldID}, c.Bystander...), created: map[string]bool{},
		resets:   map[time.Time]bool{},
		promoted: map[string]map[int64]bool{}, written: map[string]bool{}, chosen: map[string]int64{}}
}

// Follow returns a new judge that sees every change of the tenancy from now on.
func Follow(s *tenancy.Deployment, c *tenancy.Case) *History {
	h := New(c)
	s.OnChange(func(v ociemu.View) { h.Add(StateOf(v, c)) })
	return h
}

// InFlight says that an operator acts while the call with this number waits. The call was sent before the action. OCI
// refuses a conditional write then, but not the deletion of a credential.
func (h *History) InFlight(call int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.inFlight = max(h.inFlight, call)
}

// AddKnown says that an operator created this credential, and has its value.
func (h *History) AddKnown(id string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.known = append(h.known, id)
	delete(h.created, id)
}

// JudgedElsewhere says that this credential of the same user has its own problem and another judge.
func (h *History) JudgedElsewhere(id string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.separate = append(h.separate, id)
}

// Faults lists the broken promises, at most the first few.
func (h *History) Faults() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append(slices.Clone(h.lost), h.faults...)
}

// Resets is how often functions have reset the password.
func (h *History) Resets() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.resets)
}

// Deleted reports whether an operator has deleted a credential of the user.
func (h *History) Deleted() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.deleted
}

// Created lists the ids of all new credentials so far.
func (h *History) Created() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Sorted(maps.Keys(h.created))
}

func (h *History) fault(format string, args ...any) {
	if len(h.faults) < 5 {
		h.faults = append(h.faults, fmt.Sprintf(format, args...))
	}
}

// Add judges the next state.
func (h *History) Add(s State) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.last != nil {
		h.secrets(*h.last, s)
	}
	if h.c.Kind.Resets() {
		h.password(s)
	} else {
		h.credentials(s)
	}
	h.last = &s
}

// secrets judges the changes of the secrets.
func (h *History) secrets(before, now State) {
	if now.Orders > before.Orders {
		clear(h.chosen)
	}
	for key := range now.Versions {
		promoted, written := before.Versions[key] != now.Versions[key], before.Newest[key] != now.Newest[key]
		switch {
		case now.Call == 0:
			h.noteChoice(key, before.Versions[key], now.Versions[key])
			continue
		case !promoted && !written:
			continue
		}
		h.written[key] = true
		if user := before.Bound[key]; user != "" && user != h.c.User {
			h.fault("a secret that is bound to another user was written")
		}
		if !promoted {
			continue
		}
		// the only value of a reset password may replace it
		if _, chosen := h.chosen[key]; chosen && !now.Kept[key] {
			h.fault("a version that an operator made CURRENT was replaced")
		}
		if h.promoted[key] == nil {
			h.promoted[key] = map[int64]bool{}
		}
		h.promoted[key][now.Versions[key]] = true
		if len(h.promoted[key]) > 1+h.undone {
			h.fault("a third version of a secret became CURRENT")
		}
	}
}

// noteChoice notes that an operator made another version CURRENT, or undid that.
func (h *History) noteChoice(key string, before, now int64) {
	first, already := h.chosen[key]
	switch {
	case before == now || !h.written[key]:
	case already && now == first:
		delete(h.chosen, key)
	case !already:
		h.chosen[key] = before
	}
}

// password judges the changes of the user's password. One that Keyturn chooses must be in a secret before it is set.
func (h *History) password(now State) {
	if h.last == nil || now.Call == 0 {
		return
	}
	reset := !now.Password.Equal(h.last.Password)
	if reset {
		h.resets[now.Password] = true
	}
	if h.c.Chosen() && !now.Findable && (reset || h.last.Findable) && !h.wasInFlight(now) {
		h.lost = append(h.lost, "lost: the user's new password is in no secret")
	}
}

// credentials judges the changes of the user's credentials.
func (h *History) credentials(now State) {
	for _, id := range now.Existing {
		if !slices.Contains(h.known, id) {
			h.created[id] = true
		}
	}
	if h.last == nil {
		return
	}
	h.deleted = h.deleted || now.Call == 0 && slices.ContainsFunc(h.last.Existing, func(id string) bool {
		return !slices.Contains(now.Existing, id)
	})
	for _, id := range h.last.Existing {
		if now.Call == 0 && h.created[id] && !slices.Contains(now.Existing, id) {
			h.undone++
		}
	}
	if now.Call != 0 && h.isLockedOut(now) && !h.isLockedOut(*h.last) && !h.wasInFlight(now) {
		h.lost = append(h.lost, "lost: no credential of the user is readable")
	}
	for _, id := range h.known {
		gone := now.Call != 0 && slices.Contains(h.last.Existing, id) && !slices.Contains(now.Existing, id)
		switch {
		case gone && slices.Contains(h.separate, id):
		case gone && id != h.old:
			h.fault("a bystander was deleted")
		case gone && !now.Replace && !h.everywhere(now) && !h.wasInFlight(now):
			h.fault("the old credential was deleted before a new one was CURRENT in every secret")
		}
	}
}

// wasInFlight reports whether the call was sent before an operator's last action.
func (h *History) wasInFlight(s State) bool { return s.Call <= h.inFlight }

// isLockedOut reports whether no credential of the user has a value that is known or readable.
func (h *History) isLockedOut(s State) bool {
	return len(s.Readable) == 0 && !slices.ContainsFunc(s.Existing, func(id string) bool {
		return slices.Contains(h.known, id)
	})
}

// everywhere reports whether an existing new credential is CURRENT in every secret, or in those of a second closure.
func (h *History) everywhere(s State) bool {
	return slices.ContainsFunc(s.Existing, func(id string) bool {
		if slices.Contains(h.known, id) {
			return false
		}
		if slices.Contains(s.OtherSecrets, id) {
			return true
		}
		for _, ids := range s.Current {
			if !slices.Contains(ids, id) {
				return false
			}
		}
		return len(s.Current) > 0
	})
}

// replaces reports whether a closure comment allows to delete the old credential first.
func replaces(comment string) bool {
	return strings.Contains(strings.ToLower(strings.ReplaceAll(comment, " ", "")), "replace:yes")
}
