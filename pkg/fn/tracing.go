package fn

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	fdk "github.com/fnproject/fdk-go"
	"github.com/rs/zerolog"

	"github.com/keyturn/keyturn/pkg/trace"
)

// exportTime is how long sending a trace may delay the answer.
const exportTime = time.Second

// answerTime is reserved for the answer before the platform's deadline.
const answerTime = 300 * time.Millisecond

// collector keeps no connections: they would not survive the freeze until the next invocation.
var collector = &http.Client{
	Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true},
	// Redirections are not followed, since the address contains the collector's key.
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

type untracedKey struct{}

// Untraced turns off the trace of ctx's invocation, for a process that must make no calls.
func Untraced(ctx context.Context) {
	if untraced, ok := ctx.Value(untracedKey{}).(*atomic.Bool); ok {
		untraced.Store(true)
	}
}

// traced begins a trace with the invocation's span if tracing is on for the application (OCI_TRACING_ENABLED,
// OCI_TRACE_COLLECTOR_URL) and this call is sampled. The returned function ends the span and sends the trace.
func traced(ctx context.Context, tc fdk.TracingContext,
	log zerolog.Logger) (context.Context, func(context.Context, error)) {
	if !tc.IsTracingEnabled() || !tc.IsSampled() || tc.TraceCollectorURL() == "" {
		return ctx, func(context.Context, error) {}
	}
	inside, t, span := trace.New(ctx, tc.TraceId(), tc.SpanId(), "invocation")
	untraced := &atomic.Bool{}
	return context.WithValue(inside, untracedKey{}, untraced), func(ctx context.Context, err error) {
		if untraced.Load() {
			return
		}
		span.Tag("call_id", CallID(ctx))
		if err != nil {
			span.Tag(trace.Failed, "the invocation failed")
		}
		span.End()
		if err := export(ctx, tc.TraceCollectorURL(), tc.ServiceName(), t); err != nil {
			log.Warn().Err(err).Msg("the trace was not sent")
		}
	}
}

// export sends a trace to a Zipkin collector. Its errors don't contain the address, which has the collector's key.
func export(ctx context.Context, collectorURL, service string, t *trace.Trace) error {
	body, err := t.Zipkin(service)
	if err != nil {
		return fmt.Errorf("encoding the trace: %w", err)
	}
	limit := exportTime
	if deadline, ok := ctx.Deadline(); ok {
		limit = min(limit, time.Until(deadline)-answerTime)
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, collectorURL, bytes.NewReader(body))
	if err != nil {
		return errors.New("the collector's address is malformed")
	}
	request.Header.Set("Content-Type", "application/json")
	answer, err := collector.Do(request)
	if err != nil {
		if inner, ok := errors.AsType[*url.Error](err); ok {
			err = inner.Err
		}
		return fmt.Errorf("calling the collector: %w", err)
	}
	defer answer.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, 1<<10)) // only the status matters
	if answer.StatusCode >= 300 {
		return fmt.Errorf("the collector answered %d", answer.StatusCode)
	}
	return nil
}
