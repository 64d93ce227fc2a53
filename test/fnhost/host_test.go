package fnhost_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/keyturn/keyturn/test/fnhost"
)

func TestAFunctionWithTheFDKIsServedAsByThePlatform(t *testing.T) {
	h := start(t, "fdk", fnhost.Options{Env: []string{"ons_topic=x", "FN_MEMORY=256"}, Timeout: time.Hour})
	if h.TimeToReady() <= 0 {
		t.Error("no time to ready")
	}
	before := time.Now()
	reply, err := h.Invoke(t.Context(), []byte("event"))
	if err != nil || reply.Status != http.StatusOK || !reply.Started {
		t.Fatalf("reply %+v, %v", reply, err)
	}
	var got report
	if err := json.Unmarshal(reply.Body, &got); err != nil {
		t.Fatal(err)
	}
	if got.Body != "event" || got.CallID != reply.CallID || len(got.CallID) != 26 {
		t.Errorf("body %q, call id %q, want %q", got.Body, got.CallID, reply.CallID)
	}
	if d := time.Unix(got.Deadline, 0); d.Before(before.Add(time.Hour-2*time.Second)) ||
		d.After(time.Now().Add(time.Hour)) {
		t.Errorf("deadline %v", d)
	}
	for key, want := range map[string]string{"ons_topic": "x", "FN_MEMORY": "256", "FN_TYPE": "sync",
		"FN_FORMAT": "http-stream"} {
		if got.Config[key] != want {
			t.Errorf("%s = %q, want %q", key, got.Config[key], want)
		}
	}
	if _, ok := got.Config["USER"]; ok || len(got.Config) > 12 {
		t.Errorf("the test's own environment was handed on: %v", got.Config)
	}
	if ct := got.Header.Get("Content-Type"); ct != "application/json" || got.Header.Get("Fn-Intent") != "" {
		t.Errorf("headers %v", got.Header)
	}
	again, err := h.Invoke(t.Context(), nil)
	if err != nil || again.Started || again.CallID == reply.CallID {
		t.Errorf("second reply %+v, %v, want a warm start and another id", again, err)
	}
}

func TestAPanicIsAFailedCallAndTheNextOneStartsAnew(t *testing.T) {
	h := start(t, "fdk", fnhost.Options{})
	reply, err := h.Invoke(t.Context(), []byte("panic"))
	if err != nil || reply.Status != http.StatusBadGateway ||
		string(reply.Body) != `{"message":"error receiving function response"}` {
		t.Errorf("reply %d %s, %v", reply.Status, reply.Body, err)
	}
	reply, err = h.Invoke(t.Context(), nil)
	if err != nil || reply.Status != http.StatusOK || !reply.Started {
		t.Errorf("next reply %+v, %v", reply, err)
	}
}

func TestTheStatusOfAnHTTPRequestIsPassedOn(t *testing.T) {
	h := start(t, "fdk", fnhost.Options{Intent: "httprequest"})
	if reply, err := h.Invoke(t.Context(), nil); err != nil || reply.Status != http.StatusTeapot {
		t.Errorf("reply %+v, %v", reply, err)
	}
}

