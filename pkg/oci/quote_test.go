package oci_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/vault"
)

// quotes are ways in which a service may quote a request. They are combined at random.
var quotes = []func(*rand.Rand, string) string{
	func(_ *rand.Rand, s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) },
	func(_ *rand.Rand, s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) },
	func(_ *rand.Rand, s string) string { return hex.EncodeToString([]byte(s)) },
	func(_ *rand.Rand, s string) string { return url.QueryEscape(s) },
	func(_ *rand.Rand, s string) string { return url.PathEscape(s) },
	func(_ *rand.Rand, s string) string { return strconv.Quote(s) },
	func(_ *rand.Rand, s string) string { text, _ := json.Marshal(s); return string(text) },
	func(_ *rand.Rand, s string) string { return html.EscapeString(s) },
	func(_ *rand.Rand, s string) string { return strings.ToUpper(s) },
	func(_ *rand.Rand, s string) string { return strings.ToLower(s) },
	func(_ *rand.Rand, s string) string { return strings.Join(strings.Fields(s), " ") },
	func(_ *rand.Rand, s string) string { return strings.ReplaceAll(s, "\n", `\n`) },
	func(r *rand.Rand, s string) string { return s[r.IntN(len(s)/2):] },
	func(r *rand.Rand, s string) string { return s[:len(s)/2+r.IntN(len(s)/2)] + "..." },
	func(r *rand.Rand, s string) string { i := r.IntN(len(s)); return s[:i] + " " + s[i:] },
	func(_ *rand.Rand, s string) string { return "name already exists: " + s }, // a text that the table knows
	func(_ *rand.Rand, s string) string { return s + " maximum quota limit of 3 has been reached" },
	func(_ *rand.Rand, s string) string { return "unexpected character after " + s },
	func(_ *rand.Rand, s string) string { return "Post request failed" + scimError("400", s, s) },
}

// places are the parts of an answer that may contain the quotation.
var places = []func(string) string{
	func(q string) string { return refusal("InvalidParameter", q) },
	func(q string) string { return refusal(q, "no") },
	func(q string) string { return refusal(q, q) },
	func(q string) string { return refusal(idcs, q) },
	func(q string) string { return scimError("400", q, q) },
	func(q string) string { return registryError(q) },
	func(q string) string { return s3Error(q) },
	func(q string) string { return "<html>" + q + "</html>" },
	func(q string) string { return q },
	func(q string) string { return `{"code":"InvalidParameter","message":` + q },
}

// traces are the pieces of a value that must not be shown: each run of eight characters, whatever the case.
func traces(value string) []string {
	value = strings.ToLower(value)
	var out []string
	for i := 0; i+8 <= len(value); i += 4 {
		out = append(out, value[i:i+8])
	}
	return out
}

// sent are values of all kinds, with characters that encodings change and others.
func sent(r *rand.Rand) []string {
	text := func(n int, from string) string {
		b := make([]byte, n)
		for i := range b {
			b[i] = from[r.IntN(len(from))]
		}
		return string(b)
	}
	const plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	return []string{text(20, plain), text(20, plain+`[]{}()<>;:"'\&%+/= `), "-----BEGIN PRIVATE KEY-----\n" +
		text(64, plain+"+/") + "\n" + text(64, plain+"+/") + "\n-----END PRIVATE KEY-----\n",
		fmt.Sprintf("{\n  \"kind\": \"auth-token\",\n  \"token\": %q\n}\n", text(20, plain+`<>&;"`))}
}

func TestARefusalOfARequestThatSentAValueNeverShowsAnyOfIt(t *testing.T) {
	r := rand.New(rand.NewPCG(2026, 11))
	n := 0
	for range 60 {
		for _, value := range sent(r) {
			quoted := value
			for range 1 + r.IntN(3) {
				if len(quoted) > 4 {
					quoted = quotes[r.IntN(len(quotes))](r, quoted)
				}
			}
			hidden := slices.Concat(traces(value), traces(base64.StdEncoding.EncodeToString([]byte(value))),
				traces(hex.EncodeToString([]byte(value))),
				traces(base64.StdEncoding.EncodeToString([]byte(quoted))))
			body, status := places[r.IntN(len(places))](quoted), []int{400, 401, 403, 404, 409, 412, 413, 429, 500, 503,
				302}[r.IntN(11)]
			cloud, _ := offline(t, always(status, body))
			var log bytes.Buffer
			// one call
			ctx, end := context.WithTimeout(zerolog.New(&log).WithContext(t.Context()), 100*time.Millisecond)
			_, err := cloud.Vault().Update(ctx, secretID, "etag",
				vault.Update{Name: "keyturn-x-1", Content: credential.NewValue([]byte(value))})
			end()
			if err == nil {
				t.Fatalf("%d was a success", status)
			}
			for _, text := range []string{err.Error(), fmt.Sprintf("%+v", err), fmt.Sprintf("%#v", err), log.String()} {
				for _, piece := range hidden {
					if !strings.Contains(harmless, piece) && strings.Contains(strings.ToLower(text), piece) {
						t.Fatalf("with %d a piece of %d bytes is shown", status, len(piece))
					}
				}
			}
			n++
		}
	}
	if n < 200 {
		t.Errorf("%d refusals were looked at, want 200 or more", n)
	}
}

// harmless are words in values that are not secret.
const harmless = `-----begin private key----- -----end private key----- { "kind": "auth-token", "token": "`

func TestARefusalOfARequestThatSentAValueIsExplainedWithoutTheServicesText(t *testing.T) {
	for _, c := range []struct {
		status        int
		code, message string
		says          string
	}{
		{400, "InvalidParameter", "name already exists", "taken"},
		{400, "InvalidParameter", "anything", "left out"},
		{409, "IncorrectState", "anything", "busy (409 IncorrectState)"},
		{412, "NoEtagMatch", "", "conflict (412 NoEtagMatch)"},
		{400, "LimitExceeded", "30 versions", "limit reached (400 LimitExceeded)"},
		{401, idcs, "Client is unauthorized. null", "the identity domain refused the request for now"},
	} {
		cloud, _ := offline(t, always(c.status, refusal(c.code, c.message)))
		_, err := cloud.Vault().Update(t.Context(), secretID, "etag", someUpdate())
		if err == nil || !contains(err.Error(), c.says) || !contains(err.Error(), "opc-request-id request-1") {
			t.Errorf("%d %s: %v, want %q", c.status, c.code, err, c.says)
		}
	}
}

// A call that is not in plainRequests may have sent a value.
func TestTheTextOfARefusalIsPassedOnOnlyWhereTheRequestCanHaveNoValue(t *testing.T) {
	const text = "The text of the service"
	for _, o := range operations() {
		cloud, _ := offline(t, func(r *http.Request, _ int) (*http.Response, error) {
			return reply(r, 400, refusal("InvalidParameter", text))
		})
		err := o.run(t.Context(), cloud)
		plain := o.repeats == thrice || strings.HasPrefix(o.name, "Delete") || strings.HasPrefix(o.name, "Upload") ||
			strings.HasPrefix(o.name, "Create") ||
			o.name == "UpdateProblemStatus" || o.name == "ScheduleSecretVersionDeletion"
		if err == nil || contains(err.Error(), text) != plain {
			t.Errorf("%s: %v; the text is wanted: %v", o.name, err, plain)
		}
	}
}
