package ociemu_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/keyturn/keyturn/test/ociemu"
)

// s3Request is a request that Amazon's SDK signs.
type s3Request struct {
	id, key, method, path, body string
	payload                     string // x-amz-content-sha256; empty: the hash of the body
	origin                      string // empty: the host of the S3-compatible API
}

func (q s3Request) send(t testing.TB, e *ociemu.Emulator) response {
	t.Helper()
	origin := q.origin
	if origin == "" {
		origin = "https://" + e.Namespace() + ".compat.objectstorage." + e.Region() + ".oraclecloud.com"
	}
	method := q.method
	if method == "" {
		method = http.MethodGet
	}
	r := must[*http.Request](t)(http.NewRequestWithContext(t.Context(), method, origin+q.path,
		strings.NewReader(q.body)))
	hash := q.payload
	if hash == "" {
		sum := sha256.Sum256([]byte(q.body))
		hash = hex.EncodeToString(sum[:])
	}
	r.Header.Set("X-Amz-Content-Sha256", hash)
	signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true }) // as for S3
	keys := aws.Credentials{AccessKeyID: q.id, SecretAccessKey: q.key}
	if err := signer.SignHTTP(context.Background(), keys, r, hash, "s3", e.Region(), time.Now()); err != nil {
		t.Fatal(err)
	}
	return receive(t, e, r)
}

func receive(t testing.TB, e *ociemu.Emulator, r *http.Request) response {
	t.Helper()
	client := e.Client()
	defer client.CloseIdleConnections()
	resp := must[*http.Response](t)(client.Do(r))
	defer resp.Body.Close()
	body := must[[]byte](t)(io.ReadAll(resp.Body))
	return response{resp.StatusCode, body, resp.Header}
}

