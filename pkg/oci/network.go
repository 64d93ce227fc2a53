package oci

import (
	"net"
	"net/http"
	"sync"
	"time"
)

const (
	dialTime = 5 * time.Second
	idleTime = 20 * time.Second // for which a connection is kept that nobody uses
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
	return n.now().RoundTrip(r)
}

// CloseIdleConnections closes the connections that are not in use.
func (n *network) CloseIdleConnections() { n.now().CloseIdleConnections() }

func (n *network) now() *http.Transport {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.transport
}

// renew closes the connections that are not in use, and begins with a transport without any: one that is still being
// opened, since before the function was frozen perhaps, stays with the old transport, which closes it.
func (n *network) renew() {
	n.mu.Lock()
	defer n.mu.Unlock()
	old := n.transport
	n.transport = old.Clone()
	old.CloseIdleConnections()
}
