package rotation

import (
	"fmt"
	"time"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/secret"
)

// state reduces the observation, and what this run remembers, to what a decision depends on.
func (r *run) state() State {
	s := State{Kind: r.job.Ref.Kind, Old: OldGone, Made: r.made(), Stored: r.stored(), Proof: r.proof, Slot: SlotFree,
		Trouble: r.trouble, Replace: r.job.Replace, Grace: r.grace()}
	if r.oldAlive() {
		s.Old = OldAlive
	}
	if limit := s.Kind.Limit(); r.slotsFull || limit > 0 && len(r.obs.credentials) >= limit {
		s.Slot = SlotFull
	}
	s.Room, _ = r.room()
	return s
}

// staged tells whether some secret holds a version of this attempt.
func (r *run) staged() bool {
	switch r.stored() {
	case StoredPart, StoredAll, StoredPromotedIn, StoredCurrent, StoredReplaced:
		return true
	}
	return false
}

// finished: every secret has or had this attempt as CURRENT, whatever became of the credential since.
func (r *run) finished() bool { s := r.stored(); return s == StoredCurrent || s == StoredReplaced }

func (r *run) oldAlive() bool {
	if r.job.Ref.Kind == credential.Password {
		return !r.resetSince() && !r.staged()
	}
	return r.obs.credential(r.job.Ref.ID) != nil
}

// resetSince: the password is younger than the closure of the problem, or than the last time that Cloud Guard saw it
// too old. The second covers a problem that is closed twice.
func (r *run) resetSince() bool {
	for _, c := range r.obs.credentials {
		for _, t := range r.job.ResetAfter {
			if !t.IsZero() && !c.Created.Before(t) {
				return true
			}
		}
	}
	return false
}

// stored counts in how many secrets this attempt is, and how far.
func (r *run) stored() Stored {
	if len(r.obs.homes) == 0 {
		return StoredNotAsked
	}
	name := r.id.VersionName(r.attempt)
	absent, pending, current, past := 0, 0, 0, 0
	for _, h := range r.obs.homes {
		switch v := h.version(name); {
		case v == nil:
			absent++
		case v.Current:
			current++
		case v.Pending:
			pending++
		default:
			past++
		}
	}
	switch all := len(r.obs.homes); {
	case past > 0:
		return StoredReplaced
	case absent == all && r.unsure:
		return StoredUnsure
	case absent == all:
		return r.intent()
	case absent > 0:
		return StoredPart
	case current == 0:
		return StoredAll
	case current < all:
		return StoredPromotedIn
	}
	return StoredCurrent
}

// announced is what this rotation has written into the first secret's journal, whatever the attempt; nil if nothing.
func (r *run) announced() *Staged {
	if len(r.obs.homes) == 0 {
		return nil
	}
	s := r.obs.homes[0].journal.Staged
	if s == nil {
		return nil
	}
	if id, _, ok := credential.ParseVersionName(s.Version); !ok || id != r.id {
		return nil
	}
	return s
}

// intent reads the announcement of an attempt that has no version yet. One that somebody else made long ago, and
// whose deed was not done, is void. One whose deed was done stands until the old credential has a successor, through
// all attempts.
func (r *run) intent() Stored {
	s := r.announced()
	done := r.job.Ref.Kind != credential.Password && !r.oldAlive() || r.job.Ref.Kind == credential.Password && r.resetSince()
	switch {
	case s == nil:
		return StoredNone
	case s.Phase == PhaseIntent && s.Maker != r.maker && r.young(s.At):
		return StoredElsewhere
	case s.Phase == PhaseIntent && s.Maker == r.maker, s.Phase == PhaseIntent && done, s.GivenUp && done:
		return StoredIntent
	}
	return StoredNone
}

// made finds the new credential of this rotation. One that nobody can use comes first, so that it doesn't stay behind
// another; only when something went wrong, the one whose value is about to be lost comes before it.
func (r *run) made() Made {
	held := r.held()
	switch {
	case held && r.trouble != TroubleNone:
		return MadeHeld
	case r.lost() != "":
		return MadeLost
	case r.staged() && r.material != nil && r.obs.credential(r.material.ID) != nil:
		return MadeLive
	case held:
		return MadeHeld
	case r.strange() != "":
		return MadeStrange
	case len(r.marked()) > 0: // so young that its value may be on its way to Vault
		return MadeElsewhere
	}
	return MadeNone
}

// held: this process has made the credential, and no secret has its value yet.
func (r *run) held() bool {
	return r.created != nil && r.material != nil && r.material.ID == r.created.ID && r.stagedName == "" &&
		r.job.Ref.Kind != credential.APIKey
}

// lost is a credential of this rotation that nobody can use: one that was undone, or one with our mark that no secret
// and no memory knows, and whose maker is this very process or can't be at work any more.
func (r *run) lost() string {
	if r.obs.credential(r.undone) != nil {
		return r.undone
	}
	for _, c := range r.marked() {
		m, _ := credential.ParseMark(c.Description)
		if m.Home == r.home() && (m.Maker == r.maker || r.serverNow().Sub(c.Created) >= MakerLife) {
			return c.ID
		}
	}
	return ""
}