func TestTheS3APIRefusesUnknownRequestsInItsOwnForm(t *testing.T) {
	e := ociemu.New(t, ociemu.Calm())
	e.AddBucket("backups")
	id, key := e.AddCustomerSecretKey(e.AddUser("jane"), "x")
	for _, c := range []struct {
		method, path, body, payload string
		status                      int
		code                        string // empty: no error, or an answer without a body
	}{
		{"GET", "/", "", "", 200, ""},
		{"GET", "/?x-id=ListBuckets", "", "", 200, ""},
		{"GET", "/backups", "", "", 200, ""},
		{"GET", "/backups/", "", "", 200, ""},
		{"GET", "/backups?list-type=2&prefix=2026%2F&delimiter=%2F", "", "", 200, ""},
		{"GET", "/backups?location=", "", "", 200, ""},
		{"HEAD", "/backups", "", "", 200, ""},
		{"GET", "/missing", "", "", 404, "NoSuchBucket"},
		{"GET", "/missing?list-type=2&prefix=&delimiter=%2F&encoding-type=url", "", "", 404, "NoSuchBucket"},
		{"HEAD", "/missing", "", "", 404, ""},
		{"GET", "/missing/a/b.txt", "", "", 404, "NoSuchBucket"},
		{"GET", "/backups/a/b.txt", "", "", 404, "NoSuchKey"},
		{"GET", "/backups/a%20b%2Fc%C3%A4.txt", "", "", 404, "NoSuchKey"},
		{"HEAD", "/backups/a.txt", "", "", 404, ""},
		{"PUT", "/missing/a.txt", "hello", "", 404, "NoSuchBucket"},
		{"PUT", "/missing/a.txt", "hello", "UNSIGNED-PAYLOAD", 404, "NoSuchBucket"},
		{"PUT", "/missing/a.txt", "5;chunk\r\nhello", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", 404, "NoSuchBucket"},
		{"PUT", "/missing/a.txt", "5\r\nhello", "STREAMING-UNSIGNED-PAYLOAD-TRAILER", 404, "NoSuchBucket"},
		{"DELETE", "/missing/a.txt", "", "", 404, "NoSuchBucket"},
		{"POST", "/missing?delete=", "<Delete/>", "", 404, "NoSuchBucket"},
		{"POST", "/missing/big?uploads=", "", "", 404, "NoSuchBucket"},
		{"DELETE", "/missing", "", "", 404, "NoSuchBucket"},
		{"PUT", "/new", "", "", 501, "NotImplemented"},
		{"PUT", "/backups/a.txt", "hello", "", 501, "NotImplemented"},
		{"DELETE", "/backups", "", "", 501, "NotImplemented"},
		{"POST", "/", "", "", 405, "MethodNotAllowed"},
	} {
		q := s3Request{id: id, key: key, method: c.method, path: c.path, body: c.body, payload: c.payload}
		resp := q.send(t, e)
		code := ""
		if resp.status >= 400 && c.method != "HEAD" {
			code = s3Code(t, resp.body)
		}
		if resp.status != c.status || code != c.code {
			t.Errorf("%s %s is answered %d %s, want %d %s", c.method, c.path, resp.status, code, c.status, c.code)
		}
		q.key += "x" // a wrong key must not reveal which buckets exist
		if resp := q.send(t, e); resp.status != 403 || c.method != "HEAD" &&
			s3Code(t, resp.body) != "SignatureDoesNotMatch" {
			t.Errorf("%s %s with a wrong key is answered %d", c.method, c.path, resp.status)
		}
	}
}

func TestSeededBucketsAreListed(t *testing.T) {
	e := ociemu.New(t, ociemu.Calm())
	id, key := e.AddCustomerSecretKey(e.AddUser("jane"), "x")
	e.AddBucket("backups")
	e.AddBucket("orders")
	var got struct {
		Buckets struct {
			Bucket []struct{ Name, CreationDate string }
		}
	}
	resp := s3Request{id: id, key: key, path: "/"}.send(t, e)
	if err := xml.Unmarshal(resp.body, &got); err != nil || len(got.Buckets.Bucket) != 2 ||
		got.Buckets.Bucket[1].Name != "orders" ||
		got.Buckets.Bucket[0].CreationDate == "" {
		t.Errorf("got %s, %v", resp.body, err)
	}
}

func TestAnUnsupportedS3SignatureIsNotAnsweredAsAWrongKey(t *testing.T) {
	e := ociemu.New(t, ociemu.Calm())
	origin := "https://" + e.Namespace() + ".compat.objectstorage." + e.Region() + ".oraclecloud.com"
	for name, c := range map[string]struct {
		url, authorization string
		status             int
		code               string
	}{
		"a signed URL": {origin + "/b/k?X-Amz-Signature=00&X-Amz-Algorithm=AWS4-HMAC-SHA256", "", 501,
			"NotImplemented"},
		"version 2":           {origin + "/b", "AWS AKIA:c2lnbmF0dXJl", 400, "InvalidRequest"},
		"none":                {origin + "/b", "", 403, "AccessDenied"},
		"OCI's":               {origin + "/b", `Signature version="1",keyId="a/b/c"`, 403, "AccessDenied"},
		"another namespace's": {strings.Replace(origin, e.Namespace(), "other", 1) + "/b", "", 404, "NoSuchNamespace"},
	} {
		r := must[*http.Request](t)(http.NewRequestWithContext(t.Context(), http.MethodGet, c.url, nil))
		if c.authorization != "" {
			r.Header.Set("Authorization", c.authorization)
		}
		if resp := receive(t, e, r); resp.status != c.status || s3Code(t, resp.body) != c.code {
			t.Errorf("%s is answered %d %s, want %d %s", name, resp.status, resp.body, c.status, c.code)
		}
	}
}

func TestAnUploadThatIsTooLargeIsRefusedInTheFormOfTheService(t *testing.T) {
	e := ociemu.New(t, ociemu.Calm())
	id, key := e.AddCustomerSecretKey(e.AddUser("jane"), "x")
	big := string(bytes.Repeat([]byte("x"), 1<<20+1))
	if resp := (s3Request{id: id, key: key, method: "PUT", path: "/b/k", body: big}).send(t, e); resp.status != 400 ||
		s3Code(t, resp.body) != "EntityTooLarge" {
		t.Errorf("answered %d %s", resp.status, resp.body)
	}
}

func TestOnThePlainOriginTheSignatureIdentifiesS3(t *testing.T) {
	e := ociemu.New(t, ociemu.Calm())
	id, key := e.AddCustomerSecretKey(e.AddUser("jane"), "x")
	resp := s3Request{id: id, key: key, path: "/missing/key", origin: e.URL()}.send(t, e)
	if resp.status != 404 || s3Code(t, resp.body) != "NoSuchBucket" {
		t.Errorf("answered %d %s", resp.status, resp.body)
	}
}
