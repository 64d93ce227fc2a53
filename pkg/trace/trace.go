// Package trace remembers what an invocation did and how long it took, as spans: an invocation has steps, a step has
// calls. The log takes the services' request ids of a step from it, and Zipkin gets all of it where an admin has
// turned tracing on.
//
// Begin a trace with New, a span with Start, and end it with End. Without a trace in the context, Start works all the
// same, and its spans are kept by nobody but their parents. No value, no name and no comment belongs into a tag.
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

// MaxSpans is how many spans a trace keeps: a sweep may make thousands of calls, and memory and collector have limits.
const MaxSpans = 1000

// Kind says which side of a call a span is, in Zipkin's words.
type Kind string

// The kinds. A span of a step has none.
const (
	Server Kind = "SERVER" // an invocation
	Client Kind = "CLIENT" // a call
)

// Tag names that have a meaning here.
const (
	RequestID = "opc-request-id" // the service's id of a call; also collected by the spans above it
	Failed    = "error"          // the class of what went wrong
)

// Trace is one invocation's spans. It may be used by many goroutines.
type Trace struct {
	id      string
	mu      sync.Mutex
	spans   []*Span
	dropped int
}

// New begins a trace and its first span. id and parent are those that the platform has given it (X-B3-TraceId,
// X-B3-SpanId: 16 or 32, and 16 hexadecimal digits); without a usable id it gets one of its own.
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

// Span is something that takes time.
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

// Start begins a span below that of the context.
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

// Tag writes something down about the span. An empty value is left out.
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

// End ends the span. What is ended again stays as it was.
func (s *Span) End() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.ended {
		s.took, s.ended = time.Since(s.began), true
	}
}

// Requests are the request ids of all calls within the span, in the order of their answers.
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

// Tag writes something down about the context's span, if it has one.
func Tag(ctx context.Context, key, value string) {
	if s, ok := ctx.Value(spanKey{}).(*Span); ok {
		s.Tag(key, value)
	}
}
