// Package fn is the function's side of the contract with OCI Functions: bytes
// in, a JSON answer out, and a failure that the platform counts as one.
//
// A main package calls [Serve] with a [Func]. [Handler] is the same for tests.
//
// What it guarantees: a Func runs under a deadline that is never later than
// [MaxLife] from its start; an error, a panic or an answer that can't be encoded
// is logged once, with the call id, and fails the invocation; that record is
// written before the platform hears of the failure; nothing of the event, of the
// answer or of a panic's value is logged; an answer is written as a whole or not
// at all.
//
// It is not for HTTP functions behind an API gateway: they would have to choose
// status and headers, and this package has one way to succeed and one to fail.
package fn

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/rs/zerolog"
)

// MaxLife is the longest that an invocation may run: the longest timeout that
// OCI Functions has for a synchronous invocation (300 s). Detached ones may be
// given more by the platform, but not here: whatever an invocation has begun and
// left for longer than MaxLife, it will not go on with, and another may take over.
const MaxLife = 5 * time.Minute

// MaxBody is the longest body of a request that OCI Functions passes on (6 MB).
const MaxBody = 6 << 20

// Func does the work of one invocation.
//
// in is the body, cut off after MaxBody+1 bytes: a Func must refuse what is longer
// than [MaxBody]. ctx ends at the platform's deadline (Fn-Deadline) or after
// [MaxLife], whichever is first, and [CallID] knows its call. out is encoded as
// JSON and is the answer. With an error there is no answer: the invocation fails.
type Func func(ctx context.Context, in []byte) (out any, err error)

// Names of the fields of the log records.
const (
	fieldCallID = "call_id"
	fieldStack  = "stack"
)

type callIDKey struct{}

// CallID returns the platform's id of the invocation that ctx belongs to, or "".
func CallID(ctx context.Context) string {
	id, _ := ctx.Value(callIDKey{}).(string)
	return id
}

// panicPause is how long a failure waits for its log record to be read, where
// the platform ends the container as soon as it has the answer. The platform
// reads the log through a pipe of its own, and gives no sign that it has.
const panicPause = 250 * time.Millisecond

// Handler makes an HTTP handler of f. Each request is one invocation, as the
// platform sends it to the socket. environ is the process's environment, as
// "KEY=value"; it says whether the application has tracing on.
//
// The status of the answer is what the platform goes by (fnproject/fn,
// api/agent/agent.go, and Oracle's FDK for Python, fdk/runner.py):
//   - 200 is a success.
//   - 502 is a function that failed: the caller gets 502, and the container goes
//     on to the next invocation. An error of f is answered so.
//   - Any other status ends the container, and the caller gets 502. A panic of f
//     is answered 500: it may have left the memory of the process half changed.
//     What the process has just logged is lost if the container ends before the
//     platform has read it, so the answer waits for [panicPause].
//
// Oracle's FDK for Go isn't used because it answers 200 whatever the function
// does (fdk-go v0.0.63, handler.go, ServeHTTP). With it a function could only
// fail by breaking the connection. That ends the container too.
func Handler(log zerolog.Logger, environ []string, f Func) http.Handler {
	env := variables(environ)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := r.Header.Get("Fn-Call-Id")
		log := log.With().Str(fieldCallID, id).Logger()
		ctx, cancel := withDeadline(context.WithValue(r.Context(), callIDKey{}, id), r.Header.Get("Fn-Deadline"), log)
		defer cancel()

		inside, end := traced(ctx, tracingOf(r.Header, env), log)
		answer, err := run(inside, r.Body, f)
		if err != nil {
			logFailure(log, err) // first of all: nothing that comes after may take it away
		}
		end(ctx, err)
		writeAnswer(ctx, w, r.Header.Get("Fn-Intent") == "httprequest", answer, err)
	})
}

// withDeadline ends ctx at the platform's deadline or after MaxLife.
func withDeadline(ctx context.Context, deadline string, log zerolog.Logger) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(ctx, MaxLife)
	if deadline == "" {
		return ctx, cancel
	}
	at, err := time.Parse(time.RFC3339, deadline)
	if err != nil {
		log.Warn().Str("fn_deadline", deadline).Stringer("limit", MaxLife).Msg("the platform's deadline is malformed, using the limit")
		return ctx, cancel
	}
	ctx, sooner := context.WithDeadline(ctx, at)
	return ctx, func() { sooner(); cancel() }
}

func logFailure(log zerolog.Logger, err error) {
	record := log.Error().Err(err)
	if p, ok := errors.AsType[*panicError](err); ok {
		record = record.Str(fieldStack, p.stack)
	}
	record.Msg("the invocation failed")
}

// writeAnswer tells the platform how the invocation ended. A gateway takes the
// status of its own answer from a header.
func writeAnswer(ctx context.Context, w http.ResponseWriter, gateway bool, answer []byte, err error) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Fn-Fdk-Version", "keyturn/1")
	h.Set("Fn-Fdk-Runtime", runtime.Version())
	if err == nil {
		if gateway {
			h.Set("Fn-Http-Status", "200")
		}
		h.Set("Content-Length", strconv.Itoa(len(answer)))
		_, _ = w.Write(answer) // an error means that the platform is gone
		return
	}
	status := http.StatusBadGateway
	if _, ok := errors.AsType[*panicError](err); ok {
		status = http.StatusInternalServerError
		pause(ctx, panicPause)
	}
	if gateway {
		h.Set("Fn-Http-Status", "502")
	}
	w.WriteHeader(status)
	_, _ = io.WriteString(w, `{"message":"the invocation failed; its log says why"}`) // likewise
}

// pause waits, or ends with ctx.
func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// run reads the body, calls f and encodes its answer.
func run(ctx context.Context, in io.Reader, f Func) (answer []byte, err error) {
	body, err := io.ReadAll(io.LimitReader(in, MaxBody+1))
	if err != nil {
		return nil, fmt.Errorf("reading the request: %w", err)
	}
	defer func() {
		if p := recover(); p != nil {
			answer, err = nil, &panicError{p, stack()}
		}
	}()
	out, err := f(ctx, body)
	if err != nil {
		return nil, err
	}
	var buf bytes.Buffer
	e := json.NewEncoder(&buf)
	e.SetEscapeHTML(false) // a person reads it in a terminal, where \u003c for < hides what has to be filled in
	if err := e.Encode(out); err != nil {
		return nil, fmt.Errorf("encoding the answer: %w", err)
	}
	return bytes.TrimSuffix(buf.Bytes(), []byte("\n")), nil
}

// panicError is a panic of the function.
type panicError struct {
	value any
	stack string
}

// Error repeats only the messages of the Go runtime: any other value may hold
// whatever the function was working on.
func (e *panicError) Error() string {
	if e, ok := e.value.(runtime.Error); ok {
		return "running the function: panic: " + e.Error()
	}
	return fmt.Sprintf("running the function: panic with a value of type %T", e.value)
}

// stack names the functions and lines that led to a panic. debug.Stack would
// print their arguments too.
func stack() string {
	const most = 64
	pc := make([]uintptr, most)
	frames := runtime.CallersFrames(pc[:runtime.Callers(3, pc)])
	var b strings.Builder
	for {
		frame, more := frames.Next()
		fmt.Fprintf(&b, "%s %s:%d\n", frame.Function, frame.File, frame.Line)
		if !more {
			return b.String()
		}
	}
}
