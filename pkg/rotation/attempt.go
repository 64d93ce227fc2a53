package rotation

import (
	"cmp"
	"slices"
	"time"

	"github.com/keyturn/keyturn/pkg/config"
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/vault"
)

// newest returns the number of the newest attempt of this rotation in the secrets, or 0. If that attempt was undone, it
// also returns the id of its credential, or "?" if the journal doesn't name it.
func (v view) newest() (newest int, undone string) {
	see := func(name string) bool {
		id, n, ok := credential.ParseVersionName(name)
		if !ok || id != v.id || n < newest {
			return false
		}
		if n > newest {
			newest, undone = n, ""
		}
		return true
	}
	for _, s := range v.snap.Secrets {
		for _, version := range s.Versions {
			see(version.Name)
		}
		if t := s.Journal.Staged; t != nil && see(t.Version) && t.Phase == PhaseUndone {
			undone = cmp.Or(t.Credential, "?")
		}
	}
	return newest, undone
}

// find returns the id of the attempt's credential, and its value if this run knows it.
func (v view) find() (id string, value *credential.Material) {
	if m := v.mem.Value; m != nil && (v.mem.Kept == v.name || v.mem.Kept == "" && !v.staged()) {
		return m.ID, m
	}
	if s, ok := v.successor(); ok {
		id = s.Journal.Current.Credential
		m, err := credential.Decode(v.job.Ref.Kind, s.Role, id, s.Holds.Value)
		if err == nil && s.Holds.Number == s.Current {
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
			named := s.credentialOf(v.name, s.Attempt.Number)
			if m, err := credential.Decode(v.job.Ref.Kind, s.Role, named, s.Attempt.Value); err == nil {
				id, value = m.ID, &m
			}
		}
		if id == "" {
			id = s.credentialOf(v.name, version.Number)
		}
	}
	if id == "" && value != nil { // the journal was wiped, and the content doesn't name the credential
		if marked := v.withMark(""); v.chooses() {
			id = credential.ChosenID(v.stagedAt())
		} else if len(marked) == 1 && v.job.Prove != config.ProveOff {
			id = marked[0].ID
		}
	}
	if value != nil && value.ID == "" {
		m := *value
		m.ID, value = id, &m
	}
	return id, value
}

// staged reports whether a secret has a version of the attempt.
func (v view) staged() bool {
	return slices.ContainsFunc(v.snap.Secrets, func(s Seen) bool { return s.version(v.name) != nil })
}

// stagedAt returns when the attempt was first staged; zero if unknown.
func (v view) stagedAt() (t time.Time) {
	for _, s := range v.snap.Secrets {
		if version := s.version(v.name); version != nil && (t.IsZero() || version.Created.Before(t)) {
			t = version.Created
		}
	}
	return t
}

// dead reports whether the attempt is staged, but its credential is certainly gone: it was deleted manually, or the
// process died before it made it. Such an attempt must never be promoted; the next one gets the next number. Since
// IAM's list may lag and the maker may still be running, an attempt is dead only after UnseenTime.
func (v view) dead() bool {
	switch {
	case !v.staged() || v.snap.Unseen != nil || v.finished() && v.oldGone(),
		slices.ContainsFunc(v.snap.Secrets, v.misnamed):
		return false
	case v.new != "" && (v.listed(v.new) != nil || v.generated()), v.new == "" && v.is(StoredCurrent, StoredPromotedIn):
		return false
	case slices.Contains(v.mem.Deleted, v.new):
		return true
	}
	return !v.stagedAt().IsZero() && v.age(v.stagedAt()) >= UnseenTime
}

// oldGone reports whether the list lacks the old credential, or the password was reset.
func (v view) oldGone() bool {
	switch {
	case v.job.origin() != credential.Reset:
		return v.listed(v.job.Ref.ID) == nil
	case v.resetSince(), v.mem.Made != nil:
		return true
	case v.chooses():
		return v.recorded()
	}
	return v.staged()
}

// generated reports whether this run made the attempt's value. Only such a key is ever uploaded, and only such a
// password set: a user who may write to the secret could have stored another one there.
func (v view) generated() bool {
	m := v.mem.Value
	return v.generates() && m != nil && v.value != nil && v.value.ID == m.ID && v.value.Value.Equal(m.Value)
}

func (v view) is(some ...Stored) bool { return slices.Contains(some, v.stored()) }

// finished reports whether every secret has or had this attempt as CURRENT.
func (v view) finished() bool { return v.is(StoredCurrent, StoredReplaced) }

// stored returns the attempt's progress in the secrets.
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
		case v.superseded(s):
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

// superseded reports whether a later rotation has already replaced this rotation's new credential in the secret, while
// this rotation's overlap was still running.
func (v view) superseded(s Seen) bool {
	if version := s.version(v.name); version != nil && (version.Current || version.Pending) {
		return false
	}
	if !s.Listed || !s.currentKnown() || s.Journal.Retire.Of(v.job.Ref.ID) == nil ||
		s.Journal.Current.Credential == v.job.Ref.ID {
		return false
	}
	return slices.ContainsFunc(s.Versions, func(version vault.Version) bool {
		id, _, ok := credential.ParseVersionName(version.Name)
		return ok && version.Number == s.Current && id != v.id
	})
}

// successor returns a secret with the later rotation's value, if every secret is superseded.
func (v view) successor() (Seen, bool) {
	for _, s := range v.snap.Secrets {
		if !v.superseded(s) {
			return Seen{}, false
		}
	}
	i := slices.IndexFunc(v.snap.Secrets, func(s Seen) bool { return !s.Role.IsID() })
	if i < 0 {
		return Seen{}, false
	}
	return v.snap.Secrets[i], true
}

// announced returns the first secret's Staged entry if it is of this rotation, of any attempt; else nil.
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

// intent evaluates the announcement of an attempt that has no version yet. An old announcement by another delivery is
// void if its action was never carried out. Once its action was carried out, it stays valid for all attempts, until the
// old credential has a successor.
func (v view) intent() Stored {
	s := v.announced()
	if v.mem.Tries[Withdraw] > 0 || v.mem.Withdrew {
		return StoredWithdrawn
	}
	done := v.job.origin() != credential.Reset && v.listed(v.job.Ref.ID) == nil ||
		v.job.origin() == credential.Reset && v.resetSince()
	switch {
	case s == nil:
		return StoredNone
	case s.Phase == PhaseIntent && s.Maker != v.mem.Maker && v.recent(s.At):
		return StoredElsewhere
	case s.Phase == PhaseIntent && s.Maker == v.mem.Maker, s.Phase == PhaseIntent && done, s.GivenUp && done:
		return StoredIntent
	}
	return StoredNone
}
