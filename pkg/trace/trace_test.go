package trace_test

import (
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/keyturn/keyturn/pkg/trace"
)

type span struct {
	TraceID, ID, ParentID, Name, Kind string
	Timestamp, Duration               int64
	LocalEndpoint                     struct{ ServiceName string }
	Tags                              map[string]string
}

func spans(t *testing.T, tr *trace.Trace) map[string]span {
	t.Helper()
	text, err := tr.Zipkin("keyturn")
	if err != nil {
		t.Fatal(err)
	}
	var list []span
	if err := json.Unmarshal(text, &list); err != nil {
		t.Fatal(err)
	}
	out := map[string]span{}
	for _, s := range list {
		out[s.Name] = s
	}
	return out
}

func TestATraceIsATreeUnderThePlatformsSpan(t *testing.T) {
	id, parent := strings.Repeat("ab", 16), strings.Repeat("cd", 8)
	ctx, tr, root := trace.New(t.Context(), id, parent, "invocation")
	inStep, step := trace.Start(ctx, "stage", "")
	_, call := trace.Start(inStep, "UpdateSecret", trace.Client)
	call.Tag("status", "409")
	call.Tag("empty", "")
	call.End()
	step.End()
	root.End()
	got := spans(t, tr)
	if s := got["invocation"]; s.TraceID != id || s.ParentID != parent || s.Kind != "SERVER" ||
		s.LocalEndpoint.ServiceName != "keyturn" || s.Duration < 1 {
		t.Errorf("the invocation is %+v", s)
	}
	if s := got["stage"]; s.TraceID != id || s.ParentID != got["invocation"].ID || s.Kind != "" {
		t.Errorf("the step is %+v", s)
	}
	if s := got["UpdateSecret"]; s.ParentID != got["stage"].ID || s.Kind != "CLIENT" || len(s.Tags) != 1 ||
		s.Tags["status"] != "409" {
		t.Errorf("the call is %+v", s)
	}
}

func TestAMalformedTraceIDIsReplacedByOneOfOurOwn(t *testing.T) {
	for _, id := range []string{"", "xyz", strings.Repeat("0", 32), strings.Repeat("a", 15), `"};`} {
		_, tr, _ := trace.New(t.Context(), id, strings.Repeat("cd", 8), "invocation")
		s := spans(t, tr)["invocation"]
		if len(s.TraceID) != 32 || s.TraceID == id || s.ParentID != "" {
			t.Errorf("%q gives trace %q under %q", id, s.TraceID, s.ParentID)
		}
	}
}

func TestAStepHasTheRequestIDsOfItsCallsAndOfNoOthers(t *testing.T) {
	ctx, first := trace.Start(t.Context(), "stage", "")
	_, second := trace.Start(t.Context(), "promote", "")
	for _, id := range []string{"a", "b"} {
		in, call := trace.Start(ctx, "UpdateSecret", trace.Client)
		trace.Tag(in, trace.RequestID, id)
		call.End()
	}
	trace.Tag(t.Context(), trace.RequestID, "of no span")
	if got := first.Requests(); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("the step has the request ids %q", got)
	}
	if got := second.Requests(); len(got) != 0 {
		t.Errorf("the other step has the request ids %q", got)
	}
}

func TestATraceHasABoundAndSaysWhatItLeftOut(t *testing.T) {
	ctx, tr, _ := trace.New(t.Context(), "", "", "invocation")
	for range trace.MaxSpans + 9 {
		_, s := trace.Start(ctx, "call", trace.Client)
		s.End()
	}
	text, err := tr.Zipkin("keyturn")
	if err != nil {
		t.Fatal(err)
	}
	var list []span
	if err := json.Unmarshal(text, &list); err != nil {
		t.Fatal(err)
	}
	if len(list) != trace.MaxSpans || list[0].Tags["spans left out"] != "10" {
		t.Errorf("%d spans; the first says %v", len(list), list[0].Tags)
	}
}

func TestSpansMayBeMadeInParallelWhileTheTraceIsSent(t *testing.T) {
	ctx, tr, root := trace.New(t.Context(), "", "", "invocation")
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			in, s := trace.Start(ctx, "call", trace.Client)
			trace.Tag(in, trace.RequestID, "id")
			_, _ = tr.Zipkin("keyturn")
			s.End()
		})
	}
	group.Wait()
	if n := len(root.Requests()); n != 8 {
		t.Errorf("the invocation has %d request ids, want 8", n)
	}
}
