package oci

import (
	"context"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync"
	"time"

	"github.com/keyturn/keyturn/pkg/background"
)

const (
	dialTime = 5 * time.Second
	idleTime = 20 * time.Second // for which a connection is kept that nobody uses
)

// network is the transport of all calls.
type network struct {
	mu        sync.Mutex
	transport *http.Transport
	met       map[string]bool // the hosts that the transport was asked to reach
}

func newNetwork() *network {
	return &network{met: map[string]bool{}, transport: &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           announced((&net.Dialer{Timeout: dialTime}).DialContext),
		TLSHandshakeTimeout:   dialTime,
		ResponseHeaderTimeout: callTime,
		MaxIdleConnsPerHost:   4,
		IdleConnTimeout:       idleTime,
		ForceAttemptHTTP2:     true,
	}}
}

// meet returns the transport, and whether it is the first time that it is asked to reach the host.
func (n *network) meet(host string) (t *http.Transport, first bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	first = !n.met[host]
	n.met[host] = true
	return n.transport, first
}

// RoundTrip implements http.RoundTripper.
func (n *network) RoundTrip(r *http.Request) (*http.Response, error) {
	t, _ := n.meet(r.URL.Host)
	return t.RoundTrip(r)
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
	n.transport, n.met = old.Clone(), map[string]bool{}
	old.CloseIdleConnections()
}

// begun is the context's key of what is to be done when a connection begins to be opened for its request.
type begun struct{}

type dialer func(ctx context.Context, network, address string) (net.Conn, error)

// announced does that, and dials.
func announced(d dialer) dialer {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		if tell, ok := ctx.Value(begun{}).(context.CancelFunc); ok {
			tell()
		}
		return d(ctx, network, address)
	}
}

// open begins to open a connection to the host of an endpoint that the transport was never asked to reach. The request
// that it is opened for is given up before it could be sent. net/http goes on nevertheless, and keeps the connection among
// the idle ones, "because a future request may be able to make use of" it (Transport.getConn of Go 1.26). If it should
// ever stop to do that, no more than the time is lost.
func (n *network) open(endpoint string) {
	u, err := url.Parse(endpoint)
	if err != nil || u.Scheme != "https" {
		return
	}
	t, first := n.meet(u.Host)
	if !first {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	ctx = context.WithValue(ctx, begun{}, cancel)
	// Where no connection had to be opened after all, the request is given up as soon as it has one.
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { cancel() }})
	r := (&http.Request{Method: http.MethodHead, URL: u, Header: http.Header{}}).WithContext(ctx)
	background.Go(ctx, "opening a connection", func() { _, _ = t.RoundTrip(r) }) // an answer is over with its context
}
