package oci

import (
	"net"
	"net/http"
	"sync"
	"time"
)

const (
	dialTime = 5 * time.Second
	idleTime = 20 * time.Second // after which an unused connection is closed
)

// network is the transport of all calls.
type network struct {
	mu        sync.Mutex
	transport *http.Transport
}

func newNetwork() *network {
	return &network{transport: &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: dialTime}).DialContext,
		TLSHandshakeTimeout:   dialTime,
		ResponseHeaderTimeout: callTime,
		MaxIdleConnsPerHost:   4,
		IdleConnTimeout:       idleTime,
		ForceAttemptHTTP2:     true,
	}}
}

// RoundTrip implements http.RoundTripper.
func (n *network) RoundTrip(r *http.Request) (*http.Response, error) {
	return n.current().RoundTrip(r)
}

// CloseIdleConnections closes the connections that are not in use.
func (n *network) CloseIdleConnections() { n.current().CloseIdleConnections() }

func (n *network) current() *http.Transport {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.transport
}

// renew closes the unused connections and switches to a new transport without connections. A connection that is still
// being opened, perhaps since before a freeze, stays with the old transport, which closes it.
func (n *network) renew() {
	n.mu.Lock()
	defer n.mu.Unlock()
	old := n.transport
	n.transport = old.Clone()
	old.CloseIdleConnections()
}

// patient is a transport like the current one, for answers that take as long as an invocation. The caller closes its
// idle connections.
func (n *network) patient() *http.Transport {
	t := n.current().Clone()
	t.ResponseHeaderTimeout = 0
	return t
}
