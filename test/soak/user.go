package main

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/keyturn/keyturn/test/fnhost"
	"github.com/keyturn/keyturn/test/judge"
	"github.com/keyturn/keyturn/test/ociemu"
	"github.com/keyturn/keyturn/test/tenancy"
)

// forms lists all kinds of credential and forms of their secrets. Users take them in turn. Those with bystanders have
// no free slot, and the closure comment allows to delete the old credential first.
func forms() []tenancy.Want {
	var plain, bundles, unkept, full []tenancy.Want
	for i, kind := range tenancy.Kinds() {
		plain = append(plain, tenancy.Want{Kind: kind})
		bundles = append(bundles, tenancy.Want{Kind: kind, Bundle: true})
		if kind.Resets() {
			unkept = append(unkept, tenancy.Want{Kind: kind, NoSecret: true})
		} else {
			full = append(full, tenancy.Want{Kind: kind, Bundle: i%2 == 1, Bystander: kind.Record().Limit - 1})
		}
	}
	return slices.Concat(plain, bundles, unkept, full)
}

// grace is the option of some closure comments. It ends before the sweeps of the recovery phase.
const (
	grace     = "grace:1m"
	graceTime = time.Minute
)

// user is a user whose credential is rotated repeatedly.
type user struct {
	*tenancy.Case
	rotations      int    // rotations so far
	withGrace      bool   // the current rotation has a grace
	event          []byte // of the current rotation
	violated       bool
	closureSeconds map[int64]bool   // the Unix times of the closures so far; for a password
	mails          int              // the number of mails when the rotation began; for a password
	blameFunction  bool             // count changes by others as a function's; see settings.breakFirst
	deletedAll     bool             // an operator deleted the last credential: nothing is left to rotate
	beforeEdit     map[string]int64 // secret -> its CURRENT version before the edit
	afterEdit      map[string]int64 // secret -> its CURRENT version after the edit

	mu sync.Mutex
	// the password's creation times: the one before this rotation, and those of this rotation
	resets         []time.Time
	answers        []string  // of this rotation's deliveries
	passwordStored bool      // the CURRENT version is the user's password
	newSince       time.Time // when a new credential was first CURRENT and worked; zero: not yet
	judge          *judge.History
	wiped          bool     // an operator emptied the metadata in this rotation, with the journal of a reset
	oldDeleted     bool     // an operator deleted the old credential in this rotation
	finishedIDs    []string // ids of the credentials after the last rotation; nil during a rotation
}

// begin resets the state for the next rotation.
func (u *user) begin() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.rotations++
	u.resets, u.event, u.answers, u.finishedIDs, u.newSince, u.oldDeleted, u.wiped = nil, nil, nil, nil, time.Time{},
		false, false
	u.judge = judge.New(u.Case)
}

// history is the judge of the current rotation.
func (u *user) history() *judge.History {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.judge
}

// addAnswer stores the answer to a delivery.
func (u *user) addAnswer(r fnhost.Reply) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.answers = append(u.answers, fmt.Sprintf("%d %s", r.Status, r.Body))
}

// allAnswers returns the answers of this rotation.
func (u *user) allAnswers() []string {
	u.mu.Lock()
	defer u.mu.Unlock()
	return slices.Clone(u.answers)
}

