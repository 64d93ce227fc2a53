package ociemu

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// AWS Signature Version 4 in a header, according to
// https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html. Signed URLs are not supported. For a
// chunked upload only the signature of the headers is checked: nothing is stored.

type sigV4 struct {
	accessKey, day, region, service string
	headers                         []string
	signature                       string
	at                              time.Time
}

const (
	sigV4Time   = "20060102T150405Z"
	sigV4Scheme = "AWS4-HMAC-SHA256"
)

func parseSigV4(r *http.Request) (sigV4, bool) {
	rest, isV4 := strings.CutPrefix(r.Header.Get("Authorization"), sigV4Scheme)
	if !isV4 {
		return sigV4{}, false
	}
	fields := map[string]string{}
	for part := range strings.SplitSeq(rest, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		fields[name] = value
	}
	scope := strings.Split(fields["Credential"], "/")
	at, err := time.Parse(sigV4Time, r.Header.Get("x-amz-date"))
	if err != nil || len(scope) != 5 || scope[4] != "aws4_request" || scope[1] != at.Format("20060102") {
		return sigV4{}, false
	}
	headers := strings.Split(fields["SignedHeaders"], ";")
	if !slices.Contains(headers, "host") || !slices.Contains(headers, "x-amz-date") ||
		!slices.Contains(headers, "x-amz-content-sha256") {
		return sigV4{}, false
	}
	return sigV4{
		accessKey: scope[0], day: scope[1], region: scope[2], service: scope[3], headers: headers,
		signature: fields["Signature"], at: at,
	}, true
}

// genuine reports whether the request was signed with the secret key and has the signed body.
func (s sigV4) genuine(r *http.Request, secret string, body []byte) bool {
	declared := r.Header.Get("x-amz-content-sha256")
	if sum := sha256.Sum256(body); declared != hex.EncodeToString(sum[:]) && declared != "UNSIGNED-PAYLOAD" &&
		!strings.HasPrefix(declared, "STREAMING-") {
		return false
	}
	want := s.sign(r, secret, declared)
	return hmac.Equal([]byte(want), []byte(s.signature))
}

func (s sigV4) sign(r *http.Request, secret, payloadHash string) string {
	var canonical strings.Builder
	canonical.WriteString(r.Method + "\n" + orDefault(r.URL.EscapedPath(), "/") + "\n" + canonicalQuery(r.URL.Query()) +
		"\n")
	for _, h := range s.headers {
		value := strings.Join(r.Header.Values(h), ",")
		if h == "host" {
			value = r.Host
		}
		canonical.WriteString(h + ":" + strings.Join(strings.Fields(value), " ") + "\n")
	}
	canonical.WriteString("\n" + strings.Join(s.headers, ";") + "\n" + payloadHash)
	sum := sha256.Sum256([]byte(canonical.String()))
	scope := s.day + "/" + s.region + "/" + s.service + "/aws4_request"
	text := sigV4Scheme + "\n" + s.at.Format(sigV4Time) + "\n" + scope + "\n" + hex.EncodeToString(sum[:])
	key := []byte("AWS4" + secret)
	for _, part := range []string{s.day, s.region, s.service, "aws4_request"} {
		key = hmacSHA256(key, part)
	}
	return hex.EncodeToString(hmacSHA256(key, text))
}

func hmacSHA256(key []byte, text string) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(text)) // never fails
	return mac.Sum(nil)
}

// canonicalQuery sorts the parameters and escapes all but unreserved characters, as the specification requires.
func canonicalQuery(q url.Values) string {
	var pairs []string
	for name, values := range q {
		for _, v := range values {
			pairs = append(pairs, sigV4Escape(name)+"="+sigV4Escape(v))
		}
	}
	slices.Sort(pairs)
	return strings.Join(pairs, "&")
}

func sigV4Escape(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }
