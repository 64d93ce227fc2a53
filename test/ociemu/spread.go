package ociemu

import "time"

// Spread is how long a new credential of each kind is refused by the services that check it, although IAM lists it as
// ACTIVE. It comes on top of Options.Visibility. The time is the services' clock; see [Emulator.Forward].
type Spread struct {
	APIKey, AuthToken, CustomerSecretKey time.Duration
}

// RealSpread is the longest that has been reported: API keys 401 for 5 to 15 minutes, auth tokens 401 for 30 to 60
// seconds (a public operator's knowledge base, entry KB-022), customer secret keys SignatureDoesNotMatch "for minutes".
func RealSpread() Spread {
	return Spread{APIKey: 15 * time.Minute, AuthToken: time.Minute, CustomerSecretKey: 5 * time.Minute}
}

// SetSpread changes how long the credentials that are made from now on are refused.
func (e *Emulator) SetSpread(s Spread) { e.spreading.Store(&s) }

func (e *Emulator) spread() Spread { return *e.spreading.Load() }

// Forward lets time pass for the services at once: credentials spread, secrets settle, problems age. The clients' own
// clocks stay: dates of signatures, session tokens and certificates are compared with the time without it.
func (e *Emulator) Forward(d time.Duration) { e.forward.Add(int64(d)) }

// now is the services' clock.
func (e *Emulator) now() time.Time { return e.opts.Now().Add(time.Duration(e.forward.Load())) }

// clientsNow is what a client's clock shows if it is right.
func (e *Emulator) clientsNow() time.Time { return e.opts.Now() }
