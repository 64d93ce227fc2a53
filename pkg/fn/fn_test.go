package fn_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/keyturn/keyturn/pkg/fn"
)

// result is what became of one invocation.
type result struct {
	answer string // empty: the invocation failed
	status int    // on the wire
	log    []map[string]any
}

// serve runs one invocation without a platform.
func serve(t *testing.T, header http.Header, in io.Reader, f fn.Func) result {
	t.Helper()
	var logged bytes.Buffer
	w := httptest.NewRecorder()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/call", in)
	r.Header.Set("Fn-Call-Id", "call-1")
	for name, values := range header {
		r.Header[name] = values
	}
	fn.Handler(zerolog.New(&logged), nil, f).ServeHTTP(w, r)
	got := result{status: w.Code, log: lines(t, logged.String())}
	if w.Code == http.StatusOK {
		got.answer = w.Body.String()
	}
	return got
}

func lines(t *testing.T, text string) (records []map[string]any) {
	t.Helper()
	for line := range strings.Lines(text) {
		record := map[string]any{}
		if err := json.Unmarshal([]byte(line), &record); err != nil {
			t.Fatal(err)
		}
		records = append(records, record)
	}
	return records
}

func TestAnAnswerIsEncodedAsJSON(t *testing.T) {
	r := serve(t, nil, strings.NewReader(`{"a":1}`), func(ctx context.Context, in []byte) (any, error) {
		return map[string]string{"in": string(in), "call": fn.CallID(ctx)}, nil
	})
	if r.answer != `{"call":"call-1","in":"{\"a\":1}"}` || len(r.log) != 0 {
		t.Errorf("got %+v", r)
	}
}

func TestAnAnswerShowsAnglesAsTheyAre(t *testing.T) {
	r := serve(t, nil, strings.NewReader(""), func(context.Context, []byte) (any, error) {
		return "Allow dynamic-group <DYNAMIC_GROUP> & its like", nil
	})
	if r.answer != `"Allow dynamic-group <DYNAMIC_GROUP> & its like"` {
		t.Errorf("got %s", r.answer)
	}
}

func TestAFailureIsLoggedOnceAndFailsTheInvocation(t *testing.T) {
	broken := errors.New("vault is down")
	cases := map[string]struct {
		in     io.Reader
		f      fn.Func
		want   string // the error in the log
		status int
	}{
		"an error": {strings.NewReader(""), func(context.Context, []byte) (any, error) { return "answer", broken }, "vault is down", 502},
		"an answer that has no JSON": {strings.NewReader(""), func(context.Context, []byte) (any, error) { return func() {}, nil },
			"encoding the answer: json: unsupported type: func()", 502},
		"a body that breaks off": {iotest.ErrReader(broken), func(context.Context, []byte) (any, error) { return nil, nil }, "reading the request: vault is down", 502},
		"a panic":                {strings.NewReader(""), func(context.Context, []byte) (any, error) { panic("hunter2") }, "running the function: panic with a value of type string", 500},
		"a panic of the runtime": {strings.NewReader(""), func(_ context.Context, in []byte) (any, error) { return in[7], nil },
			"running the function: panic: runtime error: index out of range [7] with length 0", 500},
		"a panic while encoding": {strings.NewReader(""), func(context.Context, []byte) (any, error) { return panicky{}, nil }, "running the function: panic with a value of type string", 500},
	}
	for name, c := range cases {
		r := serve(t, nil, c.in, c.f)
		if r.status != c.status {
			t.Errorf("%s: answered %d, want %d", name, r.status, c.status)
		}
		if len(r.log) != 1 || r.log[0]["error"] != c.want || r.log[0]["level"] != "error" || r.log[0]["call_id"] != "call-1" {
			t.Errorf("%s: log %v, want %q", name, r.log, c.want)
		}
	}
}

type panicky struct{}

func (panicky) MarshalJSON() ([]byte, error) { panic("hunter2") }

func TestTheStackOfAPanicNamesTheLineAndNoValue(t *testing.T) {
	r := serve(t, nil, strings.NewReader("hunter2"), func(_ context.Context, in []byte) (any, error) {
		panic(string(in))
	})
	stack, _ := r.log[0]["stack"].(string)
	if !strings.Contains(stack, "TestTheStackOfAPanicNamesTheLineAndNoValue") || !strings.Contains(stack, "fn_test.go:") {
		t.Errorf("stack %q", stack)
	}
	if all, err := json.Marshal(r.log); err != nil || strings.Contains(string(all), "hunter2") || strings.Contains(stack, "0x") {
		t.Errorf("log %s, %v", all, err)
	}
}

