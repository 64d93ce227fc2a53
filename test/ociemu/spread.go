package ociemu

import "time"

// Spread is how long the services refuse a new credential of each kind, although IAM lists it as ACTIVE. It is added to
// Options.Visibility. It follows the services' clock; see [Emulator.Forward].
type Spread struct {
	APIKey, AuthToken, CustomerSecretKey time.Duration
}

// RealSpread is the longest reported spread: API keys 401 for 5 to 15 minutes, auth tokens 401 for 30 to 60 seconds (a
// public operator's knowledge base, entry KB-022), customer secret keys SignatureDoesNotMatch "for minutes".
func RealSpread() Spread {
	return Spread{APIKey: 15 * time.Minute, AuthToken: time.Minute, CustomerSecretKey: 5 * time.Minute}
}

// SetSpread changes how long credentials that are created from now on are refused.
func (e *Emulator) SetSpread(s Spread) { e.spreading.Store(&s) }

func (e *Emulator) spread() Spread { return *e.spreading.Load() }

// Forward advances the services' clock: credentials spread, secrets settle, problems age. It does not affect the checks
// of signatures' dates, session tokens and certificates, because the clients' clocks stay.
func (e *Emulator) Forward(d time.Duration) { e.forward.Add(int64(d)) }

// now is the services' clock.
func (e *Emulator) now() time.Time { return e.opts.Now().Add(time.Duration(e.forward.Load())) }

// clientsNow is the time on a client's correct clock.
func (e *Emulator) clientsNow() time.Time { return e.opts.Now() }
