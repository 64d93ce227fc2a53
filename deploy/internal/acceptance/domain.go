package acceptance

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/keyturn/keyturn/pkg/phrase"
)

// domainCode is the code of the classic IAM API for refusals by an identity domain.
const domainCode = "IdcsConversionError"

// domainAnswers is a transport that counts answers with domainCode, the least documented ones.
type domainAnswers struct {
	through http.RoundTripper

	mu   sync.Mutex
	seen map[string]int // by status and text
}

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
	if json.Unmarshal(body, &refusal) == nil && strings.EqualFold(refusal.Code, domainCode) {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.seen[fmt.Sprintf("%d %q", response.StatusCode, short(strings.Join(strings.Fields(refusal.Message), " ")))]++
	}
	return response, nil
}

func short(s string) string { return phrase.Clip(s, 160) }

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
