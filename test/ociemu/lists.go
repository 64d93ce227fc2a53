package ociemu

import (
	"slices"
	"time"
)

// keptGone is how many deleted credentials of a kind a user's lists can still show.
const keptGone = 16

// SetListLag changes how far IAM's lists of credentials are behind.
func (e *Emulator) SetListLag(d time.Duration) { e.listLag.Store(int64(max(0, d))) }

// seenAt is the moment whose state the call's list shows.
func (x *exchange) seenAt() time.Time {
	return x.now.Add(-max(x.stale, time.Duration(x.e.listLag.Load())))
}

// listed gives the credentials that a list shows: those that there were at the moment that it shows.
func listed[T interface{ record() *birth }](x *exchange, gone, live []T) []T {
	at := x.seenAt()
	return slices.DeleteFunc(slices.Concat(gone, live), func(c T) bool {
		b := c.record()
		return b.made.After(at) || !b.gone.IsZero() && !b.gone.After(at)
	})
}

// buried adds a deleted credential to those that lists may still show.
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
