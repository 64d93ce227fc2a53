package oci

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"

	"github.com/oracle/oci-go-sdk/v65/common"
	"github.com/rs/zerolog"

	"github.com/keyturn/keyturn/pkg/background"
	"github.com/keyturn/keyturn/pkg/clock"
	"github.com/keyturn/keyturn/pkg/fault"
	"github.com/keyturn/keyturn/pkg/trace"
)

// callTime is the time limit of one call. OCI's control planes answer within a second or two; a service that hangs must
// leave time for further work.
const callTime = 10 * time.Second

// repeat says whether a call can be repeated.
type repeat int

const (
	once     repeat = iota // not repeated: after a lost answer the caller checks whether the call took effect
	replayed               // has an opc-retry-token: OCI answers a second request like the first
	harmless               // changes nothing
)

// attempts is the maximal number of attempts if the answers are unclear.
func (r repeat) attempts() int { return map[repeat]int{once: 1, replayed: 2, harmless: 3}[r] }

// throttledAttempts is the maximal number of attempts of a throttled call. Vault's control plane throttles for long.
const throttledAttempts = 6

// call makes a call, repeats it if that is safe, classifies its error and logs it at debug level.
func call[T any](ctx context.Context, c *Cloud, operation string, r repeat,
	f func(context.Context) (T, error)) (T, error) {
	for attempt := 1; ; attempt++ {
		v, err := callOnce(ctx, c, operation, r == harmless || plainRequests[operation], f)
		class := fault.Of(err)
		again := class == fault.Throttled && attempt < throttledAttempts ||
			class == fault.Unclear && attempt < r.attempts()
		if err == nil || !again || !pause(ctx, attempt) {
			return v, err
		}
	}
}

// callOnce makes one attempt. quote says whether the error may contain the service's message.
func callOnce[T any](ctx context.Context, c *Cloud, operation string, quote bool,
	f func(context.Context) (T, error)) (T, error) {
	return callWithin(ctx, c, operation, callTime, quote, f)
}

// callWithin makes one attempt with a time limit of its own.
func callWithin[T any](ctx context.Context, c *Cloud, operation string, most time.Duration, quote bool,
	f func(context.Context) (T, error)) (T, error) {
	limited, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	limited, span := trace.Start(limited, operation, trace.Client)
	defer span.End()
	began := time.Now()
	refused := &refusal{}
	v, err := f(withLimit(context.WithValue(limited, refusalKey{}, refused)))
	c.mu.Lock()
	c.last = time.Now()
	c.mu.Unlock()
	err = refused.fault(operation, err, quote)
	event := zerolog.Ctx(ctx).Debug().Str("operation", operation).Dur("took_ms", time.Since(began)).
		Strs("opc_request_ids", span.Requests())
	if failed, ok := errors.AsType[*fault.Error](err); ok {
		event = event.Int("status", failed.Status).Str("code", failed.Code).Str("class", string(failed.Class))
		span.Tag(trace.Failed, string(failed.Class))
		span.Tag("status", strconv.Itoa(failed.Status))
	}
	event.Msg("call")
	return v, err
}

type limitKey struct{}

// withLimit hides the end of a context from the SDK and shows it to the transport only. If the SDK sees a context end,
// it reads an answer that another goroutine may be writing (common.Retry of v65.129).
func withLimit(ctx context.Context) context.Context {
	return context.WithValue(context.WithoutCancel(ctx), limitKey{}, ctx)
}

type refusalKey struct{}

// limited is a transport. It ends each request with the context that withLimit hides, records the request ids, and
// reads each answer that is not a success. The SDK would drop the errors of identity domains, and would put a whole web
// page into its error (errors.go of v65.129).
type limited struct{ http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (l limited) RoundTrip(r *http.Request) (*http.Response, error) {
	if ctx, ok := r.Context().Value(limitKey{}).(context.Context); ok {
		r = r.WithContext(ctx)
	}
	answer, err := l.RoundTripper.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	trace.Tag(r.Context(), trace.RequestID, answer.Header.Get("Opc-Request-Id"))
	if refused, ok := r.Context().Value(refusalKey{}).(*refusal); ok {
		refused.note(answer)
	}
	return answer, nil
}

// pause waits before the next attempt: 0.2 s, doubled each time, plus a random part of up to one half so that throttled
// callers don't return at the same time. It returns false if the context would end first.
func pause(ctx context.Context, attempt int) bool {
	d := 200 * time.Millisecond << (attempt - 1)
	d += rand.N(d / 2)
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < d {
		return false
	}
	return clock.System{}.Sleep(ctx, d) == nil
}

// classify turns an error that is not an answer of a service into a fault.
func classify(operation string, err error) error {
	if _, already := errors.AsType[*fault.Error](err); err == nil || already {
		return err
	}
	f := &fault.Error{Operation: operation, Class: fault.Unclear, Err: err, Message: "no answer"}
	switch p, panicked := errors.AsType[*background.Panic](err); {
	case panicked:
		f.Message = p.Error()
	case errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled):
		f.Message = "no answer in time"
	}
	return f
}

// serverTime is the Date header of an answer, or the local time if there is none.
func serverTime(r *http.Response) time.Time {
	if r != nil {
		if t, err := http.ParseTime(r.Header.Get("Date")); err == nil {
			return t
		}
	}
	return time.Now()
}

func str(p *string) string {
	if p == nil {
		return ""
	}
	return *p
}

func when(t *common.SDKTime) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.Time
}
