// Package judge looks at a rotation from the outside, at every change of what the emulator holds, and says which
// promise was broken. The fault matrix, the soak and the end-to-end tests share it.
//
// It tells what a function has changed from what somebody else has: that a person deletes a credential, or writes to a
// secret, is no fault of a rotation; that a function goes on as if nothing had happened is one.
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

// History judges every state that a rotation goes through.
type History struct {
	c     *tenancy.Case
	old   string
	hands []string // ids whose values the user has in hand: the old one, and the bystanders
	twins []string // ids of those that have problems of their own

	mu       sync.Mutex
	last     *State
	made     map[string]bool // new ids
	resets   map[time.Time]bool
	promoted map[string]map[int64]bool // secret -> the versions that functions have made CURRENT
	written  map[string]bool           // secrets that functions have written
	// secrets whose CURRENT version somebody else has chosen after that and after the last order -> what was CURRENT
	// before
	theirs  map[string]int64
	undone  int  // new credentials that somebody else has deleted: each may have a successor
	deleted bool // somebody else has deleted a credential of the user
	sent    int  // deletions up to this call were on their way when somebody acted
	lost    []string
	faults  []string
}

// New returns the judge of the case's next rotation.
func New(c *tenancy.Case) *History {
	return &History{c: c, old: c.OldID, hands: append([]string{c.OldID}, c.Bystander...), made: map[string]bool{},
		resets:   map[time.Time]bool{},
		promoted: map[string]map[int64]bool{}, written: map[string]bool{}, theirs: map[string]int64{}}
}

// Follow lets a new judge see every change of the tenancy from now on.
func Follow(s *tenancy.Deployment, c *tenancy.Case) *History {
	h := New(c)
	s.OnChange(func(v ociemu.View) { h.Add(Look(v, c)) })
	return h
}

// Sent says that a person is about to act while the call with this number is under way: it can't know of it any more.
// What is conditional is refused then; a deletion of a credential is not.
func (h *History) Sent(call int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.sent = max(h.sent, call)
}

// Own says that a person has made this credential, and has its value in hand.
func (h *History) Own(id string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.hands = append(h.hands, id)
	delete(h.made, id)
}

// Twin says that this credential of the same user has a problem of its own: what becomes of it another judge says.
func (h *History) Twin(id string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.twins = append(h.twins, id)
}

// Lost are the moments in which a function has left the user without a credential whose value can be read.
func (h *History) Lost() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.lost)
}

// Faults are all promises that were broken, the first ones of many.
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

// Deleted: somebody who is no function has deleted a credential of the user.
func (h *History) Deleted() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.deleted
}

// Made are the ids of all new credentials so far.
func (h *History) Made() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Sorted(maps.Keys(h.made))
}

func (h *History) fault(format string, args ...any) {
	if len(h.faults) < 5 {
		h.faults = append(h.faults, fmt.Sprintf(format, args...))
	}
}

// Add takes the next state.
func (h *History) Add(s State) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.last != nil {
		h.secrets(*h.last, s)
	}
	if h.c.Kind == tenancy.Password {
		if h.last != nil && s.Call != 0 && !s.Password.Equal(h.last.Password) {
			h.resets[s.Password] = true
		}
	} else {
		h.credentials(s)
	}
	h.last = &s
}

// secrets judges what became of the secrets.
func (h *History) secrets(before, now State) {
	if now.Orders > before.Orders {
		clear(h.theirs)
	}
	for key := range now.Versions {
		promoted, written := before.Versions[key] != now.Versions[key], before.Newest[key] != now.Newest[key]
		switch {
		case now.Call == 0:
			h.chosen(key, before.Versions[key], now.Versions[key])
			continue
		case !promoted && !written:
			continue
		}
		h.written[key] = true
		if user := before.Bound[key]; user != "" && user != h.c.User {
			h.fault("a secret that is bound to somebody else was written")
		}
		if !promoted {
			continue
		}
		// a password that was reset works nowhere else than there
		if _, chosen := h.theirs[key]; chosen && !now.Kept[key] {
			h.fault("what a person had made CURRENT was replaced")
		}
		if h.promoted[key] == nil {
			h.promoted[key] = map[int64]bool{}
		}
		if h.promoted[key][now.Versions[key]] = true; len(h.promoted[key]) > 1+h.undone {
			h.fault("a third version of a secret became CURRENT")
		}
	}
}

// chosen notes that somebody else has made another version CURRENT. Who takes that back has chosen nothing.
func (h *History) chosen(key string, before, now int64) {
	first, already := h.theirs[key]
	switch {
	case before == now || !h.written[key]:
	case already && now == first:
		delete(h.theirs, key)
	case !already:
		h.theirs[key] = before
	}
}

// credentials judges what became of the user's credentials.
func (h *History) credentials(now State) {
	for _, id := range now.Living {
		if !slices.Contains(h.hands, id) {
			h.made[id] = true
		}
	}
	if h.last == nil {
		return
	}
	h.deleted = h.deleted || now.Call == 0 && slices.ContainsFunc(h.last.Living, func(id string) bool {
		return !slices.Contains(now.Living, id)
	})
	for _, id := range h.last.Living {
		if now.Call == 0 && h.made[id] && !slices.Contains(now.Living, id) {
			h.undone++
		}
	}
	if now.Call != 0 && h.without(now) && !h.without(*h.last) && !h.unseen(now) {
		h.lost = append(h.lost, "lost: no living credential is readable")
	}
	for _, id := range h.hands {
		gone := now.Call != 0 && slices.Contains(h.last.Living, id) && !slices.Contains(now.Living, id)
		switch {
		case gone && slices.Contains(h.twins, id):
		case gone && id != h.old:
			h.fault("a bystander was deleted")
		case gone && !now.Replace && !h.everywhere(now) && !h.unseen(now):
			h.fault("the old credential was deleted before a new one was CURRENT in every secret")
		}
	}
}

// unseen: the call was sent before the last act of a person.
func (h *History) unseen(s State) bool { return s.Call <= h.sent }

// without: the user has no credential whose value is known to anybody.
func (h *History) without(s State) bool {
	return len(s.Readable) == 0 && !slices.ContainsFunc(s.Living, func(id string) bool {
		return slices.Contains(h.hands, id)
	})
}

// everywhere: one new living credential is CURRENT in every secret, or in others that a later closure may have named.
func (h *History) everywhere(s State) bool {
	return slices.ContainsFunc(s.Living, func(id string) bool {
		if slices.Contains(h.hands, id) {
			return false
		}
		if slices.Contains(s.Beside, id) {
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

// replaces: the closure comment allows to delete the old credential first.
func replaces(comment string) bool {
	return strings.Contains(strings.ToLower(strings.ReplaceAll(comment, " ", "")), "replace:yes")
}