// strange: a credential of this rotation that was made for another secret.
func (r *run) strange() string {
	for _, c := range r.marked() {
		if m, _ := credential.ParseMark(c.Description); m.Home != r.home() {
			return c.ID
		}
	}
	return ""
}

func (r *run) home() string {
	if len(r.obs.homes) == 0 {
		return ""
	}
	return credential.Home(r.obs.homes[0].SecretID)
}

// marked lists the credentials with the mark of this rotation whose value neither a secret nor this process has. Of a
// finished rotation whose journal was wiped nobody can tell which one that is.
func (r *run) marked() []credential.Issued {
	if !r.oldAlive() && r.finished() && r.material == nil && r.final == "" {
		return nil
	}
	var out []credential.Issued
	for _, c := range r.obs.credentials {
		m, ok := credential.ParseMark(c.Description)
		if ok && m.Rotation == r.id && c.ID != r.job.Ref.ID && c.ID != r.final && (r.material == nil || c.ID != r.material.ID) {
			out = append(out, c)
		}
	}
	return out
}

// young: who left a trace at that time may still be at work. A time that lies ahead is no time that anybody has written.
func (r *run) young(at *time.Time) bool {
	return at != nil && r.serverNow().Sub(*at) < MakerLife && r.serverNow().Sub(*at) > -MakerLife
}

func (r *run) serverNow() time.Time { return r.obs.at.Add(r.Clock.Now().Sub(r.obs.local)) }

// room tells whether the secrets may take the value, and if not, why.
func (r *run) room() (Room, string) {
	if why := r.swapped(); why != "" {
		return RoomSwapped, why
	}
	for _, h := range r.obs.homes {
		if room, why := r.holds(h); room != RoomFree {
			return room, why
		}
		if room, why := r.foreign(h); room != RoomFree {
			return room, why
		}
		kept := 0
		for _, v := range h.versions {
			if !v.Leaving {
				kept++
			}
		}
		if kept >= secret.MaxVersions {
			return RoomFull, fmt.Sprintf("secret %s (%s) has %d versions, OCI keeps %d", h.Name, h.SecretID, kept, secret.MaxVersions)
		}
	}
	return RoomFree, ""
}

// foreign looks at what another rotation has staged in the secret.
func (r *run) foreign(h *home) (Room, string) {
	s := h.journal.Staged
	if s == nil || s.Phase == PhaseUndone {
		return RoomFree, ""
	}
	if id, _, ok := credential.ParseVersionName(s.Version); !ok || id == r.id {
		return RoomFree, ""
	}
	switch {
	case s.Phase == PhaseStaged && r.needed(s.Credential):
		return RoomTaken, fmt.Sprintf("secret %s (%s): version %s, not yet promoted, holds %s %s",
			h.Name, h.SecretID, s.Version, r.job.Ref.Kind.IDNoun(), s.Credential)
	case r.young(s.At):
		return RoomBusy, fmt.Sprintf("secret %s (%s): the rotation that writes version %s began at %s",
			h.Name, h.SecretID, s.Version, s.At.UTC().Format(time.RFC3339))
	}
	return RoomFree, ""
}

// needed: another living credential of the user, neither the old one nor the one that this rotation made.
func (r *run) needed(id string) bool {
	return r.job.Ref.Kind != credential.Password && id != r.job.Ref.ID && (r.material == nil || r.material.ID != id) &&
		r.obs.credential(id) != nil
}

// grace: once a secret knows until when the old credential stays, that counts. The period begins with the promotion, which
// writes it down. A person changes it by closing the problem again with another one.
func (r *run) grace() Grace {
	after := r.retireAt()
	again, given := r.graceAgain()
	switch {
	case given && !r.serverNow().Before(again):
		return GraceNone
	case given && !again.Equal(after):
		return GraceOrdered
	case r.serverNow().Before(after):
		return GraceRuns
	case after.IsZero() && r.job.Grace > 0:
		return GraceOrdered
	}
	return GraceNone
}

// graceAgain is when the old credential goes if a closure has given a grace period again while one was running: the period
// counts from that closure, so that every delivery of it finds the same end. Zero ends it at once.
func (r *run) graceAgain() (end time.Time, given bool) {
	set := time.Time{}
	for _, h := range r.obs.homes {
		t := h.journal.Retire.Of(r.job.Ref.ID)
		if t == nil {
			continue
		}
		given = true
		if v := h.version(r.id.VersionName(r.attempt)); t.Set == nil && v != nil { // written by an older Keyturn
			t = &Retired{Set: &v.Created}
		}
		if t.Set != nil && t.Set.After(set) {
			set = *t.Set
		}
	}
	if !given || !r.job.GraceGiven || !r.job.Ordered.After(set) {
		return time.Time{}, false
	}
	if r.job.Grace == 0 {
		return set, true // whatever the clocks say
	}
	return r.job.Ordered.Add(r.job.Grace).UTC().Truncate(time.Second), true
}

// retireAt is when the old credential goes, as the secrets say; zero if none says it. The latest counts: it was written
// when the last secret got its new value, and a consumer that needs all of them can't have changed over before.
func (r *run) retireAt() (latest time.Time) {
	for _, h := range r.obs.homes {
		if t := h.journal.Retire.Of(r.job.Ref.ID); t != nil && t.After.After(latest) {
			latest = t.After
		}
	}
	return latest
}
