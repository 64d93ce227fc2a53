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
	"time"

	fdk "github.com/fnproject/fdk-go"
	"github.com/rs/zerolog"

	"github.com/keyturn/keyturn/pkg/fn"
	"github.com/keyturn/keyturn/pkg/trace"
)

// tracing is the FDK's tracing context. The zero value turns tracing off.
type tracing struct {
	fdk.TracingContext
	enabled, unsampled bool
	url, trace, span   string
}

func (t tracing) IsTracingEnabled() bool    { return t.enabled }
func (t tracing) IsSampled() bool           { return !t.unsampled }
func (t tracing) TraceCollectorURL() string { return t.url }
func (t tracing) TraceId() string           { return t.trace }
func (t tracing) SpanId() string            { return t.span }
func (t tracing) ServiceName() string       { return "app::rotate" }

// invoke runs one invocation with tracing, and returns its answer and its log.
func invoke(ctx context.Context, tc tracing, f fn.Func) (answer, log string, aborted bool) {
	var logged, out bytes.Buffer
	func() {
		defer func() { aborted = recover() != nil }()
		ctx := fdk.WithContext(ctx, call{id: "call-1", tracing: tc})
		fn.Handler(zerolog.New(&logged), f).Serve(ctx, strings.NewReader("{}"), &out)
	}()
	return out.String(), logged.String(), aborted
}

// collect starts a collector that answers with a status and keeps the traces.
func collect(t *testing.T, status int) (url string, got *[][]byte) {
	t.Helper()
	got = new([][]byte)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		*got = append(*got, body)
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(status)
	}))
	t.Cleanup(s.Close)
	return s.URL + "/?dataKey=" + dataKey, got
}

const dataKey = "thekeyofthecollector"

func works(ctx context.Context, _ []byte) (any, error) {
	_, span := trace.Start(ctx, "stage", "")
	span.End()
	return "done", nil
}

func TestATraceIsSentWhenTheApplicationHasTracingOn(t *testing.T) {
	url, got := collect(t, 202)
	tc := tracing{enabled: true, url: url, trace: strings.Repeat("ab", 8), span: strings.Repeat("cd", 8)}
	answer, log, _ := invoke(t.Context(), tc, works)
	if answer != `"done"` || log != "" || len(*got) != 1 {
		t.Fatalf("answer %s, log %s, %d traces", answer, log, len(*got))
	}
	var spans []struct {
		TraceID, ParentID, Name string
		Duration                int64
		Tags                    map[string]string
	}
	if err := json.Unmarshal((*got)[0], &spans); err != nil || len(spans) != 2 {
		t.Fatalf("%v: %s", err, (*got)[0])
	}
	if s := spans[0]; s.TraceID != tc.trace || s.ParentID != tc.span || s.Name != "invocation" || s.Duration < 1 ||
		s.Tags["call_id"] != "call-1" {
		t.Errorf("the invocation is %+v", s)
	}
}

func TestNothingIsSentWithoutTracing(t *testing.T) {
	url, got := collect(t, 202)
	for name, tc := range map[string]tracing{"off": {url: url}, "not sampled": {enabled: true, unsampled: true,
		url: url}, "no collector": {enabled: true}} {
		if answer, log, _ := invoke(t.Context(), tc, works); answer != `"done"` || log != "" || len(*got) != 0 {
			t.Errorf("%s: answer %s, log %s, %d traces", name, answer, log, len(*got))
		}
	}
}

func TestAFunctionMayKeepItsTraceBack(t *testing.T) {
	url, got := collect(t, 202)
	answer, log, _ := invoke(t.Context(), tracing{enabled: true, url: url}, func(ctx context.Context, in []byte) (any,
		error) {
		fn.Untraced(ctx)
		return works(ctx, in)
	})
	if answer != `"done"` || log != "" || len(*got) != 0 {
		t.Errorf("answer %s, log %s, %d traces", answer, log, len(*got))
	}
	fn.Untraced(t.Context()) // without tracing it has no effect
}

func TestACollectorThatFailsIsALineInTheLogWithoutItsKey(t *testing.T) {
	refuses, _ := collect(t, 500)
	redirects, got := collect(t, 307)
	for name, url := range map[string]string{"refuses": refuses, "redirects": redirects,
		"is not there":            "http://127.0.0.1:1/?dataKey=" + dataKey,
		"has a malformed address": "http://%zz/?dataKey=" + dataKey} {
		answer, log, aborted := invoke(t.Context(), tracing{enabled: true, url: url}, works)
		if answer != `"done"` || aborted || !strings.Contains(log, "the trace was not sent") ||
			strings.Contains(log, dataKey) {
			t.Errorf("a collector that %s: answer %s, log %s", name, answer, log)
		}
	}
	if len(*got) != 1 {
		t.Errorf("the redirect was followed")
	}
}

func TestNoTraceIsSentInTheLastMomentBeforeTheDeadline(t *testing.T) {
	url, got := collect(t, 202)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	answer, _, _ := invoke(ctx, tracing{enabled: true, url: url}, works)
	if answer != `"done"` || len(*got) != 0 {
		t.Errorf("answer %s, %d traces", answer, len(*got))
	}
}

func TestAFailedInvocationsTraceSaysSo(t *testing.T) {
	url, got := collect(t, 202)
	_, _, aborted := invoke(t.Context(), tracing{enabled: true, url: url}, func(context.Context, []byte) (any, error) {
		return nil, errors.New("vault is down")
	})
	if !aborted || len(*got) != 1 || !strings.Contains(string((*got)[0]), "the invocation failed") {
		t.Errorf("aborted %v; the collector got %s", aborted, *got)
	}
}
