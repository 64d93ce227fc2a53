package rotation

import (
	"slices"
	"time"

	"github.com/keyturn/keyturn/pkg/config"
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/vault"
)

// newest is the newest attempt of this rotation that the secrets know of, 0 if they know of none, and the id of its
// credential if it was taken back ("?" if the journal doesn't name it).
func (v view) newest() (newest int, undone string) {
	see := func(name string) bool {
		id, n, ok := credential.ParseVersionName(name)
		if ok = ok && id == v.id && n >= newest; ok && n > newest {
			newest, undone = n, ""
		}
		return ok
	}
	for _, s := range v.snap.Secrets {
		for _, version := range s.Versions {
			see(version.Name)
		}
		if t := s.Journal.Staged; t != nil && see(t.Version) && t.Phase == PhaseUndone {
			if undone = t.Credential; undone == "" {
				undone = "?"
			}
		}
	}
	return newest, undone
}

// find returns the credential of the attempt: its id, and its value if this run knows it.
func (v view) find() (id string, value *credential.Material) {
	if m := v.mem.Value; m != nil && (v.mem.Kept == v.name || v.mem.Kept == "" && !v.staged()) {
		return m.ID, m
	}
	if s, ok := v.followed(); ok {
		id = s.Journal.Current.Credential
		if m, err := credential.Decode(v.job.Ref.Kind, s.Role, id, s.Holds.Value); s.Holds.Number == s.Current &&
			err == nil {
			value = &m
		}
		return id, value
	}
	for _, s := range v.snap.Secrets {
		version := s.version(v.name)
		if version == nil {
			continue
		}
		if s.Attempt.Name == v.name && s.Attempt.Number != 0 && value == nil {
			if m, err := credential.Decode(v.job.Ref.Kind, s.Role, s.credentialOf(v.name, s.Attempt.Number),
				s.Attempt.Value); err == nil {
				id, value = m.ID, &m
			}
		}
		if id == "" {
			id = s.credentialOf(v.name, version.Number)
		}
	}
	if id == "" && value != nil { // neither the journal nor the content says which one it is: the journal was wiped
		if marked := v.withMark(""); len(marked) == 1 && v.job.Prove != config.ProveOff {
			id = marked[0].ID
		}
	}
	if value != nil && value.ID == "" {
		m := *value
		m.ID, value = id, &m
	}
	return id, value
}

// staged tells whether some secret has a version of the attempt.
func (v view) staged() bool {
	return slices.ContainsFunc(v.snap.Secrets, func(s Seen) bool { return s.version(v.name) != nil })
}

// written is when the attempt was staged first; zero if nobody knows.
func (v view) written() (t time.Time) {
	for _, s := range v.snap.Secrets {
		if version := s.version(v.name); version != nil && (t.IsZero() || version.Created.Before(t)) {
			t = version.Created
		}
	}
	return t
}

// over tells of an attempt that is staged, but whose credential is gone for sure: deleted by hand, or never made by a
// process that died. It must never be promoted; the next attempt has the next number. IAM's list lags behind, and its
// maker may be at work: so it is over only after UnseenTime.
func (v view) over() bool {
	switch {
	case !v.staged() || v.snap.Unseen != nil || v.finished() && v.oldGone(),
		slices.ContainsFunc(v.snap.Secrets, v.misnamed):
		return false
	case v.new != "" && (v.listed(v.new) != nil || v.generated()), v.new == "" && v.is(StoredCurrent, StoredPromotedIn):
		return false
	case slices.Contains(v.mem.Deleted, v.new):
		return true
	}
	return !v.written().IsZero() && v.age(v.written()) >= UnseenTime
}

// oldGone: the list doesn't show the old credential, or the password was reset.
func (v view) oldGone() bool {
	if v.job.origin() == credential.Reset {
		return v.resetSince() || v.staged()
	}
	return v.listed(v.job.Ref.ID) == nil
}

