package oci

import (
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
)

// wantClosed compares the number of connections that the network has closed.
func (h *pipeService) wantClosed(t *testing.T, n int) {
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
			withService(t, func(t *testing.T, h *pipeService) {
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
	withService(t, func(t *testing.T, h *pipeService) {
		h.transport.ForceAttemptHTTP2 = false // which needs no more than one
		for _, dials := range []int{6, 6 + 2} {
			var wait sync.WaitGroup
			for range 6 {
				wait.Go(func() {
					r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://vault.example/meanwhile",
						nil)
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
