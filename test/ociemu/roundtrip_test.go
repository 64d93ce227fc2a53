package ociemu_test

import (
	"context"
	"crypto/tls"
	"io"
	"net/http"
	"runtime"
	"testing"
	"time"

	"github.com/keyturn/keyturn/test/ociemu"
)

// ping sends a request that any service refuses at once.
func ping(t *testing.T, client *http.Client, host string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+host+"/20160918/users", nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, answer.Body); err != nil { // otherwise the connection is not reused
		t.Fatal(err)
	}
	if err := answer.Body.Close(); err != nil || answer.StatusCode != http.StatusUnauthorized {
		t.Fatalf("answered %d, %v", answer.StatusCode, err)
	}
}

const identityHost = "identity.us-ashburn-1.oci.oraclecloud.com"

func TestEveryAnswerTakesARoundTrip(t *testing.T) {
	const trip = 5 * time.Millisecond
	e := ociemu.New(t, ociemu.Options{RoundTrip: trip})
	client := e.Client()
	for range 3 {
		ping(t, client, identityHost)
	}
	calls := e.Calls()
	for i, c := range calls {
		if c.Answered.Sub(c.Began) < trip {
			t.Errorf("call %d was answered after %s, want %s or more", c.Seq, c.Answered.Sub(c.Began), trip)
		}
		if i > 0 && c.Began.Before(calls[i-1].Answered) {
			t.Errorf("call %d began before the answer that it waited for", c.Seq)
		}
	}
	if len(calls) != 3 || len(e.SetUps()) != 1 {
		t.Errorf("%d calls on %d connections, want 3 on one", len(calls), len(e.SetUps()))
	}
}

func TestAConnectionTakesARoundTripForTCPAndOneOrTwoForTLS(t *testing.T) {
	const trip = 5 * time.Millisecond
	for version, want := range map[uint16]int{tls.VersionTLS13: 2, tls.VersionTLS12: 3} {
		e := ociemu.New(t, ociemu.Options{RoundTrip: trip})
		client := e.Client()
		client.Transport.(*http.Transport).TLSClientConfig.MaxVersion = version
		ping(t, client, identityHost)
		all := e.SetUps()
		if len(all) != 1 {
			t.Fatalf("%d connections were set up, want one", len(all))
		}
		s := all[0]
		if s.Version != tls.VersionName(version) || s.RoundTrips != want || s.Host != identityHost {
			t.Errorf("%+v, want %d round trips of %s", s, want, tls.VersionName(version))
		}
		if took := s.Ended.Sub(s.Began); took < time.Duration(want)*trip {
			t.Errorf("%s: set up after %s, want %d times %s or more", s.Version, took, want, trip)
		}
		if call := e.Calls()[0]; call.Began.Before(s.Ended) {
			t.Errorf("%s: the call began before its connection was there", s.Version)
		}
	}
}

func TestTheRoundTripCanChangeAtRunTimeAndResetCallsDeletesSetUps(t *testing.T) {
	e := ociemu.New(t, ociemu.Options{})
	client := e.Client()
	ping(t, client, identityHost)
	if s := e.SetUps(); len(s) != 1 || s[0].RoundTrips != 2 {
		t.Errorf("without a round trip's time, the round trips are %+v, want 2 all the same", s)
	}
	e.ResetCalls()
	e.SetRoundTrip(5 * time.Millisecond)
	ping(t, client, identityHost)
	calls := e.Calls()
	if len(calls) != 1 || calls[0].Answered.Sub(calls[0].Began) < 5*time.Millisecond || len(e.SetUps()) != 0 {
		t.Errorf("%+v, set-ups %+v", calls, e.SetUps())
	}
}

func TestAProbeTakesNoRoundTrip(t *testing.T) {
	e := ociemu.New(t, ociemu.Options{RoundTrip: time.Hour})
	user := e.AddUser("jane@example.com")
	_, key := e.AddAPIKey(user)
	_, token := e.AddAuthToken(user, "")
	if a, b := e.TryAPIKey(user, key), e.TryAuthToken(user, token+"x"); a != 200 || b != 401 {
		t.Errorf("the API key was answered %d, a wrong token %d", a, b)
	}
}

func TestClosingTheEmulatorDoesNotWaitForRoundTrips(t *testing.T) {
	e, err := ociemu.Start(ociemu.Options{RoundTrip: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	client := e.Client()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, e.URL()+"/20160918/users", nil)
	if err != nil {
		t.Fatal(err)
	}
	failed := make(chan error)
	go func() {
		answer, err := client.Do(req)
		if err == nil {
			err = answer.Body.Close()
		}
		failed <- err
	}()
	for len(e.Calls()) == 0 { // until the request has arrived
		runtime.Gosched()
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-failed; err == nil {
		t.Error("the request was answered")
	}
}