// generated: this run has made the attempt's key pair, and no consumer can have it yet. Nobody else's is ever uploaded:
// whoever may write to the secret could have put his own there.
func (v view) generated() bool {
	return v.job.origin() == credential.Local && v.mem.Value != nil && v.value != nil && v.value.ID == v.mem.Value.ID
}

func (v view) is(some ...Stored) bool { return slices.Contains(some, v.stored()) }

// finished: every secret has or had this attempt as CURRENT, whatever became of the credential since.
func (v view) finished() bool { return v.is(StoredCurrent, StoredReplaced) }

// stored counts in how many secrets the attempt is, and how far.
func (v view) stored() Stored {
	if len(v.snap.Secrets) == 0 {
		return StoredNotAsked
	}
	if v.snap.unreadable() != nil {
		return StoredUnread
	}
	absent, pending, current, past := 0, 0, 0, 0
	for _, s := range v.snap.Secrets {
		switch version := s.version(v.name); {
		case v.follows(s):
			current++
		case version == nil:
			absent++
		case version.Current:
			current++
		case version.Pending && !version.Leaving:
			pending++
		default:
			past++
		}
	}
	switch all := len(v.snap.Secrets); {
	case past > 0:
		return StoredReplaced
	case absent == all && v.mem.Unsure:
		return StoredUnsure
	case absent == all:
		return v.intent()
	case absent > 0:
		return StoredPart
	case current == 0:
		return StoredAll
	case current < all:
		return StoredPromotedIn
	}
	return StoredCurrent
}

// follows: a later rotation has put the successor of this one's credential into the secret, while the overlap of this
// one was still running.
func (v view) follows(s Seen) bool {
	if version := s.version(v.name); version != nil && (version.Current || version.Pending) {
		return false
	}
	if !s.Listed || !s.tells() || s.Journal.Retire.Of(v.job.Ref.ID) == nil ||
		s.Journal.Current.Credential == v.job.Ref.ID {
		return false
	}
	return slices.ContainsFunc(s.Versions, func(version vault.Version) bool {
		id, _, ok := credential.ParseVersionName(version.Name)
		return ok && version.Number == s.Current && id != v.id
	})
}

// followed is the secret that shows the successor's value, if all secrets have one.
func (v view) followed() (Seen, bool) {
	for _, s := range v.snap.Secrets {
		if !v.follows(s) {
			return Seen{}, false
		}
	}
	i := slices.IndexFunc(v.snap.Secrets, func(s Seen) bool { return !s.Role.IsID() })
	if i < 0 {
		return Seen{}, false
	}
	return v.snap.Secrets[i], true
}

// announced is what this rotation has written into the first secret's journal, whatever the attempt; nil if nothing.
func (v view) announced() *Staged {
	if len(v.snap.Secrets) == 0 {
		return nil
	}
	s := v.snap.Secrets[0].Journal.Staged
	if s == nil {
		return nil
	}
	if id, _, ok := credential.ParseVersionName(s.Version); !ok || id != v.id {
		return nil
	}
	return s
}

// intent reads the announcement of an attempt that has no version yet. One that somebody else made long ago, and
// whose deed was not done, is void. One whose deed was done stands until the old credential has a successor, through
// all attempts.
func (v view) intent() Stored {
	s := v.announced()
	if v.mem.Tries[Withdraw] > 0 || v.mem.Withdrew {
		return StoredWithdrawn
	}
	done := v.job.origin() != credential.Reset && v.listed(v.job.Ref.ID) == nil || v.job.origin() == credential.Reset &&
		v.resetSince()
	switch {
	case s == nil:
		return StoredNone
	case s.Phase == PhaseIntent && s.Maker != v.mem.Maker && v.young(s.At):
		return StoredElsewhere
	case s.Phase == PhaseIntent && s.Maker == v.mem.Maker, s.Phase == PhaseIntent && done, s.GivenUp && done:
		return StoredIntent
	}
	return StoredNone
}
