package main

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/keyturn/keyturn/test/fnhost"
	"github.com/keyturn/keyturn/test/judge"
	"github.com/keyturn/keyturn/test/ociemu"
	"github.com/keyturn/keyturn/test/tenancy"
)

// forms are all kinds of credential in all forms in which they are kept. Users take them in turn. Those with bystanders
// have no free slot: their old credential goes first, which the comment allows.
var forms = []tenancy.Want{
	{Kind: tenancy.APIKey}, {Kind: tenancy.AuthToken}, {Kind: tenancy.CustomerSecretKey}, {Kind: tenancy.Password},
	{Kind: tenancy.APIKey, Bundle: true}, {Kind: tenancy.AuthToken, Bundle: true},
	{Kind: tenancy.CustomerSecretKey, Bundle: true},
	{Kind: tenancy.Password, Bundle: true}, {Kind: tenancy.Password, NoSecret: true},
	{Kind: tenancy.APIKey, Bystander: 2}, {Kind: tenancy.AuthToken, Bundle: true, Bystander: 1},
	{Kind: tenancy.CustomerSecretKey, Bystander: 1},
}

// grace is what a part of the closures ask for: it ends before the sweeps of the peace, which have to see that.
const (
	grace     = "grace:1m"
	graceTime = time.Minute
)

// person is one user, whose one credential is rotated again and again.
type person struct {
	*tenancy.Case
	turns    int    // rotations so far
	graced   bool   // the rotation under way leaves the old credential for a while
	event    []byte // of the rotation under way
	violated bool
	seconds  map[int64]bool   // of the closures so far; for a password
	mails    int              // how many there were when the rotation began; for a password
	blamed   bool             // what others do counts as done by a function, so that a violation is there to be seen
	left     bool             // somebody has deleted the last credential: there is nothing to rotate any more
	before   map[string]int64 // secret -> what was CURRENT before somebody edited it
	after    map[string]int64 // secret -> what was CURRENT after that

	mu      sync.Mutex
	resets  []time.Time // when the password was made: that of the beginning, and those of this rotation
	answers []string    // of this rotation's deliveries
	kept    bool        // the CURRENT version is the user's password, as last seen
	since   time.Time   // when a new credential was first CURRENT and worked; zero before
	h       *judge.History
	wiped   bool     // somebody has emptied the metadata in this rotation, and with it what was noted of a reset
	cut     bool     // somebody has deleted the old credential in this rotation
	settled []string // ids of the credentials when the last rotation was done; none while one is under way
}

// begin forgets what was seen in the rotation before.
func (p *person) begin() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.turns++
	p.resets, p.event, p.answers, p.settled, p.since, p.cut, p.wiped = nil, nil, nil, nil, time.Time{}, false, false
	p.h = judge.New(p.Case)
}

// history is the judge of the rotation under way.
func (p *person) history() *judge.History {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.h
}

// heard keeps the answer to a delivery.
func (p *person) heard(r fnhost.Reply) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.answers = append(p.answers, fmt.Sprintf("%d %s", r.Status, r.Body))
}

// said are the answers so far.
func (p *person) said() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.answers)
}

