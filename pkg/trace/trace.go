// Package trace records what an invocation did and how long it took, as spans: an invocation has steps, a step has
// calls. The log gets the request ids of a step from it. If tracing is on, Zipkin gets the whole trace.
//
// Begin a trace with New and a span with Start; end a span with End. Start also works without a trace in the context.
// A tag must not contain a secret value, a name or a comment.
package trace

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"slices"
	"sync"
	"time"
)

// MaxSpans is how many spans a trace keeps, since a sweep may make thousands of calls.
const MaxSpans = 1000

// Kind is Zipkin's kind of a span.
type Kind string

// The kinds. The span of a step has none.
const (
	Server Kind = "SERVER" // an invocation
	Client Kind = "CLIENT" // a call
)

// Tag names with a special meaning.
const (
	RequestID = "opc-request-id" // the service's id of a call; parent spans collect it, too
	Failed    = "error"          // the class of the fault
)

// Trace has the spans of one invocation. Its methods may be called concurrently.
type Trace struct {
	id      string
	mu      sync.Mutex
	spans   []*Span
	dropped int
}

// New begins a trace and its first span. id and parent are from the platform (X-B3-TraceId with 16 or 32 hexadecimal
// digits, X-B3-SpanId with 16). If id is malformed, the trace gets a random one and no parent.
func New(ctx context.Context, id, parent, name string) (context.Context, *Trace, *Span) {
	if !isHex(id, 16) && !isHex(id, 32) {
		id, parent = newID(16), ""
	}
	if !isHex(parent, 16) {
		parent = ""
	}
	t := &Trace{id: id}
	s := &Span{trace: t, id: newID(8), parentID: parent, name: name, kind: Server, began: time.Now()}
	t.keep(s)
	return context.WithValue(ctx, spanKey{}, s), t, s
}

func (t *Trace) keep(s *Span) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.spans) >= MaxSpans {
		t.dropped++
		return
	}
	t.spans = append(t.spans, s)
}

// Span is one step or call of an invocation.
type Span struct {
	trace    *Trace
	parent   *Span
	id       string
	parentID string
	name     string
	kind     Kind
	began    time.Time

	mu       sync.Mutex
	took     time.Duration
	ended    bool
	tags     map[string]string
	requests []string
}

type spanKey struct{}

// Start begins a span as a child of the context's span.
func Start(ctx context.Context, name string, kind Kind) (context.Context, *Span) {
	s := &Span{name: name, kind: kind, began: time.Now()}
	if up, ok := ctx.Value(spanKey{}).(*Span); ok {
		s.parent, s.trace, s.parentID = up, up.trace, up.id
	}
	if s.trace != nil {
		s.id = newID(8)
		s.trace.keep(s)
	}
	return context.WithValue(ctx, spanKey{}, s), s
}

// Tag adds a tag to the span, unless the value is empty.
func (s *Span) Tag(key, value string) {
	if value == "" {
		return
	}
	s.mu.Lock()
	if s.tags == nil {
		s.tags = map[string]string{}
	}
	s.tags[key] = value
	s.mu.Unlock()
	if key != RequestID {
		return
	}
	for up := s; up != nil; up = up.parent {
		up.mu.Lock()
		if len(up.requests) < MaxSpans {
			up.requests = append(up.requests, value)
		}
		up.mu.Unlock()
	}
}

// End ends the span. Only the first call has an effect.
func (s *Span) End() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.ended {
		s.took, s.ended = time.Since(s.began), true
	}
}

// Requests returns the request ids of all calls within the span, in the order of the answers.
func (s *Span) Requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

func newID(bytes int) string {
	b := make([]byte, bytes)
	_, _ = rand.Read(b) // never fails (crypto/rand)
	return hex.EncodeToString(b)
}

func isHex(s string, digits int) bool {
	b, err := hex.DecodeString(s)
	return err == nil && len(s) == digits && cmp.Or(b...) != 0
}

// Tag adds a tag to the context's span, if there is one.
func Tag(ctx context.Context, key, value string) {
	if s, ok := ctx.Value(spanKey{}).(*Span); ok {
		s.Tag(key, value)
	}
}
