package main

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/keyturn/keyturn/pkg/phrase"
)

// domainCode is the code with which the classic IAM API passes on what an identity domain refuses.
const domainCode = "IdcsConversionError"

// domainAnswers is a transport that counts such answers. They are the least documented ones.
type domainAnswers struct {
	through http.RoundTripper

	mu   sync.Mutex
	seen map[string]int // by status and text
}

// RoundTrip implements http.RoundTripper.
func (d *domainAnswers) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := d.through.RoundTrip(r)
	if err != nil || response.StatusCode < 400 {
		return response, err
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, 64<<10))
	_ = response.Body.Close()
	if err != nil {
		return nil, fmt.Errorf("reading an answer: %w", err)
	}
	response.Body = io.NopCloser(bytes.NewReader(body))
	var refusal struct{ Code, Message string }
	if decode(body, &refusal) == nil && strings.EqualFold(refusal.Code, domainCode) {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.seen[fmt.Sprintf("%d %q", response.StatusCode, short(strings.Join(strings.Fields(refusal.Message), " ")))]++
	}
	return response, nil
}

func short(s string) string { return phrase.Clip(s, 160) }

// String lists the answers.
func (d *domainAnswers) String() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	var lines []string
	for _, text := range slices.Sorted(maps.Keys(d.seen)) {
		lines = append(lines, fmt.Sprintf("%d times %s", d.seen[text], text))
	}
	if len(lines) == 0 {
		return "none"
	}
	return strings.Join(lines, "; ")
}
