package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
)

// logWriter shows the function's log, one record per line. Writes may split lines.
type logWriter struct {
	out *screen

	mu      sync.Mutex
	partial []byte
}

// Write implements io.Writer.
func (l *logWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.partial = append(l.partial, p...)
	for {
		text, rest, found := bytes.Cut(l.partial, []byte("\n"))
		if !found {
			return len(p), nil
		}
		for i, line := range wrap(readable(text), l.out.width-8) {
			lead := "  log   "
			if i > 0 {
				lead = "        "
			}
			l.out.line(l.out.paint(dim, lead+line))
		}
		l.partial = bytes.Clone(rest)
	}
}

// constant lists the fields that are the same on every line.
var constant = []string{"time", "level", "message", "function", "call_id", "problem", "rotation"}

// readable is a record's message and fields. Other text is unchanged.
func readable(record []byte) string {
	var fields map[string]any
	if json.Unmarshal(record, &fields) != nil {
		return string(record)
	}
	text := fmt.Sprintf("%-5v %v", fields["level"], fields["message"])
	for _, key := range slices.Sorted(maps.Keys(fields)) {
		value := fields[key]
		if nested, ok := value.(map[string]any); ok { // the outcome, which the mail shows
			key, value = "outcome", nested["outcome"]
		}
		if slices.Contains(constant, key) {
			continue
		}
		shown := fmt.Sprint(value)
		if strings.ContainsAny(shown, " \n") {
			shown = fmt.Sprintf("%q", shown)
		}
		text += " " + key + "=" + shown
	}
	return text
}