// look judges one moment of the person's rotation, at this time of the services' clock. It runs under the emulator's
// lock.
func (p *person) look(v ociemu.View, now time.Time) string {
	h := p.history()
	s := judge.Look(v, p.Case)
	if p.blamed && s.Call == 0 {
		s.Call = 1
	}
	h.Add(s)
	if faults := h.Faults(); len(faults) > 0 {
		return strings.Join(faults, "; ")
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.Kind == tenancy.Password {
		made := v.User(p.User).PasswordCreated
		if n := len(p.resets); n == 0 || !p.resets[n-1].Equal(made) {
			p.resets = append(p.resets, made)
		}
		p.kept = len(p.Secrets) > 0 && v.Works("password", p.User, p.CurrentIn(v)...)
		if len(p.resets) > 2 {
			return "the password was reset twice"
		}
		return ""
	}
	current := p.CurrentIn(v)
	if p.since.IsZero() && !slices.Contains(current, p.Old.Value) && v.Works(string(p.Kind), p.User, current...) {
		p.since = now
	}
	old := slices.Contains(p.IDsIn(v), p.OldID)
	if !old && p.graced && !p.cut && now.Sub(p.since) < graceTime-2*time.Second {
		return fmt.Sprintf("the grace was cut short: the old credential went after %s", now.Sub(p.since))
	}
	return ""
}

// settle remembers what a rotation has left.
func (p *person) settle() {
	ids := p.IDs()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.settled = ids
}

// lookAfter judges one moment after the person's rotation: nothing may change any more, but that one comes on top. A
// sweep that another's turn has started may be at this person's problem still, and make a credential too late: it takes
// it back, or, if it is killed, the sweep of the peace does. It runs under the emulator's lock.
func (p *person) lookAfter(v ociemu.View) string {
	now := p.IDsIn(v)
	p.mu.Lock()
	defer p.mu.Unlock()
	if slices.ContainsFunc(p.settled, func(id string) bool { return !slices.Contains(now, id) }) {
		return p.changed(now)
	}
	return ""
}

// lookInPeace judges, when all is done, a person whose rotation was finished in the time of trouble.
func (p *person) lookInPeace() string {
	now := p.IDs()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.settled != nil && !slices.Equal(now, p.settled) {
		return p.changed(now)
	}
	return ""
}

func (p *person) changed(now []string) string {
	return fmt.Sprintf("after the rotation: the user had the credentials %s, and now has %s", p.settled, now)
}

// alone: the user has no credential that is rotated any more, since somebody has deleted the last one.
func (p *person) alone() bool {
	return p.Kind != tenancy.Password && p.h.Deleted() && len(p.IDs()) == len(p.Bystander)
}

// judge says what is wrong at the end of a rotation; nothing, if exactly the new credential is there and works.
// told says that a mail named the loss of a one-time password, which nobody can prevent.
func (p *person) judge(told bool) string {
	if p.Kind == tenancy.Password {
		p.mu.Lock()
		defer p.mu.Unlock()
		switch {
		case len(p.resets) != 2:
			return fmt.Sprintf("the password was reset %d times", len(p.resets)-1)
		case len(p.Secrets) > 0 && !p.kept && !told:
			return "the one-time password is in no secret, and no mail says so"
		}
		return ""
	}
	ids := p.IDs()
	if len(ids) != 1+len(p.Bystander) || slices.Contains(ids, p.OldID) {
		return fmt.Sprintf("the user has the credentials %s, where %s was to be replaced beside %s", ids, p.OldID,
			p.Bystander)
	}
	stored, err := p.Stored()
	if err != nil {
		return err.Error()
	}
	if status := p.Try(stored); status != http.StatusOK {
		return fmt.Sprintf("the CURRENT credential is answered %d", status)
	}
	if status := p.Try(p.Old); status == http.StatusOK {
		return "the old credential still works"
	}
	return ""
}

// next makes what is stored now the old credential of the next rotation.
func (p *person) next() error {
	p.event = nil
	if p.Kind == tenancy.Password {
		return nil
	}
	stored, err := p.Stored()
	if err != nil {
		return err
	}
	for _, id := range p.IDs() {
		if !slices.Contains(p.Bystander, id) {
			p.OldID = id
		}
	}
	stored.ID = p.OldID
	p.Old = stored
	return nil
}

// comment is the closure comment of the rotation under way.
func (p *person) comment() string {
	var options []string
	if len(p.Bystander) > 0 {
		options = append(options, "replace:yes")
	}
	if p.graced {
		options = append(options, grace)
	}
	return p.Comment(options...)
}

// mine says whether a call is about the person.
func (p *person) mine(c ociemu.Call) bool {
	if c.Caller.ID == p.User || strings.Contains(c.Path, p.User) || p.Problem != "" &&
		strings.Contains(c.Path, p.Problem) {
		return true
	}
	for _, id := range p.Secrets {
		if strings.Contains(c.Path, id) {
			return true
		}
	}
	return false
}
