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

// exportTime is how long the collector of traces may take: an answer is not held back for it any longer.
const exportTime = time.Second

// answerTime is what is left for the answer itself before the platform's deadline.
const answerTime = 300 * time.Millisecond

// collector has no connections to keep: they would not outlive the freeze until the next invocation.
var collector = &http.Client{
	Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true},
	// An answer that leads elsewhere is not followed: the address has the key to the collector in it.
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

type untracedKey struct{}

// Untraced keeps the trace of ctx's invocation back: for a process that must not call anybody.
func Untraced(ctx context.Context) {
	if kept, ok := ctx.Value(untracedKey{}).(*atomic.Bool); ok {
		kept.Store(true)
	}
}

// traced begins the invocation's span, and a trace if the application has tracing on (OCI_TRACING_ENABLED,
// OCI_TRACE_COLLECTOR_URL) and this call is sampled. The returned function ends both, and sends the trace.
func traced(ctx context.Context, tc fdk.TracingContext, log zerolog.Logger) (context.Context,
	func(context.Context, error)) {
	if !tc.IsTracingEnabled() || !tc.IsSampled() || tc.TraceCollectorURL() == "" {
		return ctx, func(context.Context, error) {}
	}
	inside, t, span := trace.New(ctx, tc.TraceId(), tc.SpanId(), "invocation")
	kept := &atomic.Bool{}
	return context.WithValue(inside, untracedKey{}, kept), func(ctx context.Context, err error) {
		if kept.Load() {
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

// export sends a trace to a Zipkin collector. Its errors don't have the address, which holds the collector's key.
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
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, 1<<10)) // the status says it all
	if answer.StatusCode >= 300 {
		return fmt.Errorf("the collector answered %d", answer.StatusCode)
	}
	return nil
}
