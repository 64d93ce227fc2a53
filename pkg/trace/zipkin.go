package trace

import (
	"encoding/json"
	"maps"
	"strconv"
)

// zipkinSpan is a span of Zipkin's API (https://zipkin.io/zipkin-api/, version 2), with times in microseconds.
type zipkinSpan struct {
	TraceID   string            `json:"traceId"`
	ID        string            `json:"id"`
	ParentID  string            `json:"parentId,omitempty"`
	Kind      Kind              `json:"kind,omitempty"`
	Name      string            `json:"name"`
	Timestamp int64             `json:"timestamp"`
	Duration  int64             `json:"duration,omitempty"`
	Local     zipkinEndpoint    `json:"localEndpoint"`
	Tags      map[string]string `json:"tags,omitempty"`
}

type zipkinEndpoint struct {
	ServiceName string `json:"serviceName"`
}

// Zipkin returns the trace as a JSON array for a Zipkin collector. A span that has not ended has no duration.
func (t *Trace) Zipkin(service string) ([]byte, error) {
	t.mu.Lock()
	spans, dropped := t.spans, t.dropped
	t.mu.Unlock()
	out := make([]zipkinSpan, len(spans))
	for i, s := range spans {
		out[i] = s.zipkin(t.id, service)
	}
	if dropped > 0 {
		if out[0].Tags == nil {
			out[0].Tags = map[string]string{}
		}
		out[0].Tags["spans left out"] = strconv.Itoa(dropped)
	}
	return json.Marshal(out)
}

func (s *Span) zipkin(trace, service string) zipkinSpan {
	s.mu.Lock()
	defer s.mu.Unlock()
	z := zipkinSpan{TraceID: trace, ID: s.id, ParentID: s.parentID, Kind: s.kind, Name: s.name,
		Timestamp: s.began.UnixMicro(),
		Local:     zipkinEndpoint{service}, Tags: maps.Clone(s.tags)}
	if s.ended {
		z.Duration = max(1, s.took.Microseconds()) // 0 means unknown
	}
	return z
}
