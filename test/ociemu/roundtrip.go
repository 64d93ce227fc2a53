package ociemu

import (
	"crypto/tls"
	"net"
	"sync/atomic"
	"time"
)

// The network between client and services is no network at all here. A round trip puts its time back: every answer is
// held back by it, and so is each round trip that sets a connection up. The answer to CONNECT, which only a proxy
// gives, stands for the TCP connect, so it costs one; each of the server's flights of the TLS handshake costs one more:
// TLS 1.3 has one, TLS 1.2 two. The whole time lies behind the service, so a call takes effect when it is sent.

// SetRoundTrip changes Options.RoundTrip for all answers and flights from now on.
func (e *Emulator) SetRoundTrip(d time.Duration) { e.roundTrip.Store(int64(max(0, d))) }

// travel waits for one round trip and says whether the emulator is still there.
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

// SetUp is one connection that was set up through the proxy.
type SetUp struct {
	Host    string `json:"host"`
	Version string `json:"version"` // of TLS, such as "TLS 1.3"
	// RoundTrips is how many the client had to wait for: one for TCP, the others for TLS.
	RoundTrips int `json:"roundTrips"`
	// Began and Ended are of the machine's clock: from CONNECT to the end of the handshake as the server sees it, which
	// in TLS 1.3 is when the first request arrives.
	Began time.Time `json:"began"`
	Ended time.Time `json:"ended"`
}

// SetUps gives the connections since the start or the last ResetCalls, in the order in which they were ready.
func (e *Emulator) SetUps() []SetUp {
	h := &e.history
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]SetUp(nil), h.setUps...)
}

// flights is the server's side of a connection in its handshake. What is written after something was read is a new
// flight, for which the client waits.
type flights struct {
	net.Conn
	travel func() bool
	over   atomic.Bool // the handshake has ended: what comes now is answers, which are held back elsewhere
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

// setUp ends the handshake and tells what it took.
func (f *flights) setUp(host string, began time.Time, state tls.ConnectionState) SetUp {
	f.over.Store(true)
	return SetUp{Host: host, Version: tls.VersionName(state.Version), RoundTrips: 1 + f.count, Began: began,
		Ended: time.Now()}
}
