package ociemu

import (
	"slices"
	"time"
)

// keptGone is how many deleted credentials of a kind a user's lists can show.
const keptGone = 16

// SetListLag changes the lag of IAM's lists of credentials.
func (e *Emulator) SetListLag(d time.Duration) { e.listLag.Store(int64(max(0, d))) }

// seenAt is the time whose state the call's list shows.
func (x *exchange) seenAt() time.Time {
	return x.now.Add(-max(x.stale, time.Duration(x.e.listLag.Load())))
}

// listed returns the credentials that existed at the time that a list shows.
func listed[T interface{ record() *birth }](x *exchange, gone, live []T) []T {
	at := x.seenAt()
	return slices.DeleteFunc(slices.Concat(gone, live), func(c T) bool {
		b := c.record()
		return b.made.After(at) || !b.gone.IsZero() && !b.gone.After(at)
	})
}

// buried adds a credential to the deleted ones that lists may show.
func buried[T interface{ record() *birth }](x *exchange, gone []T, c T) []T {
	c.record().gone = x.now
	gone = append(gone, c)
	return gone[max(0, len(gone)-keptGone):]
}

// passwordSeen is the password whose age the user's record shows, or nil.
func (x *exchange) passwordSeen(u *user) *password {
	if u.password == nil {
		return nil
	}
	seen := listed(x, u.gonePasswords, []*password{u.password})
	if len(seen) == 0 {
		return nil
	}
	return seen[len(seen)-1]
}

// CatchUp ends everything that waits for time: secrets settle, credentials spread, and lists show the current state.
// Call it before you set the services' clock back; otherwise earlier changes would lie in the future.
func (e *Emulator) CatchUp() {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, s := range e.state.secrets {
		s.busyUntil = time.Time{}
	}
	for _, d := range e.state.domains {
		d.recent = nil
	}
	for _, u := range e.state.users {
		u.goneAPIKeys, u.goneAuthTokens, u.goneSecretKeys, u.gonePasswords, u.goneOthers = nil, nil, nil, nil, nil
		births := []*birth{}
		for _, k := range u.apiKeys {
			births = append(births, &k.birth)
		}
		for _, t := range u.authTokens {
			births = append(births, &t.birth)
		}
		for _, k := range u.secretKeys {
			births = append(births, &k.birth)
		}
		for _, list := range u.others {
			for _, c := range list {
				births = append(births, &c.birth)
			}
		}
		if u.password != nil {
			births = append(births, &u.password.birth)
		}
		for _, b := range births {
			b.visibleAt, b.worksAt, b.made = time.Time{}, time.Time{}, time.Time{}
		}
	}
}
