package ociemu

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// probeHeader marks the emulator's own checks. They are not in the history or among the connections, and faults don't
// affect them.
const probeHeader = "X-Ociemu-Probe"

// TryAPIKey signs GetUser with the user's private key and returns the HTTP status; 0 if the value is no private key. It
// counts as a use of the key: a new key may be refused.
func (e *Emulator) TryAPIKey(user string, privateKey []byte) int {
	key := parsePrivateKey(string(privateKey))
	if key == nil {
		return 0
	}
	req := e.newProbe(e.readsItself(user))
	req.Host = e.hostOf(user, req.URL.Host)
	keyID := e.Tenancy() + "/" + user + "/" + fingerprintOf(&key.PublicKey)
	text := fmt.Sprintf("date: %s\n(request-target): get %s\nhost: %s", req.Header.Get("Date"), req.URL.RequestURI(),
		req.Host)
	digest := sha256.Sum256([]byte(text))
	sig, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, digest[:])
	if err != nil {
		panic("ociemu: signing a probe: " + err.Error())
	}
	req.Header.Set("Authorization",
		fmt.Sprintf(
			`Signature version="1",headers="date (request-target) host",keyId="%s",algorithm="rsa-sha256",signature="%s"`,
			keyID, base64.StdEncoding.EncodeToString(sig)))
	return e.probe(req)
}

// TryAuthToken logs in to the registry with the user's auth token and returns the HTTP status.
func (e *Emulator) TryAuthToken(user, token string) int {
	req := e.newProbe("/20180419/docker/token")
	req.SetBasicAuth(e.RegistryName(user), token)
	return e.probe(req)
}

// TryCustomerSecretKey lists buckets through the S3-compatible API with the access key and secret key, and returns the
// HTTP status.
func (e *Emulator) TryCustomerSecretKey(id, key string) int {
	req := e.newProbe("/")
	signS3(req, id, key, e.opts.Region, e.clientsNow().UTC())
	return e.probe(req)
}

// signS3 signs a request without a body with AWS Signature Version 4.
func signS3(req *http.Request, id, key, region string, at time.Time) {
	empty := sha256.Sum256(nil)
	hash := hex.EncodeToString(empty[:])
	req.Header.Set("x-amz-date", at.Format(sigV4Time))
	req.Header.Set("x-amz-content-sha256", hash)
	s := sigV4{
		accessKey: id, day: at.Format("20060102"), region: region, service: "s3", at: at,
		headers: []string{"host", "x-amz-content-sha256", "x-amz-date"},
	}
	req.Header.Set("Authorization", fmt.Sprintf("%s Credential=%s/%s/%s/s3/aws4_request,SignedHeaders=%s,Signature=%s",
		sigV4Scheme, id, s.day, s.region, strings.Join(s.headers, ";"), s.sign(req, key, hash)))
}

// newProbe returns a request to the plain origin, so that probes do not count as connections to a service.
func (e *Emulator) newProbe(path string) *http.Request {
	req, err := http.NewRequestWithContext(e.ctx, http.MethodGet, e.URL()+path, nil)
	if err != nil {
		panic("ociemu: internal error: " + err.Error())
	}
	req.Header.Set(probeHeader, "1")
	req.Header.Set("Date", e.clientsNow().UTC().Format(http.TimeFormat))
	return req
}

func (e *Emulator) probe(req *http.Request) int {
	client := e.Client()
	client.Timeout = 30 * time.Second
	defer client.CloseIdleConnections()
	resp, err := client.Do(req)
	if err != nil {
		panic("ociemu: the emulator does not answer its own probe: " + err.Error())
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		panic("ociemu: the emulator does not answer its own probe: " + err.Error())
	}
	return resp.StatusCode
}
