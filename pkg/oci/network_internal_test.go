package oci

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// pipeService is a service behind net.Pipe connections, with the network that calls it.
type pipeService struct {
	*network
	mu     sync.Mutex
	dials  int
	closed int
	asked  []string // method and path of each request
}

// pipeConn is the network's end of a pipe. It calls closing when it is closed.
type pipeConn struct {
	net.Conn
	closing func()
}

func (c pipeConn) Close() error { c.closing(); return c.Conn.Close() }

// withService runs a test with a pipeService in a synctest bubble.
func withService(t *testing.T, test func(t *testing.T, h *pipeService)) {
	t.Helper()
	s := httptest.NewUnstartedServer(nil)
	s.StartTLS() // for its certificate
	certificates := s.TLS.Certificates
	s.Close()
	synctest.Test(t, func(t *testing.T) {
		h := &pipeService{network: newNetwork()}
		conns := make(chan net.Conn)
		h.transport.Proxy = nil
		h.transport.TLSClientConfig = &tls.Config{InsecureSkipVerify: true} //nolint:gosec // the other end of a pipe
		h.transport.DialContext = func(context.Context, string, string) (net.Conn, error) {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.dials++
			here, there := net.Pipe()
			conns <- there
			return pipeConn{here, sync.OnceFunc(func() { h.mu.Lock(); defer h.mu.Unlock(); h.closed++ })}, nil
		}
		server := &http.Server{TLSConfig: &tls.Config{Certificates: certificates},
			Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				h.mu.Lock()
				h.asked = append(h.asked, r.Method+" "+r.URL.Path)
				h.mu.Unlock()
				// in the bubble
				time.Sleep(map[string]time.Duration{"/slow": time.Minute, "/meanwhile": time.Second}[r.URL.Path])
			})}
		go func() { _ = server.ServeTLS(&pipes{conns: conns, closed: make(chan struct{})}, "", "") }()
		test(t, h)
		h.CloseIdleConnections()
		_ = server.Close()
	})
}

// pipes is a listener.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { close(p.closed); return nil }
func (p *pipes) Addr() net.Addr { return &net.IPAddr{} }

func (h *pipeService) get(t *testing.T, path string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://vault.example"+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	h.send(t, h.network, r)
	synctest.Wait() // until the connection is idle
}

// send makes a request and reads its answer.
func (h *pipeService) send(t *testing.T, through http.RoundTripper, r *http.Request) {
	t.Helper()
	answer, err := through.RoundTrip(r)
	if err != nil {
		t.Error(err)
		return
	}
	if _, err := io.Copy(io.Discard, answer.Body); err != nil {
		t.Error(err)
	}
	_ = answer.Body.Close()
}

func (h *pipeService) want(t *testing.T, dials int, asked ...string) {
	t.Helper()
	if h.dials != dials || !slices.Equal(h.asked, asked) {
		t.Errorf("%d connections, and the requests %q; want %d and %q", h.dials, h.asked, dials, asked)
	}
}

// A connection that a frozen function began to open is already old when it is open.
func TestAConnectionThatWasBeingOpenedWhenTheNetworkWasRenewedIsNotUsed(t *testing.T) {
	withService(t, func(t *testing.T, h *pipeService) {
		frozen := make(chan struct{})
		dial := h.transport.DialContext
		h.transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
			if h.dials == 0 {
				<-frozen
			}
			return dial(context.WithoutCancel(ctx), network, address)
		}
		ctx, cancel := context.WithCancel(t.Context())
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://vault.example/early", nil)
		if err != nil {
			t.Fatal(err)
		}
		given := make(chan error)
		go func() {
			_, err := h.RoundTrip(r) //nolint:bodyclose // it is given up
			given <- err
		}()
		synctest.Wait()
		cancel()
		if err := <-given; err == nil {
			t.Error("a request that was given up has an answer")
		}
		h.renew()
		close(frozen)
		synctest.Wait()
		h.want(t, 1)
		h.get(t, "/secret")
		h.want(t, 2, "GET /secret")
		time.Sleep(idleTime + time.Second) // in which the old network's connection is closed
	})
}
