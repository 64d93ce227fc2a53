// Package fn serves invocations of OCI Functions: bytes in, a JSON answer out, and a failure that the platform counts
// as one.
//
// A main package calls [Serve] with a [Func]. [Handler] is for tests, and for main packages that start the FDK
// themselves.
//
// The package guarantees the following. A Func has a deadline of at most [MaxLife] from its start. An error, a panic or
// an answer that can't be encoded is logged once, with the call id, and fails the invocation. The log never contains
// the event, the answer or a panic's value. An answer is written as a whole or not at all.
//
// It is not for HTTP functions behind an API gateway, which choose a status and headers.
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
	"strings"
	"time"

	fdk "github.com/fnproject/fdk-go"
	"github.com/rs/zerolog"
)

// MaxLife is the time limit of an invocation: the longest timeout of OCI Functions for a synchronous invocation (300
// s). The platform allows detached invocations more time, but this package does not: another invocation may take over
// work that is older than MaxLife.
const MaxLife = 5 * time.Minute

// MaxBody is the longest request body that OCI Functions accepts (6 MB).
const MaxBody = 6 << 20

// Func does the work of one invocation.
//
// in is the body, cut off after MaxBody+1 bytes: a Func must refuse a body longer than [MaxBody]. ctx ends at the
// platform's deadline (Fn-Deadline) or after [MaxLife], whichever is first, and has the [CallID]. out is the answer,
// which is encoded as JSON. With an error the invocation fails without an answer.
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

// logPause is how long a failed invocation waits before it breaks the connection. The platform then ends the container.
// It reads the log through a pipe, without a confirmation: without the pause, a real Fn server lost the last line,
// which has the reason of the failure, in a quarter of the cases.
const logPause = 100 * time.Millisecond

// Serve answers invocations with f until the platform ends the process. It needs the platform's environment
// (FN_LISTENER, FN_FORMAT) and ends the process without it.
func Serve(log zerolog.Logger, f Func) {
	fdk.Handle(Handler(log, f))
}

// Handler makes an FDK handler from f.
//
// It fails an invocation by panicking with [http.ErrAbortHandler]. The FDK has no other way: it answers a plain
// invocation with status 200 whatever status the function sets (fdk-go v0.0.63, handler.go, ServeHTTP: WriteStatus has
// an effect only for HTTP gateways). The panic makes net/http close the connection without an answer and without a
// stack trace in the log. Fn then answers the caller with 502 and ends the container (fnproject/fn, api/agent/agent.go:
// "error receiving function response"). The next invocation pays with a cold start.
func Handler(log zerolog.Logger, f Func) fdk.Handler {
	return fdk.HandlerFunc(func(ctx context.Context, in io.Reader, out io.Writer) {
		// The FDK reuses buffers without emptying them. The rest of an answer whose connection broke must not become
		// part of this one.
		if buffer, ok := out.(interface{ Reset() }); ok {
			buffer.Reset()
		}
		call := fdk.GetContext(ctx)
		log := log.With().Str(fieldCallID, call.CallID()).Logger()
		if deadline := call.Header().Get("Fn-Deadline"); deadline != "" {
			if _, ok := ctx.Deadline(); !ok {
				log.Warn().Str("fn_deadline", deadline).Stringer("limit", MaxLife).
					Msg("the platform's deadline is malformed, using the limit")
			}
		}
		ctx = context.WithValue(ctx, callIDKey{}, call.CallID())
		ctx, cancel := context.WithTimeout(ctx, MaxLife)
		defer cancel()

		inside, end := traced(ctx, call.TracingContextData(), log)
		answer, err := run(inside, in, f)
		end(ctx, err)
		if err == nil {
			fdk.SetHeader(out, "Content-Type", "application/json")
			_, err = out.Write(answer)
		}
		if err != nil {
			record := log.Error().Err(err)
			if p, ok := errors.AsType[*panicError](err); ok {
				record = record.Str(fieldStack, p.stack)
			}
			record.Msg("the invocation failed")
			time.Sleep(logPause)
			panic(http.ErrAbortHandler)
		}
	})
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
	e.SetEscapeHTML(false) // the answer is read in a terminal: "<" must not become "\u003c"
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

// Error has the message of a runtime error, but only the type of any other value, which may contain a secret.
func (e *panicError) Error() string {
	if e, ok := e.value.(runtime.Error); ok {
		return "running the function: panic: " + e.Error()
	}
	return fmt.Sprintf("running the function: panic with a value of type %T", e.value)
}

// stack lists the functions and lines that led to a panic, without the arguments that debug.Stack would print.
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