func TestHeadersCanBeReplacedAndRemoved(t *testing.T) {
	h := start(t, "fdk", fnhost.Options{Header: http.Header{"Fn-Deadline": nil, "Fn-Intent": {"cloudevent"}}})
	reply, err := h.Invoke(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	var got report
	if err := json.Unmarshal(reply.Body, &got); err != nil {
		t.Fatal(err)
	}
	if _, ok := got.Header["Fn-Deadline"]; ok || got.Header.Get("Fn-Intent") != "cloudevent" {
		t.Errorf("headers %v", got.Header)
	}
}

func TestWhatThePlatformDoesWithEachAnswer(t *testing.T) {
	cases := []struct {
		do      command
		status  int
		message string // "" for the function's own body
		keep    bool
	}{
		{command{}, 200, "", true},
		{command{Status: 502}, 502, "function failed", true},
		{command{Status: 504}, 504, "Timed out", true},
		{command{Status: 500}, 502, "invalid function response", false},
		{command{Status: 201}, 502, "invalid function response", false},
		{command{Status: 302}, 502, "invalid function response", false},
		{command{Do: "cut"}, 502, "error receiving function response", false},
		{command{Do: "exit"}, 502, "error receiving function response", false},
		{command{Do: "half"}, 502, "error receiving function response", false},
		{command{Do: "long"}, 502, "invalid function response", false},
	}
	h := start(t, "contract", fnhost.Options{Stderr: t.Output()})
	for _, c := range cases {
		reply := invoke(t, h, c.do)
		want := `{"message":"` + c.message + `"}`
		if reply.Status != c.status || c.message != "" && string(reply.Body) != want {
			t.Errorf("%v: reply %d %.100s, want %d %s", c.do, reply.Status, reply.Body, c.status, want)
		}
		if next := invoke(t, h, command{}); next.Status != 200 || next.Started == c.keep {
			t.Errorf("%v: the next call got %+v, want a kept process: %v", c.do, next, c.keep)
		}
	}
}

func TestACallThatTakesTooLongIs504AndItsProcessIsKilled(t *testing.T) {
	h := start(t, "contract", fnhost.Options{Timeout: 50 * time.Millisecond})
	reply := invoke(t, h, command{Do: "hang"})
	if reply.Status != http.StatusGatewayTimeout || string(reply.Body) != `{"message":"Timed out"}` {
		t.Errorf("reply %d %s", reply.Status, reply.Body)
	}
	if _, _, err := h.ResidentKB(); err == nil {
		t.Error("the process is still there")
	}
}

func TestACallerThatGoesAwayGetsAnErrorAndTheProcessIsKilled(t *testing.T) {
	h := start(t, "contract", fnhost.Options{})
	gone := errors.New("gone")
	ctx, cancel := context.WithCancelCause(t.Context())
	fifo := pipe(t)
	go func() {
		<-opened(fifo)
		cancel(gone)
	}()
	body, err := json.Marshal(command{Announce: fifo, Do: "hang"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.Invoke(ctx, body); !errors.Is(err, gone) {
		t.Errorf("error %v", err)
	}
	if next := invoke(t, h, command{}); !next.Started {
		t.Error("the process of the lost call was used again")
	}
}

func TestCallsAtTheSameTimeGetAProcessEach(t *testing.T) {
	h := start(t, "contract", fnhost.Options{MaxContainers: 2})
	here, go1, go2 := pipe(t), pipe(t), pipe(t)
	var calls []<-chan outcome
	for _, await := range []string{go1, go2} {
		arrived := opened(here)
		calls = append(calls, invokeInBackground(t, h, command{Announce: here, Await: await}))
		if err := <-arrived; err != nil {
			t.Fatal(err)
		}
	}
	// Both are held now, so a third call has to wait.
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := h.Invoke(ctx, []byte(`{}`)); !errors.Is(err, context.DeadlineExceeded) ||
		!strings.Contains(err.Error(), "free container") {
		t.Errorf("third call: %v, want it to wait", err)
	}
	for _, await := range []string{go1, go2} {
		if err := os.WriteFile(await, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	first, second := (<-calls[0]).of(t), (<-calls[1]).of(t)
	if first.Status != 200 || second.Status != 200 || bytes.Equal(first.Body, second.Body) {
		t.Errorf("replies %s and %s, want two processes", first.Body, second.Body)
	}
	for range 3 {
		if r := invoke(t, h, command{}); r.Started {
			t.Error("a process was started though two are free")
		}
	}
}

func TestKillEndsARunningCall(t *testing.T) {
	h := start(t, "contract", fnhost.Options{})
	here := pipe(t)
	arrived := opened(here)
	call := invokeInBackground(t, h, command{Announce: here, Do: "hang"})
	if err := <-arrived; err != nil {
		t.Fatal(err)
	}
	h.Kill()
	if reply := (<-call).of(t); reply.Status != http.StatusBadGateway {
		t.Errorf("reply %+v", reply)
	}
	if next := invoke(t, h, command{}); next.Status != 200 || !next.Started {
		t.Errorf("next reply %+v", next)
	}
}

func TestAProcessThatEndedBetweenTwoCallsIsReplaced(t *testing.T) {
	h := start(t, "contract", fnhost.Options{})
	pid, err := strconv.Atoi(string(invoke(t, h, command{}).Body))
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	h.AwaitEnds()
	if r := invoke(t, h, command{}); r.Status != 200 || !r.Started || string(r.Body) == strconv.Itoa(pid) {
		t.Errorf("reply %+v", r)
	}
}

func TestAProcessThatBreaksTheContractDoesNotStart(t *testing.T) {
	cases := map[string]string{
		"ends":           "it ended before it listened: exit status 3",
		"never listens":  "it does not listen after 200ms",
		"plain socket":   "is not a symbolic link",
		"absolute link":  "outside its folder",
		"private socket": "not to a socket that all may use",
		"dangling link":  "following the listener's link",
	}
	for mode, want := range cases {
		options := fnhost.Options{}
		if mode == "never listens" {
			options.StartTimeout = 200 * time.Millisecond
		}
		h, err := tryStart(t, mode, options)
		if h != nil {
			h.Kill()
		}
		if h != nil || !errors.Is(err, fnhost.ErrStart) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", mode, err, want)
		}
	}
}

func TestAMissingBinaryIsAnError(t *testing.T) {
	if _, err := fnhost.Start(t.Context(), fnhost.Options{Binary: "/nonexistent"}); err == nil ||
		errors.Is(err, fnhost.ErrStart) {
		t.Errorf("error %v", err)
	}
}

func TestAPathThatIsTooLongForASocketIsRefused(t *testing.T) {
	dir := filepath.Join(t.TempDir(), strings.Repeat("x", 80))
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := tryStart(t, "fdk", fnhost.Options{Dir: dir}); err == nil ||
		!strings.Contains(err.Error(), "more than 80 bytes") {
		t.Errorf("error %v", err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("left over: %v, %v", left, err)
	}
}

func TestCloseLeavesNothingBehind(t *testing.T) {
	dir, err := os.MkdirTemp("", "d")
	if err != nil {
		t.Fatal(err)
	}
	defer os.Remove(dir)
	h := start(t, "contract", fnhost.Options{Dir: dir})
	pid, err := strconv.Atoi(string(invoke(t, h, command{}).Body))
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := h.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("the process is still there: %v", err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("left over: %v, %v", left, err)
	}
	if _, err := h.Invoke(t.Context(), nil); !errors.Is(err, fnhost.ErrClosed) {
		t.Errorf("Invoke after Close: %v", err)
	}
}

func TestTheMemoryOfARunningProcessIsRead(t *testing.T) {
	h := start(t, "fdk", fnhost.Options{})
	peak, now, err := h.ResidentKB()
	if err != nil || now < 1000 || peak < now {
		t.Errorf("peak %d, now %d, %v", peak, now, err)
	}
	h.Kill()
	if _, _, err := h.ResidentKB(); err == nil {
		t.Error("memory of a killed process")
	}
}

func TestTheOutputOfTheProcessIsPassedOn(t *testing.T) {
	var stderr bytes.Buffer
	if _, err := tryStart(t, "ends", fnhost.Options{Stderr: &stderr}); err == nil {
		t.Fatal("it started")
	}
	if !strings.HasPrefix(stderr.String(), "cannot start\n") {
		t.Errorf("stderr %q", stderr.String())
	}
}