func TestTheDeadlineIsThePlatformsOrMaxLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := time.Now()
		soon, late, past := now.Add(time.Minute), now.Add(time.Hour), now.Add(-time.Second)
		for name, c := range map[string]struct {
			header string
			want   time.Time
			warns  int
		}{
			"sooner":    {soon.Format(time.RFC3339), soon, 0},
			"later":     {late.Format(time.RFC3339), now.Add(fn.MaxLife), 0},
			"over":      {past.Format(time.RFC3339), past, 0},
			"absent":    {"", now.Add(fn.MaxLife), 0},
			"malformed": {"tomorrow", now.Add(fn.MaxLife), 1},
			"a number":  {"1767225600", now.Add(fn.MaxLife), 1},
		} {
			header := http.Header{"Fn-Deadline": {c.header}}
			if c.header == "" {
				header = nil
			}
			r := serve(t, header, strings.NewReader(""), func(ctx context.Context, _ []byte) (any, error) {
				if got, ok := ctx.Deadline(); !ok || !got.Equal(c.want) {
					t.Errorf("%s: deadline %v, %v, want %v", name, got, ok, c.want)
				}
				return nil, nil
			})
			if len(r.log) != c.warns || r.answer != "null" {
				t.Errorf("%s: %+v", name, r)
			}
		}
	})
}

// ordered notes what had been logged, and how much time had passed, when the status was written.
type ordered struct {
	*httptest.ResponseRecorder
	logged *bytes.Buffer
	began  time.Time
	before string
	after  time.Duration
}

func (o *ordered) WriteHeader(status int) {
	o.before, o.after = o.logged.String(), time.Since(o.began)
	o.ResponseRecorder.WriteHeader(status)
}

func TestTheRecordOfAFailureIsWrittenBeforeThePlatformHearsOfIt(t *testing.T) {
	for name, c := range map[string]struct {
		f      fn.Func
		status int
		wait   time.Duration
	}{
		"an error, after which the container goes on": {func(context.Context, []byte) (any, error) { return nil, errors.New("vault is down") }, 502, 0},
		"a panic, after which the container ends":     {func(context.Context, []byte) (any, error) { panic("hunter2") }, 500, 250 * time.Millisecond},
	} {
		synctest.Test(t, func(t *testing.T) {
			var logged bytes.Buffer
			o := &ordered{ResponseRecorder: httptest.NewRecorder(), logged: &logged, began: time.Now()}
			fn.Handler(zerolog.New(&logged), nil, c.f).ServeHTTP(o, httptest.NewRequest(http.MethodPost, "/call", nil))
			if records := lines(t, o.before); len(records) != 1 || records[0]["message"] != "the invocation failed" {
				t.Errorf("%s: logged before the answer: %q", name, o.before)
			}
			if o.Code != c.status || o.after != c.wait {
				t.Errorf("%s: answered %d after %v, want %d after %v", name, o.Code, o.after, c.status, c.wait)
			}
		})
	}
}

func TestAGatewayGetsTheStatusInAHeader(t *testing.T) {
	for fails, want := range map[bool]string{false: "200", true: "502"} {
		w := httptest.NewRecorder()
		r := httptest.NewRequest(http.MethodPost, "/call", nil)
		r.Header.Set("Fn-Intent", "httprequest")
		fn.Handler(zerolog.Nop(), nil, func(context.Context, []byte) (any, error) {
			if fails {
				return nil, errors.New("not today")
			}
			return "done", nil
		}).ServeHTTP(w, r)
		if got := w.Header().Get("Fn-Http-Status"); got != want {
			t.Errorf("fails %v: the status in the header is %q, want %s", fails, got, want)
		}
	}
}

func TestABodyIsCutOffAfterOneByteTooMany(t *testing.T) {
	for _, c := range []struct{ sent, want int }{{fn.MaxBody, fn.MaxBody}, {fn.MaxBody + 1, fn.MaxBody + 1}, {fn.MaxBody + 9, fn.MaxBody + 1}} {
		serve(t, nil, bytes.NewReader(make([]byte, c.sent)), func(_ context.Context, in []byte) (any, error) {
			if len(in) != c.want {
				t.Errorf("%d bytes sent: got %d, want %d", c.sent, len(in), c.want)
			}
			return nil, nil
		})
	}
}

func TestAContextOutsideAnInvocationHasNoCallID(t *testing.T) {
	if id := fn.CallID(t.Context()); id != "" {
		t.Errorf("call id %q", id)
	}
}
