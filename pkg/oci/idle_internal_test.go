package oci

import (
	"context"
	"net"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// wantClosed compares the number of connections that the network has closed.
func (h *house) wantClosed(t *testing.T, n int) {
	t.Helper()
	synctest.Wait()
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed != n {
		t.Errorf("%d connections were closed, want %d", h.closed, n)
	}
}

func TestConnectionsThatAreNotInUseAreClosedByAFreezeAndAtTheEnd(t *testing.T) {
	for name, end := range map[string]func(*network){
		"a freeze": (*network).renew,
		"the end":  func(n *network) { (&Cloud{network: n}).Close() },
	} {
		t.Run(name, func(t *testing.T) {
			visit(t, func(t *testing.T, h *house) {
				h.get(t, "/1")
				h.wantClosed(t, 0)
				end(h.network)
				h.wantClosed(t, 1)
				h.get(t, "/2")
				h.want(t, 2, "GET /1", "GET /2")
			})
		})
	}
}

func TestFourConnectionsToAHostAreKeptForLater(t *testing.T) {
	visit(t, func(t *testing.T, h *house) {
		h.transport.ForceAttemptHTTP2 = false // which needs no more than one
		for _, dials := range []int{6, 6 + 2} {
			var wait sync.WaitGroup
			for range 6 {
				wait.Go(func() {
					r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://vault.example/meanwhile", nil)
					if err != nil {
						t.Error(err)
						return
					}
					h.send(t, h.network, r)
				})
			}
			wait.Wait()
			synctest.Wait()
			if h.dials != dials {
				t.Errorf("%d connections, want %d", h.dials, dials)
			}
		}
	})
}

func TestARequestThatOnlyOpensAConnectionIsNotSentOnOneThatIsThere(t *testing.T) {
	visit(t, func(t *testing.T, h *house) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://vault.example/secret", nil)
		if err != nil {
			t.Fatal(err)
		}
		h.send(t, h.transport, r) // past the network, which hasn't met the host
		synctest.Wait()
		h.open("https://vault.example")
		synctest.Wait()
		h.want(t, 1, "GET /secret")
	})
}

// The name of the host is never found, which a dial begins with.
func TestADialThatGetsNoAnswerIsGivenUpAfterFiveSeconds(t *testing.T) {
	usual := net.DefaultResolver
	defer func() { net.DefaultResolver = usual }()
	answer := func() {}
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		answer()
		return nil, net.ErrClosed
	}}
	// Package net reads its configuration outside the bubble.
	_, _ = net.DefaultResolver.LookupHost(t.Context(), "vault.example.")
	synctest.Test(t, func(t *testing.T) {
		answer = func() { time.Sleep(time.Hour) }
		began := time.Now()
		conn, err := newNetwork().transport.DialContext(t.Context(), "tcp", "vault.example.:443")
		if err == nil {
			_ = conn.Close()
			t.Error("somebody answered")
		}
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("given up after %s, want 5 s", took)
		}
		time.Sleep(100 * time.Hour) // in the bubble, until the lookup has ended, too
	})
}
