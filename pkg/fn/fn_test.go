package fn_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	fdk "github.com/fnproject/fdk-go"
	"github.com/rs/zerolog"

	"github.com/keyturn/keyturn/pkg/fn"
)

// call is the FDK's context of one invocation.
type call struct {
	fdk.Context
	id      string
	header  http.Header
	tracing tracing
}

func (c call) CallID() string      { return c.id }
func (c call) Header() http.Header { return c.header }

func (c call) TracingContextData() fdk.TracingContext { return c.tracing }

// result is the result of one invocation.
type result struct {
	answer  string
	aborted bool
	log     []map[string]any
}

// serve runs one invocation without a platform.
func serve(t *testing.T, ctx context.Context, header http.Header, in io.Reader, f fn.Func) result {
	t.Helper()
	var logged, answer bytes.Buffer
	answer.WriteString("left of another answer")
	var r result
	func() {
		defer func() {
			p := recover()
			r.aborted = p == http.ErrAbortHandler
			if p != nil && !r.aborted {
				t.Errorf("panic %v", p)
			}
		}()
		ctx := fdk.WithContext(ctx, call{id: "call-1", header: header})
		fn.Handler(zerolog.New(&logged), f).Serve(ctx, in, &answer)
	}()
	r.answer = answer.String()
	for line := range strings.Lines(logged.String()) {
		record := map[string]any{}
		if err := json.Unmarshal([]byte(line), &record); err != nil {
			t.Fatal(err)
		}
		r.log = append(r.log, record)
	}
	return r
}

func TestAnAnswerIsEncodedAsJSON(t *testing.T) {
	r := serve(t, t.Context(), nil, strings.NewReader(`{"a":1}`), func(ctx context.Context, in []byte) (any, error) {
		return map[string]string{"in": string(in), "call": fn.CallID(ctx)}, nil
	})
	if r.aborted || r.answer != `{"call":"call-1","in":"{\"a\":1}"}` || len(r.log) != 0 {
		t.Errorf("got %+v", r)
	}
}

func TestAnAnswerShowsAnglesAsTheyAre(t *testing.T) {
	r := serve(t, t.Context(), nil, strings.NewReader(""), func(context.Context, []byte) (any, error) {
		return "Allow dynamic-group <DYNAMIC_GROUP> & its like", nil
	})
	if r.answer != `"Allow dynamic-group <DYNAMIC_GROUP> & its like"` {
		t.Errorf("got %s", r.answer)
	}
}

func TestAFailureIsLoggedOnceAndAbortsTheInvocation(t *testing.T) {
	broken := errors.New("vault is down")
	cases := map[string]struct {
		in   io.Reader
		f    fn.Func
		want string // the error in the log
	}{
		"an error": {strings.NewReader(""), func(context.Context, []byte) (any, error) {
			return "answer", broken
		}, "vault is down"},
		"an answer that has no JSON": {strings.NewReader(""), func(context.Context, []byte) (any, error) {
			return func() {}, nil
		},
			"encoding the answer: json: unsupported type: func()"},
		"a body that breaks off": {iotest.ErrReader(broken), func(context.Context, []byte) (any, error) {
			return nil, nil
		}, "reading the request: vault is down"},
		"a panic": {strings.NewReader(""), func(context.Context, []byte) (any, error) {
			panic("hunter2")
		}, "running the function: panic with a value of type string"},
		"a panic of the runtime": {strings.NewReader(""), func(_ context.Context, in []byte) (any, error) {
			return in[7], nil
		},
			"running the function: panic: runtime error: index out of range [7] with length 0"},
		"a panic while encoding": {strings.NewReader(""), func(context.Context, []byte) (any, error) {
			return panicky{}, nil
		}, "running the function: panic with a value of type string"},
	}
	for name, c := range cases {
		r := serve(t, t.Context(), nil, c.in, c.f)
		if !r.aborted || r.answer != "" {
			t.Errorf("%s: aborted %v, answer %q", name, r.aborted, r.answer)
		}
		if len(r.log) != 1 || r.log[0]["error"] != c.want || r.log[0]["level"] != "error" ||
			r.log[0]["call_id"] != "call-1" {
			t.Errorf("%s: log %v, want %q", name, r.log, c.want)
		}
	}
}

type panicky struct{}

func (panicky) MarshalJSON() ([]byte, error) { panic("hunter2") }

func TestTheStackOfAPanicNamesTheLineAndNoValue(t *testing.T) {
	r := serve(t, t.Context(), nil, strings.NewReader("hunter2"), func(_ context.Context, in []byte) (any, error) {
		panic(string(in))
	})
	stack, _ := r.log[0]["stack"].(string)
	if !strings.Contains(stack, "TestTheStackOfAPanicNamesTheLineAndNoValue") ||
		!strings.Contains(stack, "fn_test.go:") {
		t.Errorf("stack %q", stack)
	}
	if all, err := json.Marshal(r.log); err != nil || strings.Contains(string(all), "hunter2") ||
		strings.Contains(stack, "0x") {
		t.Errorf("log %s, %v", all, err)
	}
}

func TestTheDeadlineIsThePlatformsOrMaxLife(t *testing.T) {
	now := time.Now()
	soon, late := now.Add(time.Minute), now.Add(time.Hour)
	cases := []struct {
		name     string
		deadline time.Time // zero for none
		header   string
		earliest time.Time
		latest   time.Time
		warns    int
	}{
		{"sooner", soon, "x", soon, soon, 0},
		{"later", late, "x", now.Add(fn.MaxLife), now.Add(fn.MaxLife + time.Minute), 0},
		{"absent", time.Time{}, "", now.Add(fn.MaxLife), now.Add(fn.MaxLife + time.Minute), 0},
		{"malformed", time.Time{}, "tomorrow", now.Add(fn.MaxLife), now.Add(fn.MaxLife + time.Minute), 1},
	}
	for _, c := range cases {
		ctx, header := t.Context(), http.Header{}
		if !c.deadline.IsZero() {
			var cancel context.CancelFunc
			ctx, cancel = context.WithDeadline(ctx, c.deadline)
			defer cancel()
		}
		if c.header != "" {
			header.Set("Fn-Deadline", c.header)
		}
		r := serve(t, ctx, header, strings.NewReader(""), func(ctx context.Context, _ []byte) (any, error) {
			got, ok := ctx.Deadline()
			if !ok || got.Before(c.earliest) || got.After(c.latest) {
				t.Errorf("%s: deadline %v, %v, want %v to %v", c.name, got, ok, c.earliest, c.latest)
			}
			return nil, nil
		})
		if len(r.log) != c.warns || r.answer != "null" {
			t.Errorf("%s: %+v", c.name, r)
		}
	}
}

func TestABodyIsCutOffAfterOneByteTooMany(t *testing.T) {
	for _, c := range []struct{ sent, want int }{{fn.MaxBody, fn.MaxBody}, {fn.MaxBody + 1, fn.MaxBody + 1},
		{fn.MaxBody + 9, fn.MaxBody + 1}} {
		serve(t, t.Context(), nil, bytes.NewReader(make([]byte, c.sent)), func(_ context.Context, in []byte) (any,
			error) {
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
