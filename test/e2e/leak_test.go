package e2e

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/keyturn/keyturn/test/ociemu"
	"github.com/keyturn/keyturn/test/tenancy"
)

// leakSearch searches, after all tests, for every value that ever was in a secret, in everything that the functions
// printed, mailed, answered or wrote to Cloud Guard.
type leakSearch struct {
	mu     sync.Mutex
	values map[string]string // needle -> where the value was seen
	texts  []string
	stages int
}

// watch collects the values in a tenancy's secrets.
func (l *leakSearch) watch(s *tenancy.Deployment) {
	s.OnChange(func(v ociemu.View) {
		for _, id := range v.Secrets() {
			secret := v.Secret(id)
			for _, version := range secret.Versions {
				l.add(tenancy.SecretValues(v, version.Content), secret.Name)
			}
		}
	})
}

// add adds values to search for, except those that a test has written instead of a credential.
func (l *leakSearch) add(values []string, where string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, value := range values {
		if value != "seed" {
			l.needles(value, where)
		}
	}
}

// needles adds a value's encodings, and each line of a private key.
func (l *leakSearch) needles(value, where string) {
	parts := []string{value}
	if strings.Contains(value, "PRIVATE KEY") {
		parts = nil
		for line := range strings.Lines(value) {
			line = strings.TrimSpace(line)
			if len(line) > 40 && !strings.Contains(line, "-----") {
				parts = append(parts, line)
			}
		}
	}
	for _, p := range parts {
		if len(p) < 8 {
			continue
		}
		quoted, _ := json.Marshal(p)
		for _, n := range []string{p, strings.Trim(string(quoted), `"`), url.QueryEscape(p), url.PathEscape(p),
			hex.EncodeToString([]byte(p)),
			strings.ToUpper(hex.EncodeToString([]byte(p))), reversed(p), fmt.Sprint([]byte(p))} {
			l.values[n] = where
		}
		// Base64 of the value at each of its three possible offsets in a longer text.
		for offset := range 3 {
			padded := append(make([]byte, offset), p...)
			for _, e := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
				text := e.EncodeToString(padded)
				l.values[text[4:len(text)-4]] = where
			}
		}
	}
}

func reversed(s string) string {
	b := []byte(s)
	for i, j := 0, len(b)-1; i < j; i, j = i+1, j-1 {
		b[i], b[j] = b[j], b[i]
	}
	return string(b)
}

// collect adds everything that a tenancy's functions have sent out.
func (l *leakSearch) collect(s *tenancy.Deployment) {
	var texts []string
	texts = append(texts, s.Printed.String())
	for _, m := range s.Mails() {
		texts = append(texts, m.Title, m.Body)
	}
	for _, r := range append(s.Replies(), s.Swept()...) {
		texts = append(texts, string(r.Body))
	}
	for _, id := range s.ProblemIDs() {
		for _, h := range s.Problem(id).History {
			texts = append(texts, h.Comment)
		}
	}
	for _, c := range s.Calls() {
		texts = append(texts, c.Path, c.Query)
	}
	for _, list := range []any{s.Metrics(), s.Spans()} {
		text, err := json.Marshal(list)
		if err != nil {
			panic(err) // plain texts and numbers
		}
		texts = append(texts, string(text))
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stages++
	l.texts = append(l.texts, texts...)
}

// search adds a text to search in.
func (l *leakSearch) search(text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.texts = append(l.texts, text)
}

// report returns 1 if a value is found, or if there was nothing to search.
func (l *leakSearch) report() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stages == 0 {
		return 0 // no test with a tenancy was selected
	}
	found := 0
	all := strings.Join(l.texts, "\x00")
	for needle := range findAny(all, slices.Collect(maps.Keys(l.values))) {
		found++
		fmt.Fprintf(os.Stderr, "a value of %s leaked\n", l.values[needle])
	}
	fmt.Printf("leaks: %d found; searched %d kB of %d stages for %d encodings of secret values\n", found, len(all)/1024,
		l.stages, len(l.values))
	if found > 0 || len(l.values) == 0 {
		return 1
	}
	return 0
}

// findAny returns the needles that are in the text. It scans the text once and compares only needles with the same
// beginning, because there are thousands of needles.
func findAny(text string, needles []string) map[string]bool {
	const begin = 12
	found, by := map[string]bool{}, map[string][]string{}
	for _, n := range needles {
		if len(n) >= begin {
			by[n[:begin]] = append(by[n[:begin]], n)
		} else if strings.Contains(text, n) {
			found[n] = true
		}
	}
	for i := 0; i+begin <= len(text); i++ {
		for _, n := range by[text[i:i+begin]] {
			if strings.HasPrefix(text[i:], n) {
				found[n] = true
			}
		}
	}
	return found
}

func TestTheSearchForLeaksFindsEveryNeedle(t *testing.T) {
	text := "a0123456789abcdefghijklmnop short 0123456789abXYZ"
	needles := []string{"0123456789abcdef", "0123456789abXYZ", "0123456789abXY0", "short", "absent", "klmnop",
		"0123456789abcdefghijklmnopq"}
	got := slices.Sorted(maps.Keys(findAny(text, needles)))
	if want := []string{"0123456789abXYZ", "0123456789abcdef", "klmnop", "short"}; !slices.Equal(got, want) {
		t.Errorf("found %q, want %q", got, want)
	}
}