// observe judges one moment of the user's rotation. now is the time of the services' clock. It runs under the
// emulator's lock.
func (u *user) observe(v ociemu.View, now time.Time) string {
	h := u.history()
	s := judge.StateOf(v, u.Case)
	if u.blameFunction && s.Call == 0 {
		s.Call = 1
	}
	h.Add(s)
	if faults := h.Faults(); len(faults) > 0 {
		return strings.Join(faults, "; ")
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.Kind.Resets() {
		made := v.User(u.User).PasswordCreated
		if n := len(u.resets); n == 0 || !u.resets[n-1].Equal(made) {
			u.resets = append(u.resets, made)
		}
		u.passwordStored = len(u.Secrets) > 0 && v.Works("password", u.User, u.CurrentIn(v)...)
		if len(u.resets) > 2 {
			return "the password was reset twice"
		}
		return ""
	}
	current := u.CurrentIn(v)
	if u.newSince.IsZero() && !slices.Contains(current, u.Old.Value) && v.Works(string(u.Kind), u.User, current...) {
		u.newSince = now
	}
	old := slices.Contains(u.IDsIn(v), u.OldID)
	if !old && u.withGrace && !u.oldDeleted && now.Sub(u.newSince) < graceTime-2*time.Second {
		return fmt.Sprintf("the grace was too short: the old credential was deleted after %s", now.Sub(u.newSince))
	}
	return ""
}

// remember stores the credentials after a rotation.
func (u *user) remember() {
	ids := u.IDs()
	u.mu.Lock()
	defer u.mu.Unlock()
	u.finishedIDs = ids
}

// observeFinished judges one moment after the user's rotation: no credential may disappear. One more may appear: a
// sweep in progress may create one too late. That sweep takes it back, or the next one does if it was killed.
// observeFinished runs under the emulator's lock.
func (u *user) observeFinished(v ociemu.View) string {
	now := u.IDsIn(v)
	u.mu.Lock()
	defer u.mu.Unlock()
	if slices.ContainsFunc(u.finishedIDs, func(id string) bool { return !slices.Contains(now, id) }) {
		return u.changed(now)
	}
	return ""
}

// compareFinished judges, after the recovery phase, a user whose rotation finished during the faults.
func (u *user) compareFinished() string {
	now := u.IDs()
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.finishedIDs != nil && !slices.Equal(now, u.finishedIDs) {
		return u.changed(now)
	}
	return ""
}

func (u *user) changed(now []string) string {
	return fmt.Sprintf("after the rotation: the user had the credentials %s, and now has %s", u.finishedIDs, now)
}

// hasNone reports whether an operator deleted the user's last credential that can be rotated.
func (u *user) hasNone() bool {
	return !u.Kind.Resets() && u.judge.Deleted() && len(u.IDs()) == len(u.Bystander)
}

// check returns what is wrong at the end of a rotation. lossReported says that a mail reported the loss of a one-time
// password, which Keyturn can't prevent.
func (u *user) check(lossReported bool) string {
	if u.Kind.Resets() {
		u.mu.Lock()
		defer u.mu.Unlock()
		switch {
		case len(u.resets) != 2:
			return fmt.Sprintf("the password was reset %d times", len(u.resets)-1)
		case len(u.Secrets) > 0 && !u.passwordStored && !lossReported:
			return "the one-time password is in no secret, and no mail says so"
		}
		return ""
	}
	return strings.Join(judge.Replaced(u.Case, false), "; ")
}

// next makes the stored credential the old one of the next rotation.
func (u *user) next() error {
	u.event = nil
	if u.Kind.Resets() {
		return nil
	}
	stored, err := u.Stored()
	if err != nil {
		return err
	}
	for _, id := range u.IDs() {
		if !slices.Contains(u.Bystander, id) {
			u.OldID = id
		}
	}
	stored.ID = u.OldID
	u.Old = stored
	return nil
}

// comment is the closure comment of the current rotation.
func (u *user) comment() string {
	var options []string
	if len(u.Bystander) > 0 {
		options = append(options, "replace:yes")
	}
	if u.withGrace {
		options = append(options, grace)
	}
	return u.Comment(options...)
}

// concerns reports whether a call is about the user.
func (u *user) concerns(c ociemu.Call) bool {
	about := c.Path + " " + c.Query // a domain's lists have the user in a filter
	if c.Caller.ID == u.User || strings.Contains(about, u.User) || u.Problem != "" &&
		strings.Contains(about, u.Problem) {
		return true
	}
	for _, id := range u.Secrets {
		if strings.Contains(about, id) {
			return true
		}
	}
	return false
}
