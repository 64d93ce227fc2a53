package fn_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/keyturn/keyturn/pkg/fn"
	"github.com/keyturn/keyturn/test/fnhost"
)

// modeKey is the variable that turns this test binary into a function.
const modeKey = "fn_test_function"

func TestMain(m *testing.M) {
	if os.Getenv(modeKey) == "" {
		os.Exit(m.Run())
	}
	fn.Serve(zerolog.New(os.Stderr), func(ctx context.Context, in []byte) (any, error) {
		switch string(in) {
		case "error":
			return nil, errors.New("not today")
		case "panic":
			panic("hunter2")
		}
		deadline, _ := ctx.Deadline()
		return answer{fn.CallID(ctx), len(in), time.Until(deadline).Seconds()}, nil
	})
}

type answer struct {
	CallID  string
	Bytes   int
	Seconds float64 // until the deadline
}

func function(t *testing.T, options fnhost.Options) *fnhost.Host {
	t.Helper()
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	options.Binary, options.Env = binary, []string{modeKey + "=1"}
	h, err := fnhost.Start(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
	return h
}

func TestThePlatformGetsTheAnswer(t *testing.T) {
	for name, c := range map[string]struct {
		options fnhost.Options
		seconds float64 // the most until the deadline
	}{
		"events":               {fnhost.Options{}, 30},
		"a gateway":            {fnhost.Options{Intent: "httprequest"}, 30},
		"a long timeout":       {fnhost.Options{Timeout: time.Hour}, fn.MaxLife.Seconds()},
		"no deadline":          {fnhost.Options{Header: http.Header{"Fn-Deadline": nil}}, fn.MaxLife.Seconds()},
		"a malformed deadline": {fnhost.Options{Header: http.Header{"Fn-Deadline": {"soon"}}}, fn.MaxLife.Seconds()},
	} {
		h := function(t, c.options)
		for range 2 {
			reply, err := h.Invoke(t.Context(), []byte("event"))
			if err != nil || reply.Status != http.StatusOK {
				t.Fatalf("%s: reply %+v, %v", name, reply, err)
			}
			var got answer
			if err := json.Unmarshal(reply.Body, &got); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if got.CallID != reply.CallID || got.Bytes != 5 || got.Seconds > c.seconds || got.Seconds < c.seconds/2 {
				t.Errorf("%s: answer %+v, call %s", name, got, reply.CallID)
			}
		}
	}
}

func TestThePlatformCountsAFailureAndNoStackTraceOrValueIsPrinted(t *testing.T) {
	for _, body := range []string{"error", "panic"} {
		var stderr bytes.Buffer
		h := function(t, fnhost.Options{Stderr: &stderr})
		reply, err := h.Invoke(t.Context(), []byte(body))
		if err != nil || reply.Status != http.StatusBadGateway {
			t.Errorf("%s: reply %+v, %v", body, reply, err)
		}
		if next, err := h.Invoke(t.Context(), nil); err != nil || next.Status != http.StatusOK || !next.Started {
			t.Errorf("%s: next reply %+v, %v", body, next, err)
		}
		h.Kill() // so that its output is complete
		text := stderr.String()
		if strings.Count(text, "\n") != 1 || !strings.Contains(text, reply.CallID) ||
			strings.Contains(text, "hunter2") || strings.Contains(text, "goroutine") {
			t.Errorf("%s: printed %q, want one record", body, text)
		}
	}
}

func TestABodyThatIsTooLongReachesTheFunctionCutOff(t *testing.T) {
	h := function(t, fnhost.Options{})
	reply, err := h.Invoke(t.Context(), make([]byte, fn.MaxBody+100))
	if err != nil || reply.Status != http.StatusOK {
		t.Fatalf("reply %+v, %v", reply, err)
	}
	var got answer
	if err := json.Unmarshal(reply.Body, &got); err != nil || got.Bytes != fn.MaxBody+1 {
		t.Errorf("answer %+v, %v", got, err)
	}
}
