package ociemu

import (
	"crypto/tls"
	"net"
	"sync/atomic"
	"time"
)

// A round trip adds the time of a network: it delays every answer, and each round trip that sets up a connection. The
// answer to CONNECT replaces the TCP connect, so it costs one round trip. Each of the server's flights in the TLS
// handshake costs another: TLS 1.3 has one, TLS 1.2 two. The whole delay follows the operation, so a call takes effect
// when it is sent.

// SetRoundTrip changes Options.RoundTrip from now on.
func (e *Emulator) SetRoundTrip(d time.Duration) { e.roundTrip.Store(int64(max(0, d))) }

// travel waits for one round trip and reports whether the emulator is still running.
func (e *Emulator) travel() bool {
	d := time.Duration(e.roundTrip.Load())
	if d == 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-e.ctx.Done():
		return false
	}
}

// SetUp is the set-up of a connection through the proxy.
type SetUp struct {
	Host    string `json:"host"`
	Version string `json:"version"` // of TLS, such as "TLS 1.3"
	// RoundTrips is how many round trips the client waited for: one for TCP, the others for TLS.
	RoundTrips int `json:"roundTrips"`
	// Began is the time of CONNECT, and Ended the end of the handshake for the server: in TLS 1.3 the first request's
	// arrival. Both use the machine's clock.
	Began time.Time `json:"began"`
	Ended time.Time `json:"ended"`
}

// SetUps returns the connections since the start or the last ResetCalls, in the order in which they became ready.
func (e *Emulator) SetUps() []SetUp {
	h := &e.history
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]SetUp(nil), h.setUps...)
}

// flights is the server's side of a connection during its handshake. A write after a read begins a new flight, for
// which the client waits.
type flights struct {
	net.Conn
	travel func() bool
	over   atomic.Bool // the handshake has ended; answers are delayed elsewhere
	count  int
	asked  bool
}

// Read implements net.Conn.
func (f *flights) Read(p []byte) (int, error) {
	n, err := f.Conn.Read(p)
	if !f.over.Load() {
		f.asked = f.asked || n > 0
	}
	return n, err
}

// Write implements net.Conn.
func (f *flights) Write(p []byte) (int, error) {
	if !f.over.Load() && f.asked {
		f.asked = false
		f.count++
		if !f.travel() {
			return 0, net.ErrClosed
		}
	}
	return f.Conn.Write(p)
}

// setUp ends the handshake and returns its record.
func (f *flights) setUp(host string, began time.Time, state tls.ConnectionState) SetUp {
	f.over.Store(true)
	return SetUp{Host: host, Version: tls.VersionName(state.Version), RoundTrips: 1 + f.count, Began: began,
		Ended: time.Now()}
}
