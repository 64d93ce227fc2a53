package oci

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oracle/oci-go-sdk/v65/common"
)

func TestConnectionsAreKeptForTwentySecondsWithoutACall(t *testing.T) {
	c := asleep(t)
	synctest.Test(t, func(t *testing.T) {
		for after, dropped := range map[time.Duration]bool{0: false, 20 * time.Second: false, 20*time.Second +
			time.Millisecond: true, time.Hour: true} {
			before := c.network.current()
			c.last = time.Now().Add(-after)
			c.Fresh()
			if (c.network.current() != before) != dropped {
				t.Errorf("dropped %s after the last call: %v, want %v", after, !dropped, dropped)
			}
		}
	})
}

// took is how long a request takes to fail.
func (h *pipeService) took(t *testing.T, path string) time.Duration {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://vault.example"+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if answer, err := h.RoundTrip(r); err == nil {
		_ = answer.Body.Close()
		t.Errorf("answered %d", answer.StatusCode)
	}
	return time.Since(began)
}

func TestAConnectionWithoutAnAnswerIsGivenUp(t *testing.T) {
	withService(t, func(t *testing.T, h *pipeService) {
		if took := h.took(t, "/slow"); took != 10*time.Second {
			t.Errorf("a request was given up after %s, want 10 s", took)
		}
		time.Sleep(time.Hour) // in the bubble, until the service has given up, too
		var other net.Conn
		h.transport.DialContext = func(context.Context, string, string) (here net.Conn, err error) {
			here, other = net.Pipe()
			return here, nil
		}
		if took := h.took(t, "/"); took != 5*time.Second {
			t.Errorf("a handshake was given up after %s, want 5 s", took)
		}
		_ = other.Close()
	})
}

func TestAnUnusedConnectionIsClosedAfterTwentySeconds(t *testing.T) {
	withService(t, func(t *testing.T, h *pipeService) {
		h.get(t, "/1")
		time.Sleep(19 * time.Second)
		h.get(t, "/2")
		time.Sleep(20*time.Second + time.Millisecond)
		h.get(t, "/3")
		h.want(t, 2, "GET /1", "GET /2", "GET /3")
	})
}

func TestTheTransportUsesHTTP2AndTheEnvironmentsProxy(t *testing.T) {
	n := newNetwork()
	if n.transport.Proxy == nil {
		t.Error("no proxy is looked for")
	}
	withService(t, func(t *testing.T, h *pipeService) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://vault.example/", nil)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := h.RoundTrip(r)
		if err != nil || answer.ProtoMajor != 2 {
			t.Fatalf("answered with %v (%v)", answer, err)
		}
		_ = answer.Body.Close()
	})
}

func TestARefusalIsReadInPartAndReachesTheSDKWhole(t *testing.T) {
	for _, n := range []int{0, 10, 64 << 10, 64<<10 + 1, 1 << 20} {
		closed := &closing{Reader: strings.NewReader(strings.Repeat("x", n))}
		r := &http.Response{StatusCode: http.StatusBadRequest, Body: closed}
		readResponse(r)
		if left, want := closed.Reader.(*strings.Reader).Len(), max(0, n-64<<10); left != want {
			t.Errorf("of %d bytes %d are left, want %d", n, left, want)
		}
		all, err := io.ReadAll(r.Body)
		if err != nil || len(all) != n {
			t.Errorf("the SDK reads %d bytes (%v), want %d", len(all), err, n)
		}
		if err := r.Body.Close(); err != nil || !closed.done {
			t.Errorf("the body is closed: %v (%v)", closed.done, err)
		}
	}
}

type closing struct {
	io.Reader
	done bool
}

func (c *closing) Close() error { c.done = true; return nil }

func TestAPauseDoublesAndGrowsByHalfAtMost(t *testing.T) {
	for attempt, least := range []time.Duration{1: 200 * time.Millisecond, 2: 400 * time.Millisecond,
		3: 800 * time.Millisecond, 4: 1600 * time.Millisecond, 5: 3200 * time.Millisecond} {
		if attempt == 0 {
			continue
		}
		var long bool
		for range 200 {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				if !pause(t.Context(), attempt) {
					t.Error("it doesn't go on")
				}
				took := time.Since(began)
				if took < least || took >= least*3/2 {
					t.Errorf("pause %d takes %s, want %s and up to half as much again", attempt, took, least)
				}
				long = long || took > least*7/5
			})
		}
		if !long {
			t.Errorf("none of 200 pauses %d is near the longest", attempt)
		}
	}
}

func TestAPauseLongerThanTheContextIsNotBegun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for limit, want := range map[time.Duration]bool{100 * time.Millisecond: false, 199 * time.Millisecond: false,
			301 * time.Millisecond: true} {
			ctx, cancel := context.WithTimeout(t.Context(), limit)
			began := time.Now()
			if got := pause(ctx, 1); got != want || !got && time.Since(began) > 0 {
				t.Errorf("with %s left: went on %v after %s", limit, got, time.Since(began))
			}
			cancel()
			if pause(ctx, 1) {
				t.Error("it goes on though the context has ended")
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if pause(ctx, 1) {
			t.Error("it goes on though the context was canceled")
		}
	})
}

func TestNoCallIsRepeatedInAWindowOfEventualConsistency(t *testing.T) {
	defer common.InitializeEcContextInProcess()
	common.EcContext.UpdateEndOfWindow(time.Hour)
	if p, window, _ := onePlain.DeterminePolicyToUse(onePlain); window != nil || p.MaximumNumberAttempts != 1 {
		t.Errorf("%d attempts until %v, want one", p.MaximumNumberAttempts, window)
	}
}
