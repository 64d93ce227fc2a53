package report

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"html"
	"iter"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/keyturn/keyturn/pkg/credential"
)

// hostile are texts that try to become more than text.
var hostile = []string{
	`</script><script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `' onmouseover='alert(1)`, `{{.Policy}}`,
	"a\u2028b\u2029c", "user\u202Etxt.exe", "zero\u200Bwidth", "\x00\x1b[31m", "<!--", "]]>", "javascript:alert(1)",
	"&lt;b&gt;", "\xff\xfe",
}

func TestNothingInATextBecomesHTML(t *testing.T) {
	clean := page(t, smallReport(1), madeRows(1))
	for _, text := range hostile {
		r := smallReport(1)
		r.Tenancy, r.Name, r.By, r.ByName, r.Version, r.Interrupts = text, text, text, text, text, text
		r.Regions, r.Domains = []string{text}, []string{text, text}
		r.NotAsked = []Gap{{text, text, text}}
		r.Counts[1].Kind = credential.Kind(text)
		for i := range r.Verdicts {
			v := &r.Verdicts[i]
			v.Title, v.Result, v.Why, v.Recommendation = text, Result(text), text, text
			v.Examples = []string{text, text}
		}
		row := Row{Kind: credential.Kind(text), ID: text, Domain: text, User: text, UserName: text, UserState: text,
			Administrator: text, Description: text, Secrets: []string{text}, Rotation: text, Problem: text,
			Exempt: text, ExemptFlaw: text, State: text, Advice: text}
		got := page(t, r, seq(row))
		if n, want := strings.Count(got, "<script"), strings.Count(clean, "<script"); n != want {
			t.Errorf("%q: the page has %d scripts, want %d", text, n, want)
		}
		if strings.Contains(got, "<img") || strings.Contains(got, "alert(1)'") || strings.Contains(got, "<!--") {
			t.Errorf("%q is HTML in the page", text)
		}
		if strings.ContainsAny(got, "\u2028\u2029\u202E\u200B\x00\x1b") {
			t.Errorf("%q: the page has a character that can't be seen", text)
		}
		for _, m := range regexp.MustCompile(`(?:href|src)="([^"]*)"`).FindAllStringSubmatch(got, -1) {
			if !strings.HasPrefix(m[1], "#") {
				t.Errorf("%q: the page has a link to %s", text, m[1])
			}
		}
	}
}

func seq(rows ...Row) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		for _, r := range rows {
			if !yield(r, nil) {
				return
			}
		}
	}
}

func TestThePolicyAllowsOnlyThePagesOwnScriptAndStyle(t *testing.T) {
	got := page(t, smallReport(5000), madeRows(5000))
	m := regexp.MustCompile(`<meta http-equiv="Content-Security-Policy" content="([^"]*)">`).FindStringSubmatch(got)
	if m == nil {
		t.Fatal("the page has no policy")
	}
	policy := html.UnescapeString(m[1])
	if strings.Index(got, m[0]) > strings.Index(got, "<style") {
		t.Error("the policy comes after the style")
	}
	var want []string
	for _, m := range scripts.FindAllStringSubmatch(got, -1) {
		element, content := m[0][:strings.Index(m[0], ">")], m[2]
		if strings.Contains(element, "text/plain") || strings.Contains(element, "application/json") {
			continue
		}
		sum := sha256.Sum256([]byte(content))
		want = append(want, fmt.Sprintf("%s-src 'sha256-%s'", m[1], base64.StdEncoding.EncodeToString(sum[:])))
	}
	slices.Sort(want)
	var allowed []string
	for part := range strings.SplitSeq(policy, "; ") {
		if strings.HasPrefix(part, "script-src") || strings.HasPrefix(part, "style-src") {
			allowed = append(allowed, part)
		}
	}
	if !slices.Equal(allowed, want) || len(want) != 2 {
		t.Errorf("the policy allows %v; the page has %v", allowed, want)
	}
	for _, part := range []string{"default-src 'none'", "base-uri 'none'", "form-action 'none'",
		"require-trusted-types-for 'script'"} {
		if !strings.Contains(policy, part) {
			t.Errorf("the policy doesn't have %s", part)
		}
	}
}

func TestThePageAsksNobodyForAnything(t *testing.T) {
	got := page(t, smallReport(10), madeRows(10))
	for _, text := range []string{"http:", "https:", "//www", "url(", "@import", "fetch(", "XMLHttpRequest",
		"WebSocket", "sendBeacon", "EventSource", "import(", "<link", "<img", "<iframe", " src=", "innerHTML", "eval(",
		" style=",
		" onclick="} {
		if strings.Contains(got, text) {
			t.Errorf("the page has %q", text)
		}
	}
}
